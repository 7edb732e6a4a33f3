/**
 * Draws what surrounds an operation that cannot be placed: one row per operation, its interval as a bar, in the order
 * of events rather than to scale, so that a reader sees what overlaps what.
 */

import type { HistoryValue } from "../history/event.ts";
import type { Operation } from "../history/operations.ts";

const maxRows = 16;
const maxColumns = 48;

/**
 * Returns the rows, the blocked operation marked.
 *
 * @param operations the partition's judged operations, `blocked` among them.
 * @param related whether an operation not concurrent with `blocked` belongs into the picture.
 */
export function drawTimeline(
  operations: readonly Operation[],
  blocked: Operation,
  related: (operation: Operation) => boolean,
): string {
  const shown = selectRows(operations, blocked, related);
  const moments = shown.flatMap(({ call, return: end }) => [call, end]).filter(Number.isFinite);
  const columnOf = columnsOf(moments);
  const labels = shown.map((operation) => `client ${operation.process}  ${describeOperation(operation)}`);
  const times = shown.map((operation) => `${inMs(operation.callNs)} to ${inMs(operation.returnNs)} ms`);
  const labelWidth = Math.max(...labels.map((label) => label.length));
  const timeWidth = Math.max(...times.map((time) => time.length));
  const rows = shown.map((operation, row) => {
    const bar = drawBar(columnOf(operation.call), columnOf(operation.return));
    const mark = operation.call === blocked.call ? "  <- cannot be placed" : "";
    return `  ${labels[row]!.padEnd(labelWidth)}  ${times[row]!.padStart(timeWidth)}  ${bar}${mark}`;
  });
  return rows.join("\n");
}

/** One operation with what its client saw: "read -> 4", "cas 1 -> 2 failed: PRECONDITION_FAILED". */
export function describeOperation(operation: Operation): string {
  const { f, argument, result, outcome, error } = operation;
  const request = argument === null ? f : `${f} ${describeValue(argument)}`;
  if (outcome === "info") return `${request} (unknown${error === undefined ? "" : `: ${error}`})`;
  if (outcome === "fail") return `${request} failed${error === undefined ? "" : `: ${error}`}`;
  if (f === "popMin") return `${f} -> ${result === null ? "empty" : describeValue(result)}`;
  if (f === "read" || f === "get") return `${f} -> ${describeValue(result)}`;
  return f === "append" && typeof result === "number" ? `${request} -> position ${describeValue(result)}` : request;
}

function describeValue(value: HistoryValue): string {
  if (Array.isArray(value)) return value.map((part) => describeValue(part as HistoryValue)).join(" -> ");
  const text = String(value);
  return text.length <= 40 ? text : `${text.slice(0, 37)}...`;
}

function selectRows(
  operations: readonly Operation[],
  blocked: Operation,
  related: (operation: Operation) => boolean,
): readonly Operation[] {
  const others = operations.filter((operation) => operation.call !== blocked.call && operation.call < blocked.return);
  const essential = others.filter(related).slice(-maxRows / 2);
  const concurrent = others.filter(
    (operation) => operation.return > blocked.call && operation.outcome !== "info" && !essential.includes(operation),
  );
  const picked = [blocked, ...essential, ...concurrent.slice(-(maxRows - 1 - essential.length))];
  // Room left goes to what happened last before it.
  const recent = others.filter((operation) => operation.return < blocked.call && !picked.includes(operation));
  const room = Math.max(0, 6 - picked.length);
  return [...picked, ...(room === 0 ? [] : recent.slice(-room))].sort((a, b) => a.call - b.call);
}

function columnsOf(moments: readonly number[]): (moment: number) => number {
  const sorted = [...new Set(moments)].sort((a, b) => a - b);
  const step = Math.min(3, (maxColumns - 1) / Math.max(1, sorted.length - 1));
  const columns = new Map(sorted.map((moment, rank) => [moment, Math.round(rank * step)]));
  const last = Math.round((sorted.length - 1) * step);
  return (moment) => columns.get(moment) ?? last + 2;
}

function drawBar(from: number, to: number): string {
  return `${" ".repeat(from)}|${"-".repeat(Math.max(0, to - from - 1))}|`;
}

function inMs(ns: number): string {
  return Number.isFinite(ns) ? (ns / 1e6).toFixed(3) : "unknown";
}
