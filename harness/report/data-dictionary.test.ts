/** Goal: the committed data dictionary is that of `tables.ts`. Method: generate it again and compare. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { tables } from "../record/tables.ts";
import { renderDataDictionary, withDataDictionary } from "./data-dictionary.ts";

test("results/README.md is up to date", () => {
  const readme = readFileSync(new URL("../../results/README.md", import.meta.url), "utf8");
  const advice = "write it anew: node scripts/update-data-dictionary.ts";
  assert.equal(readme, withDataDictionary(readme), advice);
});

test("every table and column is described", () => {
  const dictionary = renderDataDictionary();
  for (const [name, columns] of Object.entries(tables)) {
    assert.ok(dictionary.includes(`### ${name}.csv`));
    for (const { name: column, description } of columns)
      assert.ok(dictionary.includes(`| \`${column}\` |`) && description);
  }
});

test("a text without the markers is refused, not overwritten", () => {
  assert.throws(() => withDataDictionary("# Results\n"), /Cannot update the data dictionary/);
});
