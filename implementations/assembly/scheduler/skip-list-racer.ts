/**
 * A thread that does random operations on shared skip lists and logs them: one of those that skip-list-race.ts starts.
 *
 * It inserts only slots of its own, as the scheduler's main thread does, and takes whatever is least. It is pinned from
 * before it takes an element until it has read the element's payload and logged it: until then the slot's owner must
 * not reuse it.
 */

import { workerData } from "node:worker_threads";

import type { Random } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { SkipLists } from "../../scheduler/production/skip-list.ts";
import type { SkipListLayout } from "../../scheduler/production/skip-list-memory.ts";
import { elementIds, SkipListLog } from "./skip-list-log.ts";
import type { LogLayout } from "./skip-list-log.ts";

export interface RacerData {
  readonly seed: string;
  readonly thread: number;
  readonly layout: SkipListLayout;
  readonly logLayout: LogLayout;
  readonly operations: number;
  readonly lists: SharedArrayBuffer;
  readonly log: SharedArrayBuffer;
  /** By slot: the element in it. */
  readonly payloads: SharedArrayBuffer;
  /** Two words: racers wait while the first is 0, and count in the second how many they are. */
  readonly start: SharedArrayBuffer;
  /** Slots of this thread: from, and before `until`. */
  readonly slots: readonly [from: number, until: number];
  /** Reads the payload of what it took when it is not pinned any more: a mistake, to see that it is found. */
  readonly readsLate: boolean;
}

/** Now and then a racer dawdles with a slot in its hands, for up to this many turns of a loop: microseconds. */
const dawdleTurns = 4096;
/** Few, so that insertions hit the least elements often. */
const ranks = 64;

class Racer {
  readonly #data: RacerData;
  readonly #lists: SkipLists;
  readonly #log: SkipListLog;
  readonly #payloads: Int32Array;
  readonly #random: Random;
  #position: number;
  #nextSlot: number;

  constructor(data: RacerData) {
    this.#data = data;
    this.#lists = new SkipLists(data.lists, 0, data.layout, data.thread);
    this.#log = new SkipListLog(data.logLayout, data.log);
    this.#payloads = new Int32Array(data.payloads);
    this.#position = this.#log.begun(data.thread);
    this.#random = seededRandom(`${data.seed}/${data.thread}/${this.#position}`);
    this.#nextSlot = data.slots[0];
  }

  run(): void {
    while (this.#position < this.#data.operations) {
      const choice = this.#random.below(20);
      const list = this.#random.below(this.#data.layout.lists);
      if (choice < 10) this.#insert(list);
      else if (choice < 15) this.#popMin(list);
      else if (choice < 19) this.#claimLeast(list);
      else this.#removeOwn();
    }
  }

  #insert(list: number): void {
    const slot = this.#freeSlot();
    if (slot < 0) {
      this.#popMin(list);
      return;
    }
    const order = this.#position * this.#data.logLayout.threads + this.#data.thread;
    const rank = this.#random.below(ranks);
    const element = rank * elementIds + order;
    this.#payloads[slot] = element;
    this.#log.call(this.#data.thread, this.#position, "insert", list, slot, element);
    this.#lists.insert(list, slot, rank, order);
    this.#return();
  }

  #popMin(list: number): void {
    this.#take(list, () => this.#lists.popMin(list));
  }

  /** As a worker of the scheduler does: looks at the least, then takes that one or nothing. */
  #claimLeast(list: number): void {
    this.#take(list, () => {
      const slot = this.#lists.peek(list);
      this.#dawdle();
      return slot < 0 || this.#lists.claim(list, slot) ? slot : undefined;
    });
  }

  /** @param take returns a slot, or -1 when the list is empty, or undefined when somebody was faster. */
  #take(list: number, take: () => number | undefined): void {
    const { thread, readsLate } = this.#data;
    this.#log.call(thread, this.#position, "popMin", list, -1, -1);
    this.#lists.pin();
    const slot = take();
    if (readsLate) this.#lists.unpin();
    this.#dawdle();
    if (slot !== undefined) this.#log.note(thread, this.#position, slot < 0 ? -1 : this.#payloads[slot]!);
    if (!readsLate) this.#lists.unpin();
    if (slot === undefined) this.#log.drop(thread, this.#position++);
    else this.#return();
  }

  #removeOwn(): void {
    const [from, until] = this.#data.slots;
    const slot = from + this.#random.below(until - from);
    const list = this.#lists.listOf(slot);
    if (list < 0) return;
    const element = this.#payloads[slot]!;
    this.#log.call(this.#data.thread, this.#position, "remove", list, slot, element);
    const isRemoved = this.#lists.remove(list, slot);
    this.#log.note(this.#data.thread, this.#position, isRemoved ? element : -1);
    this.#return();
  }

  #return(): void {
    this.#log.return(this.#data.thread, this.#position++);
  }

  #dawdle(): void {
    if (this.#random.below(8) > 0) return;
    for (let turns = this.#random.below(dawdleTurns); turns > 0; turns--) Atomics.load(this.#payloads, 0);
  }

  #freeSlot(): number {
    const [from, until] = this.#data.slots;
    for (let tried = from; tried < until; tried++) {
      const slot = this.#nextSlot;
      this.#nextSlot = slot + 1 === until ? from : slot + 1;
      if (!this.#lists.isQueued(slot) && this.#lists.isReclaimable(slot)) return slot;
    }
    return -1;
  }
}

const data = workerData as RacerData;
const started = new Int32Array(data.start);
Atomics.add(started, 1, 1);
Atomics.wait(started, 0, 0);
new Racer(data).run();
