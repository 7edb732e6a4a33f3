/**
 * The tenants: what each holds, against its quota, and how far each has come in virtual time.
 *
 * Charging. Processor and memory are two words of the tenant and two of the node. Each is added to by compare-and-swap
 * only if the sum stays within its limit, so no limit is exceeded at any instant, whoever works at the same time; if a
 * later word has no room the earlier ones are given back. Looking first whether there is room (`roomOf`) avoids most
 * of that, and decides nothing.
 *
 * Fairness. A tenant's virtual time advances by what its attempts ran, divided by its weight, and the tenant with the
 * least goes first: start-time fair queueing with the attempt's start as the tag, as Linux' CFS does it. Two things are
 * added. An attempt is charged when it starts with what the tenant's attempts took lately, and corrected when it ends,
 * so that several workers that look one after the other do not all take from the same tenant. And a tenant that had
 * nothing waiting goes on at the least virtual time of those who had (in SFQ: max of the system's virtual time and the
 * tenant's last finish tag): it saves nothing up.
 *
 * Bound. Let W be the workers, and L the largest charge: the longest attempt divided by its tenant's weight, or
 * `leastUnits`. Two tenants i and j that both have tasks waiting, and are held back neither by quota nor by capacity:
 *
 *     |V_i - V_j| <= 2 * W * L
 *
 * Whenever i is taken from, V_i <= V_j was read. After that V_i grows by no more than what its attempts in flight and
 * those just taken are charged, in all: at most W attempts, each with at most L (an estimate is a mean of earlier
 * attempts, hence at most L too). V_j cannot fall by more than the corrections of its own attempts in flight, W * L at
 * most. A tenant that comes back starts no lower than the least of those waiting, that is, within the bound. So the
 * published bound, a hundred times the largest task, holds with up to 50 workers, and `maxWorkers` is 31.
 *
 * A tenant that its quota or the lack of capacity holds back falls behind the others meanwhile; it keeps at most
 * `creditUnits` of that.
 *
 * Virtual time is kept in units of 4 microseconds of weight 1 modulo 2^32 and compared by the sign of the difference:
 * 64-bit atomics would need a BigInt for each. Differences stay under 2^31 because a charge is bounded (`mostUnits`):
 * with two workers an attempt longer than 17 minutes is charged as 17 minutes, with 31 workers as 69 seconds. An
 * attempt is charged at least one unit, about what handing it out costs. Fractions are carried over by each thread, so
 * that weights hold for short attempts too.
 *
 * @see Goyal, Vin & Cheng 1996, "Start-time fair queueing", section 2 and theorem 1 (two continuously backlogged
 *   flows); Li, Baumberger & Hahn 2009, "Efficient and scalable multiprocessor fair scheduling using distributed
 *   weighted round-robin"; Linux kernel, Documentation/scheduler/sched-design-CFS.rst.
 */

import type { Resources } from "../contract.ts";
import { header, tenantWord, unlimited } from "./run-queue-memory.ts";
import type { RunQueueMemory } from "./run-queue-memory.ts";

/** What a tenant may have: `Infinity` means no quota. */
export interface Share extends Resources {
  readonly weight: number;
}

/** Units of virtual time in a millisecond of weight 1. */
export const unitsPerMs = 250;
const leastUnits = 1;
/** A second: what a tenant keeps of the time in which it was held back. */
const creditUnits = 1000 * unitsPerMs;

export type Room = "room" | "quota" | "capacity";

export class TenantTable {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #memory: RunQueueMemory;
  readonly #mostUnits: number;
  /** By tenant: the fraction of a unit that this thread still owes. */
  readonly #carried: Float64Array;

