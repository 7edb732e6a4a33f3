/**
 * The journal of a scheduler: what must survive a crash, in the order in which it happened.
 *
 * Records that arrive while a sync is under way gather, and one write and one sync take them all: group commit. They
 * go to the end of the log. A life begins with a snapshot of everything it knows and an empty log; when the log has
 * grown, it goes on in another segment, and a snapshot of what was known there is written beside it, in slices
 * (`journal-snapshot.ts`). When that is durable, older files go. So a crash finds the old snapshot and all of the log,
 * or the new one and the log behind it, and nothing ever waits for a snapshot. It is thought of when as much has been
 * written since the last one as that one has, so its share of all writing stays bounded.
 *
 * On a full disk the journal stalls: nothing is confirmed, what was written of the group is cut off, and the group is
 * written again when there is room; its owner takes on nothing new meanwhile. A snapshot for which there is no room is
 * given up, which makes some. Every other failure is final: nobody knows what a disk holds after it, so the node has to
 * start again.
 *
 * @see Ongaro & Ousterhout 2014, section 7: a snapshot and the log behind it.
 */

import type { Clock, Disk, DiskError, Timer } from "../../foundation/effects.ts";
import { LogLane } from "../../foundation/log-lane.ts";
import type { Millis } from "../../foundation/units.ts";
import { RecordWriter, segmentSalt } from "../../foundation/wal-format.ts";
import { segmentName, snapshotName } from "./journal-recovery.ts";
import { encodeRecord, typeOf } from "./journal-records.ts";
import type { JournalRecord } from "./journal-records.ts";
import { SnapshotWriter } from "./journal-snapshot.ts";

export interface JournalOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** Runs `callback` after the current turn: what comes in together is written together. */
  readonly defer: (callback: () => void) => void;
  /** Does `work` as one turn: what became durable together is told together. */
  readonly turn: (work: () => void) => void;
  readonly life: number;
  /** What is written before a snapshot is thought of. */
  readonly compactionBytes: number;
  /** The most records of a snapshot that are encoded in one turn. */
  readonly sliceRecords: number;
  /** Begins to tell everything that is known now, what was given to `append` included (`journal-capture.ts`). */
  readonly capture: () => Iterator<JournalRecord>;
  readonly onFatal: (error: DiskError) => void;
}

interface Waiting {
  readonly record?: JournalRecord;
  readonly durable?: (() => void) | undefined;
  /** Everything before this is what the records tell: another segment begins here. */
  readonly captured?: Iterator<JournalRecord>;
}

interface Group {
  readonly records: [type: number, body: Uint8Array][];
  readonly bytes: number;
  readonly waiting: readonly Waiting[];
}

/** A group may grow to this size; what is more waits for the next one. */
const groupBytes = 4 * 1024 * 1024;
/** Between two looks whether there is room again. */
const roomCheckMs: Millis = 50;

export class Journal {
  readonly #options: JournalOptions;
  readonly #lane: LogLane;
  #segment = { name: "", salt: 0, bytes: 0 };
  #nextSequence: number;
  #syncedThrough: number;
  /** To go when a later snapshot is complete. */
  #files: readonly string[] = [];
  /** Of the log that the last snapshot does not stand for. */
  #logBytes = 0;
  /** The next snapshot is begun when the log has grown to this. */
  #compactAtBytes = 0;
  /** From the decision to its end. */
  #isCompacting = false;
  #snapshot: SnapshotWriter | undefined;
  readonly #waiting: Waiting[] = [];
  /** Goes with the next group, whenever that is. */
  #note: JournalRecord | undefined;
  /** A group is being written, or a flush is about to. */
  #isBusy = false;
  #isStalled = false;
  #isEnded = false;
  #roomTimer: Timer | undefined;
  #onIdle: (() => void) | undefined;
  readonly #counts = { syncs: 0, records: 0, bytes: 0, snapshots: 0, abandoned: 0, stalls: 0 };

  constructor(options: JournalOptions, nextSequence: number) {
    this.#options = options;
    this.#lane = new LogLane(options.disk, (error) => this.#stall(error));
    this.#nextSequence = nextSequence;
    this.#syncedThrough = nextSequence - 1;
  }

  get isStalled(): boolean {
    return this.#isStalled;
  }

  get counters(): Readonly<Record<string, number>> {
    const { syncs, records, bytes, snapshots, abandoned, stalls } = this.#counts;
    return {
      "journal syncs": syncs,
      "journal records": records,
      "journal bytes": bytes,
      "journal snapshots": snapshots,
      "journal snapshots given up": abandoned,
      "stalls on a full disk": stalls,
    };
  }

  /** Begins this life with a snapshot in place of `files`; nothing else may be called before `done`. */
  begin(files: readonly string[], done: (error: DiskError | undefined) => void): void {
    this.#files = files;
    this.#isCompacting = true;
    this.#compact(this.#options.capture(), done);
  }

  /** @param durable is called once the record, and with it all before it, will survive whatever happens. */
  append(record: JournalRecord, durable?: () => void): void {
    this.#waiting.push({ record, durable });
    this.#flushSoon();
  }

  /** Adds `record` to the next group without asking for one; a later note takes its place until then. */
  note(record: JournalRecord): void {
    this.#note = record;
  }

  /** Calls `durable` once everything so far is. */
  afterAll(durable: () => void): void {
    this.#waiting.push({ durable });
    this.#flushSoon();
  }

