/**
 * Stores snapshots one at a time, beside the log's own writes, and knows which are stored.
 *
 * A snapshot that is no newer than the newest one stored is not written: what is stored stands for more.
 */

import type { Disk, DiskError } from "../../foundation/effects.ts";
import { snapshotName } from "./log-records.ts";
import type { LogPosition } from "./log-records.ts";
import type { Snapshot } from "./messages.ts";
import { writeSnapshot } from "./snapshot-file.ts";

/** `writtenBytes` is 0 when the snapshot was not needed. */
type Stored = (error: DiskError | undefined, writtenBytes: number) => void;

export class SnapshotLane {
  readonly #disk: Disk;
  /** Oldest first. */
  #stored: LogPosition[];
  readonly #waiting: { readonly snapshot: Snapshot; readonly done: Stored }[] = [];
  #isWriting = false;

  constructor(disk: Disk, stored: readonly LogPosition[]) {
    this.#disk = disk;
    this.#stored = [...stored];
  }

  get isIdle(): boolean {
    return !this.#isWriting;
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
      done(error, writtenBytes);
      if (error === undefined && !this.#isWriting) this.#next(); // After a failure the store is done with.
    };
    this.#isWriting = true;
    if (newest !== undefined && newest.index >= snapshot.index) return finish(undefined, 0);
    writeSnapshot(this.#disk, snapshot, (error, writtenBytes) => {
      if (error === undefined) this.#stored.push({ index: snapshot.index, term: snapshot.term });
      finish(error, writtenBytes);
    });
  }
}
