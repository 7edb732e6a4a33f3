/**
 * Judges what clients were told about one key, given that values are unique and versions count its writes: a write with
 * version v stands at place v, a read of version v between v and v + 1, and no operation may stand before one that had
 * ended when it began. Where a reply tells no version (nothing there, a condition that failed), the lowest place that
 * explains it is taken; lower is never worse for those that follow.
 *
 * That is linearizability of one register, decided in one pass.
 */

import { assert } from "../../foundation/assert.ts";
import type { Millis } from "../../foundation/units.ts";
import type { StorageOperation, StorageReply } from "../contract.ts";
import { certaintyOf } from "../../foundation/errors.ts";

export interface HistoryEntry {
  readonly operation: StorageOperation;
  readonly beganAtMs: Millis;
  endedAtMs: Millis;
  /** Undefined: never answered. */
  reply: StorageReply | undefined;
}

/** @throws AssertionError naming what no order explains. */
export function judgeKey(key: string, history: readonly HistoryEntry[]): void {
  const values = new Map<number, string | null>([[0, null]]);
  const learn = (version: number, value: string | null): void => {
    assert(!values.has(version) || values.get(version) === value, `version ${version} of ${key} has one value`);
    values.set(version, value);
  };
  const failed = new Set<string>();
  let mayHaveDeleted = false;
  const writers = new Map<number, HistoryEntry>();
  for (const entry of history) {
    const { operation, reply } = entry;
    const written = operation.kind === "put" ? operation.value : operation.kind === "cas" ? operation.to : null;
    if (reply?.kind === "ok") {
      const { result } = reply;
      if (result.kind === "get") {
        if (result.value !== null) learn(result.version, result.value);
        continue;
      }
      learn(result.version, written);
      assert(!writers.has(result.version), `version ${result.version} of ${key} is written once`);
      writers.set(result.version, entry);
    } else if (reply !== undefined && certaintyOf[reply.code] === "definite") {
      if (written !== null) failed.add(written);
    } else if (operation.kind === "delete") mayHaveDeleted = true;
  }
  for (const value of values.values())
    assert(value === null || !failed.has(value), `${value} of ${key} failed for good`);
  for (const [version, { operation }] of writers) {
    if (operation.kind !== "cas" || !values.has(version - 1)) continue;
    assert(
      values.get(version - 1) === operation.from,
      `the swap to version ${version} of ${key} found what it asked for`,
    );
  }
  placeAll(key, history, values, mayHaveDeleted);
}

function placeAll(
  key: string,
  history: readonly HistoryEntry[],
  values: ReadonlyMap<number, string | null>,
  mayHaveDeleted: boolean,
): void {
  const highest = Math.max(...values.keys()) + 1;
  const places = new Map<HistoryEntry, number>();
  const byBegin = history.filter(isPlaced).sort((left, right) => left.beganAtMs - right.beganAtMs);
  const byEnd = byBegin.toSorted((left, right) => left.endedAtMs - right.endedAtMs);
  let floor = 0;
  let ended = 0;
  for (const entry of byBegin) {
    for (; byEnd[ended]!.endedAtMs < entry.beganAtMs; ended++) floor = Math.max(floor, places.get(byEnd[ended]!) ?? 0);
    const place = placeOf(entry, floor, highest, (version) => {
      const { kind } = entry.operation;
      // A version nobody was told of is that of an operation whose outcome is unknown.
      if (!values.has(version)) return kind === "cas" || mayHaveDeleted;
      const value = values.get(version);
      return entry.operation.kind === "cas" ? value !== entry.operation.from : value === null;
    });
    const told = JSON.stringify([entry.operation, entry.reply]);
    assert(place !== undefined, `${key} at ${entry.beganAtMs} ms: ${told} is not older than version ${floor}`);
    places.set(entry, place);
  }
}

function isPlaced({ reply }: HistoryEntry): boolean {
  return reply?.kind === "ok" || reply?.code === "NOT_FOUND" || reply?.code === "PRECONDITION_FAILED";
}

/** `explains`: whether what the key held at a version explains the reply. */
function placeOf(
  { reply }: HistoryEntry,
  floor: number,
  highest: number,
  explains: (version: number) => boolean,
): number | undefined {
  if (reply?.kind === "ok") {
    const { result } = reply;
    if (result.kind !== "get") return result.version > floor ? result.version : undefined;
    if (result.value !== null) return result.version >= floor ? result.version : undefined;
  }
  for (let version = floor; version <= highest; version++) {
    if (explains(version)) return version;
  }
  return undefined;
}
