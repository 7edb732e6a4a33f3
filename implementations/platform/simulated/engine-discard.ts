/**
 * Throws away what an engine left on a disk, so that no crash in between leaves a part of it to be taken for the whole:
 * an older part would have forgotten what the node promised.
 *
 * One file takes a name that says so, which needs no room; then all others go, and that one last. Whoever opens a disk
 * finishes this first.
 */

import type { Completion, Disk, DiskError } from "../../foundation/effects.ts";

const discardedName = "discarded";

type Done = (error: DiskError | undefined) => void;

/** Errors: FULL, IO, CLOSED of the disk; begin again then. */
export function discardEngine(disk: Disk, done: Done): void {
  listed(disk, done, (names) => {
    const [first] = names;
    if (first === undefined) return done(undefined);
    if (names.includes(discardedName)) return removeAll(disk, names, done);
    step<void>(
      (completion) => disk.rename(first, discardedName, completion),
      done,
      () =>
        step<void>(
          (completion) => disk.syncDirectory(completion),
          done,
          () => discardEngine(disk, done),
        ),
    );
  });
}

/** Goes on with what a crash interrupted; nothing otherwise. Errors as above. */
export function finishDiscarding(disk: Disk, done: Done): void {
  listed(disk, done, (names) => (names.includes(discardedName) ? removeAll(disk, names, done) : done(undefined)));
}

/** The one that says that there is nothing goes when the others are gone for good. */
function removeAll(disk: Disk, names: readonly string[], done: Done): void {
  const others = names.filter((name) => name !== discardedName);
  removeEach(disk, others, 0, done, () => removeEach(disk, [discardedName], 0, done, () => done(undefined)));
}

function removeEach(disk: Disk, names: readonly string[], index: number, failed: Done, done: () => void): void {
  const name = names[index];
  if (name === undefined) return step<void>((completion) => disk.syncDirectory(completion), failed, done);
  step<void>(
    (completion) => disk.remove(name, completion),
    failed,
    () => removeEach(disk, names, index + 1, failed, done),
  );
}

function listed(disk: Disk, failed: Done, then: (names: readonly string[]) => void): void {
  step((completion) => disk.list(completion), failed, then);
}

function step<T>(operation: (completion: Completion<T>) => void, failed: Done, then: (value: T) => void): void {
  operation((error, value) => (error === undefined ? then(value) : failed(error)));
}
