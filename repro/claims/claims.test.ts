// Goal: the claims say what was published, word for word, and are declared so that they can be judged.
// Method: every declaration against its row in the published table; each measure against the rules of its class.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { edges, holds } from "../../harness/claim/band.ts";
import { judgeClaim } from "../../harness/claim/judge.ts";
import { claims } from "./claims.ts";
import { goalsDocument } from "./consensus/goals.ts";

const published = parse<Record<string, string>>(readFileSync(new URL("published.csv", import.meta.url)), {
  columns: true,
});
const root = new URL("../../", import.meta.url);

/** Rows about the modules that exist that this repository does not judge yet. */
const notJudged = new Set(["N-FV-1"]);
const modulesJudged = new Set(["consensus", "scheduler", "storage"]);
const isWanted = (row: Record<string, string>): boolean =>
  modulesJudged.has(row["module"] ?? "") || row["id"] === "S-1" || row["id"] === "S-2";
const judged = claims.filter(({ source }) => source.document !== goalsDocument);

test("every published claim about the modules that exist is declared, once, in the order of the published table", () => {
  const wanted = published.filter(isWanted).flatMap(({ id }) => (id === undefined || notJudged.has(id) ? [] : [id]));
  assert.deepEqual(
    judged.map(({ id }) => id),
    wanted,
  );
});

test("what the project claims of itself is told apart from what was published", () => {
  const own = claims.filter(({ source }) => source.document === goalsDocument);
  assert.ok(own.length > 0);
  for (const { id } of own) {
    assert.match(id, /^P-/);
    assert.ok(!published.some((row) => row["id"] === id));
  }
});

for (const claim of judged) {
  test(`${claim.id} is as published`, () => {
    const row = published.find(({ id }) => id === claim.id);
    const declared = {
      id: claim.id,
      module: claim.module,
      source_document: claim.source.document,
      section: claim.source.section,
      class: claim.class,
      statement: claim.statement,
      metric: claim.published.metric,
      published_value: claim.published.value,
      unit: claim.published.unit,
    };
    const { band, notes: _, ...rest } = row ?? {};
    assert.deepEqual(declared, rest);
    // Where a band is words rather than a number ("both sides shown"), the measures say it.
    if (claim.id.startsWith("T-")) assert.equal(claim.published.band, "");
    else assert.equal(claim.published.band, band);
  });
}

for (const claim of claims) {
  test(`${claim.id} can be judged: its measures suit its class, its bands are sane, its code exists`, () => {
    for (const measure of claim.measures) {
      const across = measure.kind === "check" ? "every" : measure.across;
      if (claim.class === "behaviour" || claim.class === "exact") assert.equal(across, "every");
      if (claim.class === "ratio") assert.equal(across, "paired");
      if (measure.kind !== "check") {
        const { low, high } = edges(measure.band);
        const inside = low === -Infinity ? high - 1e-6 : high === Infinity ? low + 1e-6 : (low + high) / 2;
        const outside = low === -Infinity ? high + 1e-6 : low - 1e-6;
        assert.ok(holds(measure.band, inside), "the band holds something");
        assert.ok(!holds(measure.band, outside), "the band refuses something");
      }
    }
    assert.ok(existsSync(new URL(claim.code, root)), `${claim.code} exists`);
    assert.ok(claim.bandReason.length > 0);
  });

  test(`${claim.id} is not run on no evidence, and says how to run it`, () => {
    const none = { table: () => [], blocks: [], notRun: {}, machine: undefined, seed: "1" };
    const verdict = judgeClaim(claim, none);
    assert.equal(verdict.verdict, "not run");
    assert.equal(verdict.command, `npm run repro -- --only ${claim.experiments.join(" ")}`);
  });
}
