/**
 * The history: the record of every operation of a run, in real-time order, as Grey's NDJSON format holds it.
 *
 * Values are the workload's unique numbers, not the padded bytes that travelled: the workload checked the bytes when
 * they came back.
 */

/** One value of an operation: a unique number, null for "never written", or [from, to] of a compare-and-swap. */
export type HistoryValue = number | string | null | readonly [from: HistoryScalar, to: HistoryScalar];
export type HistoryScalar = number | string | null;

/**
 * `delete` writes null, "not there". Of a key that is not there it fails with NOT_FOUND: a definite result with a
 * meaning of its own, as a failed cas has.
 *
 * Of a priority queue: `insert` of an element, `popMin` (its result is the element, or null when the queue was empty),
 * `delete` of an element that is named, `read` of the least. No format holds the first two.
 */
export type HistoryFunction = KeyFunction | QueueFunction | TaskFunction;
export type KeyFunction = "read" | "write" | "cas" | "delete" | "append" | "get" | "put";
export type QueueFunction = "insert" | "popMin";
/**
 * Of a scheduler, the key is a job: `submit` and `wait` end when its tasks were accepted or have ended. What tasks are
 * to become, what became of them and where one stands are texts (see rooms/scheduler/job-text.ts).
 */
export type TaskFunction = "submit" | "wait" | "status";

export interface HistoryEvent {
  /** Position in the history, from 0. */
  readonly index: number;
  /** On the driver's monotonic clock, nanoseconds since the start of the load. */
  readonly timeNs: number;
  readonly type: "invoke" | "ok" | "fail" | "info";
  /** A client; after `info` this number issues nothing more. */
  readonly process: number;
  readonly f: HistoryFunction;
  /** The register; absent for operations on the one list. */
  readonly key?: string;
  /** invoke: the argument (null for a read or delete). ok: the result (a read's value, an append's position). */
  readonly value: HistoryValue;
  /** fail and info: why. */
  readonly error?: string;
  /** ok, where the store counts a key's changes: which of them was made or read; 0: the key never was there. */
  readonly version?: number;
}