  constructor(memory: RunQueueMemory) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#doubles = memory.doubles;
    this.#mostUnits = Math.floor(2 ** 29 / memory.workers);
    this.#carried = new Float64Array(memory.tenants);
  }

  /** Before anybody else has a view. */
  initialize(capacity: Resources, shares: readonly Share[]): void {
    this.#words[header.capacityCpu] = limitOf(capacity.cpuMilli);
    this.#words[header.capacityMemory] = limitOf(capacity.memoryMb);
    for (let tenant = 0; tenant < this.#memory.tenants; tenant++) {
      const share = shares[tenant] ?? { weight: 1, cpuMilli: Infinity, memoryMb: Infinity };
      const at = this.#memory.tenantAt(tenant);
      this.#doubles[(at + tenantWord.weight) >> 1] = share.weight;
      this.#words[at + tenantWord.quotaCpu] = limitOf(share.cpuMilli);
      this.#words[at + tenantWord.quotaMemory] = limitOf(share.memoryMb);
    }
  }

  waitingOf(tenant: number): number {
    return Atomics.load(this.#words, this.#memory.tenantAt(tenant));
  }

  /** Returns how many waited before. */
  addWaiting(tenant: number, count: number): number {
    return Atomics.add(this.#words, this.#memory.tenantAt(tenant), count);
  }

  setWaiting(tenant: number, count: number): void {
    Atomics.store(this.#words, this.#memory.tenantAt(tenant), count);
  }

  heldOf(tenant: number): Resources {
    const at = this.#memory.tenantAt(tenant);
    return {
      cpuMilli: Atomics.load(this.#words, at + tenantWord.heldCpu),
      memoryMb: Atomics.load(this.#words, at + tenantWord.heldMemory),
    };
  }

  /** What of the node's capacity is held. */
  held(): Resources {
    return {
      cpuMilli: Atomics.load(this.#words, header.heldCpu),
      memoryMb: Atomics.load(this.#words, header.heldMemory),
    };
  }

  /** Whether there is room at this moment; nothing is held by that. */
  roomOf(tenant: number, cpu: number, memory: number, fromCapacity: boolean): Room {
    const words = this.#words;
    const at = this.#memory.tenantAt(tenant);
    const isWithinQuota =
      hasRoom(words, at + tenantWord.heldCpu, cpu, words[at + tenantWord.quotaCpu]!) &&
      hasRoom(words, at + tenantWord.heldMemory, memory, words[at + tenantWord.quotaMemory]!);
    if (!isWithinQuota) return "quota";
    const isWithinCapacity =
      !fromCapacity ||
      (hasRoom(words, header.heldCpu, cpu, words[header.capacityCpu]!) &&
        hasRoom(words, header.heldMemory, memory, words[header.capacityMemory]!));
    return isWithinCapacity ? "room" : "capacity";
  }

  /** Holds all of it, or nothing: false when somebody else was faster. */
  charge(tenant: number, cpu: number, memory: number, fromCapacity: boolean): boolean {
    const words = this.#words;
    const at = this.#memory.tenantAt(tenant);
    const cpuAt = at + tenantWord.heldCpu;
    const memoryAt = at + tenantWord.heldMemory;
    if (!addWithin(words, cpuAt, cpu, words[at + tenantWord.quotaCpu]!)) return false;
    if (addWithin(words, memoryAt, memory, words[at + tenantWord.quotaMemory]!)) {
      if (!fromCapacity || this.#chargeCapacity(cpu, memory)) return true;
      subtract(words, memoryAt, memory);
    }
    subtract(words, cpuAt, cpu);
    return false;
  }

  giveBack(tenant: number, cpu: number, memory: number, toCapacity: boolean): void {
    const at = this.#memory.tenantAt(tenant);
    if (toCapacity) {
      subtract(this.#words, header.heldMemory, memory);
      subtract(this.#words, header.heldCpu, cpu);
    }
    subtract(this.#words, at + tenantWord.heldMemory, memory);
    subtract(this.#words, at + tenantWord.heldCpu, cpu);
  }

  /** With nobody else at work: what is held, as it was counted anew. */
  setHeld(tenant: number, held: Resources): void {
    const at = this.#memory.tenantAt(tenant);
    Atomics.store(this.#words, at + tenantWord.heldCpu, held.cpuMilli);
    Atomics.store(this.#words, at + tenantWord.heldMemory, held.memoryMb);
  }

  setCapacityHeld(held: Resources): void {
    Atomics.store(this.#words, header.heldCpu, held.cpuMilli);
    Atomics.store(this.#words, header.heldMemory, held.memoryMb);
  }

  /** Modulo 2^32; to be compared by `isEarlier`. */
  virtualTimeOf(tenant: number): number {
    return Atomics.load(this.#words, this.#memory.tenantAt(tenant) + tenantWord.virtualTime);
  }

  /** Charges an attempt that starts with what it will probably take, and returns that, for its end. */
  startAttempt(tenant: number): number {
    const estimate = this.#words[this.#memory.tenantAt(tenant) + tenantWord.estimate]!;
    const units = Math.min(this.#mostUnits, Math.max(leastUnits, Math.round(estimate / this.#weightOf(tenant))));
    this.#advance(tenant, units);
    return units;
  }

  /** Corrects what `startAttempt` charged now that the attempt has run for `ranMs`. */
  endAttempt(tenant: number, provisional: number, ranMs: number): void {
    const at = this.#memory.tenantAt(tenant);
    const ran = Math.max(leastUnits, ranMs * unitsPerMs);
    const exact = Math.min(this.#mostUnits, ran / this.#weightOf(tenant)) - provisional + this.#carried[tenant]!;
    const units = Math.floor(exact);
    this.#carried[tenant] = exact - units;
    if (units !== 0) this.#advance(tenant, units);
    // Plain and racy: any recent attempt is as good as another.
    const estimate = this.#words[at + tenantWord.estimate]!;
    const recent = Math.min(this.#mostUnits, ran);
    this.#words[at + tenantWord.estimate] = estimate === 0 ? recent : estimate + (recent - estimate) / 8;
  }

  /** Before the first of `tenant`'s tasks waits again. */
  catchUp(tenant: number): void {
    if (this.#memory.tenants > 1) this.#raise(tenant, this.#leastWaiting(tenant) ?? this.#furthest());
  }

  /** After `by` was taken from although `tenant`, held back, was behind it: what is too far behind is given up. */
  limitCredit(tenant: number, by: number): void {
    this.#raise(tenant, (this.virtualTimeOf(by) - creditUnits) | 0);
  }

  /** How often others have gone first because the capacity had no room for this one's next task. */
  overtakenOf(tenant: number): number {
    return Atomics.load(this.#words, this.#memory.tenantAt(tenant) + tenantWord.overtaken);
  }

  overtake(tenant: number): void {
    Atomics.add(this.#words, this.#memory.tenantAt(tenant) + tenantWord.overtaken, 1);
  }

  resetOvertaken(tenant: number): void {
    const at = this.#memory.tenantAt(tenant) + tenantWord.overtaken;
    if (Atomics.load(this.#words, at) !== 0) Atomics.store(this.#words, at, 0);
  }

  #chargeCapacity(cpu: number, memory: number): boolean {
    const words = this.#words;
    if (!addWithin(words, header.heldCpu, cpu, words[header.capacityCpu]!)) return false;
    if (addWithin(words, header.heldMemory, memory, words[header.capacityMemory]!)) return true;
    subtract(words, header.heldCpu, cpu);
    return false;
  }

  #weightOf(tenant: number): number {
    return this.#doubles[(this.#memory.tenantAt(tenant) + tenantWord.weight) >> 1]!;
  }

  #advance(tenant: number, units: number): void {
    Atomics.add(this.#words, this.#memory.tenantAt(tenant) + tenantWord.virtualTime, units);
  }

  #raise(tenant: number, least: number): void {
    const at = this.#memory.tenantAt(tenant) + tenantWord.virtualTime;
    let seen = Atomics.load(this.#words, at);
    while (isEarlier(seen, least)) {
      const found = Atomics.compareExchange(this.#words, at, seen, least);
      if (found === seen) return;
      seen = found;
    }
  }

  #leastWaiting(except: number): number | undefined {
    let least: number | undefined;
    for (let tenant = 0; tenant < this.#memory.tenants; tenant++) {
      if (tenant === except || this.waitingOf(tenant) <= 0) continue;
      const time = this.virtualTimeOf(tenant);
      if (least === undefined || isEarlier(time, least)) least = time;
    }
    return least;
  }

  /** The end of a busy period: nobody waits, so all start anew from where the furthest has come. */
  #furthest(): number {
    let furthest = this.virtualTimeOf(0);
    for (let tenant = 1; tenant < this.#memory.tenants; tenant++) {
      const time = this.virtualTimeOf(tenant);
      if (isEarlier(furthest, time)) furthest = time;
    }
    return furthest;
  }
}

/** Whether `a` lies before `b`, on a circle of 2^32 of which both lie in one half. */
export function isEarlier(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

function limitOf(amount: number): number {
  return Math.min(unlimited, Math.floor(amount));
}

function hasRoom(words: Int32Array, at: number, amount: number, limit: number): boolean {
  return amount === 0 || Atomics.load(words, at) <= limit - amount;
}

/** Adds `amount` if the sum stays within `limit`: one step, whatever others do. */
function addWithin(words: Int32Array, at: number, amount: number, limit: number): boolean {
  if (amount === 0) return true;
  let seen = Atomics.load(words, at);
  while (seen <= limit - amount) {
    const found = Atomics.compareExchange(words, at, seen, seen + amount);
    if (found === seen) return true;
    seen = found;
  }
  return false;
}

function subtract(words: Int32Array, at: number, amount: number): void {
  if (amount !== 0) Atomics.sub(words, at, amount);
}
