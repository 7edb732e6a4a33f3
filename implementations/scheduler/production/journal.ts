/**
 * The journal of a scheduler: what must survive a crash, in the order in which it happened.
 *
 * Records that arrive while a sync is under way gather, and one write and one sync take them all: group commit. A life
 * begins a file of its own with everything it knows (`journal-recovery.ts`), and when a file has grown, another one is
 * begun in the same way: that is all compaction there is. It costs one pass over what is known, and is done when as
 * much has been written since the last time, so that its share of all writing stays bounded.
 *
 * On a full disk the journal stalls: nothing is confirmed, what was written of the group is cut off, and the group is
 * written again when there is room; its owner takes on nothing new meanwhile. Every other failure is final: nobody
 * knows what a disk holds after it, so the node has to start again.
 */

import { assert } from "../../foundation/assert.ts";
import { DiskError } from "../../foundation/effects.ts";
import type { Clock, Disk, Timer } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import { RecordWriter, segmentSalt } from "../../foundation/wal-format.ts";
import { fileName, unfinishedSuffix } from "./journal-recovery.ts";
import { encodeRecord, typeOf } from "./journal-records.ts";
import type { JournalRecord } from "./journal-records.ts";

export interface JournalOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** Runs `callback` after the current turn: what comes in together is written together. */
  readonly defer: (callback: () => void) => void;
  /** Does `work` as one turn: what became durable together is told together. */
  readonly turn: (work: () => void) => void;
  readonly compactionBytes: number;
  /** Everything that is known now, what was given to `append` included; the `life` record first. */
  readonly known: () => readonly JournalRecord[];
  readonly onFatal: (error: DiskError) => void;
}

interface Waiting {
  readonly record: JournalRecord | undefined;
  readonly durable: (() => void) | undefined;
}

/** A group may grow to this size; what is more waits for the next one. */
const groupBytes = 4 * 1024 * 1024;
/** Between two looks whether there is room again. */
const roomCheckMs: Millis = 50;

export class Journal {
  readonly #options: JournalOptions;
  #file = "";
  #salt = 0;
  #fileBytes = 0;
  #nextSequence: number;
  #syncedThrough = 0;
  /** The file is replaced when it has grown to this. */
  #compactAtBytes = 0;
  #waiting: Waiting[] = [];
  /** Goes with the next group, whenever that is. */
  #note: JournalRecord | undefined;
  /** A group or a file is being written, or a flush is about to. */
  #isBusy = true;
  #isStalled = false;
  #isEnded = false;
  #roomTimer: Timer | undefined;
  #onIdle: (() => void) | undefined;
  readonly #counts = { groups: 0, records: 0, bytes: 0, files: 0, stalls: 0 };

  constructor(options: JournalOptions, nextSequence: number) {
    this.#options = options;
    this.#nextSequence = nextSequence;
  }

  get isStalled(): boolean {
    return this.#isStalled;
  }

  get counters(): Readonly<Record<string, number>> {
    const { groups, records, bytes, files, stalls } = this.#counts;
    return {
      "journal syncs": groups + files,
      "journal records": records,
      "journal bytes": bytes,
      "journal files": files,
      "stalls on a full disk": stalls,
    };
  }

