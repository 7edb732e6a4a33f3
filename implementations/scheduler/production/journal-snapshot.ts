/**
 * Writes a snapshot of the journal in slices, beside the log: a bounded number of records in one turn.
 *
 * A slice is encoded when the disk has taken the last one, so that one of them is in memory at a time, and the log's
 * own writes pass in between; what was written is synced every now and then, so that no sync of the log waits for all
 * of it. What the snapshot tells may be the work of records that are not durable yet. So it is closed only when they
 * are (the write-ahead rule), by a record that names the last of them, and has its name only when it is closed and
 * synced. Under its name it is whole, and one that does not check out is damaged.
 *
 * Whatever becomes of it, the log stays as it is: a snapshot that fails is not there.
 *
 * @see Mohan et al. 1992, "ARIES", section 5.4; Ongaro & Ousterhout 2014, section 7, for a snapshot beside its log.
 */

import type { Disk, DiskError } from "../../foundation/effects.ts";
import { recordHeaderBytes, RecordWriter, segmentSalt } from "../../foundation/wal-format.ts";
import { snapshotName, unfinishedName } from "./journal-recovery.ts";
import { encodeRecord, typeOf } from "./journal-records.ts";
import type { JournalRecord } from "./journal-records.ts";

export interface SnapshotOptions {
  readonly disk: Disk;
  readonly defer: (callback: () => void) => void;
  /** Stands for all records of the log before this one, and takes its place. */
  readonly sequence: number;
  readonly records: Iterator<JournalRecord>;
  /** The most records of a slice. */
  readonly sliceRecords: number;
  /** Calls `then` once everything that has happened so far is durable, up to the record `through` of the log. */
  readonly whenDurable: (then: (through: number) => void) => void;
}

interface Encoded {
  readonly type: number;
  readonly body: Uint8Array;
}

/** A slice ends with the record that reaches this size. */
const sliceBytes = 64 * 1024;
const syncEveryBytes = 1024 * 1024;

type Done = (error: DiskError | undefined) => void;

export class SnapshotWriter {
  readonly #options: SnapshotOptions;
  readonly #salt: number;
  #done: Done = () => undefined;
  #nextSequence: number;
  #unsyncedBytes = 0;
  /** All is told, and waits for the log. */
  #isWaiting = false;
  #obstacle: DiskError | undefined;
  #isEnded = false;
  readonly counts = { bytes: 0, syncs: 0 };

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#salt = segmentSalt(options.sequence);
    this.#nextSequence = options.sequence;
  }

  /** @param done is told that the snapshot is durable, or why it is not there. */
  write(done: Done): void {
    this.#done = done;
    this.#clear(() => this.#next());
  }

  /** Gives up as soon as nothing is under way, and makes room, unless it is all but done. */
  abandon(obstacle: DiskError): void {
    this.#obstacle ??= obstacle;
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#fail(obstacle);
  }

  /** Nothing more is written or called. */
  end(): void {
    this.#isEnded = true;
  }

  /** Removes what an attempt has left that failed: what is written now would be added to it. */
  #clear(then: () => void): void {
    this.#options.disk.remove(unfinishedName, (error) => {
      if (this.#isEnded) return;
      if (error === undefined || error.code === "NOT_FOUND") then();
      else this.#done(error);
    });
  }

  #next(): void {
    this.#options.defer(() => this.#check(undefined, () => this.#writeSlice()));
  }

  #writeSlice(): void {
    const { records, sliceRecords, whenDurable } = this.#options;
    const slice: Encoded[] = [];
    let bytes = 0;
    while (slice.length < sliceRecords && bytes < sliceBytes) {
      const { value, done } = records.next();
      if (done === true) break;
      const encoded = encodedOf(value);
      slice.push(encoded);
      bytes += encoded.body.length;
    }
    if (slice.length > 0) return this.#append(slice, () => this.#next());
    this.#isWaiting = true;
    whenDurable((through) => {
      if (this.#isEnded || !this.#isWaiting) return;
      this.#isWaiting = false;
      const end = encodedOf({ kind: "complete", through });
      this.#append([end], () => this.#sync(() => this.#giveName()));
    });
  }

  #giveName(): void {
    const { disk, sequence } = this.#options;
    let failed: DiskError | undefined;
    disk.rename(unfinishedName, snapshotName(sequence), (error) => {
      failed = error;
    });
    disk.syncDirectory((error) => {
      if (this.#isEnded) return;
      failed ??= error;
      // Should the name last all the same, no harm is done: it is that of a whole snapshot.
      if (failed === undefined) this.#done(undefined);
      else this.#fail(failed);
    });
  }

  #append(slice: readonly Encoded[], then: () => void): void {
    // No more than it takes: until the next sync it may be kept.
    const capacityBytes = slice.reduce((sum, { body }) => sum + recordHeaderBytes + body.length, 0);
    const writer = new RecordWriter(this.#salt, this.#nextSequence, capacityBytes);
    for (const { type, body } of slice) {
      writer.begin(type);
      writer.raw(body);
      writer.end();
    }
    this.#nextSequence = writer.nextSequence;
    const bytes = writer.take();
    this.counts.bytes += bytes.length;
    this.#unsyncedBytes += bytes.length;
    this.#options.disk.append(unfinishedName, [bytes], (error) => {
      this.#check(error, this.#unsyncedBytes < syncEveryBytes ? then : () => this.#sync(then));
    });
  }

  #sync(then: () => void): void {
    this.#unsyncedBytes = 0;
    this.counts.syncs++;
    this.#options.disk.sync(unfinishedName, (error) => this.#check(error, then));
  }

  #check(error: DiskError | undefined, then: () => void): void {
    if (this.#isEnded) return;
    const failure = error ?? this.#obstacle;
    if (failure === undefined) then();
    else this.#fail(failure);
  }

  #fail(error: DiskError): void {
    this.#clear(() => this.#done(error));
  }
}

function encodedOf(record: JournalRecord): Encoded {
  return { type: typeOf(record), body: encodeRecord(record) };
}
