/**
 * Did you mean: the allowed word nearest to a mistyped one, and the one-line error that names it.
 *
 * Nearness is Damerau and Levenshtein's restricted distance (insert, delete, substitute, swap neighbours) at most a
 * third of the word's length, at least one: closer words are typing errors, farther ones are guesses.
 */

import { UsageError } from "../../implementations/foundation/errors.ts";

/** Returns the word of `allowed` nearest to `word`, or undefined when none is near. Ties go to the earlier one. */
export function nearest(word: string, allowed: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of allowed) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Returns `word` when it is one of `allowed`.
 *
 * @param where what the person would look for on the command line: "MODULE", "--faults".
 * @param what the noun: "module", "fault".
 * @throws UsageError naming where, what it is, the nearest allowed word and all of them.
 */
export function oneOf<Word extends string>(word: string, allowed: readonly Word[], where: string, what: string): Word {
  const found = allowed.find((candidate) => candidate === word);
  if (found !== undefined) return found;
  throw new UsageError(`${where}: unknown ${what} "${word}"${hint(word, allowed)}`);
}

/** Returns the rest of an error line about an unknown `word`: the nearest allowed word, then all allowed ones. */
export function hint(word: string, allowed: readonly string[]): string {
  const near = nearest(word, allowed);
  const meant = near === undefined ? "" : `; did you mean "${near}"?`;
  return `${meant}${meant === "" ? ";" : ""} allowed: ${allowed.length === 0 ? "none" : allowed.join(", ")}`;
}

/** Restricted Damerau-Levenshtein distance, or any number >= `limit` once it is certain to reach that. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
