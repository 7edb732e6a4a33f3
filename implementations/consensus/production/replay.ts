/**
 * Rebuilds the log from its records, in the order in which they were written: later records supersede earlier ones.
 *
 * Pure: it is fed segment by segment. Entries that the snapshot covers are counted but not kept, so that a long log
 * behind a recent snapshot costs a checksum and no memory.
 */

import { scanSegment } from "../../foundation/wal-format.ts";
import type { SegmentScan } from "../../foundation/wal-format.ts";
import { LogDamage } from "./log-damage.ts";
import {
  entryPayloadOffset,
  formatVersion,
  initialHardState,
  initialPosition,
  readHardState,
  readPosition,
  readSegmentHeader,
  recordType,
} from "./log-records.ts";
import type { LogPosition } from "./log-records.ts";
import type { Entry, HardState } from "./messages.ts";

/** What the store must know about a segment to remove it one day. */
export interface Segment {
  readonly name: string;
  readonly firstSequence: number;
  bytes: number;
  /** The highest index of the entries in it that still count; 0 without any. */
  lastIndex: number;
}

export class Replay {
  readonly #node: string;
  readonly #floor: number;
  hardState: HardState = initialHardState;
  /** Those after the floor, contiguous. */
  entries: Entry[] = [];
  segments: Segment[] = [];
  /** The term of the entry at the floor, when the log holds it. */
  termAtFloor: number | undefined;
  /** The lowest index from which on the log is contiguous; one past `last` when it holds no entry. */
  first = 1;
  last: LogPosition = initialPosition;

  /** @param floor the index up to which the snapshot stands for the log; 0 without one. */
  constructor(node: string, floor: number) {
    this.#node = node;
    this.#floor = floor;
  }

  /** Forgets everything: the segments so far are separated by a gap from those to come. */
  restart(): void {
    this.hardState = initialHardState;
    this.entries = [];
    this.segments = [];
    this.termAtFloor = undefined;
    this.first = 1;
    this.last = initialPosition;
  }

  /**
   * Takes in the next segment up to its first bad record.
   *
   * @throws LogDamage when the records do not make sense one after the other.
   */
  take(name: string, firstSequence: number, bytes: Uint8Array): SegmentScan {
    const segment: Segment = { name, firstSequence, bytes: bytes.length, lastIndex: 0 };
    const isFirst = this.segments.length === 0;
    this.segments.push(segment);
    const scan = scanSegment(bytes, firstSequence, (type, view, start, end, sequence) => {
      if ((sequence === firstSequence) !== (type === recordType.segment)) {
        throw this.#damage(name, start, "a segment header at the beginning and only there", `record type ${type}`);
      }
      switch (type) {
        case recordType.segment:
          return this.#onHeader(name, view, start, isFirst);
        case recordType.hardState:
          return this.#onHardState(name, start, readHardState(view, start));
        case recordType.entry:
          return this.#onEntry(segment, view, start, end);
        case recordType.reset:
          return this.#onReset(readPosition(view, start));
        default:
          throw this.#damage(name, start, "a known record type", `${type}`);
      }
    });
    this.#unshare(bytes);
    return scan;
  }

  #onHeader(name: string, view: DataView, at: number, isFirst: boolean): void {
    const { version, base, hardState } = readSegmentHeader(view, at);
    if (version !== formatVersion) throw this.#damage(name, at, `format version ${formatVersion}`, `${version}`);
    this.#onHardState(name, at, hardState);
    if (isFirst) this.#startAfter(base);
    else if (base.index !== this.last.index || base.term !== this.last.term) {
      const found = `a continuation of index ${base.index}, term ${base.term}`;
      throw this.#damage(name, at, `a continuation of index ${this.last.index}, term ${this.last.term}`, found);
    }
  }

  #onHardState(name: string, at: number, hardState: HardState): void {
    if (hardState.term < this.hardState.term) {
      throw this.#damage(name, at, `a term of at least ${this.hardState.term}`, `term ${hardState.term}`);
    }
    this.hardState = hardState;
  }

  #onEntry(segment: Segment, view: DataView, start: number, end: number): void {
    const { index, term } = readPosition(view, start);
    if (index < 1 || index > this.last.index + 1) {
      throw this.#damage(segment.name, start, `an entry of index at most ${this.last.index + 1}`, `index ${index}`);
    }
    if (index <= this.last.index) this.#cutFrom(index);
    this.last = { index, term };
    segment.lastIndex = Math.max(segment.lastIndex, index);
    if (index === this.#floor) this.termAtFloor = term;
    if (index <= this.#floor) return;
    const payloadStart = start + entryPayloadOffset;
    const payload = new Uint8Array(view.buffer, view.byteOffset + payloadStart, end - payloadStart);
    this.entries.push({ index, term, payload });
  }

  #onReset(position: LogPosition): void {
    for (const segment of this.segments) segment.lastIndex = 0;
    this.#startAfter(position);
  }

  #startAfter(position: LogPosition): void {
    this.entries = [];
    this.first = position.index + 1;
    this.last = position;
    this.termAtFloor = position.index === this.#floor ? position.term : undefined;
  }

  #cutFrom(index: number): void {
    this.first = Math.min(this.first, index);
    if (index <= this.#floor) this.termAtFloor = undefined;
    const firstKept = this.entries[0];
    if (firstKept !== undefined)
      this.entries.length = Math.max(0, Math.min(this.entries.length, index - firstKept.index));
  }

  /** Payloads share the segment's memory; a few of them must not hold on to all of it. */
  #unshare(bytes: Uint8Array): void {
    let from = this.entries.length;
    let keptBytes = 0;
    while (from > 0 && this.entries[from - 1]?.payload.buffer === bytes.buffer) {
      from--;
      keptBytes += this.entries[from]?.payload.length ?? 0;
    }
    if (keptBytes * 2 >= bytes.length) return;
    for (const [offset, entry] of this.entries.slice(from).entries()) {
      this.entries[from + offset] = { ...entry, payload: entry.payload.slice() };
    }
  }

  #damage(name: string, offset: number, expected: string, found: string): LogDamage {
    return new LogDamage(this.#node, name, offset, expected, found);
  }
}
