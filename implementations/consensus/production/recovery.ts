/**
 * Recovers a log store from its disk: the newest snapshot, then the log after it.
 *
 * In order: leftover temporary files go; the newest snapshot that checks out is taken; segments are replayed, oldest
 * first; segments that an interrupted removal left behind a gap go; the last segment is stored once more, without its
 * torn tail (`rewrite-file.ts`).
 *
 * Storing it once more is what makes its end durable, and recovered entries count as durable from now on. The end of
 * the last segment is the one part of the log that nothing proves: every group names the record up to which all was
 * synced before it, and a segment is begun only when everything before it was synced. A process that was killed may
 * have left bytes there that only the operating system's cache holds, and after a failed sync the kernel may go on
 * showing bytes that it never stored, while a second sync of them reports success (Rebello et al. 2020). Syncing the
 * file in place would trust that second sync. The cost is bounded by the size of a segment and a group.
 *
 * Refused as damage: a bad record that is not a torn tail (see `foundation/wal-format.ts`), a gap in what the snapshot
 * does not cover, a damaged snapshot, unless an older snapshot or the log itself still reaches over all it covered.
 *
 * It damages nothing on a disk that is full: it fails with FULL, and can be tried again when there is room. One limit:
 * files that vanished from the log's end without a trace cannot be missed: only the other members know.
 */

import { assert } from "../../foundation/assert.ts";
import type { Completion, Disk, DiskError } from "../../foundation/effects.ts";
import { LogDamage } from "./log-damage.ts";
import { segmentOf, snapshotName, snapshotOf, temporarySuffix } from "./log-records.ts";
import type { LogPosition } from "./log-records.ts";
import type { Recovered, Snapshot } from "./messages.ts";
import { Replay } from "./replay.ts";
import type { Segment } from "./replay.ts";
import { rewriteFile } from "./rewrite-file.ts";
import { decodeSnapshot } from "./snapshot-file.ts";

/** A read error may pass (a bus reset, an injected fault); after this many it does not. */
const readAttempts = 5;

export interface RecoveredLog {
  readonly recovered: Recovered;
  /** What was mended, in words. */
  readonly repairs: readonly string[];
  /** There was nothing: no segment, no snapshot. */
  readonly empty: boolean;
  readonly segments: readonly Segment[];
  readonly snapshots: readonly LogPosition[];
  readonly nextSequence: number;
  /** Where the next entry goes, by `recovered`. */
  readonly position: LogPosition;
  /** Where the records end: when it differs from `position`, a reset must be written before the next entry. */
  readonly recordedPosition: LogPosition;
}

/** Recovers, with repairs made durable. Errors: LogDamage; DiskError when the disk failed repeatedly. */
export function recover(
  disk: Disk,
  node: string,
  done: (error: LogDamage | DiskError | undefined, log?: RecoveredLog) => void,
): void {
  new Recovery(disk, node, done).start();
}

class Recovery {
  readonly #disk: Disk;
  readonly #node: string;
  readonly #done: (error: LogDamage | DiskError | undefined, log?: RecoveredLog) => void;
  readonly #repairs: string[] = [];
  #unfinished: string[] = [];
  readonly #toRemove: string[] = [];
  #segmentNames: string[] = [];
  readonly #snapshots: LogPosition[] = [];
  readonly #damagedSnapshots: { readonly position: LogPosition; readonly flaw: string }[] = [];
  #snapshot: Snapshot | undefined;
  #replay!: Replay;
  #nextSequence = 1;
  /** The good part of the segment read last. */
  #tail: { readonly name: string; readonly bytes: Uint8Array } | undefined;

  constructor(disk: Disk, node: string, done: (error: LogDamage | DiskError | undefined, log?: RecoveredLog) => void) {
    this.#disk = disk;
    this.#node = node;
    this.#done = done;
  }

