/**
 * Writes a base: all entries of an engine, under a temporary name, synced, then given its name.
 *
 * It goes slice by slice, the next one only when the disk has taken the one before, so that what it costs the writes
 * beside it is bounded by a slice. Entries that change meanwhile may be in it as they were before or after: every such
 * change is in the log after it, which is replayed over it.
 */

import type { Disk, DiskError } from "../../foundation/effects.ts";
import { RecordWriter, segmentSalt } from "../../foundation/wal-format.ts";
import { baseEndType, baseName, batchBytes, firstBaseSequence, temporarySuffix, writeBatch } from "./engine-records.ts";
import type { SortedEntries } from "./sorted-entries.ts";

const markerBytes = 32;

export interface BaseOptions {
  /** The first record of the log that it does not replace. */
  readonly sequence: number;
  readonly entries: SortedEntries;
  readonly sliceBytes: number;
  /** Asked before every slice. */
  readonly isAbandoned: () => boolean;
}

/**
 * @param done gets the first failure, and whether the base has its name by then (durable once the directory is synced);
 *   undefined without it: abandoned.
 */
export function writeBase(
  disk: Disk,
  { sequence, entries, sliceBytes, isAbandoned }: BaseOptions,
  done: (error: DiskError | undefined, isThere: boolean) => void,
): void {
  const name = baseName(sequence);
  const temporary = name + temporarySuffix;
  const salt = segmentSalt(firstBaseSequence(sequence));
  let next = firstBaseSequence(sequence);

  const fail = (error: DiskError | undefined): void => disk.remove(temporary, () => done(error, false));
  const slice = (from: Uint8Array): void => {
    if (isAbandoned()) return fail(undefined);
    const found = entries.scan(from, undefined, sliceBytes);
    const writer = new RecordWriter(salt, next, batchBytes(found.entries) + markerBytes);
    writeBatch(writer, found.entries);
    if (found.next === undefined) {
      writer.begin(baseEndType);
      writer.end();
    }
    next = writer.nextSequence;
    disk.append(temporary, [writer.take()], (error) => {
      if (error !== undefined) return fail(error);
      if (found.next === undefined) finish();
      else slice(found.next);
    });
  };
  const finish = (): void => {
    disk.sync(temporary, (error) => {
      if (error !== undefined) return fail(error);
      disk.rename(temporary, name, (failure) => (failure === undefined ? done(undefined, true) : fail(failure)));
    });
  };
  // A leftover of the same name would be appended to.
  disk.remove(temporary, (error) => {
    if (error !== undefined && error.code !== "NOT_FOUND") return done(error, false);
    slice(new Uint8Array());
  });
}
