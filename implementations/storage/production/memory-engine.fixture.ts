/**
 * An engine in memory whose writes take time, can be refused, and are forgotten in a crash when they were under way.
 *
 * Batches become durable in order, each as a whole. A crash keeps a prefix of those under way, as a power loss may.
 */

import type { Clock, Random } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import { EngineError } from "../engine.ts";
import type { EngineErrorCode } from "../../foundation/engine-error.ts";
import type { Engine, EngineCompletion, EngineWrite, ScanResult } from "../engine.ts";

/** What survives crashes. */
export class MemoryDisk {
  readonly entries = new Map<string, Uint8Array>();

  apply(batch: readonly EngineWrite[]): void {
    for (const { key, value } of batch) {
      if (value === undefined) this.entries.delete(nameOf(key));
      else this.entries.set(nameOf(key), value);
    }
  }
}

export interface MemoryEngineOptions {
  readonly disk: MemoryDisk;
  readonly clock: Clock;
  readonly random: Random;
  /** Drawn uniformly for each operation. */
  readonly delayMs: readonly [low: Millis, high: Millis];
}

export class MemoryEngine implements Engine {
  readonly #options: MemoryEngineOptions;
  readonly #underWay: (readonly EngineWrite[])[] = [];
  #freeAtMs: Millis = 0;
  #isClosed = false;
  readonly counters = { writes: 0, reads: 0 };
  /** What writes fail with, as long as it is set. */
  refusal: EngineErrorCode | undefined;

  constructor(options: MemoryEngineOptions) {
    this.#options = options;
  }

  read(keys: readonly Uint8Array[], done: EngineCompletion<readonly (Uint8Array | undefined)[]>): void {
    this.counters.reads++;
    this.#later(() =>
      done(
        undefined,
        keys.map((key) => this.#options.disk.entries.get(nameOf(key))),
      ),
    );
  }

  write(batch: readonly EngineWrite[], done: EngineCompletion<void>): void {
    this.counters.writes++;
    const { refusal } = this;
    if (refusal !== undefined)
      return this.#later(() => done(new EngineError(refusal, "the fixture refuses"), undefined));
    this.#underWay.push(batch);
    this.#later(() => {
      this.#underWay.shift();
      this.#options.disk.apply(batch);
      done(undefined, undefined);
    });
  }

  scan(from: Uint8Array, to: Uint8Array | undefined, maxBytes: number, done: EngineCompletion<ScanResult>): void {
    this.#later(() => {
      const [low, high] = [nameOf(from), to === undefined ? undefined : nameOf(to)];
      const { entries } = this.#options.disk;
      const names = [...entries.keys()].filter((name) => name >= low && (high === undefined || name < high)).sort();
      let bytes = 0;
      const count = names.findIndex((name) => (bytes += name.length + entries.get(name)!.length) >= maxBytes) + 1;
      const taken = count === 0 ? names : names.slice(0, count);
      const next = names[taken.length];
      done(undefined, {
        entries: taken.map((name) => ({ key: bytesOf(name), value: entries.get(name)! })),
        next: next === undefined ? undefined : bytesOf(next),
      });
    });
  }

  compact(done: EngineCompletion<void>): void {
    this.#later(() => done(undefined, undefined));
  }

  clear(done: EngineCompletion<void>): void {
    this.#options.disk.entries.clear();
    this.#later(() => done(undefined, undefined));
  }

  close(done: () => void): void {
    this.#isClosed = true;
    done();
  }

  /** Power is lost: of the writes under way, the first few may have got through. */
  crash(): void {
    this.#isClosed = true;
    const kept = this.#options.random.below(this.#underWay.length + 1);
    for (const batch of this.#underWay.slice(0, kept)) this.#options.disk.apply(batch);
  }

  #later(then: () => void): void {
    const { clock, random, delayMs } = this.#options;
    const [low, high] = delayMs;
    this.#freeAtMs = Math.max(clock.nowMs(), this.#freeAtMs) + low + random.float() * (high - low);
    clock.after(this.#freeAtMs - clock.nowMs(), () => this.#isClosed || then());
  }
}

function nameOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

function bytesOf(name: string): Uint8Array {
  return Uint8Array.from(name, (character) => character.charCodeAt(0));
}
