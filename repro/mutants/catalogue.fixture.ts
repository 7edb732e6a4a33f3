/** Whether a module's mutants are those of the catalogue of known mistakes, and perhaps some of our own. */

import assert from "node:assert/strict";
import type { Mutant } from "../../harness/mutants/mutant.ts";

/** @param known how many the catalogue has: `<prefix>1` to `<prefix><known>`. */
export function requireCatalogue(mutants: readonly Mutant[], prefix: string, known: number): void {
  const ids = mutants.map(({ id }) => id);
  const catalogue = Array.from({ length: known }, (_, index) => `${prefix}${index + 1}`);
  assert.deepEqual(
    catalogue.filter((id) => !ids.includes(id)),
    [],
  );
  assert.equal(new Set(ids).size, ids.length);
}