  /** Begins the first file of this life in place of `replaced`; nothing else may be called before `done`. */
  begin(replaced: readonly string[], done: (error: DiskError | undefined) => void): void {
    this.#replace(replaced, (error) => {
      if (error !== undefined) return done(error);
      this.#isBusy = false;
      done(undefined);
      this.#flushSoon();
    });
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
    this.#waiting.push({ record: undefined, durable });
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
  }

  #flushSoon(): void {
    if (this.#isBusy || this.#isEnded || this.#waiting.length === 0) return;
    this.#isBusy = true;
    this.#options.defer(() => this.#flush());
  }

  #flush(): void {
    if (this.#isEnded) return;
    if (this.#fileBytes >= this.#compactAtBytes) return this.#compact();
    const group = this.#takeGroup();
    if (group.records.length === 0) return this.#settled(group.waiting);
    if (this.#note !== undefined) group.records.push([typeOf(this.#note), encodeRecord(this.#note)]);
    this.#note = undefined;
    const writer = new RecordWriter(this.#salt, this.#nextSequence, group.bytes + 64 * (group.records.length + 2));
    for (const [type, body] of group.records) {
      writer.begin(type);
      writer.raw(body);
      writer.end();
    }
    writer.marker(this.#syncedThrough);
    this.#nextSequence = writer.nextSequence;
    this.#write(writer.take(), group);
  }

  #takeGroup(): Group {
    const records: [type: number, body: Uint8Array][] = [];
    let bytes = 0;
    let count = 0;
    for (const { record } of this.#waiting) {
      if (bytes >= groupBytes) break;
      count++;
      if (record === undefined) continue;
      const body = encodeRecord(record);
      records.push([typeOf(record), body]);
      bytes += body.length;
    }
    return { records, bytes, waiting: this.#waiting.splice(0, count) };
  }

  #write(bytes: Uint8Array, group: Group): void {
    const { disk } = this.#options;
    let failed: DiskError | undefined;
    disk.append(this.#file, [bytes], (error) => {
      failed ??= error;
    });
    disk.sync(this.#file, (error) => {
      if (this.#isEnded) return;
      failed ??= error;
      if (failed?.code === "FULL") return this.#cutOff(() => this.#write(bytes, group));
      if (failed !== undefined) return this.#options.onFatal(failed);
      this.#isStalled = false;
      this.#fileBytes += bytes.length;
      this.#syncedThrough = this.#nextSequence - 1;
      this.#counts.groups++;
      this.#counts.records += group.records.length;
      this.#counts.bytes += bytes.length;
      this.#settled(group.waiting);
    });
  }

  /** There may be part of a group at the end of the file; `again` writes it anew behind what was there before. */
  #cutOff(again: () => void): void {
    if (!this.#isStalled) this.#counts.stalls++;
    this.#isStalled = true;
    this.#options.disk.truncate(this.#file, this.#fileBytes, (error) => {
      if (this.#isEnded) return;
      if (error !== undefined && error.code !== "FULL") return this.#options.onFatal(error);
      const next = error === undefined ? again : () => this.#cutOff(again);
      this.#roomTimer = this.#options.clock.after(roomCheckMs, next);
    });
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

  /** What waits is known by now, so the new file stands for it too. */
  #compact(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#replace([this.#file], (error) => {
      if (error === undefined) return this.#settled(waiting);
      if (error.code !== "FULL") return this.#options.onFatal(error);
      // The old file goes on; it is tried again when as much has been written once more.
      this.#compactAtBytes = this.#fileBytes * 2;
      this.#waiting = [...waiting, ...this.#waiting];
      this.#flush();
    });
  }

  #replace(replaced: readonly string[], done: (error: DiskError | undefined) => void): void {
    const { disk, compactionBytes, known } = this.#options;
    const firstSequence = this.#nextSequence;
    const name = fileName(firstSequence);
    const { bytes, nextSequence } = fileOf(known(), firstSequence);
    writeWhole(disk, name, bytes, replaced, (error) => {
      if (this.#isEnded) return;
      if (error !== undefined) return done(error);
      this.#file = name;
      this.#salt = segmentSalt(firstSequence);
      this.#fileBytes = bytes.length;
      this.#compactAtBytes = Math.max(compactionBytes, 2 * bytes.length);
      this.#nextSequence = nextSequence;
      this.#syncedThrough = nextSequence - 1;
      this.#counts.files++;
      this.#counts.bytes += bytes.length;
      done(undefined);
    });
  }
}

interface Group {
  readonly records: [type: number, body: Uint8Array][];
  readonly bytes: number;
  readonly waiting: readonly Waiting[];
}

function fileOf(
  records: readonly JournalRecord[],
  firstSequence: number,
): { readonly bytes: Uint8Array; readonly nextSequence: number } {
  assert(records[0]?.kind === "life", "a file begins with the life that writes it");
  const writer = new RecordWriter(segmentSalt(firstSequence), firstSequence, 256 * (records.length + 1));
  for (const record of records) {
    writer.begin(typeOf(record));
    writer.raw(encodeRecord(record));
    writer.end();
  }
  writer.marker(firstSequence - 1);
  return { bytes: writer.take(), nextSequence: writer.nextSequence };
}

/** The file has its name only when all of it is durable; then `replaced` go. After a failure `name` does not exist. */
function writeWhole(
  disk: Disk,
  name: string,
  bytes: Uint8Array,
  replaced: readonly string[],
  done: (error: DiskError | undefined) => void,
): void {
  const unfinished = `${name}${unfinishedSuffix}`;
  let failed: DiskError | undefined;
  const note = (error: DiskError | undefined): void => {
    failed ??= error;
  };
  // Left over from an attempt that failed; what is written now would be added to it.
  const clear = (then: () => void): void => {
    disk.remove(unfinished, (error) => (error === undefined || error.code === "NOT_FOUND" ? then() : done(error)));
  };
  clear(() => {
    disk.append(unfinished, [bytes], note);
    disk.sync(unfinished, (error) => {
      note(error);
      if (failed !== undefined) return clear(() => done(failed));
      disk.rename(unfinished, name, note);
      disk.syncDirectory((directoryError) => {
        note(directoryError);
        // It may have its name already, and would stand for records that only the old file has: not to be gone on with.
        if (failed !== undefined) return done(new DiskError("IO", failed.message, { cause: failed }));
        removeAll(
          disk,
          replaced.filter((other) => other !== name && other !== unfinished),
          done,
        );
      });
    });
  });
}

/** A file that stays behind is an older one: harmless, and removed by the next life. A lost removal likewise. */
function removeAll(disk: Disk, names: readonly string[], done: (error: DiskError | undefined) => void): void {
  const [name, ...rest] = names;
  if (name === undefined) return done(undefined);
  disk.remove(name, () => removeAll(disk, rest, done));
}
