/**
 * Jepsen's log lines over one register, initially nil: `INFO  jepsen.util - 3<TAB>:invoke<TAB>:cas<TAB>[2 4]`.
 *
 * Other lines of the log are ignored, those of the nemesis kept for the timeline. A failed cas is the definite result
 * that the compare did not match; a read that failed or timed out says nothing; `:info` stays unknown to the end.
 */

import { EdnReader } from "./edn.ts";
import type { Edn } from "./edn.ts";
import type { HistoryEvent, HistoryFunction } from "./event.ts";
import { MalformedHistory, inexpressible } from "./format.ts";
import type { HistoryFormat, HistoryReader } from "./format.ts";
import { ForeignEvents, argumentOf, eventTypes, hasResult, scalarOf } from "./foreign-events.ts";
import { ednOf, onlyKey } from "./jepsen-edn-format.ts";
import type { Line } from "./lines.ts";
import { withoutSilent } from "./operations.ts";

const functions = ["read", "write", "cas"] as const satisfies readonly HistoryFunction[];
/** What stands before the logger's name varies: a level, a time, a thread. */
const eventLine = /(?:^|\s)jepsen\.util\s+(?:-\s+)?(:\S+|\d+)\s+:(\S+)\s+:(\S+)(?:\s+(.*\S))?\s*$/;

export const jepsenLogFormat: HistoryFormat = {
  name: "jepsen-log",
  recognises: (firstLine) => /^(INFO|WARN|DEBUG|ERROR|TRACE)\s+\S+/.test(firstLine) || eventLine.test(firstLine),
  reader: () => new JepsenLogReader(),
  encode: encodeJepsenLog,
};

class JepsenLogReader implements HistoryReader {
  readonly #events = new ForeignEvents();
  #lastLine = 1;

  get nemesis(): ForeignEvents["nemesis"] {
    return this.#events.nemesis;
  }

  line({ text, number, complete }: Line): void {
    this.#lastLine = number;
    const match = eventLine.exec(text);
    if (match === null) return;
    if (match[1]!.startsWith(":")) {
      this.#events.addNemesis(undefined, `:${match[3]} ${match[4] ?? ""}`.trimEnd());
      return;
    }
    const process = Number(match[1]);
    const type = eventTypes.find((one) => one === match[2]);
    const f = functions.find((one) => one === match[3]);
    if (type === undefined) throw new MalformedHistory(number, `one of ${eventTypes.join(", ")}`, `:${match[2]}`);
    if (f === undefined) throw new MalformedHistory(number, `one of ${functions.join(", ")}`, `:${match[3]}`);
    if (!complete && match[4] === undefined) {
      throw new MalformedHistory(number, "the value of the event", "the end of the file: it was truncated");
    }
    const invocation = type === "invoke" ? undefined : this.#events.openInvocation(process);
    const own = parseValue(match[4] ?? "nil", number);
    const value =
      invocation === undefined ? argumentOf(own, f, number) : hasResult(type, f) ? scalarOf(own) : invocation.value;
    this.#events.add(number, { type, process, f, key: onlyKey, value, ...errorOf(type, f, match[4]) });
  }

  end(): ReturnType<HistoryReader["end"]> {
    const { events } = this.#events;
    if (events.length > 0) return events;
    throw new MalformedHistory(
      this.#lastLine,
      "an event (INFO jepsen.util - PROCESS :TYPE :F VALUE)",
      "none in the file",
    );
  }
}

/** The first form; an error may stand behind it. */
function parseValue(text: string, line: number): Edn | undefined {
  // The reader takes the items of one outermost vector.
  return new EdnReader().feed(`[${text}]`, line)[0];
}

function errorOf(
  type: HistoryEvent["type"],
  f: HistoryFunction,
  text: string | undefined,
): { readonly error?: string } {
  if (type === "info") return { error: "REPLY_TIMEOUT" };
  if (type !== "fail") return {};
  return { error: f === "cas" && text !== ":timed-out" ? "PRECONDITION_FAILED" : "FAILED" };
}

/**
 * The lines of a history of one register. What definitely did not happen and says nothing is left out: readers differ
 * on what such a line means.
 *
 * @throws UsageError
 */
function* encodeJepsenLog(events: readonly HistoryEvent[]): Generator<string> {
  const key = events[0]?.key;
  for (const { index, type, process, f, key: otherKey, value } of withoutSilent(events)) {
    if (!functions.some((one) => one === f)) {
      throw inexpressible("jepsen-log", index, `${f}; the format has ${functions.join(", ")}`);
    }
    if (otherKey !== key) {
      const keys = `key ${JSON.stringify(otherKey)} after ${JSON.stringify(key)}`;
      throw inexpressible("jepsen-log", index, `on ${keys}; the format has one register`);
    }
    const text = type === "info" ? ":timed-out" : ednOf(value);
    yield `INFO  jepsen.util - ${process}\t:${type}\t:${f}\t${text}\n`;
  }
}
