/**
 * A first-in, first-out queue with constant-time ends.
 *
 * `Array.shift` moves every element of a long array; here a head index advances instead, and the dead front is cut off
 * once it makes up half of the array, so each element is moved at most once more. It has no bound of its own: what
 * "full" means, in elements or bytes, is its owner's to say.
 */

export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes and returns the oldest item; undefined when there is none. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) this.clear();
    else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Returns the oldest item without removing it. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  clear(): void {
    this.#items.length = 0;
    this.#head = 0;
  }

  /** From oldest to newest. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = this.#head; index < this.#items.length; index++) yield this.#items[index] as T;
  }
}
