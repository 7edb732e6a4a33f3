/**
 * Writes groups of records to the log's segments, one at a time, and waits where there is no room.
 *
 * On a full disk nothing is confirmed and nothing is lost: what was written of the group is cut off again, so that the
 * segment ends where it ended before, and the same bytes are written anew when the owner says `retry`. Every other
 * error is final, also that of cutting off: nobody knows what a disk holds after it.
 */

import type { Disk, DiskError } from "./effects.ts";

/** Records to add to a segment; `atBytes` is its length before, 0 for a new one. */
export interface GroupWrite {
  readonly segment: string;
  readonly atBytes: number;
  readonly bytes: Uint8Array;
}

type Done = (error?: DiskError) => void;

export class LogLane {
  readonly #disk: Disk;
  readonly #onStalled: (error: DiskError) => void;
  #isStalled = false;
  #again: (() => void) | undefined;

  /** @param onStalled is called each time an attempt finds no room. */
  constructor(disk: Disk, onStalled: (error: DiskError) => void) {
    this.#disk = disk;
    this.#onStalled = onStalled;
  }

  /** From the first attempt that found no room to the one that finds it. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Tries again, if there is something to try and no attempt is under way. */
  retry(): void {
    const again = this.#again;
    this.#again = undefined;
    again?.();
  }

  /** Appends and syncs; `done` is called when the group is durable, or has failed for good. */
  write(group: GroupWrite, done: Done): void {
    const { segment, atBytes, bytes } = group;
    let full: DiskError | undefined;
    let failed: DiskError | undefined;
    const note = (error: DiskError | undefined): void => {
      // A segment that could not be begun is not found by its sync: that is no failure of its own.
      if (error?.code === "FULL") full ??= error;
      else if (error?.code !== "NOT_FOUND" || full === undefined) failed ??= error;
    };
    const finish = (error: DiskError | undefined): void => {
      note(error);
      if (failed !== undefined) return done(failed);
      if (full !== undefined) return this.#cutOff(group, full, done);
      this.#isStalled = false;
      done();
    };
    // Write and sync are handed over together; the sync's completion speaks for both.
    this.#disk.append(segment, [bytes], note);
    if (atBytes > 0) return this.#disk.sync(segment, finish);
    this.#disk.sync(segment, note);
    this.#disk.syncDirectory(finish);
  }

  #cutOff(group: GroupWrite, full: DiskError, done: Done): void {
    this.#disk.truncate(group.segment, group.atBytes, (error) => {
      if (error !== undefined && error.code !== "FULL" && error.code !== "NOT_FOUND") return done(error);
      const isCut = error?.code !== "FULL";
      this.#again = isCut ? () => this.write(group, done) : () => this.#cutOff(group, full, done);
      this.#isStalled = true;
      this.#onStalled(full);
    });
  }
}
