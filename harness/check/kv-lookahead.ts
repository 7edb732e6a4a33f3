/**
 * What the search over a key's string can know in advance: a string that is still to be read must be reachable. It is
 * if the present string is its beginning, or if what a put still to come writes is. Without this a wrong order of
 * appends is only noticed at the return of the read that shows the right one.
 *
 * Only the reads that return next are asked; a wrong order shows in those first.
 */

import type { HistoryValue } from "../history/event.ts";
import type { Operation } from "../history/operations.ts";
import type { Lookahead } from "./model.ts";

const asked = 16;
const none = -1;
/** Stands for every string that no read to come begins with: until the next put nothing can be read. */
const unreadable = "\u0000 unreadable";

export class KvLookahead implements Lookahead<string> {
  /** The strings that were read, by the first return of such a read. */
  readonly #texts: readonly string[];
  readonly #returns: Float64Array;
  /** By string: the first return of all its reads. */
  readonly #firstReturns: readonly number[];
  /** By position: the string it read; the text it puts. */
  readonly #reads: Int32Array;
  readonly #puts: Int32Array;
  /** By string: the reads to come. */
  readonly #readers: Int32Array;
  /** By put text: the puts to come. */
  readonly #putters: Int32Array;
  /** By string: the put texts it may begin with. */
  readonly #rootsOf: readonly (readonly number[])[];
  /** The strings in the order of their letters. */
  readonly #sorted: readonly number[];
  /** No string before this one is still to be read. */
  #first = 0;

  constructor(operations: readonly Operation[]) {
    const isRead = ({ f, outcome }: Operation): boolean => f === "get" && outcome === "ok";
    const byReturn = operations.filter(isRead).sort((a, b) => a.return - b.return);
    const textIds = new Map<string, number>();
    for (const { result } of byReturn) idOf(textIds, textOf(result));
    const putIds = new Map<string, number>();
    this.#reads = Int32Array.from(operations, (one) => (isRead(one) ? idOf(textIds, textOf(one.result)) : none));
    this.#puts = Int32Array.from(operations, (one) => (one.f === "put" ? idOf(putIds, textOf(one.argument)) : none));
    this.#texts = [...textIds.keys()];
    this.#sorted = this.#texts.map((_, text) => text).sort((a, b) => (this.#texts[a]! < this.#texts[b]! ? -1 : 1));
    this.#returns = Float64Array.from(operations, (one) => one.return);
    const firstReturns = new Map(byReturn.toReversed().map((one) => [textOf(one.result), one.return]));
    this.#firstReturns = this.#texts.map((text) => firstReturns.get(text)!);
    this.#readers = countsOf(this.#reads, textIds.size);
    this.#putters = countsOf(this.#puts, putIds.size);
    const lengths = [...new Set([...putIds.keys()].map(({ length }) => length))];
    this.#rootsOf = this.#texts.map((text) =>
      lengths.flatMap((length) => (length <= text.length ? (putIds.get(text.slice(0, length)) ?? []) : [])),
    );
  }

  /** The first return of a read that `next` may be the beginning of: what is there to be read shows what comes next. */
  deadlineOf(position: number, next: string): number | undefined {
    const text = this.#firstOutstanding((read) => read.startsWith(next));
    return text === undefined ? undefined : Math.min(this.#returns[position]!, this.#firstReturns[text]!);
  }

  refuses(_: string, next: string): boolean {
    const isLost = (read: string, text: number): boolean =>
      !read.startsWith(next) && !this.#rootsOf[text]!.some((root) => this.#putters[root]! > 0);
    return this.#firstOutstanding(isLost) !== undefined;
  }

  /** The first of the strings to be read next that `isWanted`. */
  #firstOutstanding(isWanted: (read: string, text: number) => boolean): number | undefined {
    let toAsk = asked;
    for (let text = this.#first; text < this.#texts.length && toAsk > 0; text++) {
      if (this.#readers[text] === 0) continue;
      toAsk--;
      if (isWanted(this.#texts[text]!, text)) return text;
    }
    return undefined;
  }

  settle(state: string): string {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#texts[this.#sorted[middle]!]! < state) low = middle + 1;
      else high = middle;
    }
    // Those that begin with it stand together from here on.
    for (; low < this.#sorted.length; low++) {
      const text = this.#sorted[low]!;
      if (!this.#texts[text]!.startsWith(state)) break;
      if (this.#readers[text]! > 0) return state;
    }
    return unreadable;
  }

  isSpare(): boolean {
    return false;
  }

  place(position: number): void {
    this.#count(position, -1);
    while (this.#first < this.#texts.length && this.#readers[this.#first] === 0) this.#first++;
  }

  takeBack(position: number): void {
    this.#count(position, 1);
    const text = this.#reads[position]!;
    if (text !== none && text < this.#first) this.#first = text;
  }

  #count(position: number, by: number): void {
    const text = this.#reads[position]!;
    if (text !== none) this.#readers[text]! += by;
    const put = this.#puts[position]!;
    if (put !== none) this.#putters[put]! += by;
  }
}

function idOf(ids: Map<string, number>, text: string): number {
  const known = ids.get(text);
  if (known !== undefined) return known;
  ids.set(text, ids.size);
  return ids.size - 1;
}

function countsOf(ids: Int32Array, size: number): Int32Array {
  const counts = new Int32Array(size);
  for (const id of ids) if (id !== none) counts[id]!++;
  return counts;
}

function textOf(value: HistoryValue): string {
  return value === null ? "" : String(value);
}
