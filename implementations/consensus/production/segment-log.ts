/**
 * The segments of a log: what goes to the end of the last one, and which are of no more use.
 *
 * It turns batches into records and knows what they say together: term and vote, the position of the last entry, how
 * far all is synced. One group is written at a time (`foundation/log-lane.ts`).
 */

import { assert } from "../../foundation/assert.ts";
import type { Disk, DiskError } from "../../foundation/effects.ts";
import { RecordWriter, segmentSalt } from "../../foundation/wal-format.ts";
import { LogLane } from "../../foundation/log-lane.ts";
import {
  entryRecordBytes,
  segmentName,
  writeEntry,
  writeHardState,
  writeReset,
  writeSegmentHeader,
} from "./log-records.ts";
import type { LogPosition } from "./log-records.ts";
import type { HardState, PersistBatch } from "./messages.ts";
import type { RecoveredLog } from "./recovery.ts";
import type { Segment } from "./replay.ts";

/** Room for a header, a hard state, a reset and a marker. */
const overheadBytes = 512;

type Batch = Pick<PersistBatch, "hardState" | "entries">;

export class SegmentLog {
  readonly #segmentBytes: number;
  readonly #segments: Segment[];
  readonly #lane: LogLane;
  #nextSequence: number;
  #syncedThrough: number;
  #hardState: HardState;
  #position: LogPosition;
  /** Attempts that found no room are not counted again. */
  readonly counts = { groups: 0, entries: 0, bytesWritten: 0 };

  /**
   * @param segmentBytes a new segment begins with the first write after the last one has reached this size.
   * @param onStalled is called each time an attempt to write finds no room.
   */
  constructor(disk: Disk, segmentBytes: number, log: RecoveredLog, onStalled: (error: DiskError) => void) {
    this.#segmentBytes = segmentBytes;
    this.#segments = [...log.segments];
    this.#lane = new LogLane(disk, onStalled);
    this.#nextSequence = log.nextSequence;
    this.#syncedThrough = log.nextSequence - 1;
    this.#hardState = log.recovered.hardState;
    this.#position = log.recordedPosition;
  }

  get segmentCount(): number {
    return this.#segments.length;
  }

  /** A write waits for room. */
  get isStalled(): boolean {
    return this.#lane.isStalled;
  }

  /** Looks again whether there is room for the write that waits, if one does. */
  retry(): void {
    this.#lane.retry();
  }

  /** Forgets all leading segments without an entry of an index > `index`; returns their names, the oldest first. */
  takeThrough(index: number): string[] {
    let count = 0;
    for (const { lastIndex } of this.#segments.slice(0, -1)) {
      if (lastIndex > index) break;
      count++;
    }
    return this.#segments.splice(0, count).map(({ name }) => name);
  }

  /** Appends the batches' records and a marker, and syncs; `resetTo` voids all entries before those of the batches. */
  write(batches: readonly Batch[], resetTo: LogPosition | undefined, done: (error?: DiskError) => void): void {
    let segment = this.#segments.at(-1);
    const isNew = segment === undefined || segment.bytes >= this.#segmentBytes;
    if (segment === undefined || isNew) {
      segment = { name: segmentName(this.#nextSequence), firstSequence: this.#nextSequence, bytes: 0, lastIndex: 0 };
      this.#segments.push(segment);
    }
    const written = this.#encode(segment, batches, resetTo, isNew);
    const lastSequence = this.#nextSequence - 1;
    const atBytes = segment.bytes;
    segment.bytes += written.length;
    this.counts.groups++;
    this.counts.bytesWritten += written.length;
    this.#lane.write({ segment: segment.name, atBytes, bytes: written }, (error) => {
      if (error !== undefined) return done(error);
      this.#syncedThrough = lastSequence;
      // Only now that the reset is durable may the segments before it be removed.
      if (resetTo !== undefined) for (const voided of this.#segments.slice(0, -1)) voided.lastIndex = 0;
      done();
    });
  }

  #encode(segment: Segment, batches: readonly Batch[], resetTo: LogPosition | undefined, isNew: boolean): Uint8Array {
    let capacity = overheadBytes * (batches.length + 1);
    for (const { entries } of batches) for (const entry of entries) capacity += entryRecordBytes(entry);
    const writer = new RecordWriter(segmentSalt(segment.firstSequence), this.#nextSequence, capacity);
    if (isNew) writeSegmentHeader(writer, this.#hardState, this.#position);
    if (resetTo !== undefined) {
      writeReset(writer, resetTo);
      this.#position = resetTo;
    }
    for (const { hardState, entries } of batches) {
      if (hardState !== undefined) {
        assert(hardState.term >= this.#hardState.term, "terms never fall");
        writeHardState(writer, hardState);
        this.#hardState = hardState;
      }
      for (const entry of entries) {
        assert(entry.index <= this.#position.index + 1, `entry ${entry.index} follows index ${this.#position.index}`);
        writeEntry(writer, entry);
        this.#position = { index: entry.index, term: entry.term };
        if (entry.index > segment.lastIndex) segment.lastIndex = entry.index;
        this.counts.entries++;
      }
    }
    writer.marker(this.#syncedThrough);
    this.#nextSequence = writer.nextSequence;
    return writer.take();
  }
}
