/**
 * Agreement on the topology that follows another: Paxos for a single decision, once per epoch.
 *
 * The electors of epoch e decide what epoch e + 1 is, and nobody else does. An elector's part is a pair of functions on
 * a small state that its host keeps durable: a reply leaves only after the state it speaks of is stored. A proposer's
 * part is a `Proposal`: one ballot from prepare to the decision. Neither sends, waits or stores anything.
 *
 * When an elector learns the decision, the state of this epoch is of no use any more: it answers nothing about epoch e
 * except by telling what followed. An elector that lost its disk votes no more: it is not the same member.
 *
 * @see Lamport 2001, "Paxos made simple", section 2; Lamport, Malkhi & Zhou 2009, "Vertical Paxos": a configuration is
 *   chosen by the one before it.
 */

import { assert } from "../../foundation/assert.ts";
import type { TopologyData } from "./topologies.ts";
import type { Member } from "./topology.ts";
import { memberNumbers, neededOf } from "./topology.ts";

/** What an elector has accepted. */
export interface AcceptedTopology {
  readonly ballot: number;
  readonly value: TopologyData;
}

/** What an elector must not forget while its epoch lasts. */
export interface ElectorState {
  /** The highest ballot it promised or accepted; 0: none. */
  readonly promised: number;
  readonly accepted: AcceptedTopology | undefined;
}

export const initialElector: ElectorState = { promised: 0, accepted: undefined };

/** Returns the state after a prepare, or undefined: refused, for a higher ballot was promised. Idempotent. */
export function prepareElector(state: ElectorState, ballot: number): ElectorState | undefined {
  if (ballot < state.promised) return undefined;
  return { ...state, promised: ballot };
}

/** Returns the state after an accept, or undefined: refused, for a higher ballot was promised. Idempotent. */
export function acceptElector(state: ElectorState, accepted: AcceptedTopology): ElectorState | undefined {
  if (accepted.ballot < state.promised) return undefined;
  return { promised: accepted.ballot, accepted };
}

/** Returns the lowest ballot of member `number` above `ballot`. */
export function ballotAbove(ballot: number, number: number): number {
  return (Math.floor(ballot / memberNumbers) + 1) * memberNumbers + number;
}

/** One attempt of one proposer. */
export class Proposal {
  readonly ballot: number;
  readonly #electors: readonly Member[];
  #value: TopologyData;
  #highest = 0;
  #phase: "prepare" | "accept" | "decided" = "prepare";
  readonly #promisedBy = new Set<number>();
  readonly #acceptedBy = new Set<number>();

  /** @param value proposed unless the electors have accepted another. */
  constructor(electors: readonly Member[], ballot: number, value: TopologyData) {
    this.#electors = electors;
    this.ballot = ballot;
    this.#value = value;
  }

  /** What it asks to be accepted; settled once the phase is "accept". */
  get value(): TopologyData {
    return this.#value;
  }

  get phase(): "prepare" | "accept" | "decided" {
    return this.#phase;
  }

  /**
   * Elector `number` promised `ballot`.
   *
   * @returns whether a majority has now promised: `value` is to be sent to be accepted.
   */
  onPromise(number: number, ballot: number, accepted: AcceptedTopology | undefined): boolean {
    if (ballot !== this.ballot || this.#phase !== "prepare" || !this.#isElector(number)) return false;
    assert(accepted === undefined || accepted.ballot < ballot, "nobody accepts at a ballot before it was proposed");
    this.#promisedBy.add(number);
    if (accepted !== undefined && accepted.ballot > this.#highest) {
      this.#highest = accepted.ballot;
      this.#value = accepted.value;
    }
    if (!this.#isMajority(this.#promisedBy)) return false;
    this.#phase = "accept";
    return true;
  }

  /**
   * Elector `number` accepted at `ballot`.
   *
   * @returns whether `value` is now decided.
   */
  onAccepted(number: number, ballot: number): boolean {
    if (ballot !== this.ballot || this.#phase !== "accept" || !this.#isElector(number)) return false;
    this.#acceptedBy.add(number);
    if (!this.#isMajority(this.#acceptedBy)) return false;
    this.#phase = "decided";
    return true;
  }

  #isElector(number: number): boolean {
    return this.#electors.some((elector) => elector.number === number);
  }

  #isMajority(numbers: ReadonlySet<number>): boolean {
    return numbers.size >= neededOf(this.#electors.length, "majority");
  }
}
