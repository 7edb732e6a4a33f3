/**
 * What a replica holds, slot by slot, in 64 bits each: the exclusive or of a hash per record, of its key and accepted
 * ballot. It is kept up to date in memory with every change, so comparing two replicas reads nothing from disk.
 *
 * Exclusive or rather than a hash of the sorted records: order does not matter, and taking one out is putting it in
 * again. It protects from accidents, not from a peer that lies.
 *
 * @see DeCandia et al. 2007, "Dynamo", section 4.7 (Merkle trees for anti-entropy).
 */

import { hashText, mixBits, slotCount } from "./slots.ts";

export class Digests {
  readonly low = new Uint32Array(slotCount);
  readonly high = new Uint32Array(slotCount);

  /** Puts a record in, or takes it out. */
  toggle(slot: number, keyHash: KeyHash, ballot: number): void {
    const lowBits = ballot >>> 0;
    const highBits = (ballot - lowBits) / 2 ** 32;
    const ballotBits = mixBits(lowBits ^ Math.imul(highBits, 0x9e3779b1));
    this.low[slot]! ^= mixBits(keyHash.low ^ ballotBits);
    this.high[slot]! ^= mixBits(keyHash.high + ballotBits);
  }

  clear(slot: number): void {
    this.low[slot] = 0;
    this.high[slot] = 0;
  }
}

/** 64 bits of a key. */
export interface KeyHash {
  readonly low: number;
  readonly high: number;
}

export function keyHashOf(key: string): KeyHash {
  return { low: hashText(key, 0x9e3779b9), high: hashText(key, 0x85ebca6b) };
}
