/**
 * The log of a simulated engine: groups of batches, each written and synced as one, to segments one after the other.
 *
 * After a failed append, what was written in part is cut off, and the group tried again. After a failed sync nobody
 * knows what of the unsynced part the disk will ever hold, and a second sync of the same file proves nothing: the group
 * goes to a new segment, whose name says with which record it begins, and whatever the one before holds from that
 * record on is void. A group that is given up is cut off durably before anybody is told; where not even that can be
 * done, the log says CLOSED, and only another recovery can tell what is there.
 *
 * @see Rebello et al. 2020, "Can applications recover from fsync failures?", section 5.
 */

import type { Disk, DiskError } from "../../foundation/effects.ts";
import type { EngineErrorCode } from "../../foundation/engine-error.ts";
import { RecordWriter, segmentSalt } from "../../foundation/wal-format.ts";
import type { EngineWrite } from "../../storage/engine.ts";
import { batchBytes, segmentName, writeBatch } from "./engine-records.ts";
import type { SegmentName } from "./engine-records.ts";

const attempts = 5;
/** Room for the marker that closes a group. */
const markerBytes = 32;

export interface Segment extends SegmentName {
  /** Up to here it is synced. */
  readonly bytes: number;
}

export interface LogFailure {
  readonly code: EngineErrorCode;
  readonly cause: DiskError;
}

type Batch = readonly EngineWrite[];
type Done = (failure: LogFailure | undefined) => void;

export class EngineLog {
  readonly #disk: Disk;
  readonly #segmentBytes: number;
  #names: SegmentName[];
  /** Where the next group goes; undefined: to a new segment. */
  #segment: Segment | undefined;
  #syncedThrough: number;
  #lastAttempt: number;
  /** Segments that hold something of a group which is not synced; void as soon as a later segment is there. */
  #leftovers: Segment[] = [];
  readonly counts = { groups: 0, batches: 0, bytes: 0, retries: 0 };

  /** @param segments what there is, in order; the next group goes to the last, unless that is full. */
  constructor(disk: Disk, segmentBytes: number, segments: readonly Segment[], nextSequence: number) {
    this.#disk = disk;
    this.#segmentBytes = segmentBytes;
    this.#names = [...segments];
    this.#segment = segments.at(-1);
    this.#syncedThrough = nextSequence - 1;
    this.#lastAttempt = segments.reduce((last, { attempt }) => Math.max(last, attempt), 0);
  }

  /** The number of the next record. */
  get nextSequence(): number {
    return this.#syncedThrough + 1;
  }

  get segmentCount(): number {
    return this.#names.length;
  }

  /** The next group begins a segment, so that the log can be cut before it. */
  roll(): void {
    this.#segment = undefined;
  }

  /** Forgets the segments that begin before record `sequence`; returns their names, oldest first. */
  takeBefore(sequence: number): string[] {
    const taken = this.#names.filter(({ firstSequence }) => firstSequence < sequence);
    this.#names = this.#names.filter(({ firstSequence }) => firstSequence >= sequence);
    return taken.map(({ name }) => name);
  }

  /** Makes `batches` durable, all or none; one call at a time. */
  write(batches: readonly Batch[], done: Done): void {
    this.#try(batches, 1, done);
  }

  #try(batches: readonly Batch[], attempt: number, done: Done): void {
    const segment = this.#segmentForNext();
    const { bytes, lastSequence } = this.#encode(segment, batches);
    const isNew = segment.bytes === 0;
    const failures: DiskError[] = [];
    let isTrusted = true;
    this.#disk.append(segment.name, [bytes], (error) => note(failures, error));
    const finish = (): void => {
      const [failure] = failures;
      if (failure === undefined) return this.#succeed(segment, bytes.length, lastSequence, batches.length, done);
      this.#cut(segment, isTrusted, () => this.#afterFailure(batches, attempt, worst(failures, failure), done));
    };
    this.#disk.sync(segment.name, (error) => {
      // A file that could not be begun is not found: that is no failure of its own.
      if (error !== undefined && error.code !== "NOT_FOUND") isTrusted = false;
      note(failures, error);
      if (!isNew) finish();
    });
    if (!isNew) return;
    this.#disk.syncDirectory((error) => {
      note(failures, error);
      finish();
    });
  }

  #segmentForNext(): Segment {
    const current = this.#segment;
    if (current !== undefined && current.bytes < this.#segmentBytes) return current;
    const segment = { ...segmentName(this.nextSequence, ++this.#lastAttempt), bytes: 0 };
    this.#names.push(segment);
    return segment;
  }

  #encode(segment: Segment, batches: readonly Batch[]): { readonly bytes: Uint8Array; readonly lastSequence: number } {
    const capacity = batches.reduce((sum, batch) => sum + batchBytes(batch), markerBytes);
    const writer = new RecordWriter(segmentSalt(segment.firstSequence), this.nextSequence, capacity);
    for (const batch of batches) writeBatch(writer, batch);
    writer.marker(this.#syncedThrough);
    return { bytes: writer.take(), lastSequence: writer.nextSequence - 1 };
  }

  #succeed(segment: Segment, bytes: number, lastSequence: number, batches: number, done: Done): void {
    this.#segment = { ...segment, bytes: segment.bytes + bytes };
    this.#syncedThrough = lastSequence;
    this.#leftovers = [];
    this.counts.groups++;
    this.counts.batches += batches;
    this.counts.bytes += bytes;
    done(undefined);
  }

  #afterFailure(batches: readonly Batch[], attempt: number, failure: DiskError, done: Done): void {
    if (failure.code === "IO" && attempt < attempts) {
      this.counts.retries++;
      return this.#try(batches, attempt + 1, done);
    }
    this.#giveUp(failure, 1, done);
  }

  #giveUp(cause: DiskError, round: number, done: Done): void {
    const [leftover] = this.#leftovers;
    if (leftover === undefined) return done({ code: cause.code === "NOT_FOUND" ? "IO" : cause.code, cause });
    if (round > attempts || cause.code === "CLOSED") return done({ code: "CLOSED", cause });
    this.#leftovers = this.#leftovers.slice(1);
    this.#cut(leftover, false, (isCut) => this.#giveUp(cause, isCut ? round : round + 1, done));
  }

  /** Takes from `segment` what is not synced, durably, or remembers that it is still there. */
  #cut(segment: Segment, isTrusted: boolean, then: (isCut: boolean) => void): void {
    const { name, bytes } = segment;
    let isCut = true;
    const step = (error: DiskError | undefined): void => {
      if (error !== undefined && error.code !== "NOT_FOUND") isCut = false;
    };
    const finish = (error: DiskError | undefined): void => {
      step(error);
      if (!isCut) this.#leftovers.push(segment);
      else if (bytes === 0) this.#names = this.#names.filter((other) => other.name !== name);
      if (bytes === 0 || !isCut || !isTrusted) this.#segment = undefined;
      then(isCut);
    };
    if (bytes === 0) {
      this.#disk.remove(name, step);
      this.#disk.syncDirectory(finish);
    } else {
      this.#disk.truncate(name, bytes, step);
      this.#disk.sync(name, finish);
    }
  }
}

function note(failures: DiskError[], error: DiskError | undefined): void {
  if (error !== undefined) failures.push(error);
}

/** What to tell of several failures: that there is no room explains the others. */
function worst(failures: readonly DiskError[], first: DiskError): DiskError {
  return failures.find(({ code }) => code === "FULL") ?? failures.find(({ code }) => code === "CLOSED") ?? first;
}
