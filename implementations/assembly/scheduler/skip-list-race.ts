/**
 * A race: real threads work on shared skip lists at the same time, some are terminated in the middle and replaced, and
 * the log of what happened is completed so that it can be judged.
 *
 * What a terminated thread was doing is found out as the scheduler finds it out. An element that it took and did not
 * log is one whose slot it had claimed (`claimantOf`); it was pinned, so the slot is not reused before `forgetThread`.
 * An insertion happened if its slot is queued or taken after `forgetThread`. Either operation returns, at the latest,
 * at the moment at which the thread is known to be dead; an operation that did nothing is struck out.
 *
 * In the end one thread drains the lists, logged like the others, so that what was lost is missed.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";

import type { Random } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { skipListBytes } from "../../scheduler/production/skip-list-memory.ts";
import { SkipLists } from "../../scheduler/production/skip-list.ts";
import { elementIn, SkipListLog } from "./skip-list-log.ts";
import type { LogEntry } from "./skip-list-log.ts";
import type { RacerData } from "./skip-list-racer.ts";

export interface RaceOptions {
  readonly seed: string;
  readonly threads: number;
  /** Of each thread; at most 2^20 of all together. */
  readonly operations: number;
  /** Of each thread. */
  readonly slots: number;
  readonly lists: number;
  /** How many threads are terminated in the middle of it. */
  readonly deaths: number;
  /** See `RacerData`. */
  readonly readsLate?: boolean;
}

export interface RaceOutcome {
  readonly entries: readonly LogEntry[];
  /** Threads that were terminated before they were done. */
  readonly deaths: number;
  /** What is wrong with the lists after the last element was taken, one line each. */
  readonly problems: readonly string[];
}

/** Between two looks at how far the racers are. */
const pollMs = 0.05;

/** @throws Error what a racer threw. Every thread has ended when this settles. */
export async function raceOnSkipLists(options: RaceOptions): Promise<RaceOutcome> {
  const race = new Race(options);
  try {
    return await race.run();
  } finally {
    await race.end();
  }
}

class Race {
  readonly #options: RaceOptions;
  readonly #random: Random;
  readonly #data: Omit<RacerData, "thread" | "slots">;
  readonly #log: SkipListLog;
  readonly #lists: SkipLists;
  readonly #payloads: Int32Array;
  readonly #racers = new Map<number, Racer>();
  #deaths = 0;

