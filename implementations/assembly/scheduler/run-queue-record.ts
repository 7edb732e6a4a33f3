/**
 * What threads that race for the tasks of a run queue note down, in shared memory, so that it outlives them.
 *
 * An attempt is one offer of a slot, numbered; its number is the token that goes with it. What it needs is written here
 * before it is offered, and what is held at a time is summed up here, apart from the run queue's own tables: an attempt
 * counts from after it was taken until before it is released, so the sums never exceed what is really held.
 */

import type { Resources } from "../../scheduler/contract.ts";

export interface RecordLayout {
  readonly workers: number;
  readonly tenants: number;
  readonly attempts: number;
}

/** An attempt that ended, as its worker saw it. */
export interface EndedAttempt {
  readonly token: number;
  readonly slot: number;
  readonly worker: number;
  readonly lane: number;
  readonly since: number;
  readonly ticket: number;
  readonly isMoved: boolean;
}

const lineWords = 16;
const entryWords = 6;
const [stopAt, gateAt, readyAt, lenientAt, problemAt] = [0, 1, lineWords, 2 * lineWords, 3 * lineWords];
const capacityAt = 4 * lineWords;
const tenantsAt = 5 * lineWords;
/** Words of an attempt. */
const [tenantOf, cpuOf, memoryOf, takenOf] = [0, 1, 2, 3];
const attemptWords = 4;

export const limitNames = [
  "the tenant's processors",
  "the tenant's memory",
  "the node's processors",
  "the node's memory",
];

export interface Excess {
  readonly token: number;
  /** Index into `limitNames`. */
  readonly limit: number;
  readonly held: number;
}

export class RunQueueRecord {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #layout: RecordLayout;
  readonly #endsAt: number;
  readonly #attemptsAt: number;
  readonly #entriesAt: number;

  /** @param shared of another thread's record; absent: a new one. */
  constructor(layout: RecordLayout, shared?: SharedArrayBuffer) {
    const { workers, tenants, attempts } = layout;
    this.#layout = layout;
    this.#endsAt = tenantsAt + tenants * lineWords;
    this.#attemptsAt = this.#endsAt + workers * lineWords;
    this.#entriesAt = this.#attemptsAt + attempts * attemptWords;
    this.shared = shared ?? new SharedArrayBuffer(4 * (this.#entriesAt + workers * attempts * entryWords));
    this.#words = new Int32Array(this.shared);
  }

  get isStopped(): boolean {
    return Atomics.load(this.#words, stopAt) !== 0;
  }

  stop(): void {
    Atomics.store(this.#words, stopAt, 1);
  }

  /** Workers take nothing until the gate is opened. */
  closeGate(): void {
    Atomics.store(this.#words, gateAt, 1);
  }

  openGate(): void {
    Atomics.store(this.#words, gateAt, 0);
    Atomics.notify(this.#words, gateAt);
  }

  passGate(): void {
    while (Atomics.load(this.#words, gateAt) !== 0) Atomics.wait(this.#words, gateAt, 1);
  }

  get ready(): number {
    return Atomics.load(this.#words, readyAt);
  }

  countReady(): void {
    Atomics.add(this.#words, readyAt, 1);
  }

  /** Before it is offered. */
  describe(token: number, tenant: number, { cpuMilli, memoryMb }: Resources): void {
    const at = this.#attemptsAt + token * attemptWords;
    this.#words[at + tenantOf] = tenant;
    this.#words[at + cpuOf] = cpuMilli;
    this.#words[at + memoryOf] = memoryMb;
  }

  /** Returns how often `token` had been taken before. */
  countTaken(token: number): number {
    return Atomics.add(this.#words, this.#attemptsAt + token * attemptWords + takenOf, 1);
  }

  takenOf(token: number): number {
    return Atomics.load(this.#words, this.#attemptsAt + token * attemptWords + takenOf);
  }

  /** `holdsCapacity`: false of what was lent. */
  hold(token: number, quota: Resources, capacity: Resources, holdsCapacity: boolean): void {
    const at = this.#attemptsAt + token * attemptWords;
    const [cpu, memory] = [this.#words[at + cpuOf]!, this.#words[at + memoryOf]!];
    const sums = tenantsAt + this.#words[at + tenantOf]! * lineWords;
    this.#add(token, 0, sums, cpu, quota.cpuMilli);
    this.#add(token, 1, sums + 1, memory, quota.memoryMb);
    if (!holdsCapacity) return;
    this.#add(token, 2, capacityAt, cpu, capacity.cpuMilli);
    this.#add(token, 3, capacityAt + 1, memory, capacity.memoryMb);
  }

  letGo(token: number, holdsCapacity: boolean): void {
    const at = this.#attemptsAt + token * attemptWords;
    const [cpu, memory] = [this.#words[at + cpuOf]!, this.#words[at + memoryOf]!];
    const sums = tenantsAt + this.#words[at + tenantOf]! * lineWords;
    Atomics.sub(this.#words, sums, cpu);
    Atomics.sub(this.#words, sums + 1, memory);
    if (!holdsCapacity) return;
    Atomics.sub(this.#words, capacityAt, cpu);
    Atomics.sub(this.#words, capacityAt + 1, memory);
  }

  /** The sums are not to be judged: a thread may have died with something in them. */
  beLenient(): void {
    Atomics.store(this.#words, lenientAt, 1);
  }

  /** With nothing held by anybody. */
  judgeAgain(): void {
    this.#words.fill(0, capacityAt, this.#endsAt);
    Atomics.store(this.#words, lenientAt, 0);
  }

  /** The first sum that exceeded its limit. */
  get excess(): Excess | undefined {
    const [isThere, token = 0, limit = 0, held = 0] = this.#words.subarray(problemAt, problemAt + 4);
    return isThere === 1 ? { token, limit, held } : undefined;
  }

  endsOf(worker: number): number {
    return Atomics.load(this.#words, this.#endsAt + worker * lineWords);
  }

  /** The last step of an attempt: what is not noted has not ended. */
  end({ token, slot, worker, lane, since, ticket, isMoved }: EndedAttempt): void {
    const index = this.endsOf(worker);
    this.#words.set([token, slot, lane, since, ticket, isMoved ? 1 : 0], this.#entryAt(worker, index));
    Atomics.store(this.#words, this.#endsAt + worker * lineWords, index + 1);
  }

  entry(worker: number, index: number): EndedAttempt {
    const at = this.#entryAt(worker, index);
    const [token = 0, slot = 0, lane = 0, since = 0, ticket = 0, isMoved = 0] = this.#words.subarray(
      at,
      at + entryWords,
    );
    return { token, slot, worker, lane, since, ticket, isMoved: isMoved !== 0 };
  }

  #entryAt(worker: number, index: number): number {
    return this.#entriesAt + (worker * this.#layout.attempts + index) * entryWords;
  }

  #add(token: number, limit: number, at: number, amount: number, most: number): void {
    const held = Atomics.add(this.#words, at, amount) + amount;
    if (held <= most || Atomics.load(this.#words, lenientAt) !== 0) return;
    if (Atomics.compareExchange(this.#words, problemAt, 0, 2) !== 0) return;
    this.#words.set([token, limit, held], problemAt + 1);
    Atomics.store(this.#words, problemAt, 1);
  }
}
