// Goal: a series measures its variants in one block and tells them apart; what cannot run here is left out by name.
// Method: short simulated runs of minimal; an outcome that is told of an implementation that is not installed.

import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { StageOutcome } from "./block-outcome.ts";
import { seriesStage } from "./block-stage.ts";
import type { SeriesStageOptions } from "./block-stage.ts";
import type { Probe } from "./measure/probes.ts";
import { planOf } from "./plan/plan.ts";

const nodesProbe: Probe = ({ plan }) => [{ metric: "nodes", value: plan.nodes, unit: "count" }];

function seriesOf(overrides: Partial<SeriesStageOptions>): SeriesStageOptions {
  const plan = planOf({ seed: "series", durationMs: 200, load: { loop: "open", clients: 2, ratePerS: 50 } });
  return {
    experiment: "series",
    block: 0,
    label: "series",
    seed: "series",
    implementations: ["minimal"],
    substrate: "simulated",
    variants: [5, 3].map((nodes) => ({ name: `${nodes}-nodes`, plan: { ...plan, nodes } })),
    estimateS: 1,
    probes: [nodesProbe],
    ...overrides,
  };
}

const context = {
  workDirectory: tmpdir(),
  signal: new AbortController().signal,
  onProgress: () => undefined,
};

test("every variant's measurements carry its name, and what they say together carries none", async () => {
  const options = seriesOf({
    relate: (measured) => {
      const of = (name: string): number => measured.get(name)?.find(({ metric }) => metric === "nodes")?.value ?? 0;
      return [{ metric: "nodes-ratio", value: of("5-nodes") / of("3-nodes"), unit: "ratio" }];
    },
  });
  const { rows, files, validity, implementations } = await seriesStage(options).run(context);
  const found = (rows.measurements ?? []).filter(({ metric }) => String(metric).startsWith("nodes"));
  assert.deepEqual(
    new Set(found.map(({ metric, value, nodes }) => `${metric} ${value} of ${nodes}`)),
    new Set([`nodes-ratio ${5 / 3} of 3`, "nodes@3-nodes 3 of 3", "nodes@5-nodes 5 of 5"]),
  );
  assert.deepEqual(files.map(({ path }) => path).toSorted(), [
    "plans/series-0-3-nodes.json",
    "plans/series-0-5-nodes.json",
  ]);
  assert.equal(validity, "valid");
  assert.deepEqual(implementations, [{ name: "minimal", status: "sound", voids: [] }]);
});

test("the order of the variants is drawn for the block, and reversed in the next", async () => {
  const orderOf = async (block: number) => {
    const { rows } = await seriesStage(seriesOf({ block })).run(context);
    return (rows.measurements ?? [])
      .filter(({ metric }) => String(metric).startsWith("nodes@"))
      .map((row) => row.nodes);
  };
  assert.deepEqual(await orderOf(0), (await orderOf(1)).toReversed());
});

test("an implementation that is not installed is void with what to install, and leaves no rows", () => {
  const outcome = new StageOutcome(seriesOf({}));
  outcome.notInstalled("peer", "Install peer");
  assert.deepEqual(outcome.implementations, [
    { name: "peer", status: "void", voids: [{ kind: "not-installed", reason: "Install peer" }] },
  ]);
  assert.deepEqual(outcome.troubles, ["peer left out: Install peer"]);
  assert.deepEqual(outcome.rows, {});
});
