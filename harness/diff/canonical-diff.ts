/**
 * Finds where two canonical states first differ, and says it so that a person sees it at once.
 *
 * Canonical states are plain data: null, booleans, numbers, strings, bytes, arrays and objects. Order counts in arrays
 * and not in objects. Nothing else is accepted: a Map or a Date in a canonical state is a bug.
 */

import { assert } from "../../implementations/foundation/assert.ts";

export interface Difference {
  /** From the root: "registers[3][1]", "list.length"; empty for the root itself. */
  readonly path: string;
  /** Both values there, shortened; "nothing" where one side ends. */
  readonly left: string;
  readonly right: string;
}

const shownCharacters = 80;

/** Returns the first difference in the order of the left side's fields, or undefined when both are equal. */
export function firstDifference(left: unknown, right: unknown): Difference | undefined {
  return differenceAt("", left, right);
}

/** The difference as text, under the names of the two sides. */
export function describeDifference(difference: Difference, leftName: string, rightName: string): string {
  const width = Math.max(leftName.length, rightName.length) + 1;
  const where = difference.path === "" ? "they differ" : `they differ at ${difference.path}`;
  const line = (name: string, value: string): string => `  ${`${name}:`.padEnd(width)} ${value}`;
  return [where, line(leftName, difference.left), line(rightName, difference.right)].join("\n");
}

function differenceAt(path: string, left: unknown, right: unknown): Difference | undefined {
  if (Object.is(left, right)) return undefined;
  if (left instanceof Uint8Array && right instanceof Uint8Array) return differenceInBytes(path, left, right);
  if (Array.isArray(left) && Array.isArray(right)) return differenceInArrays(path, left, right);
  if (isRecord(left) && isRecord(right)) return differenceInRecords(path, left, right);
  return { path, left: shorten(left), right: shorten(right) };
}

function differenceInArrays(path: string, left: readonly unknown[], right: readonly unknown[]): Difference | undefined {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index++) {
    const difference = differenceAt(`${path}[${index}]`, left[index], right[index]);
    if (difference !== undefined) return difference;
  }
  if (left.length === right.length) return undefined;
  const side = (values: readonly unknown[]): string =>
    values.length === shared
      ? `nothing (${shared} elements)`
      : `${shorten(values[shared])} (${values.length} elements)`;
  return { path: `${path}[${shared}]`, left: side(left), right: side(right) };
}

function differenceInRecords(
  path: string,
  left: Readonly<Record<string, unknown>>,
  right: Readonly<Record<string, unknown>>,
): Difference | undefined {
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const inner = path === "" ? name : `${path}.${name}`;
    const [isLeft, isRight] = [Object.hasOwn(left, name), Object.hasOwn(right, name)];
    if (isLeft && isRight) {
      const difference = differenceAt(inner, left[name], right[name]);
      if (difference !== undefined) return difference;
    } else {
      return {
        path: inner,
        left: isLeft ? shorten(left[name]) : "nothing",
        right: isRight ? shorten(right[name]) : "nothing",
      };
    }
  }
  return undefined;
}

function differenceInBytes(path: string, left: Uint8Array, right: Uint8Array): Difference | undefined {
  const shared = Math.min(left.length, right.length);
  let index = 0;
  while (index < shared && left[index] === right[index]) index++;
  if (index === left.length && index === right.length) return undefined;
  const side = (bytes: Uint8Array): string =>
    index < bytes.length ? `byte ${bytes[index]} (${bytes.length} bytes)` : `nothing (${bytes.length} bytes)`;
  return { path: `${path}[${index}]`, left: side(left), right: side(right) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  assert(prototype === Object.prototype || prototype === null, "a canonical state consists of plain data");
  return true;
}

/** A value in at most `shownCharacters`, with its size when it is cut. */
export function shorten(value: unknown): string {
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? typeof value);
  if (text.length <= shownCharacters) return text;
  const size = typeof value === "string" ? `${value.length} characters` : `${text.length} characters as JSON`;
  return `${text.slice(0, shownCharacters)}... (${size})`;
}
