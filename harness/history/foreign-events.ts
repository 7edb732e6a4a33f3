/**
 * What the readers of foreign formats share: they name no index, and sometimes no time, so these are given here, and
 * the rules of every history (protocol.ts) are checked with the line at hand.
 *
 * What completes an operation may say less than its invocation, so key and value are taken from there: only a read's
 * result, or an append's position, is the completion's own.
 */

import type { HistoryEvent, HistoryFunction, HistoryScalar, HistoryValue } from "./event.ts";
import type { Edn, Keyword } from "./edn.ts";
import { showEdn } from "./edn.ts";
import { MalformedHistory } from "./format.ts";
import type { NemesisEvent } from "./format.ts";
import { HistoryProtocol } from "./protocol.ts";

export type ForeignEvent = Omit<HistoryEvent, "index" | "timeNs"> & { readonly timeNs?: number };

export const eventTypes = ["invoke", "ok", "fail", "info"] as const satisfies readonly HistoryEvent["type"][];

/** Numbers foreign events and checks them against the rules of every history. */
export class ForeignEvents {
  readonly #events: HistoryEvent[] = [];
  readonly #nemesis: NemesisEvent[] = [];
  readonly #protocol = new HistoryProtocol();
  #lastTimeNs = 0;

  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  get nemesis(): readonly NemesisEvent[] {
    return this.#nemesis;
  }

  /** The invocation in flight at `process`. */
  openInvocation(process: number): HistoryEvent | undefined {
    return this.#protocol.openInvocation(process);
  }

  /** @throws MalformedHistory when the event breaks a rule. */
  add(line: number, { timeNs, ...event }: ForeignEvent): void {
    const whole = { index: this.#events.length, timeNs: this.#timeOf(timeNs), ...event };
    const problem = this.#protocol.accept(whole);
    if (problem !== undefined) throw new MalformedHistory(line, problem.expected, problem.found);
    this.#events.push(whole);
  }

  /** Keeps what the harness did to the system at this place of the history. */
  addNemesis(timeNs: number | undefined, text: string): void {
    this.#nemesis.push({ index: this.#events.length, timeNs: this.#timeOf(timeNs), text });
  }

  /**
   * Without a clock the order of the lines is the order of time. Harnesses of several threads write times that go back
   * a little; the order of the lines counts for them too.
   */
  #timeOf(timeNs: number | undefined): number {
    this.#lastTimeNs = Math.max(this.#lastTimeNs, timeNs ?? this.#events.length * 1000);
    return this.#lastTimeNs;
  }
}

/** The one of `allowed` that a keyword (or a string) names. @throws MalformedHistory */
export function keywordOf<Name extends string>(
  form: Edn | undefined,
  allowed: readonly Name[],
  what: string,
  line: number,
): Name {
  const text = typeof form === "string" ? form : isKeyword(form) ? form.name : undefined;
  const name = allowed.find((one) => one === text);
  if (name !== undefined) return name;
  throw new MalformedHistory(line, `${what} to be one of ${allowed.map((one) => `:${one}`).join(" ")}`, showEdn(form));
}

export function isKeyword(form: Edn | undefined): form is Keyword {
  return typeof form === "object" && form !== null && form.kind === "keyword";
}

/** The items of a vector or list. */
export function itemsOf(form: Edn | undefined): readonly Edn[] | undefined {
  return typeof form === "object" && form !== null && form.kind === "sequence" ? form.items : undefined;
}

/** nil, a number, a string; a keyword as its name, anything else as its text: a register may hold a list or a map. */
export function scalarOf(form: Edn | undefined): HistoryScalar {
  if (form === undefined || form === null) return null;
  if (typeof form === "number" || typeof form === "string") return form;
  return isKeyword(form) ? form.name : showEdn(form);
}

/** The argument of an operation: a pair for a cas, a single value otherwise. @throws MalformedHistory */
export function argumentOf(form: Edn | undefined, f: HistoryFunction, line: number): HistoryValue {
  if (f === "read" || f === "get" || f === "delete") return null;
  if (f !== "cas") return scalarOf(form);
  const pair = itemsOf(form);
  if (pair?.length !== 2) throw new MalformedHistory(line, "a pair [from to]", showEdn(form));
  return [scalarOf(pair[0]), scalarOf(pair[1])];
}

/** Whether a completion of `f` carries something that its invocation did not. */
export function hasResult(type: HistoryEvent["type"], f: HistoryFunction): boolean {
  return type === "ok" && (f === "read" || f === "get" || f === "append");
}
