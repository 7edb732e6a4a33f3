/**
 * Quantities as people type them: durations, sizes, rates, counts, seeds. Each parser returns the value in the unit
 * its name ends with, or throws a UsageError of one line: where, what it is, what is allowed.
 */

import { UsageError } from "../../implementations/foundation/errors.ts";

const secondsPer = { ms: 0.001, s: 1, m: 60, min: 60, h: 3600 } as const;

const bytesPer = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  KiB: 1024,
  MiB: 1024 ** 2,
} as const;

export interface Range {
  readonly min: number;
  readonly max: number;
}

/**
 * Returns a duration in seconds: a positive number with ms, s, m (or min) or h, or several from large to small
 * ("1h30m"); a bare number is seconds.
 *
 * @param where the option, for the message: "--duration".
 * @param range allowed seconds, both ends included.
 * @throws UsageError
 */
export function parseDurationS(text: string, where: string, range: Range): number {
  const allowed = `a duration from ${formatDurationS(range.min)} to ${formatDurationS(range.max)}, such as 90s or 20m`;
  if (text.startsWith("-")) throw refusal(where, text, "is negative", allowed);
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : sumOfParts(text);
  if (seconds === undefined) throw refusal(where, text, "is not a duration", allowed);
  return within(seconds, text, where, range, allowed);
}

function sumOfParts(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|min|m|h))+$/.test(text)) return undefined;
  let seconds = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|min|m|h)/g)) {
    const unitS = secondsPer[unit as keyof typeof secondsPer];
    if (unitS >= smallest) return undefined;
    smallest = unitS;
    seconds += Number(amount) * unitS;
  }
  return seconds;
}

/** Returns a duration as `parseDurationS` reads it: "250ms", "1.5s", "20m", "1h30m". Rounded to milliseconds. */
export function formatDurationS(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 60) return `${trimZeros(seconds.toFixed(seconds < 10 ? 1 : 0))}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}h${rest === 0 ? "" : `${rest}m`}`;
}

function trimZeros(text: string): string {
  return text.replace(/\.0$/, "");
}

/**
 * Returns a size in bytes: a whole number, bare or with B, kB, MB (powers of 1000), KiB or MiB (powers of 1024).
 *
 * @throws UsageError
 */
export function parseSizeBytes(text: string, where: string, range: Range): number {
  const allowed = `a size from ${range.min} to ${range.max} bytes, such as 256 or 64KiB`;
  if (text.startsWith("-")) throw refusal(where, text, "is negative", allowed);
  const match = /^(\d+)(B|kB|MB|KiB|MiB)?$/.exec(text);
  if (match === null) throw refusal(where, text, "is not a size", allowed);
  const unit = (match[2] ?? "B") as keyof typeof bytesPer;
  return within(Number(match[1]) * bytesPer[unit], text, where, range, allowed);
}

/**
 * Returns a rate in operations per second: a positive number, with or without "/s".
 *
 * @throws UsageError
 */
export function parseRatePerS(text: string, where: string, range: Range): number {
  const allowed = `operations per second from ${range.min} to ${range.max}, such as 2000`;
  if (text.startsWith("-")) throw refusal(where, text, "is negative", allowed);
  const match = /^(\d+(?:\.\d+)?)(\/s)?$/.exec(text);
  if (match === null) throw refusal(where, text, "is not a rate", allowed);
  return within(Number(match[1]), text, where, range, allowed);
}

/**
 * Returns a whole number.
 *
 * @throws UsageError
 */
export function parseCount(text: string, where: string, range: Range): number {
  const allowed = `a whole number from ${range.min} to ${range.max}`;
  if (text.startsWith("-")) throw refusal(where, text, "is negative", allowed);
  if (!/^\d+$/.test(text)) throw refusal(where, text, "is not a whole number", allowed);
  return within(Number(text), text, where, range, allowed);
}

/**
 * Returns the seed as it was typed. A seed is text (it names a run), but plain enough to stand in a table, a file name
 * and a shell command without quotes.
 *
 * @throws UsageError
 */
export function parseSeed(text: string, where: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) return text;
  throw refusal(where, text, "is not a seed", "1 to 64 letters, digits, dots, dashes or underscores, such as 7");
}

/**
 * Returns settings by name: NAME=VALUE each, with a number, true, false or a word as the value. A word may have colons
 * and semicolons, for settings that list something: commas separate settings.
 *
 * @throws UsageError
 */
export function parseSettings(
  words: readonly string[],
  where: string,
): Readonly<Record<string, number | boolean | string>> {
  return Object.fromEntries(
    words.map((word) => {
      const match = /^([a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*)?)=([A-Za-z0-9._:;-]+)$/.exec(word);
      if (match === null) {
        throw refusal(where, word, "is not a setting", "NAME=VALUE, such as electionTimeoutMs=300 or etcd.tls=false");
      }
      const [, name = "", value = ""] = match;
      if (value === "true" || value === "false") return [name, value === "true"];
      return [name, /^\d+(\.\d+)?$/.test(value) ? Number(value) : value];
    }),
  );
}

function within(value: number, text: string, where: string, range: Range, allowed: string): number {
  if (value >= range.min && value <= range.max) return value;
  throw refusal(where, text, "is out of range", allowed);
}

function refusal(where: string, text: string, problem: string, allowed: string): UsageError {
  return new UsageError(`${where}: "${text}" ${problem}; allowed: ${allowed}`);
}
