/**
 * The bytes of a value: a unique number, then filler up to the wanted size.
 *
 * Histories hold the number only; what comes back is checked against the whole text, so a damaged or mixed-up value
 * cannot pass for the one that was written.
 */

import { assert } from "../../implementations/foundation/assert.ts";

const filler = "abcdefghijklmnopqrstuvwxyz0123456789";

/** @returns text of `max(valueBytes, digits + 1)` ASCII characters. */
export function valueText(value: number, valueBytes: number): string {
  const head = `${value}:`;
  return head.length >= valueBytes ? head : head + fillerFrom(value, valueBytes - head.length);
}

/**
 * Returns the number that `text` was made from, or undefined when it is no text of ours in any size.
 */
export function valueNumber(text: string): number | undefined {
  const colon = text.indexOf(":");
  const value = Number(text.slice(0, colon));
  if (colon < 1 || !Number.isSafeInteger(value)) return undefined;
  return text === valueText(value, text.length) ? value : undefined;
}

const repeated = new Map<number, string>();

/** `length` characters of the alphabet from a place that depends on `value`. */
function fillerFrom(value: number, length: number): string {
  assert(length >= 0, "filler has a length");
  let text = repeated.get(length);
  if (text === undefined) {
    text = filler.repeat(Math.ceil(length / filler.length) + 1);
    repeated.set(length, text);
  }
  const start = value % filler.length;
  return text.slice(start, start + length);
}
