/**
 * What the readers of foreign formats share: they name no index, and sometimes no time, so these are given here, and
 * the rules of every history (protocol.ts) are checked with the line at hand.
 */

import type { HistoryEvent, HistoryFunction, HistoryScalar, HistoryValue } from "./event.ts";
import type { Edn } from "./edn.ts";
import { showEdn } from "./edn.ts";
import { MalformedHistory } from "./format.ts";
import { HistoryProtocol } from "./protocol.ts";

export type ForeignEvent = Omit<HistoryEvent, "index" | "timeNs"> & { readonly timeNs?: number };

export const eventTypes = ["invoke", "ok", "fail", "info"] as const satisfies readonly HistoryEvent["type"][];

/** Numbers foreign events and checks them against the rules of every history. */
export class ForeignEvents {
  readonly #events: HistoryEvent[] = [];
  readonly #protocol = new HistoryProtocol();
  #lastTimeNs = 0;

  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  /** The invocation in flight at `process`. */
  openInvocation(process: number): HistoryEvent | undefined {
    return this.#protocol.openInvocation(process);
  }

  /** @throws MalformedHistory when the event breaks a rule. */
  add(line: number, { timeNs, ...event }: ForeignEvent): void {
    // Without a clock the order of the lines is the order of time. Harnesses of several threads write times that go
    // back a little; the order of the lines counts for them too.
    this.#lastTimeNs = Math.max(this.#lastTimeNs, timeNs ?? this.#events.length * 1000);
    const whole = { index: this.#events.length, timeNs: this.#lastTimeNs, ...event };
    const problem = this.#protocol.accept(whole);
    if (problem !== undefined) throw new MalformedHistory(line, problem.expected, problem.found);
    this.#events.push(whole);
  }
}

/** The one of `allowed` that a keyword names. @throws MalformedHistory */
export function keywordOf<Name extends string>(
  form: Edn | undefined,
  allowed: readonly Name[],
  what: string,
  line: number,
): Name {
  const isKeyword = typeof form === "object" && form !== null && form.kind === "keyword";
  const name = isKeyword ? allowed.find((one) => one === form.name) : undefined;
  if (name !== undefined) return name;
  throw new MalformedHistory(line, `${what} to be one of ${allowed.map((one) => `:${one}`).join(" ")}`, showEdn(form));
}

/** nil, a number, a string, or a keyword's name. @throws MalformedHistory */
export function scalarOf(form: Edn | undefined, line: number): HistoryScalar {
  if (form === undefined || form === null) return null;
  if (typeof form === "number" || typeof form === "string") return form;
  if (typeof form === "object" && form.kind === "keyword") return form.name;
  throw new MalformedHistory(line, "a value: nil, a number or a string", showEdn(form));
}

/** The value of an operation: a pair for a cas, a single one otherwise. @throws MalformedHistory */
export function valueOf(form: Edn | undefined, f: HistoryFunction, line: number): HistoryValue {
  if (f !== "cas") return scalarOf(form, line);
  const isPair = typeof form === "object" && form !== null && form.kind === "sequence" && form.items.length === 2;
  if (!isPair) throw new MalformedHistory(line, "a pair [from to]", showEdn(form));
  return [scalarOf(form.items[0], line), scalarOf(form.items[1], line)];
}
