/**
 * The durable half of a production node: hard state, log entries and snapshots on a disk.
 *
 * The log is a sequence of records in segments (`log-records.ts`), only ever appended to. Batches that arrive while a
 * sync is under way gather, and one write and one sync take them all: group commit. The log is cut by writing over it
 * logically: a later record of an index supersedes. Segments are removed once a snapshot covers them.
 *
 * On a full disk the store stalls: nothing is confirmed, everything pending stays pending, in order, and is written
 * when there is room again (`foundation/log-lane.ts`, `snapshot-lane.ts`). When to look again is the owner's to say, by
 * `retry`. Any other failed write or sync is final: nobody knows what a disk holds after it, and a second sync may
 * report success for bytes that were dropped (Rebello et al. 2020). Everything pending and everything later then fails,
 * and the node must be restarted, which recovers from what is there (`recovery.ts`).
 *
 * It puts no bound on what waits for a sync, and says how much that is: its owner bounds what it takes on.
 */

import { assert } from "../../foundation/assert.ts";
import type { Disk, DiskError } from "../../foundation/effects.ts";
import type { LogDamage } from "./log-damage.ts";
import { entryRecordBytes } from "./log-records.ts";
import type { LogPosition } from "./log-records.ts";
import type { PersistBatch, Recovered, Snapshot } from "./messages.ts";
import { recover } from "./recovery.ts";
import type { RecoveredLog } from "./recovery.ts";
import { SegmentLog } from "./segment-log.ts";
import { SnapshotLane } from "./snapshot-lane.ts";

export { LogDamage } from "./log-damage.ts";

/** What the disk has no room for; a log that stalls may wait for a snapshot that the leader sent. */
export type Room = "enough" | "none for a snapshot" | "none for the log";

export interface LogStoreOptions {
  /** A new segment begins with the first write after the current one has reached this size. */
  readonly segmentBytes: number;
  /** Whose log it is, for error messages. */
  readonly node?: string;
  /** Whether a log may begin on an empty disk; default: yes. Otherwise an empty disk is reported and left as it is. */
  readonly forming?: boolean;
  /** Called each time an attempt finds no room, and when there is enough again. Until then, call `retry` repeatedly. */
  readonly onRoom?: (room: Room) => void;
}

export interface OpenedLogStore {
  readonly store: LogStore;
  readonly recovered: Recovered;
  /** What recovery mended, in words. */
  readonly repairs: readonly string[];
  /** The disk held nothing. If the log is forming, `open` began one on it, and it will not be empty again. */
  readonly empty: boolean;
}

export type StoredBatch = Pick<PersistBatch, "hardState" | "entries" | "snapshot">;
type Done = (error?: Error) => void;

interface Waiting {
  readonly batch: StoredBatch;
  readonly bytes: number;
  readonly done: Done;
}

/** A group may grow to this size; what is more waits for the next one, so that no write takes arbitrarily long. */
const groupBytes = 4 * 1024 * 1024;
const nothing: StoredBatch = { hardState: undefined, entries: [], snapshot: undefined };

export class LogStore {
  readonly #disk: Disk;
  readonly #log: SegmentLog;
  readonly #snapshots: SnapshotLane;
  readonly #onRoom: (room: Room) => void;
  #lastRoom: Room = "enough";
  /** While the store is being opened: there is no owner yet who would say when to look again. */
  #onStalledOpening: ((error: DiskError) => void) | undefined;
  #waiting: Waiting[] = [];
  /** Of what waits and of the group being written, payloads and snapshots. */
  #pendingBytes = 0;
  #pendingBatches = 0;
  #writing = false;
  /** The group being written begins with a received snapshot, which is being stored. */
  #isReceiving = false;
  readonly #snapshotsUnderWay = new Set<Done>();
  #failure: Error | undefined;
  #closed: (() => void) | undefined;
  readonly #counts = { batches: 0, snapshots: 0, snapshotBytes: 0, removed: 0, stalls: 0 };

  private constructor(disk: Disk, options: LogStoreOptions, log: RecoveredLog) {
    this.#disk = disk;
    this.#onRoom = options.onRoom ?? (() => undefined);
    const onStalled = (error: DiskError): void => this.#stalled(error);
    this.#log = new SegmentLog(disk, options.segmentBytes, log, onStalled);
    this.#snapshots = new SnapshotLane(disk, log.snapshots, onStalled);
  }

