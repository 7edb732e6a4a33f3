/**
 * Reads what earlier lives left on the disk: the newest file of the journal, whole.
 *
 * A file gets its name only when everything that was known is in it and synced, so the newest one is all that counts:
 * older ones are left over from a removal that a crash cut short, and files without their final name from a beginning.
 * A torn end was never confirmed and is passed over; the new life begins a file of its own in any case, so that what
 * was read becomes durable, which after a crash of the process nobody knows of the old file's end (Rebello et al. 2020,
 * "Can applications recover from fsync failures?"). Damage is refused: somebody was told that it is kept.
 */

import type { Completion, Disk, DiskError } from "../../foundation/effects.ts";
import { scanSegment } from "../../foundation/wal-format.ts";
import { decodeRecord, JournalState, UnknownRecord } from "./journal-records.ts";

export const fileSuffix = ".journal";
export const unfinishedSuffix = ".unfinished";
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
  /** All there is on the disk, to be removed once another file stands for it. */
  readonly files: readonly string[];
  readonly nextSequence: number;
  readonly isEmpty: boolean;
  /** What was passed over, in words. */
  readonly repairs: readonly string[];
}

/** Names sort as their numbers do. */
export const fileName = (firstSequence: number): string => `${String(firstSequence).padStart(16, "0")}${fileSuffix}`;

export function recoverJournal(
  disk: Disk,
  node: string,
  done: (error: JournalDamage | DiskError | undefined, recovered?: RecoveredJournal) => void,
): void {
  retrying<readonly string[]>(
    (completion) => disk.list(completion),
    done,
    (names) => {
      const files = names.filter((name) => name.endsWith(fileSuffix) || name.endsWith(unfinishedSuffix));
      const newest = names.findLast((name) => name.endsWith(fileSuffix));
      if (newest === undefined) {
        return done(undefined, { state: new JournalState(), files, nextSequence: 1, isEmpty: true, repairs: [] });
      }
      retrying<Uint8Array>(
        (completion) => disk.read(newest, completion),
        done,
        (bytes) => {
          const read = replay(node, newest, bytes);
          if (read instanceof JournalDamage) done(read);
          else done(undefined, { ...read, files, isEmpty: false });
        },
      );
    },
  );
}

function replay(
  node: string,
  file: string,
  bytes: Uint8Array,
): JournalDamage | Pick<RecoveredJournal, "state" | "nextSequence" | "repairs"> {
  const state = new JournalState();
  const firstSequence = Number(file.slice(0, -fileSuffix.length));
  let unknown: UnknownRecord | undefined;
  const { end, nextSequence } = scanSegment(bytes, firstSequence, (_type, view, bodyStart, bodyEnd, sequence) => {
    if (unknown !== undefined) return;
    const body = new Uint8Array(view.buffer, view.byteOffset + bodyStart, bodyEnd - bodyStart);
    try {
      state.apply(decodeRecord(body, sequence === firstSequence));
    } catch (error) {
      if (!(error instanceof UnknownRecord)) throw error;
      unknown = error;
    }
  });
  if (unknown !== undefined) return new JournalDamage(node, file, `it has ${unknown.message}`, afterAnotherProgram);
  if (end.kind === "damaged") {
    return new JournalDamage(
      node,
      file,
      `damaged at byte ${end.offset}: expected record ${nextSequence}, found ${end.found}`,
    );
  }
  if (state.life === 0 || state.missing > 0) {
    return new JournalDamage(
      node,
      file,
      `damaged: ${Math.max(1, state.missing)} of the records it began with are gone`,
    );
  }
  const repairs =
    end.kind === "torn"
      ? [`left out a torn write at the end of ${file}: ${bytes.length - end.offset} bytes from byte ${end.offset} on`]
      : [];
  return { state, nextSequence, repairs };
}

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
