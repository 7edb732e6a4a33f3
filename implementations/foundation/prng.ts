/**
 * The project's pseudorandom generator: xoshiro128** seeded from a hash of the seed's text.
 *
 * One generator everywhere, so that a seed names a run on every machine. Not for secrets.
 *
 * @see Blackman & Vigna 2021, "Scrambled linear pseudorandom number generators", xoshiro128**.
 */

import { assert } from "./assert.ts";
import type { Random } from "./effects.ts";

/** Returns a stream that depends on `seed` only. Equal seeds (7 and "7") give equal streams. */
export function seededRandom(seed: number | string): Random {
  return new Xoshiro128(String(seed));
}

class Xoshiro128 implements Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: string) {
    this.#seed = seed;
    this.#a = spreadText(seed, 0x811c9dc5);
    this.#b = spreadText(seed, 0x9e3779b9);
    this.#c = spreadText(seed, 0x85ebca6b);
    this.#d = spreadText(seed, 0xc2b2ae35) | 1; // The all-zero state is the one fixed point of the generator.
  }

  uint32(): number {
    const scrambled = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return scrambled;
  }

  float(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  below(limit: number): number {
    assert(Number.isInteger(limit) && limit >= 1 && limit <= 2 ** 32, `limit ${limit} lies in [1, 2^32]`);
    const unbiased = 2 ** 32 - (2 ** 32 % limit);
    for (;;) {
      const drawn = this.uint32();
      if (drawn < unbiased) return drawn % limit;
    }
  }

  fork(label: string): Random {
    return new Xoshiro128(`${this.#seed}/${label}`);
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/**
 * FNV-1a over UTF-16 code units from `basis`, then the SplitMix32 finaliser: four bases give the 128 bits of state, so
 * two seeds collide with probability 2^-128 rather than 2^-32.
 */
function spreadText(text: string, basis: number): number {
  let hash = basis;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x21f0aaad);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x735a2d97);
  return hash ^ (hash >>> 15);
}
