/**
 * Grey's own history format: NDJSON, one event a line, fields as in event.ts.
 *
 * Validated by hand rather than by a schema library: a history has a hundred thousand lines, and the messages name
 * line, field and what was expected.
 */

import type { HistoryEvent, HistoryFunction, HistoryScalar, HistoryValue } from "./event.ts";
import { MalformedHistory } from "./format.ts";
import type { HistoryFormat, HistoryReader } from "./format.ts";
import type { Line } from "./lines.ts";
import { HistoryProtocol } from "./protocol.ts";
import { encodeNdjson } from "./recorder.ts";

const types = ["invoke", "ok", "fail", "info"] as const;
const functions = [
  "read",
  "write",
  "cas",
  "delete",
  "append",
  "get",
  "put",
  "submit",
  "wait",
  "status",
] as const satisfies readonly HistoryFunction[];
const fields = new Set(["index", "timeNs", "type", "process", "f", "key", "value", "error", "version"]);

export const greyFormat: HistoryFormat = {
  name: "grey",
  recognises: (firstLine) => firstLine.trimStart().startsWith('{"'),
  reader: () => new GreyReader(),
  encode: encodeNdjson,
};

class GreyReader implements HistoryReader {
  readonly #events: HistoryEvent[] = [];
  readonly #protocol = new HistoryProtocol();

  line(line: Line): void {
    if (line.text.trim() === "") return;
    const event = parseEvent(line);
    const problem = this.#protocol.accept(event);
    if (problem !== undefined) throw new MalformedHistory(line.number, problem.expected, problem.found);
    this.#events.push(event);
  }

  end(): readonly HistoryEvent[] {
    return this.#events;
  }
}

function parseEvent(line: Line): HistoryEvent {
  const record = parseObject(line);
  const refuse = (field: string, expected: string): never => {
    throw new MalformedHistory(line.number, `"${field}" to be ${expected}`, shown(record[field]));
  };
  for (const field of Object.keys(record)) {
    if (!fields.has(field)) {
      throw new MalformedHistory(line.number, `the fields ${[...fields].join(", ")}`, `a field ${shown(field)}`);
    }
  }
  const { index, timeNs, process, key, value, error, version } = record;
  const type = types.find((one) => one === record["type"]) ?? refuse("type", `one of ${types.join(", ")}`);
  const f = functions.find((one) => one === record["f"]) ?? refuse("f", `one of ${functions.join(", ")}`);
  if (!isCount(index)) return refuse("index", "a whole number from 0");
  if (!isCount(timeNs)) return refuse("timeNs", "a whole number of nanoseconds from 0");
  if (!isCount(process)) return refuse("process", "a whole number from 0");
  if (key !== undefined && typeof key !== "string") return refuse("key", "a string");
  if (error !== undefined && typeof error !== "string") return refuse("error", "a string");
  if (version !== undefined && (type === "invoke" || !isCount(version))) {
    return refuse("version", "a whole number from 0, on a completion");
  }
  if (f !== "append" && key === undefined)
    return refuse("key", `a string, since ${f} needs ${isOfTasks(f) ? "a job" : "a register"}`);
  if (!isValue(value)) return refuse("value", "a number, a string, null or a pair of these");
  const problem = valueProblem(type, f, value);
  if (problem !== undefined) return refuse("value", problem);
  return {
    index,
    timeNs,
    type,
    process,
    f,
    ...(key === undefined ? {} : { key }),
    value,
    ...(error === undefined ? {} : { error }),
    ...(version === undefined ? {} : { version }),
  };
}

function isOfTasks(f: HistoryFunction): boolean {
  return f === "submit" || f === "wait" || f === "status";
}

/** What a value of this kind of event must be, if it is not. */
function valueProblem(type: HistoryEvent["type"], f: HistoryFunction, value: HistoryValue): string | undefined {
  const isPair = Array.isArray(value);
  if (type === "invoke" && f === "cas" && !isPair) return "a pair [from, to]";
  if (type === "invoke" && f === "delete" && value !== null) return "null, since delete takes nothing";
  if (isPair && f !== "cas") return `a single value, since ${f} takes no pair`;
  if (type === "invoke" && (f === "write" || f === "append" || f === "put") && value === null) return "what to write";
  if (type === "invoke" && f === "submit" && value === null) return "the tasks of the job";
  return undefined;
}

function parseObject(line: Line): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.text);
  } catch (error) {
    if (!line.complete) {
      throw new MalformedHistory(
        line.number,
        "a complete event",
        "the end of the file in its middle: it was truncated",
      );
    }
    throw new MalformedHistory(line.number, "a JSON object", error instanceof Error ? error.message : "no JSON");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new MalformedHistory(line.number, "a JSON object", shown(parsed));
  }
  return parsed as Record<string, unknown>;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isValue(value: unknown): value is HistoryValue {
  return isScalar(value) || (Array.isArray(value) && value.length === 2 && value.every(isScalar));
}

function isScalar(value: unknown): value is HistoryScalar {
  return value === null || typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
}

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