  constructor(options: RaceOptions) {
    const { seed, threads, operations, slots, lists, readsLate = false } = options;
    const layout = { slots: threads * slots, lists, threads: threads + 1 };
    const logLayout = { threads: threads + 1, operations: Math.max(operations, layout.slots + lists) };
    this.#options = options;
    this.#random = seededRandom(`${seed}/race`);
    this.#log = new SkipListLog(logLayout);
    this.#data = {
      seed,
      layout,
      logLayout,
      operations,
      lists: new SharedArrayBuffer(skipListBytes(layout)),
      log: this.#log.shared,
      payloads: new SharedArrayBuffer(4 * layout.slots),
      start: new SharedArrayBuffer(8),
      readsLate,
    };
    this.#lists = new SkipLists(this.#data.lists, 0, layout, threads);
    this.#payloads = new Int32Array(this.#data.payloads);
  }

  async run(): Promise<RaceOutcome> {
    const { threads, operations, deaths } = this.#options;
    for (let thread = 0; thread < threads; thread++) this.#start(thread);
    const started = new Int32Array(this.#data.start);
    while (Atomics.load(started, 1) < threads) await this.#pause();
    Atomics.store(started, 0, 1);
    Atomics.notify(started, 0);
    const total = 2 * threads * operations;
    for (let death = 0; death < deaths; death++) {
      const at = (total * (death + this.#random.float())) / (deaths + 1);
      while (this.#log.stamps < at && this.#isRacing()) await this.#pause();
      await this.#kill(this.#random.below(threads));
    }
    await Promise.all([...this.#racers.values()].map(({ ended }) => ended));
    for (let thread = 0; thread < threads; thread++) this.#lists.forgetThread(thread);
    this.#drain();
    return { entries: [...this.#log.entries()], deaths: this.#deaths, problems: this.#problems() };
  }

  async end(): Promise<void> {
    await Promise.all([...this.#racers.values()].map(({ worker }) => worker.terminate()));
  }

  #start(thread: number): void {
    const { slots } = this.#options;
    const workerData: RacerData = { ...this.#data, thread, slots: [thread * slots, (thread + 1) * slots] };
    const worker = new Worker(new URL("./skip-list-racer.ts", import.meta.url), { workerData, execArgv: [] });
    const ended = once(worker, "exit").then(() => undefined);
    ended.catch(() => undefined); // What it threw is rethrown where the race waits for it.
    this.#racers.set(thread, { worker, ended });
  }

  #isRacing(): boolean {
    return [...this.#racers.keys()].some((thread) => !this.#isDone(thread));
  }

  #isDone(thread: number): boolean {
    const { operations } = this.#options;
    return this.#log.begun(thread) >= operations && this.#log.entry(thread, operations - 1).return !== 0;
  }

  /** Lets the event loop turn; the time goes to the racers. */
  async #pause(): Promise<void> {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
    await new Promise((resolve) => setImmediate(resolve));
  }

  async #kill(thread: number): Promise<void> {
    const { worker, ended } = this.#racers.get(thread)!;
    await worker.terminate();
    await ended;
    if (this.#isDone(thread)) return;
    this.#deaths++;
    const position = this.#log.begun(thread) - 1;
    const open = position < 0 ? undefined : this.#log.entry(thread, position);
    if (open?.return === 0 && open.kind !== "insert") this.#resolve(position, this.#takenBy(thread, open), open);
    this.#lists.forgetThread(thread);
    if (open?.return === 0 && open.kind === "insert") {
      const isThere = this.#lists.isQueued(open.slot) || this.#lists.claimantOf(open.slot) >= 0;
      const element = isThere && elementIn(this.#lists, open.slot) === open.element ? open.element : -1;
      this.#resolve(position, element, open);
    }
    this.#start(thread);
  }

  /** The element that `thread`, dead and not yet forgotten, claimed and did not log; -1: none. */
  #takenBy(thread: number, open: LogEntry): number {
    const logged = new Set<number>();
    for (const { thread: other, kind, result } of this.#log.entries()) {
      if (other === thread && kind !== "insert") logged.add(result);
    }
    // What was noted of the open operation itself is no more than what the claims say.
    logged.delete(open.result);
    for (let slot = 0; slot < this.#data.layout.slots; slot++) {
      // Read between two looks at the claim: a slot that is being reused loses its claim before it gets its new key.
      if (this.#lists.claimantOf(slot) !== thread) continue;
      const element = elementIn(this.#lists, slot);
      if (this.#lists.claimantOf(slot) === thread && !logged.has(element)) return element;
    }
    return -1;
  }

  #resolve(position: number, element: number, { thread, kind }: LogEntry): void {
    if (element < 0) {
      this.#log.drop(thread, position);
      return;
    }
    if (kind !== "insert") this.#log.note(thread, position, element);
    this.#log.return(thread, position);
  }

  #drain(): void {
    const thread = this.#options.threads;
    let position = 0;
    for (let list = 0; list < this.#options.lists; list++) {
      for (let slot = 0; slot >= 0; position++) {
        this.#log.call(thread, position, "popMin", list, -1, -1);
        slot = this.#lists.popMin(list);
        this.#log.note(thread, position, slot < 0 ? -1 : this.#payloads[slot]!);
        this.#log.return(thread, position);
      }
    }
  }

  #problems(): readonly string[] {
    const { lists } = this.#options;
    const problems: string[] = [];
    const slots = Array.from({ length: this.#data.layout.slots }, (_, slot) => slot);
    const held = slots.filter((slot) => !this.#lists.isReclaimable(slot));
    if (held.length > lists)
      problems.push(`${held.length} slots of empty lists cannot be reused, not ${lists} at most`);
    for (let list = 0; list < lists && this.#deaths === 0; list++) {
      const size = this.#lists.size(list);
      if (size !== 0) problems.push(`an empty list says that ${size} are queued`);
    }
    return problems;
  }
}

interface Racer {
  readonly worker: Worker;
  /** Rejects with what it threw. */
  readonly ended: Promise<void>;
}
