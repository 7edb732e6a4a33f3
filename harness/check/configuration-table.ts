/**
 * A set of configurations of one width: what the search has seen. Kept in two typed arrays, since a set of strings
 * takes four times the memory, and memory is what a long search runs out of. Membership is exact: the hash only says
 * where to look.
 */

const initialCapacity = 64;

export class ConfigurationTable {
  readonly #width: number;
  /** Index of a configuration + 1; 0: free. At most half of the places are taken. */
  #places: Int32Array = new Int32Array(2 * initialCapacity);
  #hashes: Int32Array = new Int32Array(initialCapacity);
  #units: Uint16Array;
  #size = 0;

  /** @param width of every configuration, in 16-bit units. */
  constructor(width: number) {
    this.#width = width;
    this.#units = new Uint16Array(initialCapacity * width);
  }

  /** What one configuration takes up. */
  get bytesEach(): number {
    return 2 * this.#width + 12;
  }

  /** Returns whether the configuration is new, and remembers it. `hash` is the same for equal ones. */
  add(configuration: Uint16Array, hash: number): boolean {
    const mask = this.#places.length - 1;
    let place = hash & mask;
    for (let entry = this.#places[place]!; entry !== 0; entry = this.#places[place]!) {
      if (this.#hashes[entry - 1] === hash && this.#isEqual(entry - 1, configuration)) return false;
      place = (place + 1) & mask;
    }
    if (this.#size === this.#hashes.length) {
      this.#grow();
      return this.add(configuration, hash);
    }
    this.#hashes[this.#size] = hash;
    this.#units.set(configuration, this.#size * this.#width);
    this.#places[place] = ++this.#size;
    return true;
  }

  #isEqual(index: number, configuration: Uint16Array): boolean {
    const start = index * this.#width;
    for (let unit = 0; unit < this.#width; unit++) {
      if (this.#units[start + unit] !== configuration[unit]) return false;
    }
    return true;
  }

  #grow(): void {
    const capacity = 2 * this.#hashes.length;
    const hashes = new Int32Array(capacity);
    hashes.set(this.#hashes);
    const units = new Uint16Array(capacity * this.#width);
    units.set(this.#units);
    this.#places = new Int32Array(2 * capacity);
    const mask = this.#places.length - 1;
    for (let index = 0; index < this.#size; index++) {
      let place = hashes[index]! & mask;
      while (this.#places[place] !== 0) place = (place + 1) & mask;
      this.#places[place] = index + 1;
    }
    this.#hashes = hashes;
    this.#units = units;
  }
}

/** Spreads a number's bits over 32; the finaliser of MurmurHash3. */
export function mixBits(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
