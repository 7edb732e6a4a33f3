/**
 * Jepsen's EDN histories: a vector, a list or a bare stream of maps,
 * `{:index 0 :time 12 :type :invoke :process 3 :f :write :value 4 :key "a"}`.
 *
 * The nemesis' events are skipped. Keys come as `:key`, or as `:value [k v]` of independent tests. A failed cas is the
 * definite result that the compare did not match.
 *
 * @see Jepsen, jepsen.history and jepsen.independent.
 */

import { EdnReader, showEdn } from "./edn.ts";
import type { Edn, EdnMap } from "./edn.ts";
import type { HistoryFunction } from "./event.ts";
import { MalformedHistory } from "./format.ts";
import type { HistoryFormat, HistoryReader } from "./format.ts";
import { ForeignEvents, eventTypes, keywordOf, scalarOf, valueOf } from "./foreign-events.ts";
import type { Line } from "./lines.ts";

const functions = ["read", "write", "cas", "append"] as const satisfies readonly HistoryFunction[];
/** The one register of tests that name none. */
const onlyKey = "register";

export const jepsenEdnFormat: HistoryFormat = {
  name: "jepsen-edn",
  recognises: (firstLine) => /^\s*(;|[[(]|\{\s*:)/.test(firstLine),
  reader: () => new JepsenEdnReader(),
};

class JepsenEdnReader implements HistoryReader {
  readonly #edn = new EdnReader();
  readonly #events = new ForeignEvents();
  #lastLine = 1;

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
    if (typeof process !== "number") {
      keywordOf(process, ["nemesis"], ":process, if no number,", line);
      return;
    }
    const type = keywordOf(entries.get("type"), eventTypes, ":type", line);
    const f = keywordOf(entries.get("f"), functions, ":f", line);
    const { key, value } = keyAndValue(form, f, line);
    const time = entries.get("time");
    const error = entries.get("error");
    this.#events.add(line, {
      ...(typeof time === "number" && time >= 0 ? { timeNs: Math.round(time) } : {}),
      type,
      process,
      f,
      ...(key === undefined ? {} : { key }),
      value: type === "invoke" || type === "ok" ? valueOf(value, f, line) : null,
      ...(type === "fail" && f === "cas" && error === undefined ? { error: "PRECONDITION_FAILED" } : {}),
      ...(error === undefined || error === null ? {} : { error: showEdn(error) }),
    });
  }
}

/** `:key` and `:value`, or both from `:value [k v]`. */
function keyAndValue(
  { entries }: EdnMap,
  f: HistoryFunction,
  line: number,
): { readonly key: string | undefined; readonly value: Edn | undefined } {
  const value = entries.get("value");
  const key = entries.get("key");
  if (key !== undefined) return { key: String(scalarOf(key, line)), value };
  const pair = typeof value === "object" && value !== null && value.kind === "sequence" ? value.items : undefined;
  const isNested = typeof pair?.[1] === "object" && pair[1] !== null && pair[1].kind === "sequence";
  // [k v]: of a cas only if v is itself a pair.
  if (pair?.length === 2 && (f !== "cas" || isNested)) return { key: String(scalarOf(pair[0], line)), value: pair[1] };
  return { key: f === "append" ? undefined : onlyKey, value };
}
