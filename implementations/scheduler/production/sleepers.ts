/**
 * Workers that have nothing to do sleep, and are woken one at a time.
 *
 * No wake-up is lost. A worker reads the signal, looks for work, finds none, sets its bit in `asleep`, reads the signal
 * once more, and sleeps only if it is the same. Whoever makes work possible (offers, releases, gives back what it had
 * held in vain) does so, then adds to the signal, then reads `asleep`. All four accesses are sequentially consistent,
 * so one of the two comes first: either the bit is seen and the worker is woken, or the changed signal is seen and the
 * worker looks again. That is Dekker's argument, and the reason why nobody needs to be notified (some 5 microseconds of
 * the notifier's) while nobody sleeps. A worker that is woken between its second look at the signal and its sleep finds
 * its own parking word changed, and does not sleep.
 *
 * One at a time: a bit in `waking` says that a worker was woken and has not begun to look. What comes in the meantime
 * needs no other, since that one will see it: it clears the bit before it looks. When it has taken something it wakes
 * the next if there is more (`wakeForWork` of the taker), as in Go's scheduler. `waking` only spares wake-ups: a bit
 * may be missing at any time, and is never set longer than the worker needs to get up, for whoever sets it has not yet
 * cleared the bit in `asleep`, and takes it back when somebody else had.
 *
 * @see Franke, Russell & Kirkwood 2002, "Fuss, futexes and furwocks" (the changed word); Go, runtime/proc.go, "Worker
 *   thread parking/unparking" (one spinning thread wakes the next).
 */

import { header, thread } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";

export class Sleepers {
  readonly #words: Int32Array;
  readonly #memory: RunQueueMemory;
  readonly #everybody: number;

  constructor(memory: RunQueueMemory) {
    this.#memory = memory;
    this.#everybody = 2 ** memory.workers - 1;
    this.#words = memory.words;
  }

  signal(): number {
    return Atomics.load(this.#words, header.signal);
  }

  /** After something became possible, before `asleep` is read. */
  raiseSignal(): void {
    Atomics.add(this.#words, header.signal, 1);
  }

  /** A bit per worker. */
  asleep(): number {
    return Atomics.load(this.#words, header.asleep);
  }

  areAllAsleep(): boolean {
    return this.asleep() === this.#everybody;
  }

  isAnyWaking(): boolean {
    return Atomics.load(this.#words, header.waking) !== 0;
  }

  /** Blocks worker `worker` until it is woken; not at all if the signal is no longer `seen`. */
  sleep(worker: number, seen: number): void {
    const words = this.#words;
    const parkingAt = this.#memory.threadAt(worker) + thread.parking;
    const parking = Atomics.load(words, parkingAt);
    Atomics.or(words, header.asleep, 1 << worker);
    if (Atomics.load(words, header.signal) === seen) Atomics.wait(words, parkingAt, parking);
    Atomics.and(words, header.asleep, ~(1 << worker));
    Atomics.and(words, header.waking, ~(1 << worker));
  }

  /** Wakes `worker`; false when it was not asleep, or somebody else has woken it. */
  wake(worker: number): boolean {
    const words = this.#words;
    const bit = 1 << worker;
    Atomics.or(words, header.waking, bit);
    if ((Atomics.and(words, header.asleep, ~bit) & bit) === 0) {
      Atomics.and(words, header.waking, ~bit);
      return false;
    }
    const parkingAt = this.#memory.threadAt(worker) + thread.parking;
    Atomics.add(words, parkingAt, 1);
    Atomics.notify(words, parkingAt);
    return true;
  }

  /**
   * With worker `worker` dead and the others at rest: it does not sleep, and nobody is being woken that one knows of.
   */
  forget(worker: number): void {
    Atomics.and(this.#words, header.asleep, ~(1 << worker));
    Atomics.store(this.#words, header.waking, 0);
  }
}
