/**
 * Objects that come from outside with no other type: a table says what each field has to be, and what does not fit is
 * named with what is allowed instead.
 *
 * A field that the table does not have is refused rather than passed over: a misspelt name would otherwise be a wish
 * that nobody grants.
 */

import { jsonFlaw, maxDepth } from "./json-flaw.ts";

export interface Field {
  /** "a whole number in [0, 99]". */
  readonly allowed: string;
  readonly fits: (value: unknown) => boolean;
  /** Of one with parts, when it does not fit: which part is wrong, `path` being the whole; undefined: the whole. */
  readonly problemOf?: (value: unknown, path: string) => string | undefined;
  /** Whether it may be left out; undefined is as good as left out. */
  readonly isOptional?: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

/**
 * Returns what is wrong with the fields of `value`, and what is allowed; undefined when nothing is.
 *
 * @param path what `value` is in a larger one, if it is in one.
 */
export function problemOfFields(value: unknown, fields: Fields, path = ""): string | undefined {
  if (!isObject(value)) return `${path === "" ? "" : `${path}: `}${shown(value)} is no object with ${namesOf(fields)}`;
  for (const name in fields) {
    const field = fields[name]!;
    const each = value[name];
    if (each === undefined ? field.isOptional !== true : !field.fits(each)) {
      return problemOf(each, field, path === "" ? name : `${path}.${name}`);
    }
  }
  for (const name in value) {
    if (Object.hasOwn(fields, name)) continue;
    return `${path === "" ? "" : `${path}: `}there is no ${name}; allowed are ${namesOf(fields)}`;
  }
  return undefined;
}

const namesOf = (fields: Fields): string => Object.keys(fields).join(", ");

function problemOf(value: unknown, field: Field, path: string): string {
  return field.problemOf?.(value, path) ?? `${path} is ${shown(value)}; allowed is ${field.allowed}`;
}

export function optional(field: Field): Field {
  return { ...field, isOptional: true };
}

export function wholeNumber(low: number, high: number): Field {
  const fits = (value: unknown): boolean => Number.isSafeInteger(value) && isWithin(value, low, high);
  return { allowed: `a whole number in [${low}, ${high}]`, fits };
}

export function numberWithin(low: number, high: number): Field {
  return { allowed: `a number in [${low}, ${high}]`, fits: (value) => isWithin(value, low, high) };
}

export const text: Field = { allowed: "a text", fits: (value) => typeof value === "string" };

export function textLike(pattern: RegExp, allowed: string): Field {
  return { allowed, fits: (value) => typeof value === "string" && pattern.test(value) };
}

export function listOf(item: Field, mostItems: number): Field {
  const fits = (value: unknown): boolean =>
    Array.isArray(value) && value.length <= mostItems && Array.from(value as readonly unknown[]).every(item.fits);
  const problemOfItem = (value: unknown, path: string): string | undefined => {
    if (!Array.isArray(value)) return undefined;
    if (value.length > mostItems) return `${path} has ${value.length} items; allowed are at most ${mostItems}`;
    const at = Array.from(value as readonly unknown[]).findIndex((each) => !item.fits(each));
    return at < 0 ? undefined : problemOf(value[at], item, `${path}[${at}]`);
  };
  return { allowed: `a list of at most ${mostItems}, each ${item.allowed}`, fits, problemOf: problemOfItem };
}

export function objectWith(fields: Fields): Field {
  const each = Object.entries(fields).map(([name, { allowed }]) => `${name}: ${allowed}`);
  const allowed = `an object with ${each.join(", ")}`;
  return {
    allowed,
    fits: (value) => problemOfFields(value, fields) === undefined,
    problemOf: (value, path) => (isObject(value) ? problemOfFields(value, fields, path) : undefined),
  };
}

/** What comes back from JSON as it went there: no function, no NaN, no undefined anywhere, no object with a class. */
export const json: Field = { allowed: "a JSON value", fits: (value) => isJson(value, maxDepth), problemOf: jsonFlaw };
export const jsonList: Field = {
  allowed: "a list of JSON values",
  fits: (value) => Array.isArray(value) && json.fits(value),
  problemOf: (value, path) => (Array.isArray(value) ? jsonFlaw(value, path) : undefined),
};

/** As `jsonFlaw`, without saying where: most values have none. One that contains itself is too deep. */
function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === "boolean") return true;
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || depth === 0) return false;
  // `every` alone would pass over the holes of a list.
  if (Array.isArray(value)) return Array.from(value as readonly unknown[]).every((each) => isJson(each, depth - 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  const isRecord = prototype === Object.prototype || prototype === null;
  return isRecord && Object.entries(value).every(([name, each]) => name.isWellFormed() && isJson(each, depth - 1));
}

/** Returns `value` as a person may read it: short, on one line. */
export function shown(value: unknown): string {
  const full = wordsFor(value);
  return full.length > 100 ? `${full.slice(0, 100)}...` : full;
}

function wordsFor(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "a list" : "an object";
}

function isWithin(value: unknown, low: number, high: number): boolean {
  return typeof value === "number" && value >= low && value <= high;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
