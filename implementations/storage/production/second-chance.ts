/**
 * Which of many cached things to let go: the clock algorithm, one flag per thing instead of an order by use.
 *
 * A hand goes round; what was used since it last came by is spared once. An order by use, kept by deleting from a Map
 * and setting again, was rejected: it costs a hash on every hit, and a Map's first key is found behind the holes that
 * deleting left.
 */

export interface Spareable {
  /** Set by whoever uses it. */
  isUsed: boolean;
  /** Where it lies; owned by the cache. */
  place: number;
}

export class SecondChance<T extends Spareable> {
  readonly #items: T[] = [];
  #hand = 0;

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    item.place = this.#items.length;
    this.#items.push(item);
  }

  remove(item: T): void {
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#items[item.place] = last;
    last.place = item.place;
  }

  /** Removes and returns one that may go; undefined when two rounds found none. */
  evict(mayGo: (item: T) => boolean): T | undefined {
    for (let left = 2 * this.#items.length; left > 0; left--) {
      if (this.#hand >= this.#items.length) this.#hand = 0;
      const item = this.#items[this.#hand]!;
      if (!item.isUsed && mayGo(item)) {
        this.remove(item);
        return item;
      }
      item.isUsed = false;
      this.#hand++;
    }
    return undefined;
  }
}
