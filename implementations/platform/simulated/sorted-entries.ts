/**
 * The entries of an engine in memory, in the order of their keys, byte by byte.
 *
 * A map by key and a sorted list of keys: a new key is put in its place by moving the rest, which for the hundred
 * thousand keys of a simulated node is faster than any tree.
 */

import type { EngineEntry, ScanResult } from "../../storage/engine.ts";

/** A slice of a scan ends after so many entries, however small they are. */
const maxScanEntries = 4096;

export class SortedEntries {
  readonly #values = new Map<string, Uint8Array>();
  #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(textOf(key));
  }

  /** Keeps a copy of `value`; undefined removes the key. */
  set(key: Uint8Array, value: Uint8Array | undefined): void {
    const text = textOf(key);
    if (value === undefined) {
      if (this.#values.delete(text)) this.#keys.splice(this.#placeOf(text), 1);
      return;
    }
    if (!this.#values.has(text)) {
      const last = this.#keys.at(-1);
      if (last === undefined || last < text) this.#keys.push(text);
      else this.#keys.splice(this.#placeOf(text), 0, text);
    }
    this.#values.set(text, Uint8Array.from(value));
  }

  clear(): void {
    this.#values.clear();
    this.#keys = [];
  }

  /** Entries from `from` on and before `to`, ending after `maxBytes` of them. */
  scan(from: Uint8Array, to: Uint8Array | undefined, maxBytes: number): ScanResult {
    const end = to === undefined ? undefined : textOf(to);
    const entries: EngineEntry[] = [];
    let bytes = 0;
    for (let at = this.#placeOf(textOf(from)); at < this.#keys.length; at++) {
      const text = this.#keys[at] ?? "";
      if (end !== undefined && text >= end) break;
      const key = bytesOf(text);
      if (entries.length > 0 && (bytes >= maxBytes || entries.length >= maxScanEntries)) return { entries, next: key };
      const value = this.#values.get(text) ?? new Uint8Array();
      entries.push({ key, value: Uint8Array.from(value) });
      bytes += key.length + value.length;
    }
    return { entries, next: undefined };
  }

  /** The place of the first key that is not before `text`. */
  #placeOf(text: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? "") < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A character for each byte, so that strings compare as the bytes do. */
function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