  /** Calls `done` once nothing waits any more. */
  drain(done: () => void): void {
    if (!this.#isBusy && this.#waiting.length === 0) return done();
    this.#onIdle = done;
  }

  end(): void {
    this.#isEnded = true;
    this.#roomTimer?.cancel();
    this.#snapshot?.end();
  }

  #flushSoon(): void {
    if (this.#isBusy || this.#isEnded || this.#waiting.length === 0) return;
    this.#isBusy = true;
    this.#options.defer(() => this.#flush());
  }

  #flush(): void {
    if (this.#isEnded) return;
    if (!this.#isCompacting && this.#logBytes >= this.#compactAtBytes) {
      this.#isCompacting = true;
      this.#waiting.push({ captured: this.#options.capture() });
    }
    const captured = this.#waiting[0]?.captured;
    if (captured !== undefined) {
      this.#waiting.shift();
      this.#compact(captured, (error) => this.#compacted(error));
    }
    const group = this.#takeGroup();
    if (group.records.length === 0) return this.#settled(group.waiting);
    this.#write(this.#encode(group), group);
  }

  #takeGroup(): Group {
    const records: [type: number, body: Uint8Array][] = [];
    let bytes = 0;
    let count = 0;
    for (const { record, captured } of this.#waiting) {
      if (bytes >= groupBytes || captured !== undefined) break;
      count++;
      if (record === undefined) continue;
      const body = encodeRecord(record);
      records.push([typeOf(record), body]);
      bytes += body.length;
    }
    return { records, bytes, waiting: this.#waiting.splice(0, count) };
  }

  #encode({ records, bytes }: Group): Uint8Array {
    const { salt, bytes: segmentBytes } = this.#segment;
    const writer = new RecordWriter(salt, this.#nextSequence, bytes + 64 * (records.length + 3));
    const write = (type: number, body: Uint8Array): void => {
      writer.begin(type);
      writer.raw(body);
      writer.end();
    };
    const writeRecord = (record: JournalRecord): void => write(typeOf(record), encodeRecord(record));
    if (segmentBytes === 0) writeRecord({ kind: "segment", life: this.#options.life });
    for (const [type, body] of records) write(type, body);
    if (this.#note !== undefined) writeRecord(this.#note);
    this.#note = undefined;
    writer.marker(this.#syncedThrough);
    this.#nextSequence = writer.nextSequence;
    return writer.take();
  }

  #write(bytes: Uint8Array, group: Group): void {
    const segment = this.#segment;
    this.#lane.write({ segment: segment.name, atBytes: segment.bytes, bytes }, (error) => {
      if (this.#isEnded) return;
      if (error !== undefined) return this.#options.onFatal(error);
      this.#isStalled = false;
      segment.bytes += bytes.length;
      this.#logBytes += bytes.length;
      this.#syncedThrough = this.#nextSequence - 1;
      this.#counts.syncs++;
      this.#counts.records += group.records.length;
      this.#counts.bytes += bytes.length;
      this.#settled(group.waiting);
    });
  }

  #stall(error: DiskError): void {
    if (this.#isEnded) return;
    if (!this.#isStalled) this.#counts.stalls++;
    this.#isStalled = true;
    this.#snapshot?.abandon(error);
    this.#roomTimer = this.#options.clock.after(roomCheckMs, () => this.#lane.retry());
  }

  #settled(waiting: readonly Waiting[]): void {
    this.#options.turn(() => {
      for (const { durable } of waiting) if (!this.#isEnded) durable?.();
    });
    if (this.#isEnded) return;
    this.#isBusy = false;
    if (this.#waiting.length > 0) return this.#flushSoon();
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }

  /** Everything so far is durable. What comes goes into another segment, and `captured` into the snapshot before it. */
  #compact(captured: Iterator<JournalRecord>, done: (error: DiskError | undefined) => void): void {
    const { disk, defer, sliceRecords, compactionBytes } = this.#options;
    const sequence = this.#nextSequence++;
    const segment = { name: segmentName(sequence + 1), salt: segmentSalt(sequence + 1), bytes: 0 };
    const replaced = this.#files;
    const replacedBytes = this.#logBytes;
    this.#segment = segment;
    this.#files = [snapshotName(sequence), segment.name];
    const whenDurable = (then: (through: number) => void): void => this.afterAll(() => then(this.#syncedThrough));
    const snapshot = new SnapshotWriter({ disk, defer, sequence, records: captured, sliceRecords, whenDurable });
    this.#snapshot = snapshot;
    const finish = (error: DiskError | undefined): void => {
      if (this.#isEnded) return;
      this.#isCompacting = false;
      done(error);
    };
    snapshot.write((error) => {
      const { syncs, bytes } = snapshot.counts;
      this.#snapshot = undefined;
      this.#counts.syncs += syncs;
      this.#counts.bytes += bytes;
      if (error !== undefined) {
        this.#files = [...replaced, ...this.#files];
        return finish(error);
      }
      this.#counts.snapshots++;
      this.#logBytes -= replacedBytes;
      this.#compactAtBytes = Math.max(compactionBytes, bytes);
      removeAll(disk, replaced, () => finish(undefined));
    });
  }

  /** The log goes on as it is; it is tried again when as much has been written once more. */
  #compacted(error: DiskError | undefined): void {
    if (error === undefined) return;
    if (error.code !== "FULL") return this.#options.onFatal(error);
    this.#counts.abandoned++;
    this.#compactAtBytes = 2 * this.#logBytes;
  }
}

/** A file that stays behind is an older one: harmless, and removed by the next life. A lost removal likewise. */
function removeAll(disk: Disk, names: readonly string[], done: () => void): void {
  const [name, ...rest] = names;
  if (name === undefined) return done();
  disk.remove(name, () => removeAll(disk, rest, done));
}
