/**
 * Reads what earlier lives left on the disk: the newest snapshot of the journal and the log behind it.
 *
 * A snapshot gets its name only when all of it is synced, and so is what it builds on, so the newest one is all that
 * counts: what is older is left over from a removal that a crash cut short, and a file without a final name from a
 * beginning. A torn end of the log was never confirmed and is passed over; the new life begins with a snapshot of its
 * own in any case, so that what was read becomes durable, which after a crash of the process nobody knows of the log's
 * end (Rebello et al. 2020, "Can applications recover from fsync failures?"). Damage is refused: somebody was told that
 * it is kept.
 *
 * Files are numbered by the records of the log. A snapshot takes the place of one record, and the segment of the log
 * behind it begins with the next one, also if the snapshot was never completed: so no name is ever used again, and a
 * segment that is missing is seen to be.
 */

import type { Completion, Disk, DiskError } from "../../foundation/effects.ts";
import { scanSegment } from "../../foundation/wal-format.ts";
import type { SegmentEnd } from "../../foundation/wal-format.ts";
import { decodeRecord, JournalState, UnknownRecord } from "./journal-records.ts";

const segmentSuffix = ".journal";
const snapshotSuffix = ".snapshot";
/** Of the one snapshot that is being written. */
export const unfinishedName = "snapshot.unfinished";
/** A read error may pass; after this many it does not. */
const readAttempts = 5;

const afterLoss =
  "the node's disk lost tasks or ends that it had confirmed: restore the file from a copy, or give the node an empty " +
  "directory and submit again what is missing";
const afterAnotherProgram =
  "another version of the scheduler has written it: start that one, and let it end its tasks before this one begins " +
  "with an empty directory";

/** Stored data that had been confirmed is missing, altered or unintelligible. Restarting does not help. */
export class JournalDamage extends Error {
  override readonly name = "JournalDamage";

  constructor(node: string, file: string, what: string, remedy = afterLoss) {
    super(`Cannot recover ${node}: ${file}: ${what}; ${remedy}`);
  }
}

export interface RecoveredJournal {
  readonly state: JournalState;
  /** All there is on the disk, to be removed once a snapshot stands for it. */
  readonly files: readonly string[];
  /** Higher than those of all files and records. */
  readonly nextSequence: number;
  readonly isEmpty: boolean;
  /** What was passed over, in words. */
  readonly repairs: readonly string[];
}

/** Names sort as their numbers do. */
const numbered = (sequence: number): string => String(sequence).padStart(16, "0");
export const segmentName = (firstSequence: number): string => numbered(firstSequence) + segmentSuffix;
export const snapshotName = (sequence: number): string => numbered(sequence) + snapshotSuffix;
const isSegment = (name: string): boolean => name.endsWith(segmentSuffix);
const isSnapshot = (name: string): boolean => name.endsWith(snapshotSuffix);

export function recoverJournal(
  disk: Disk,
  node: string,
  done: (error: JournalDamage | DiskError | undefined, recovered?: RecoveredJournal) => void,
): void {
  retrying<readonly string[]>(
    (completion) => disk.list(completion),
    done,
    (names) => {
      const files = names.filter((name) => isSegment(name) || isSnapshot(name));
      const newest = files.findLast(isSnapshot);
      const first = newest ?? files[0];
      if (first === undefined) {
        return done(undefined, { state: new JournalState(), files, nextSequence: 1, isEmpty: true, repairs: [] });
      }
      const replay = new Replay(node, first);
      const log = files.filter((name) => isSegment(name) && name > first);
      readAll(disk, [first, ...log], replay, (error) => {
        if (error !== undefined) return done(error);
        const { state, nextSequence, repairs } = replay;
        done(undefined, { state, files, nextSequence, isEmpty: false, repairs });
      });
    },
  );
}

