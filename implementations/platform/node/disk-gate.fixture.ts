/**
 * Where a disk's thread waits, in the middle of what it does, until the test lets it go on: a slow disk without a
 * clock. Threads started afterwards find the test's gate in the environment data of worker threads.
 */

import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";

const key = "disk gate";
const admittedCell = 0;
const arrivedCell = 1;
const lateCell = 2;
/** Long enough for any machine: who has not been admitted by then waits for one that waits for it. */
const limitMs = 20_000;

export class DiskGate {
  readonly #cells: Int32Array;

  private constructor(shared: SharedArrayBuffer) {
    this.#cells = new Int32Array(shared);
  }

  /** A gate that is shut, for the threads that are started from now on. */
  static shut(): DiskGate {
    const shared = new SharedArrayBuffer(12);
    setEnvironmentData(key, shared);
    return new DiskGate(shared);
  }

  static ofThread(): DiskGate {
    return new DiskGate(getEnvironmentData(key) as SharedArrayBuffer);
  }

  /** How many operations have come to the gate, one at most of which waits there. */
  get arrived(): number {
    return Atomics.load(this.#cells, arrivedCell);
  }

  /** How many went through because nobody let them for too long: then all others may, so that the test can fail. */
  get late(): number {
    return Atomics.load(this.#cells, lateCell);
  }

  /** Lets so many operations through that have come or will come. */
  admit(operations: number): void {
    Atomics.add(this.#cells, admittedCell, operations);
    Atomics.notify(this.#cells, admittedCell);
  }

  /** Of the thread. */
  pass(): void {
    Atomics.add(this.#cells, arrivedCell, 1);
    while (this.late === 0 && Atomics.load(this.#cells, admittedCell) <= 0) {
      if (Atomics.wait(this.#cells, admittedCell, 0, limitMs) === "timed-out") Atomics.add(this.#cells, lateCell, 1);
    }
    Atomics.sub(this.#cells, admittedCell, 1);
  }
}
