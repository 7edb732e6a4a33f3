/**
 * Porcupine's key-value logs, one event a line:
 * `{:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}`, with :get, :put and :append on strings. A key
 * that is not there reads as the empty string.
 *
 * @see Athalye, Porcupine, test_data/kv.
 */

import { EdnReader, showEdn } from "./edn.ts";
import type { HistoryEvent, HistoryFunction } from "./event.ts";
import { MalformedHistory, inexpressible } from "./format.ts";
import type { HistoryFormat, HistoryReader } from "./format.ts";
import { ForeignEvents, argumentOf, eventTypes, hasResult, keywordOf, scalarOf } from "./foreign-events.ts";
import type { Line } from "./lines.ts";
import { withoutSilent } from "./operations.ts";

const functions = ["get", "put", "append"] as const satisfies readonly HistoryFunction[];

export const porcupineKvFormat: HistoryFormat = {
  name: "porcupine-kv",
  recognises: (firstLine) =>
    /^\s*\{\s*:process\s/.test(firstLine) &&
    /:f\s+:(get|put|append)\b/.test(firstLine) &&
    /:key\s+"/.test(firstLine) &&
    /:value\s+("|nil)/.test(firstLine),
  reader: () => new PorcupineKvReader(),
  encode: encodePorcupineKv,
};

class PorcupineKvReader implements HistoryReader {
  readonly #events = new ForeignEvents();

  line({ text, number }: Line): void {
    const reader = new EdnReader();
    for (const form of reader.feed(text, number)) {
      if (typeof form !== "object" || form === null || form.kind !== "map") {
        throw new MalformedHistory(number, "an event as a map", showEdn(form));
      }
      const { entries } = form;
      const process = entries.get("process");
      if (typeof process !== "number") throw new MalformedHistory(number, ":process to be a number", showEdn(process));
      const key = scalarOf(entries.get("key"));
      if (key === null) throw new MalformedHistory(number, ":key to be a string", showEdn(entries.get("key")));
      const f = keywordOf(entries.get("f"), functions, ":f", number);
      const type = keywordOf(entries.get("type"), eventTypes, ":type", number);
      const invocation = type === "invoke" ? undefined : this.#events.openInvocation(process);
      const own = entries.get("value");
      const value =
        invocation === undefined ? argumentOf(own, f, number) : hasResult(type, f) ? scalarOf(own) : invocation.value;
      this.#events.add(number, { type, process, f, key: String(key), value });
    }
    reader.end(number);
  }

  end(): ReturnType<HistoryReader["end"]> {
    return this.#events.events;
  }
}

const named: Readonly<Partial<Record<HistoryFunction, (typeof functions)[number]>>> = {
  get: "get",
  read: "get",
  put: "put",
  write: "put",
  append: "append",
};

/**
 * The lines of a history of strings; reads and writes of registers are gets and puts. What never happened, and gets
 * without an answer, say nothing and are left out: Porcupine's reader would take the latter for empty.
 *
 * @throws UsageError
 */
function* encodePorcupineKv(events: readonly HistoryEvent[]): Generator<string> {
  for (const { index, type, process, f: given, key, value } of withoutSilent(events)) {
    const f = named[given];
    if (f === undefined) {
      throw inexpressible("porcupine-kv", index, `${given}; the format has ${functions.join(", ")}`);
    }
    if (key === undefined) throw inexpressible("porcupine-kv", index, `${given} without a key`);
    if (f !== "get" && value === "" && given === "write") {
      throw inexpressible("porcupine-kv", index, "a write of nothing, which reads like a key never written");
    }
    const isAsking = f === "get" && type === "invoke";
    const text = isAsking ? "nil" : JSON.stringify(value === null ? "" : String(value));
    yield `{:process ${process}, :type :${type}, :f :${f}, :key ${JSON.stringify(key)}, :value ${text}}\n`;
  }
}
