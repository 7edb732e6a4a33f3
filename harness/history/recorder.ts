/**
 * Records a run's history while it happens: every invocation and completion, in the order the driver saw them.
 *
 * The driver is one thread, so the order of calls is the real-time order; the clock's value is carried for people and
 * charts. A call that breaks the protocol is a bug of the driver and throws. Nothing is written here: `encodeNdjson`
 * gives the lines, whoever owns the directory writes them.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { HistoryEvent, HistoryFunction, HistoryValue } from "./event.ts";
import { HistoryProtocol } from "./protocol.ts";

/** How many operations ended how; `issued` - `ok` - `fail` - `info` are still in flight. */
export interface HistoryCounts {
  readonly issued: number;
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
}

export class HistoryRecorder {
  readonly #events: HistoryEvent[] = [];
  readonly #protocol = new HistoryProtocol();
  readonly #counts = { issued: 0, ok: 0, fail: 0, info: 0 };

  /** The history so far, in order. */
  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  get counts(): HistoryCounts {
    return { ...this.#counts };
  }

  /**
   * Records that `process` issues an operation.
   *
   * @param timeNs nanoseconds since the start of the load, never less than in the call before.
   * @param key the register; undefined for operations on the one list.
   * @param value the argument: null for a read or delete, [from, to] for a cas.
   * @throws AssertionError when the process has an operation in flight or ended in info.
   */
  invoke(timeNs: number, process: number, f: HistoryFunction, key: string | undefined, value: HistoryValue): void {
    const event = { index: this.#events.length, timeNs, type: "invoke", process, f, value } as const;
    this.#record(key === undefined ? event : { ...event, key });
    this.#counts.issued++;
  }

  /**
   * Records how the operation in flight at `process` ended.
   *
   * @param value ok: the result, a read's value or an append's position; otherwise whatever the invocation carried.
   * @param error fail and info: the error's code.
   * @param version ok: which change of the key was made or read, where the store counts them.
   * @throws AssertionError when the process has nothing in flight.
   */
  complete(
    timeNs: number,
    type: "ok" | "fail" | "info",
    process: number,
    value: HistoryValue,
    error?: string,
    version?: number,
  ): void {
    const open = this.#protocol.openInvocation(process);
    assert(open !== undefined, `process ${process} completes with ${type} what it invoked`);
    const event = {
      index: this.#events.length,
      timeNs,
      type,
      process,
      f: open.f,
      ...(open.key === undefined ? {} : { key: open.key }),
      value,
      ...(error === undefined ? {} : { error }),
      ...(version === undefined ? {} : { version }),
    };
    this.#record(event);
    this.#counts[type]++;
  }

  #record(event: HistoryEvent): void {
    const problem = this.#protocol.accept(event);
    if (problem !== undefined) {
      assert(false, `history event ${event.index} is ${problem.expected}, not ${problem.found}`);
    }
    this.#events.push(event);
  }
}

/** Yields Grey's NDJSON, one line with its newline per event. */
export function* encodeNdjson(events: Iterable<HistoryEvent>): Generator<string> {
  for (const { index, timeNs, type, process, f, key, value, error, version } of events) {
    // The order of the fields is fixed here, so that equal histories are equal bytes.
    yield `${JSON.stringify({ index, timeNs, type, process, f, key, value, error, version })}\n`;
  }
}
