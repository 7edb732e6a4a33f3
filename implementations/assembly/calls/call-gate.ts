/**
 * Faults on direct function calls: what stands between two minimal nodes instead of a network.
 *
 * A call takes no time, so there is nothing to delay and no byte to damage. What a network does to a request can still
 * be said in calls: a cut or lost request is a call that is not made, a lost reply is a call whose answer is thrown
 * away, a duplicate is a call made twice, and a reordered request is a call made again later, when the caller has gone
 * on without its answer.
 */

import type { Clock, Random } from "../../foundation/effects.ts";
import { UsageError } from "../../foundation/errors.ts";
import type { FaultHandle, Link, PacketFault } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import { faultHandle } from "../../foundation/fault-handle.ts";

type Disturbance = Extract<PacketFault, { kind: "loss" | "duplicate" | "reorder" }>;

interface Disturbed {
  readonly fault: Disturbance;
  count: number;
}

export class CallGate {
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #cuts = new Map<string, Set<{ count: number }>>();
  readonly #disturbed = new Map<string, Set<Disturbed>>();

  constructor(random: Random, clock: Clock) {
    this.#random = random;
    this.#clock = clock;
  }

  /** Makes `call` from `from` to `to` as the faults at work allow; undefined: no answer reached the caller. */
  pass<T>(from: NodeId, to: NodeId, call: () => T | undefined): T | undefined {
    if (this.#isCut(from, to)) return undefined;
    const faults = this.#disturbed.get(`${from}>${to}`);
    if (faults !== undefined) for (const disturbed of faults) if (!this.#admits(disturbed, call)) return undefined;
    const answer = call();
    if (answer === undefined || this.#isCut(to, from) || this.#losesReply(from, to)) return undefined;
    return answer;
  }

  /** Whether a caller at `from` and `to` reach each other; a call that is not made for that counts as cut. */
  connects(from: NodeId, to: NodeId): boolean {
    // Both are looked at, so that a cut of either direction counts what it did.
    const isThereCut = this.#isCut(from, to);
    return !this.#isCut(to, from) && !isThereCut;
  }

  cut(links: readonly Link[]): FaultHandle {
    const tally = { count: 0 };
    const keys = links.map(({ from, to }) => `${from}>${to}`);
    for (const key of keys) entryOf(this.#cuts, key).add(tally);
    return faultHandle(
      "calls cut",
      () => tally.count,
      () => keys.forEach((key) => entryOf(this.#cuts, key).delete(tally)),
    );
  }

  /** @throws UsageError for a fault that no function call can have. */
  disturb(links: readonly Link[], fault: PacketFault): FaultHandle {
    if (fault.kind !== "loss" && fault.kind !== "duplicate" && fault.kind !== "reorder") {
      throw new UsageError(
        `Cannot inject ${fault.kind} between minimal nodes: they call each other directly; allowed are loss, duplicate, reorder`,
      );
    }
    const disturbed: Disturbed = { fault, count: 0 };
    const keys = links.map(({ from, to }) => `${from}>${to}`);
    for (const key of keys) entryOf(this.#disturbed, key).add(disturbed);
    return faultHandle(
      "calls disturbed",
      () => disturbed.count,
      () => keys.forEach((key) => entryOf(this.#disturbed, key).delete(disturbed)),
    );
  }

  #isCut(from: NodeId, to: NodeId): boolean {
    const tallies = this.#cuts.get(`${from}>${to}`);
    if (tallies === undefined || tallies.size === 0) return false;
    for (const tally of tallies) tally.count++;
    return true;
  }

  /** @returns whether the request reaches the other side at all. */
  #admits(disturbed: Disturbed, call: () => unknown): boolean {
    const { fault } = disturbed;
    if (this.#random.float() >= fault.probability) return true;
    disturbed.count++;
    if (fault.kind === "loss") return false;
    if (fault.kind === "duplicate") call();
    else this.#clock.after(this.#random.float() * fault.holdMs, () => call());
    return true;
  }

  #losesReply(from: NodeId, to: NodeId): boolean {
    const faults = this.#disturbed.get(`${to}>${from}`);
    if (faults === undefined) return false;
    for (const disturbed of faults) {
      if (disturbed.fault.kind !== "loss" || this.#random.float() >= disturbed.fault.probability) continue;
      disturbed.count++;
      return true;
    }
    return false;
  }
}

function entryOf<T>(map: Map<string, Set<T>>, key: string): Set<T> {
  const present = map.get(key);
  if (present !== undefined) return present;
  const created = new Set<T>();
  map.set(key, created);
  return created;
}
