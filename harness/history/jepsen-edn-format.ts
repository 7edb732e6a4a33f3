/**
 * Jepsen's EDN histories: a vector, a list or a bare stream of maps,
 * `{:index 0 :time 12 :type :invoke :process 3 :f :write :value 4 :key "a"}`.
 *
 * What processes do that are no number, the nemesis', is kept for the timeline and not judged. Keys come as `:key`, or
 * as `:value [k v]` of independent tests. A failed cas without an `:error`, or with one that says so, is the definite
 * result that the compare did not match; with another `:error` it did not happen, which is all that a failure says of
 * other operations. Fields that are not known here are left alone.
 *
 * @see Jepsen, jepsen.history and jepsen.independent.
 */

import { EdnReader, showEdn } from "./edn.ts";
import type { Edn, EdnMap } from "./edn.ts";
import type { HistoryEvent, HistoryFunction } from "./event.ts";
import { MalformedHistory } from "./format.ts";
import type { HistoryFormat, HistoryReader } from "./format.ts";
import { ForeignEvents, argumentOf, eventTypes, hasResult, isKeyword, itemsOf, keywordOf } from "./foreign-events.ts";
import { scalarOf } from "./foreign-events.ts";
import type { Line } from "./lines.ts";

const functions = [
  "read",
  "write",
  "cas",
  "delete",
  "append",
  "get",
  "put",
] as const satisfies readonly HistoryFunction[];
/** The one register of tests that name none. */
export const onlyKey = "register";
/** What harnesses call a compare that did not match. */
const mismatches = /^:?(did-not-succeed|precondition-failed|precondition_failed|cas-failed|compare-failed|mismatch)$/i;
const absences = /^:?(not-found|not_found)$/i;

export const jepsenEdnFormat: HistoryFormat = {
  name: "jepsen-edn",
  recognises: (firstLine) => /^[\s,]*(;|[[(]|\{\s*:|\{\s*$|#)/.test(firstLine),
  reader: () => new JepsenEdnReader(),
  encode: encodeJepsenEdn,
};

class JepsenEdnReader implements HistoryReader {
  readonly #edn = new EdnReader();
  readonly #events = new ForeignEvents();
  #lastLine = 1;

  get nemesis(): ForeignEvents["nemesis"] {
    return this.#events.nemesis;
  }

  line({ text, number }: Line): void {
    this.#lastLine = number;
    for (const form of this.#edn.feed(text, number)) this.#take(form, number);
  }

  end(): ReturnType<HistoryReader["end"]> {
    this.#edn.end(this.#lastLine);
    return this.#events.events;
  }

  #take(form: Edn, line: number): void {
    if (typeof form !== "object" || form === null || form.kind !== "map") {
      throw new MalformedHistory(line, "an event as a map", showEdn(form));
    }
    const { entries } = form;
    const process = entries.get("process");
    const time = entries.get("time");
    const timeNs = typeof time === "number" && time >= 0 ? Math.round(time) : undefined;
    if (isKeyword(process) || typeof process === "string") {
      const [f, value] = [showEdn(entries.get("f")), entries.get("value") ?? null];
      this.#events.addNemesis(timeNs, value === null ? f : `${f} ${showEdn(value)}`);
      return;
    }
    if (typeof process !== "number" || !Number.isSafeInteger(process)) {
      throw new MalformedHistory(line, ":process to be a whole number or a keyword as :nemesis", showEdn(process));
    }
    const type = keywordOf(entries.get("type"), eventTypes, ":type", line);
    const f = keywordOf(entries.get("f"), functions, ":f", line);
    const { key, value } = this.#keyAndValue(form, type, f, process, line);
    const version = entries.get("version");
    this.#events.add(line, {
      ...(timeNs === undefined ? {} : { timeNs }),
      type,
      process,
      f,
      ...(key === undefined ? {} : { key }),
      value,
      ...errorOf(type, f, entries.get("error")),
      ...(type !== "invoke" && typeof version === "number" && version >= 0 ? { version } : {}),
    });
  }

  /** From `:key` and `:value`, from `:value [k v]`, or from the invocation. */
  #keyAndValue(
    { entries }: EdnMap,
    type: HistoryEvent["type"],
    f: HistoryFunction,
    process: number,
    line: number,
  ): Pick<HistoryEvent, "value"> & { readonly key: string | undefined } {
    const value = entries.get("value");
    const named = entries.get("key");
    const invocation = type === "invoke" ? undefined : this.#events.openInvocation(process);
    const isPlain = named !== undefined || (invocation !== undefined && !isTuple(value, f, invocation.key));
    const pair = isPlain ? undefined : tupleOf(value, f);
    const key = named === undefined ? pair?.[0] : named;
    const keyText = key === undefined ? undefined : String(scalarOf(key));
    const own = pair === undefined ? value : pair[1];
    if (invocation === undefined) {
      return { key: keyText ?? (f === "append" ? undefined : onlyKey), value: argumentOf(own, f, line) };
    }
    // A completion that names another function is refused by the rules of every history, with a better message.
    return { key: keyText ?? invocation.key, value: hasResult(type, f) ? scalarOf(own) : invocation.value };
  }
}

/** Whether a completion's value is [k v] of the key that was invoked. */
function isTuple(value: Edn | undefined, f: HistoryFunction, key: string | undefined): boolean {
  const pair = tupleOf(value, f);
  return pair !== undefined && key !== onlyKey && String(scalarOf(pair[0])) === key;
}

function tupleOf(value: Edn | undefined, f: HistoryFunction): readonly Edn[] | undefined {
  const pair = itemsOf(value);
  // [k v]: of a cas only if v is itself a pair.
  return pair?.length === 2 && (f !== "cas" || itemsOf(pair[1]) !== undefined) ? pair : undefined;
}

function errorOf(type: HistoryEvent["type"], f: HistoryFunction, error: Edn | undefined): { readonly error?: string } {
  if (type === "invoke" || type === "ok") return {};
  const text = typeof error === "string" ? error : error === undefined || error === null ? undefined : showEdn(error);
  if (type === "fail" && f === "cas" && (text === undefined || mismatches.test(text))) {
    return { error: "PRECONDITION_FAILED" };
  }
  if (type === "fail" && f === "delete" && (text === undefined || absences.test(text))) return { error: "NOT_FOUND" };
  return text === undefined ? {} : { error: text };
}

/** One map a line; everything can be expressed. The key of tests that name none is left out again. */
function* encodeJepsenEdn(events: readonly HistoryEvent[]): Generator<string> {
  for (const { index, timeNs, type, process, f, key, value, error, version } of events) {
    const fields = [`:index ${index}`, `:time ${timeNs}`, `:type :${type}`, `:process ${process}`, `:f :${f}`];
    fields.push(`:value ${ednOf(value)}`);
    if (key !== undefined && (key !== onlyKey || f === "append")) fields.push(`:key ${JSON.stringify(key)}`);
    if (error !== undefined) fields.push(`:error ${JSON.stringify(error)}`);
    if (version !== undefined) fields.push(`:version ${version}`);
    yield `{${fields.join(", ")}}\n`;
  }
}

/** A value as EDN. */
export function ednOf(value: HistoryEvent["value"]): string {
  if (value === null) return "nil";
  return typeof value === "object" ? `[${value.map(ednOf).join(" ")}]` : JSON.stringify(value);
}
