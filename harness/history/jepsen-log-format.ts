/**
 * Jepsen's log lines over one register, initially nil: `INFO  jepsen.util - 3<TAB>:invoke<TAB>:cas<TAB>[2 4]`.
 *
 * Other lines of the log are ignored. A failed cas is the definite result that the compare did not match; a read that
 * failed or timed out says nothing; `:info` stays unknown to the end.
 */

import { EdnReader } from "./edn.ts";
import type { HistoryFunction } from "./event.ts";
import { MalformedHistory } from "./format.ts";
import type { HistoryFormat, HistoryReader } from "./format.ts";
import { ForeignEvents, eventTypes, valueOf } from "./foreign-events.ts";
import type { Line } from "./lines.ts";

const functions = ["read", "write", "cas"] as const satisfies readonly HistoryFunction[];
const eventLine = /^\S+\s+jepsen\.util\s+-\s+(\S+)\s+:(\S+)\s+:(\S+)(?:\s+(.*\S))?\s*$/;

export const jepsenLogFormat: HistoryFormat = {
  name: "jepsen-log",
  recognises: (firstLine) => /^(INFO|WARN|DEBUG|ERROR|TRACE)\s+\S+/.test(firstLine),
  reader: () => new JepsenLogReader(),
};

class JepsenLogReader implements HistoryReader {
  readonly #events = new ForeignEvents();
  #lastLine = 1;

  line({ text, number, complete }: Line): void {
    this.#lastLine = number;
    const match = eventLine.exec(text);
    const process = Number(match?.[1]);
    if (match === null || !Number.isSafeInteger(process)) return; // Not an event, or the nemesis'.
    const type = eventTypes.find((one) => one === match[2]);
    const f = functions.find((one) => one === match[3]);
    if (type === undefined) throw new MalformedHistory(number, `one of ${eventTypes.join(", ")}`, `:${match[2]}`);
    if (f === undefined) throw new MalformedHistory(number, `one of ${functions.join(", ")}`, `:${match[3]}`);
    if (!complete && match[4] === undefined) {
      throw new MalformedHistory(number, "the value of the event", "the end of the file: it was truncated");
    }
    const isCertain = type === "invoke" || type === "ok";
    this.#events.add(number, {
      type,
      process,
      f,
      key: "register",
      value: isCertain ? valueOf(parseValue(match[4] ?? "nil", number), f, number) : null,
      ...(type === "fail"
        ? { error: f === "cas" && match[4] !== ":timed-out" ? "PRECONDITION_FAILED" : "FAILED" }
        : {}),
      ...(type === "info" ? { error: "REPLY_TIMEOUT" } : {}),
    });
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

function parseValue(text: string, line: number): ReturnType<EdnReader["feed"]>[number] | undefined {
  // The reader takes the items of one outermost vector.
  return new EdnReader().feed(`[${text}]`, line)[0];
}
