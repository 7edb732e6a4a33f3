/**
 * Decides the linearizability of a key's string with get, put and append in O(n log n), for histories in which every
 * text is put or appended once and the strings that were read fall apart into these texts in one way only.
 *
 * Then a string read tells which put it goes back to and which appends followed, in order. Such an append is a
 * compare-and-swap: it took effect exactly when the string before it was there, and no string comes twice. A put, and
 * an append that no read ever shows, are plain writes of something new: neither can happen where a read of what was
 * there, or an append to it that some read shows, is still to come. So the history of the string is one of a register
 * whose writes are unique, and register-zones.ts decides it.
 *
 * Where a text occurs twice, is empty, or a string can be taken apart in two ways, the answer is `open`.
 */

import type { HistoryValue } from "../history/event.ts";
import type { Operation } from "../history/operations.ts";
import type { Shortcut } from "./model.ts";
import { judgeUniqueWrites } from "./register-zones.ts";

/** By position of an append that was read: the position of the operation before it in the string; -1: none. */
type Predecessors = Map<number, number>;

const ambiguous = "a string can be taken apart in several ways";

/** Decides one key's judged operations, or says why the shortcut does not apply. */
export function judgeUniqueTexts(operations: readonly Operation[]): Shortcut {
  const writers = uniqueTexts(operations);
  if (writers === undefined) return { kind: "open", reason: "a text is written more than once, or empty" };
  const predecessors: Predecessors = new Map();
  const seen = new Map<string, number>([["", -1]]);
  const splitter = new Splitter(operations, writers);
  for (const operation of operations) {
    if (operation.f !== "get") continue;
    const text = textOf(operation.result);
    if (seen.has(text)) continue;
    const parts = splitter.split(text);
    if (parts === "ambiguous") return { kind: "open", reason: ambiguous };
    const isConsistent = parts !== "impossible" && takeIn(parts, operations, predecessors);
    if (!isConsistent) return { kind: "not-linearizable", reason: `no order of the writes gives ${text.slice(0, 80)}` };
    seen.set(text, parts.at(-1)!);
  }
  const byCall = new Map(operations.map((operation) => [operation.call, operation]));
  const asRegister = operations.map((operation, position) => onRegister(operation, position, predecessors, seen));
  const result = judgeUniqueWrites(asRegister);
  if (result.kind !== "linearizable") return result;
  return { kind: "linearizable", order: result.order.map(({ call }) => byCall.get(call)!) };
}

/** The position of the one operation that puts or appends each text; undefined when there are two, or one is empty. */
function uniqueTexts(operations: readonly Operation[]): ReadonlyMap<string, number> | undefined {
  const writers = new Map<string, number>();
  for (const [position, { f, argument }] of operations.entries()) {
    if (f === "get") continue;
    const text = textOf(argument);
    if (text === "" || writers.has(text)) return undefined;
    writers.set(text, position);
  }
  return writers;
}

/** Notes what came before each append in the string; false when that contradicts another read. */
function takeIn(parts: readonly number[], operations: readonly Operation[], predecessors: Predecessors): boolean {
  let before = -1;
  for (const position of parts) {
    if (operations[position]!.f === "append") {
      const known = predecessors.get(position);
      if (known !== undefined && known !== before) return false;
      predecessors.set(position, before);
    }
    before = position;
  }
  return true;
}

/** The operation as one on a register whose values are the positions of who wrote them. */
function onRegister(
  operation: Operation,
  position: number,
  predecessors: Predecessors,
  seen: ReadonlyMap<string, number>,
): Operation {
  const valueOf = (writer: number): string | null => (writer < 0 ? null : String(writer));
  if (operation.f === "get") return { ...operation, f: "read", result: valueOf(seen.get(textOf(operation.result))!) };
  const before = operation.f === "append" ? predecessors.get(position) : undefined;
  if (before === undefined) return { ...operation, f: "write", argument: valueOf(position) };
  return { ...operation, f: "cas", argument: [valueOf(before), valueOf(position)] };
}

/** Takes strings apart into one put, or none, and the appends behind it. */
class Splitter {
  readonly #operations: readonly Operation[];
  readonly #writers: ReadonlyMap<string, number>;
  readonly #lengths: readonly number[];

  constructor(operations: readonly Operation[], writers: ReadonlyMap<string, number>) {
    this.#operations = operations;
    this.#writers = writers;
    this.#lengths = [...new Set([...writers.keys()].map((text) => text.length))];
  }

  /** The positions of the operations whose texts make up `text`. */
  split(text: string): readonly number[] | "ambiguous" | "impossible" {
    const ways = new Uint8Array(text.length + 1);
    const lastPart = new Int32Array(text.length + 1);
    ways[0] = 1;
    for (let start = 0; start < text.length; start++) {
      if (ways[start] === 0) continue;
      for (const length of this.#lengths) {
        const end = start + length;
        if (end > text.length) continue;
        const writer = this.#writers.get(text.slice(start, end));
        if (writer === undefined || (start > 0 && this.#operations[writer]!.f === "put")) continue;
        ways[end] = Math.min(2, ways[end]! + ways[start]!);
        lastPart[end] = writer;
      }
    }
    if (ways[text.length] !== 1) return ways[text.length] === 0 ? "impossible" : "ambiguous";
    const parts: number[] = [];
    for (let end = text.length; end > 0; end -= textOf(this.#operations[parts.at(-1)!]!.argument).length) {
      parts.push(lastPart[end]!);
    }
    return parts.toReversed();
  }
}

function textOf(value: HistoryValue): string {
  return value === null ? "" : String(value);
}