  start(): void {
    this.#retry<readonly string[]>(
      (completion) => this.#disk.list(completion),
      (names) => {
        for (const name of names) {
          if (name.endsWith(temporarySuffix)) this.#unfinished.push(name);
          const snapshot = snapshotOf(name);
          if (snapshot !== undefined) this.#snapshots.push(snapshot);
        }
        this.#segmentNames = names.filter((name) => segmentOf(name) !== undefined).toSorted();
        this.#snapshots.sort((one, other) => other.index - one.index);
        this.#readSnapshot(0);
      },
    );
  }

  #readSnapshot(which: number): void {
    const position = this.#snapshots[which];
    if (position === undefined) return this.#beginReplay();
    this.#retry<Uint8Array>(
      (completion) => this.#disk.read(snapshotName(position), completion),
      (file) => {
        const decoded = decodeSnapshot(file, position);
        if ("flaw" in decoded) {
          this.#damagedSnapshots.push({ position, flaw: decoded.flaw });
          return this.#readSnapshot(which + 1);
        }
        this.#snapshot = decoded;
        for (const older of this.#snapshots.splice(which + 1)) this.#remove(snapshotName(older), "an older snapshot");
        this.#beginReplay();
      },
    );
  }

  #beginReplay(): void {
    this.#replay = new Replay(this.#node, this.#snapshot?.index ?? 0);
    this.#readSegment(0);
  }

  #readSegment(which: number): void {
    const name = this.#segmentNames[which];
    if (name === undefined) {
      this.#refusing(() => this.#conclude());
      return;
    }
    this.#retry<Uint8Array>(
      (completion) => this.#disk.read(name, completion),
      (bytes) => {
        if (this.#refusing(() => this.#takeSegment(which, name, bytes))) this.#readSegment(which + 1);
      },
    );
  }

  #takeSegment(which: number, name: string, bytes: Uint8Array): void {
    const firstSequence = segmentOf(name) ?? 0;
    const isLast = which === this.#segmentNames.length - 1;
    if (which > 0 && firstSequence < this.#nextSequence) {
      throw new LogDamage(this.#node, name, 0, `record ${this.#nextSequence} or later`, `record ${firstSequence}`);
    }
    if (which > 0 && firstSequence > this.#nextSequence) this.#skipGap();
    const { end, nextSequence } = this.#replay.take(name, firstSequence, bytes);
    this.#nextSequence = nextSequence;
    const headless = nextSequence === firstSequence;
    if (end.kind === "complete" && !(headless && !isLast)) {
      if (headless) this.#dropHeadless(name, "an empty segment");
      else this.#tail = { name, bytes };
      return;
    }
    const offset = end.kind === "complete" ? 0 : end.offset;
    const found = end.kind === "complete" ? "the end of the file" : end.found;
    if (end.kind === "damaged" || !isLast)
      throw new LogDamage(this.#node, name, offset, `record ${nextSequence}`, found);
    if (headless) return this.#dropHeadless(name, "a segment whose first write was cut short");
    this.#tail = { name, bytes: bytes.subarray(0, offset) };
    this.#repairs.push(
      `cut a torn write off ${name}: ${bytes.length - offset} bytes from byte ${offset} on (${found})`,
    );
    const segment = this.#replay.segments.at(-1);
    if (segment !== undefined) segment.bytes = offset;
  }

  /** Segments are removed oldest first, so that those before a gap are ones whose removal was under way. */
  #skipGap(): void {
    for (const { name } of this.#replay.segments) this.#remove(name, "a segment no longer needed");
    this.#replay.restart();
  }

  /** Nothing in it was ever confirmed, for a segment's first write is confirmed only after the directory is synced. */
  #dropHeadless(name: string, what: string): void {
    this.#replay.segments.pop();
    this.#remove(name, what);
  }

  /** @throws LogDamage when snapshot and log together do not cover what was confirmed. */
  #conclude(): void {
    const replay = this.#replay;
    const snapshot = this.#snapshot;
    const floor = snapshot?.index ?? 0;
    this.#judgeDamagedSnapshots();
    const oldest = replay.segments[0];
    if (oldest === undefined) {
      if (snapshot !== undefined) {
        const expected = "the log segments that hold the node's term and vote";
        throw new LogDamage(this.#node, snapshotName(snapshot), 0, expected, "a snapshot alone");
      }
      return this.#repair(true);
    }
    if (replay.first > floor + 1) {
      throw new LogDamage(this.#node, oldest.name, 0, `a log from index ${floor + 1} on`, `index ${replay.first}`);
    }
    const superseded = replay.termAtFloor !== undefined && replay.termAtFloor !== snapshot?.term && floor > 0;
    if (superseded || replay.last.index < floor) {
      // A received snapshot became durable and the crash came before the log's reset.
      this.#repairs.push(`finished the installation of the snapshot of index ${floor}`);
      replay.entries = [];
    }
    this.#repair(false);
  }

  #judgeDamagedSnapshots(): void {
    for (const { position, flaw } of this.#damagedSnapshots) {
      const name = snapshotName(position);
      const term = this.#replay.entries.find((entry) => entry.index === position.index)?.term;
      const reachesBack = this.#replay.first <= (this.#snapshot?.index ?? 0) + 1;
      if (term !== position.term || !reachesBack) throw new LogDamage(this.#node, name, 0, "an intact snapshot", flaw);
      this.#remove(name, "a damaged snapshot that the log still covers");
    }
  }

  /**
   * Leftovers first, and nothing more before they are gone: what is stored once more may bear the name of one, and
   * would be appended to it.
   */
  #repair(empty: boolean): void {
    const [name, ...rest] = this.#unfinished;
    if (name === undefined) return this.#store(empty);
    this.#unfinished = rest;
    this.#disk.remove(name, (error) => {
      if (error !== undefined) return this.#done(error);
      this.#repairs.push(`removed ${name}: an unfinished file`);
      this.#repair(empty);
    });
  }

  #store(empty: boolean): void {
    const failures: DiskError[] = [];
    const step = (error: DiskError | undefined): void => {
      if (error !== undefined) failures.push(error);
    };
    this.#storeTail((error) => {
      if (error !== undefined) return this.#done(error);
      for (const name of this.#toRemove) this.#disk.remove(name, step);
      this.#disk.syncDirectory((directoryError) => {
        step(directoryError);
        if (failures.length > 0) this.#done(failures[0]);
        else this.#done(undefined, this.#result(empty));
      });
    });
  }

  /** The end of the segment before a headless one is stored once more, too: needless, and the simpler rule. */
  #storeTail(done: (error: DiskError | undefined) => void): void {
    const last = this.#replay.segments.at(-1);
    if (last === undefined) return done(undefined);
    assert(this.#tail?.name === last.name, "the last segment is the one read last");
    rewriteFile(this.#disk, last.name, this.#tail.bytes, done);
  }

  #result(empty: boolean): RecoveredLog {
    const { entries, segments, last } = this.#replay;
    const snapshot = this.#snapshot;
    const lastEntry = entries.at(-1);
    const position: LogPosition = lastEntry ?? snapshot ?? last;
    return {
      recovered: { hardState: this.#hardState(), snapshot, entries },
      repairs: this.#repairs,
      empty,
      segments,
      snapshots: snapshot === undefined ? [] : [{ index: snapshot.index, term: snapshot.term }],
      nextSequence: this.#nextSequence,
      position: { index: position.index, term: position.term },
      recordedPosition: last,
    };
  }

  /**
   * A received snapshot is durable before the term that came with it. Its term may be taken over with no vote: a vote
   * in that term would have been recorded together with the term.
   */
  #hardState(): Recovered["hardState"] {
    const recorded = this.#replay.hardState;
    const snapshotTerm = this.#snapshot?.term ?? 0;
    return recorded.term >= snapshotTerm ? recorded : { term: snapshotTerm, votedFor: null };
  }

  #remove(name: string, what: string): void {
    this.#toRemove.push(name);
    this.#repairs.push(`removed ${name}: ${what}`);
  }

  /** @returns whether `work` went through; if it refused the data, `done` has been called. */
  #refusing(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof LogDamage)) throw error;
      this.#done(error);
      return false;
    }
  }

  #retry<T>(operation: (completion: Completion<T>) => void, then: (value: T) => void, attempt = 1): void {
    operation((error, value) => {
      if (error === undefined) return then(value);
      if (error.code === "IO" && attempt < readAttempts) return this.#retry(operation, then, attempt + 1);
      this.#done(error);
    });
  }
}
