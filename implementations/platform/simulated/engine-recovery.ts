/**
 * Recovers a simulated engine from its disk: the newest base, then the log after it.
 *
 * A segment counts up to the record with which the next one begins; there it must have every record. The last segment
 * may end in a torn write, which is cut off: nobody was told about it. Anything else that does not check out is
 * DAMAGED (`foundation/wal-format.ts` says how the two are told apart), and nothing is changed on the disk.
 *
 * The last segment is stored once more: its end may be in the operating system's cache only, shown by a kernel that
 * has failed to sync it and will report success for the next sync (Rebello et al. 2020), and what is recovered counts
 * as durable from now on. Not noticed: files that vanished from the end of the log without a trace.
 */

import type { Completion, Disk, DiskError } from "../../foundation/effects.ts";
import { EngineError } from "../../foundation/engine-error.ts";
import { scanSegment } from "../../foundation/wal-format.ts";
import type { SegmentScan } from "../../foundation/wal-format.ts";
import type { Segment } from "./engine-log.ts";
import {
  baseEndType,
  baseName,
  batchType,
  firstBaseSequence,
  parseBaseName,
  parseSegmentName,
  readBatch,
  temporarySuffix,
} from "./engine-records.ts";
import type { SegmentName } from "./engine-records.ts";
import { SortedEntries } from "./sorted-entries.ts";

/** A read error may pass; after this many it does not. */
const readAttempts = 5;

export interface RecoveredEngine {
  readonly entries: SortedEntries;
  readonly segments: readonly Segment[];
  readonly nextSequence: number;
  /** Of the base that the log stands on; 0: none. */
  readonly base: number;
}

type Done = (error: EngineError | undefined, recovered?: RecoveredEngine) => void;

/** Errors: DAMAGED; FULL, IO or CLOSED when the disk failed repeatedly, and trying again may help. */
export function recoverEngine(disk: Disk, done: Done): void {
  new Recovery(disk, done).start();
}

class Recovery {
  readonly #disk: Disk;
  readonly #done: Done;
  readonly #entries = new SortedEntries();
  #unneeded: string[] = [];
  #base = 0;
  #names: SegmentName[] = [];
  readonly #segments: Segment[] = [];
  #nextSequence = 1;
  #tail: { readonly name: string; readonly bytes: Uint8Array } | undefined;

  constructor(disk: Disk, done: Done) {
    this.#disk = disk;
    this.#done = done;
  }

  start(): void {
    this.#retry<readonly string[]>(
      (completion) => this.#disk.list(completion),
      (names) => {
        this.#sort(names);
        if (this.#base === 0) this.#readSegments();
        else this.#readBase();
      },
    );
  }

