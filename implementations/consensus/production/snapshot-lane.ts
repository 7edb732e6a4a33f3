/**
 * Stores snapshots one at a time, beside the log's own writes, and knows which are stored.
 *
 * A snapshot that is no newer than the newest one stored is not written: what is stored stands for more. One for which
 * there is no room is removed again, as far as it was written, and written anew when the owner says `retry`; those
 * stored already are not touched.
 */

import type { Disk, DiskError } from "../../foundation/effects.ts";
import { snapshotName, temporarySuffix } from "./log-records.ts";
import type { LogPosition } from "./log-records.ts";
import type { Snapshot } from "./messages.ts";
import { writeSnapshot } from "./snapshot-file.ts";

/** `writtenBytes` is 0 when the snapshot was not needed. */
type Stored = (error: DiskError | undefined, writtenBytes: number) => void;

export class SnapshotLane {
  readonly #disk: Disk;
  readonly #onStalled: (error: DiskError) => void;
  /** Oldest first. */
  #stored: LogPosition[];
  readonly #waiting: { readonly snapshot: Snapshot; readonly done: Stored }[] = [];
  #isWriting = false;
  #isStalled = false;
  #again: (() => void) | undefined;

  /** @param onStalled is called each time an attempt finds no room. */
  constructor(disk: Disk, stored: readonly LogPosition[], onStalled: (error: DiskError) => void) {
    this.#disk = disk;
    this.#stored = [...stored];
    this.#onStalled = onStalled;
  }

  get isIdle(): boolean {
    return !this.#isWriting;
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

  store(snapshot: Snapshot, done: Stored): void {
    this.#waiting.push({ snapshot, done });
    if (!this.#isWriting) this.#next();
  }

  /** Forgets all stored snapshots but the newest, and returns the names of their files. */
  takeOlder(): string[] {
    const names = this.#stored.slice(0, -1).map(snapshotName);
    this.#stored = this.#stored.slice(-1);
    return names;
  }

  #next(): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return;
    const { snapshot, done } = waiting;
    const newest = this.#stored.at(-1);
    const finish: Stored = (error, writtenBytes) => {
      this.#isWriting = false;
      this.#isStalled = false;
      done(error, writtenBytes);
      if (error === undefined && !this.#isWriting) this.#next(); // After a failure the store is done with.
    };
    this.#isWriting = true;
    if (newest !== undefined && newest.index >= snapshot.index) return finish(undefined, 0);
    this.#write(snapshot, finish);
  }

  #write(snapshot: Snapshot, finish: Stored): void {
    writeSnapshot(this.#disk, snapshot, (error, writtenBytes) => {
      if (error?.code === "FULL") return this.#discard(snapshot, error, finish);
      if (error === undefined) this.#stored.push({ index: snapshot.index, term: snapshot.term });
      finish(error, writtenBytes);
    });
  }

  /** What was written must go before the next attempt, which would otherwise add to it. */
  #discard(snapshot: Snapshot, full: DiskError, finish: Stored): void {
    this.#disk.remove(snapshotName(snapshot) + temporarySuffix, (error) => {
      if (error !== undefined && error.code !== "FULL" && error.code !== "NOT_FOUND") return finish(error, 0);
      const isGone = error?.code !== "FULL";
      this.#again = isGone ? () => this.#write(snapshot, finish) : () => this.#discard(snapshot, full, finish);
      this.#isStalled = true;
      this.#onStalled(full);
    });
  }
}