function readAll(
  disk: Disk,
  [name, ...rest]: readonly string[],
  replay: Replay,
  done: (error: JournalDamage | DiskError | undefined) => void,
): void {
  if (name === undefined) return done(replay.finish());
  retrying<Uint8Array>(
    (completion) => disk.read(name, completion),
    done,
    (bytes) => {
      const damage = replay.read(name, bytes, rest.length === 0);
      if (damage !== undefined) done(damage);
      else readAll(disk, rest, replay, done);
    },
  );
}

/** Applies one file after the other. */
class Replay {
  readonly state = new JournalState();
  readonly repairs: string[] = [];
  nextSequence: number;
  readonly #node: string;
  readonly #snapshot: string;
  /** The last record that is there. */
  #last = 0;

  constructor(node: string, snapshot: string) {
    this.#node = node;
    this.#snapshot = snapshot;
    this.nextSequence = sequenceOf(snapshot);
  }

  read(file: string, bytes: Uint8Array, isLast: boolean): JournalDamage | undefined {
    const firstSequence = sequenceOf(file);
    const { end, nextSequence, unknown } = this.#apply(firstSequence, bytes);
    if (unknown !== undefined) {
      return new JournalDamage(this.#node, file, `it has ${unknown.message}`, afterAnotherProgram);
    }
    if (!isSnapshot(this.#snapshot)) return this.#damage(file, "the snapshot that goes before it is gone");
    if (firstSequence !== this.nextSequence) {
      return this.#damage(file, `the segment of the log that begins with record ${this.nextSequence} is gone`);
    }
    if (end.kind === "damaged" || (end.kind === "torn" && (isSnapshot(file) || !isLast))) {
      const { offset, found } = end;
      return this.#damage(file, `damaged at byte ${offset}: expected record ${nextSequence}, found ${found}`);
    }
    if (end.kind === "torn") {
      const tornBytes = bytes.length - end.offset;
      this.repairs.push(`left out a torn write at the end of ${file}: ${tornBytes} bytes from byte ${end.offset} on`);
    }
    this.#last = isSnapshot(file) ? firstSequence : nextSequence - 1;
    // The number between two segments is that of a snapshot, complete or not.
    this.nextSequence = this.#last + (isSnapshot(file) ? 1 : 2);
    return undefined;
  }

  /** Whether the snapshot has all it began with, and the log all that the snapshot builds on. */
  finish(): JournalDamage | undefined {
    const { through } = this.state;
    if (through === undefined) return this.#damage(this.#snapshot, "damaged: records at its end are gone");
    if (through <= this.#last) return undefined;
    return this.#damage(this.#snapshot, `the log has records up to ${this.#last}, and it builds on ${through}`);
  }

  #apply(firstSequence: number, bytes: Uint8Array): Applied {
    let unknown: UnknownRecord | undefined;
    const { end, nextSequence } = scanSegment(bytes, firstSequence, (_type, view, bodyStart, bodyEnd, sequence) => {
      if (unknown !== undefined) return;
      const body = new Uint8Array(view.buffer, view.byteOffset + bodyStart, bodyEnd - bodyStart);
      try {
        const record = decodeRecord(body, sequence === firstSequence);
        if (isSnapshot(this.#snapshot) && firstSequence === this.nextSequence) this.state.apply(record, sequence);
      } catch (error) {
        if (!(error instanceof UnknownRecord)) throw error;
        unknown = error;
      }
    });
    return { end, nextSequence, unknown };
  }

  #damage(file: string, what: string): JournalDamage {
    return new JournalDamage(this.#node, file, what);
  }
}

interface Applied {
  readonly end: SegmentEnd;
  readonly nextSequence: number;
  readonly unknown: UnknownRecord | undefined;
}

const sequenceOf = (file: string): number => Number.parseInt(file, 10);

function retrying<T>(
  operation: (completion: Completion<T>) => void,
  failed: (error: DiskError) => void,
  then: (value: T) => void,
  attempt = 1,
): void {
  operation((error, value) => {
    if (error === undefined) return then(value);
    if (error.code === "IO" && attempt < readAttempts) return retrying(operation, failed, then, attempt + 1);
    failed(error);
  });
}