  /** Decides by the names what is needed. */
  #sort(names: readonly string[]): void {
    const bases = names.map(parseBaseName).filter((sequence) => sequence !== undefined);
    this.#base = bases.reduce((newest, sequence) => Math.max(newest, sequence), 0);
    this.#nextSequence = Math.max(1, this.#base);
    const segments = names.map(parseSegmentName).filter((segment) => segment !== undefined);
    const needed = segments.filter(({ firstSequence }) => firstSequence >= this.#base);
    this.#names = needed.toSorted(
      (one, other) => one.firstSequence - other.firstSequence || one.attempt - other.attempt,
    );
    const kept = new Set([...this.#names.map(({ name }) => name), baseName(this.#base)]);
    const ours = (name: string): boolean =>
      parseBaseName(name) !== undefined || parseSegmentName(name) !== undefined || name.endsWith(temporarySuffix);
    this.#unneeded = names.filter((name) => ours(name) && !kept.has(name));
  }

  #readBase(): void {
    const name = baseName(this.#base);
    this.#read(name, (bytes) => {
      let isWhole = false;
      const first = firstBaseSequence(this.#base);
      const { end } = scanSegment(bytes, first, (type, view, bodyStart, bodyEnd) => {
        if (type === batchType) readBatch(view, bodyStart, bodyEnd, (key, value) => this.#entries.set(key, value));
        isWhole = type === baseEndType;
      });
      if (end.kind !== "complete") return this.#refuse(name, end.offset, end.found);
      if (!isWhole) return this.#refuse(name, bytes.length, "the end of the file where entries should follow");
      this.#readSegments();
    });
  }

  /** From the end backwards: a segment whose first group was cut short does not say where the one before it ends. */
  #readSegments(): void {
    const last = this.#names.at(-1);
    if (last === undefined) return this.#repair();
    this.#read(last.name, (bytes) => {
      const scan = scanSegment(bytes, last.firstSequence, () => undefined);
      if (scan.end.kind === "damaged") return this.#refuse(last.name, scan.end.offset, scan.end.found);
      if (scan.nextSequence === last.firstSequence) {
        this.#unneeded.push(last.name);
        this.#names.pop();
        return this.#readSegments();
      }
      this.#takeSegment(0, last, bytes);
    });
  }

  #takeSegment(which: number, last: SegmentName, lastBytes: Uint8Array): void {
    const segment = this.#names[which];
    if (segment === undefined) return this.#repair();
    const next = this.#names[which + 1];
    if (next?.firstSequence === segment.firstSequence) {
      this.#unneeded.push(segment.name);
      return this.#takeSegment(which + 1, last, lastBytes);
    }
    if (segment.firstSequence !== this.#nextSequence) {
      const found = `record ${segment.firstSequence}, after a gap`;
      return this.#refuse(segment.name, 0, `${found} where record ${this.#nextSequence} should be`);
    }
    const take = (bytes: Uint8Array): void => {
      const flaw = this.#replay(segment, next?.firstSequence ?? Infinity, bytes);
      if (flaw !== undefined) return this.#refuse(segment.name, flaw.offset, flaw.found);
      this.#takeSegment(which + 1, last, lastBytes);
    };
    if (segment === last) take(lastBytes);
    else this.#read(segment.name, take);
  }

  /** @param bound the record with which the next segment begins. */
  #replay(
    segment: SegmentName,
    bound: number,
    bytes: Uint8Array,
  ): { readonly offset: number; readonly found: string } | undefined {
    const { end, nextSequence }: SegmentScan = scanSegment(
      bytes,
      segment.firstSequence,
      (type, view, bodyStart, bodyEnd, sequence) => {
        if (type !== batchType || sequence >= bound) return;
        readBatch(view, bodyStart, bodyEnd, (key, value) => this.#entries.set(key, value));
      },
    );
    const goodBytes = end.kind === "complete" ? bytes.length : end.offset;
    if (bound !== Infinity && nextSequence < bound) {
      const found = end.kind === "complete" ? "the end of the file" : end.found;
      return { offset: goodBytes, found: `${found} where record ${nextSequence} should be` };
    }
    this.#nextSequence = Math.min(nextSequence, bound);
    this.#segments.push({ ...segment, bytes: goodBytes });
    this.#tail = { name: segment.name, bytes: bytes.subarray(0, goodBytes) };
    return undefined;
  }

  /** Leftovers first: what is stored once more must not be appended to one. */
  #repair(): void {
    const [name, ...rest] = this.#unneeded;
    if (name === undefined) return this.#storeTail();
    this.#unneeded = rest;
    this.#retry<void>(
      (completion) => this.#disk.remove(name, (error) => completion(error?.code === "NOT_FOUND" ? undefined : error)),
      () => this.#repair(),
    );
  }

  #storeTail(): void {
    const tail = this.#tail;
    if (tail === undefined) return this.#syncDirectory();
    const temporary = tail.name + temporarySuffix;
    this.#retry<void>(
      (completion) => this.#storeAs(temporary, tail.bytes, completion),
      () =>
        this.#retry<void>(
          (completion) => this.#disk.rename(temporary, tail.name, completion),
          () => this.#syncDirectory(),
        ),
    );
  }

  /** What an attempt before has left would be appended to, so it goes first. */
  #storeAs(name: string, bytes: Uint8Array, done: Completion<void>): void {
    this.#disk.remove(name, (left) => {
      if (left !== undefined && left.code !== "NOT_FOUND") return done(left);
      let failure: DiskError | undefined;
      this.#disk.append(name, [bytes], (error) => {
        failure = error;
      });
      this.#disk.sync(name, (error) => done(failure ?? error));
    });
  }

  #syncDirectory(): void {
    this.#retry<void>(
      (completion) => this.#disk.syncDirectory(completion),
      () => this.#done(undefined, this.#result()),
    );
  }

  #result(): RecoveredEngine {
    return {
      entries: this.#entries,
      segments: this.#segments,
      nextSequence: this.#nextSequence,
      base: this.#base,
    };
  }

  #read(name: string, then: (bytes: Uint8Array) => void): void {
    this.#retry<Uint8Array>((completion) => this.#disk.read(name, completion), then);
  }

  #refuse(name: string, offset: number, found: string): void {
    const what = `${name} is damaged at byte ${offset}: ${found}`;
    this.#done(new EngineError("DAMAGED", `Cannot recover the records: ${what}; set the files aside and start anew`));
  }

  #retry<T>(operation: (completion: Completion<T>) => void, then: (value: T) => void, attempt = 1): void {
    operation((error, value) => {
      if (error === undefined) return then(value);
      if (error.code === "IO" && attempt < readAttempts) return this.#retry(operation, then, attempt + 1);
      const code = error.code === "NOT_FOUND" ? "IO" : error.code;
      this.#done(new EngineError(code, `Cannot recover the records: ${error.message}`, { cause: error }));
    });
  }
}
