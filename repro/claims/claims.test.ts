// Goal: the claims say what was published, word for word, and are declared so that they can be judged.
// Method: every declaration against its row in the published table; each measure against the rules of its class.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { holds } from "../../harness/claim/band.ts";
import { judgeClaim } from "../../harness/claim/judge.ts";
import { claims } from "./claims.ts";

const published = parse<Record<string, string>>(readFileSync(new URL("published.csv", import.meta.url)), {
  columns: true,
});
const root = new URL("../../", import.meta.url);

test("every claim of the consensus report is declared, once, in the order of the published table", () => {
  const ids = claims.map(({ id }) => id);
  assert.deepEqual(ids, [
    ...["C-CON-1", "C-CON-2", "C-CON-3", "C-CON-4", "T-CON-1", "T-CON-2", "T-CON-3", "T-CON-4", "S-1", "S-2"],
    ...[
      "N-CS-5",
      "N-CS-6",
      "N-CS-9",
      "N-CS-10",
      "N-CS-11",
      "N-CS-12",
      "N-ST-1",
      "N-ST-2",
      "N-ST-3",
      "N-ST-4",
      "N-ST-23",
    ],
  ]);
  const order = published.map((row) => row["id"]);
  assert.deepEqual(
    ids,
    order.filter((id) => id !== undefined && ids.includes(id)),
  );
});

for (const claim of claims) {
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

  test(`${claim.id} can be judged: its measures suit its class, its bands are sane, its code exists`, () => {
    for (const measure of claim.measures) {
      const across = measure.kind === "check" ? "every" : measure.across;
      if (claim.class === "behaviour" || claim.class === "exact") assert.equal(across, "every");
      if (claim.class === "ratio") assert.equal(across, "paired");
      if (measure.kind !== "check") {
        assert.ok(
          [0, 1, 499, 1e4].some((value) => holds(measure.band, value)),
          "the band holds something",
        );
        assert.ok(
          [-1, 0.4, 1e9].some((value) => !holds(measure.band, value)),
          "the band refuses something",
        );
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