  /**
   * Recovers what `disk` holds, mends what a crash left, and begins the log on an empty disk.
   *
   * @param done gets LogDamage when confirmed data are missing or altered (restarting is of no use), DiskError when the
   *   disk failed (opening it again may help; with FULL, as soon as there is room).
   */
  static open(
    disk: Disk,
    options: LogStoreOptions,
    done: (error: LogDamage | DiskError | undefined, opened?: OpenedLogStore) => void,
  ): void {
    recover(disk, options.node ?? "the node", (error, log) => {
      if (error !== undefined || log === undefined) return done(error);
      const { recovered, repairs, empty, position, recordedPosition } = log;
      const store = new LogStore(disk, options, log);
      const opened: OpenedLogStore = { store, recovered, repairs, empty };
      const isSettled = position.index === recordedPosition.index && position.term === recordedPosition.term;
      if (!empty && isSettled) return done(undefined, opened);
      // Beginning a log where one was lost would make the loss look like a fresh start after the next crash.
      if (empty && options.forming === false) return done(undefined, opened);
      store.#writing = true;
      store.#onStalledOpening = done;
      store.#write([nothing], isSettled ? undefined : position, (failure) => {
        if (failure !== undefined) return done(failure);
        store.#onStalledOpening = undefined;
        store.#writing = false;
        done(undefined, opened);
      });
    });
  }

  /** Counted since the store was opened, but for "log segments". */
  get counters(): Readonly<Record<string, number>> {
    const { groups, entries, bytesWritten } = this.#log.counts;
    const { batches, snapshots, snapshotBytes, removed, stalls } = this.#counts;
    return {
      "log appends": groups,
      "batches persisted": batches,
      "entries persisted": entries,
      syncs: groups + snapshots,
      "bytes written": bytesWritten + snapshotBytes,
      "log segments": this.#log.segmentCount,
      "snapshots saved": snapshots,
      "files removed": removed,
      "stalls on a full disk": stalls,
    };
  }

  /** What is not durable yet: payload bytes, snapshots included, and batches. */
  get pending(): { readonly bytes: number; readonly batches: number } {
    return { bytes: this.#pendingBytes, batches: this.#pendingBatches };
  }

  /** Looks whether there is room by now for what stalled; harmless without need. */
  retry(): void {
    if (this.#failure !== undefined) return;
    this.#log.retry();
    this.#snapshots.retry();
  }

  /**
   * Makes `batch` durable. `done` is called when it is, after that of every earlier batch and not before this call has
   * returned; after a failure it gets the failure, at once if that lies in the past.
   */
  persist(batch: StoredBatch, done: Done): void {
    if (this.#failure !== undefined) return done(this.#failure);
    assert(this.#closed === undefined, "nothing is persisted after close");
    let bytes = batch.snapshot?.snapshot.data.length ?? 0;
    for (const entry of batch.entries) bytes += entryRecordBytes(entry);
    this.#pendingBytes += bytes;
    this.#pendingBatches++;
    this.#waiting.push({ batch, bytes, done });
    this.#flush();
  }

  /**
   * Makes `snapshot` of the applied state durable, then removes what it replaces: older snapshots, and segments all of
   * whose entries have indexes <= `keepEntriesAfter` (<= snapshot.index). Batches are persisted meanwhile. With a newer
   * snapshot already stored there is nothing to write, and `done` is called at once.
   */
  saveSnapshot(snapshot: Snapshot, keepEntriesAfter: number, done: Done): void {
    if (this.#failure !== undefined) return done(this.#failure);
    assert(keepEntriesAfter <= snapshot.index, "entries after the snapshot are kept");
    this.#storeSnapshot(snapshot, (error) => {
      if (error !== undefined) return done(error);
      this.#removeObsolete(keepEntriesAfter);
      done();
    });
  }

  /**
   * Calls `done` when everything under way is durable, or has failed, or waits for room on a full disk: nobody was told
   * that it is stored. The disk is the caller's to close.
   */
  close(done: () => void): void {
    this.#closed = done;
    this.#closeIfIdle();
  }

  #flush(): void {
    if (this.#writing || this.#failure !== undefined) return;
    const group = this.#takeGroup();
    const first = group[0]?.batch;
    if (first === undefined) return this.#closeIfIdle();
    this.#writing = true;
    const finish = (error?: Error): void => this.#finish(group, error);
    if (first.snapshot === undefined) {
      return this.#write(
        group.map(({ batch }) => batch),
        undefined,
        finish,
      );
    }
    const { snapshot, keepLog } = first.snapshot;
    // The snapshot first: a crash in between leaves a snapshot ahead of the log, which recovery completes. The other
    // way round it would leave a log that begins after a snapshot that does not exist.
    this.#isReceiving = true;
    this.#storeSnapshot(snapshot, (error) => {
      this.#isReceiving = false;
      if (error !== undefined) return finish(error);
      const resetTo = keepLog ? undefined : { index: snapshot.index, term: snapshot.term };
      this.#write([first], resetTo, (failure) => {
        if (failure === undefined) this.#removeObsolete(snapshot.index);
        finish(failure);
      });
    });
  }

  /** A received snapshot is a group of its own; other batches go together. */
  #takeGroup(): readonly Waiting[] {
    let count = 0;
    let bytes = 0;
    for (const { batch, bytes: batchBytes } of this.#waiting) {
      if (count > 0 && (batch.snapshot !== undefined || bytes + batchBytes > groupBytes)) break;
      count++;
      bytes += batchBytes;
      if (batch.snapshot !== undefined) break;
    }
    return this.#waiting.splice(0, count);
  }

  #finish(group: readonly Waiting[], error: Error | undefined): void {
    if (error !== undefined) {
      this.#waiting.unshift(...group);
      return this.#fail(error);
    }
    this.#counts.batches += group.length;
    this.#pendingBatches -= group.length;
    for (const { bytes } of group) this.#pendingBytes -= bytes;
    for (const { done } of group) done();
    this.#writing = false;
    this.#flush();
  }

  #write(batches: readonly StoredBatch[], resetTo: LogPosition | undefined, done: (error?: DiskError) => void): void {
    this.#log.write(batches, resetTo, (error) => {
      if (error !== undefined) return done(error);
      this.#noteRoom();
      done();
    });
  }

  #storeSnapshot(snapshot: Snapshot, done: Done): void {
    this.#snapshotsUnderWay.add(done);
    this.#snapshots.store(snapshot, (error, writtenBytes) => {
      if (error !== undefined) return this.#fail(error);
      if (!this.#snapshotsUnderWay.delete(done)) return; // It was told of a failure meanwhile.
      if (writtenBytes > 0) {
        this.#counts.snapshots++;
        this.#counts.snapshotBytes += writtenBytes;
      }
      this.#noteRoom();
      done();
      this.#closeIfIdle();
    });
  }

  /** Oldest first, so that a crash in between leaves a log without gaps, or with one that recovery can tell. */
  #removeObsolete(keepEntriesAfter: number): void {
    if (this.#failure !== undefined) return;
    for (const name of [...this.#snapshots.takeOlder(), ...this.#log.takeThrough(keepEntriesAfter)]) {
      this.#disk.remove(name, (error) => {
        // A file system that needs room to remove leaves the file; recovery removes what is not needed, too.
        if (error?.code === "FULL") return;
        if (error !== undefined) return this.#fail(error);
        this.#counts.removed++;
      });
    }
  }

  #stalled(error: DiskError): void {
    if (this.#failure !== undefined) return;
    this.#counts.stalls++;
    if (this.#onStalledOpening !== undefined) return this.#onStalledOpening(error);
    this.#lastRoom = this.#room();
    this.#onRoom(this.#lastRoom);
    this.#closeIfIdle();
  }

  #room(): Room {
    if (this.#log.isStalled || (this.#isReceiving && this.#snapshots.isStalled)) return "none for the log";
    return this.#snapshots.isStalled ? "none for a snapshot" : "enough";
  }

  /** Something was stored: says so if there was no room before. */
  #noteRoom(): void {
    const room = this.#room();
    if (room === this.#lastRoom) return;
    this.#lastRoom = room;
    this.#onRoom(room);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { done } of waiting) done(this.#failure);
    const underWay = [...this.#snapshotsUnderWay];
    this.#snapshotsUnderWay.clear();
    for (const done of underWay) done(this.#failure);
    this.#closeIfIdle();
  }

  get #isSnapshotAtRest(): boolean {
    return this.#snapshots.isIdle || this.#snapshots.isStalled;
  }

  #closeIfIdle(): void {
    if (this.#closed === undefined) return;
    const isLogIdle = !this.#writing && this.#waiting.length === 0;
    const isAtRest = (isLogIdle || this.#room() === "none for the log") && this.#isSnapshotAtRest;
    if (!isAtRest && this.#failure === undefined) return;
    const closed = this.#closed;
    this.#closed = undefined;
    closed();
  }
}
