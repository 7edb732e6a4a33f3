/**
 * Porcupine's key-value logs, one event a line:
 * `{:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}`, with :get, :put and :append on strings.
 *
 * @see Athalye, Porcupine, test_data/kv.
 */

import { EdnReader, showEdn } from "./edn.ts";
import type { HistoryFunction } from "./event.ts";
import { MalformedHistory } from "./format.ts";
import type { HistoryFormat, HistoryReader } from "./format.ts";
import { ForeignEvents, eventTypes, keywordOf, scalarOf } from "./foreign-events.ts";
import type { Line } from "./lines.ts";

const functions = ["get", "put", "append"] as const satisfies readonly HistoryFunction[];

export const porcupineKvFormat: HistoryFormat = {
  name: "porcupine-kv",
  recognises: (firstLine) =>
    /^\s*\{\s*:/.test(firstLine) && /:f\s+:(get|put|append)\b/.test(firstLine) && /:key\s+"/.test(firstLine),
  reader: () => new PorcupineKvReader(),
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
      const key = entries.get("key");
      if (typeof key !== "string") throw new MalformedHistory(number, ":key to be a string", showEdn(key));
      const f = keywordOf(entries.get("f"), functions, ":f", number);
      const type = keywordOf(entries.get("type"), eventTypes, ":type", number);
      this.#events.add(number, { type, process, f, key, value: scalarOf(entries.get("value"), number) });
    }
    reader.end(number);
  }

  end(): ReturnType<HistoryReader["end"]> {
    return this.#events.events;
  }
}
