/**
 * Where the trace events of one deployment meet: listeners hear them, the newest leader is known from them, and a
 * rolling hash of everything that happened names the run.
 */

import type { Traced } from "../foundation/deployment.ts";
import type { Millis, NodeId } from "../foundation/units.ts";
import type { TraceVocabulary } from "./module-kit.ts";

export type TraceListener<Event> = (traced: Traced<Event>) => void;

export class TraceHub<Event> {
  readonly #vocabulary: TraceVocabulary<Event>;
  readonly #listeners: TraceListener<Event>[] = [];
  /** What happened before anybody listened: a cluster can elect while it is being launched. */
  #unheard: Traced<Event>[] | undefined = [];
  readonly #hash = new RollingHash();
  #leader: NodeId | undefined;
  #leaderNumber = 0;

  constructor(vocabulary: TraceVocabulary<Event>) {
    this.#vocabulary = vocabulary;
  }

  /** The first listener also hears what happened before it came. */
  observe(listener: TraceListener<Event>): void {
    this.#listeners.push(listener);
    const unheard = this.#unheard ?? [];
    this.#unheard = undefined;
    for (const traced of unheard) listener(traced);
  }

  get leader(): NodeId | undefined {
    return this.#leader;
  }

  emit(timeMs: Millis, node: NodeId, event: Event): void {
    this.#trackLeader(node, event);
    const { codeOf, numberOf } = this.#vocabulary;
    this.#hash.add(timeMs * 1000, Number(node.slice(1)), codeOf(event), numberOf(event));
    const traced = { timeMs, node, event };
    this.#unheard?.push(traced);
    for (const listener of this.#listeners) listener(traced);
  }

  /** Folds something else that happened into the hash: a delivered message, a client's answer. */
  mark(timeMs: Millis, what: number): void {
    this.#hash.add(timeMs * 1000, what, 0, 0);
  }

  hash(): string {
    return this.#hash.digest();
  }

  #trackLeader(node: NodeId, event: Event): void {
    const leadership = this.#vocabulary.leadershipOf?.(event);
    if (leadership === undefined) return;
    if (leadership === null) {
      if (node === this.#leader) this.#leader = undefined;
    } else if (leadership >= this.#leaderNumber) {
      this.#leader = node;
      this.#leaderNumber = leadership;
    }
  }
}

/** Two independent 32-bit multiplicative hashes; 64 bits in all, plenty to tell runs apart. */
class RollingHash {
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;

  add(a: number, b: number, c: number, d: number): void {
    this.#low = Math.imul(this.#low ^ (a | 0), 0x01000193) ^ Math.imul(b + (c << 8), 0x85ebca6b);
    this.#low = Math.imul(this.#low ^ (d | 0) ^ (this.#low >>> 15), 0xc2b2ae35);
    this.#high = Math.imul(this.#high ^ (a / 0x1_0000_0000) ^ (d | 0), 0x27d4eb2f) ^ (this.#low + (b | 0));
    this.#high = Math.imul(this.#high ^ (this.#high >>> 13), 0x165667b1) ^ (c | 0);
  }

  digest(): string {
    return hex(this.#high) + hex(this.#low);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
