// Goal: every class of claim gets every verdict it can get, for the right reason, and never a better one.
// Method: evidence made of a few rows per case. The forbidden side of each rule is a case of its own: what must not
// refute, what must not support, what must not be compared.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TypedRow } from "../record/csv.ts";
import type { BlockRecord, VoidKind } from "../record/manifest.ts";
import type { TableName } from "../record/tables.ts";
import { claimRows } from "./claim-rows.ts";
import type { Claim, CheckMeasure, Machine, RatioMeasure, ValueMeasure } from "./claim.ts";
import type { Evidence } from "./evidence.ts";
import { exitCodeOfVerdicts, judgeClaim } from "./judge.ts";
import type { ClaimVerdict } from "./judge.ts";

const machine: Machine = { cpuModel: "Test CPU", logicalCpus: 2 };

interface Value {
  readonly block: number;
  readonly value: number;
  readonly implementation?: string;
  readonly metric?: string;
}
interface Check {
  readonly block: number;
  readonly verdict?: string;
  readonly count?: number;
}

function place(block: number, implementation = "production") {
  return { experiment: "e", block, implementation, substrate: "cluster", nodes: 3, seed: `s/${block}` };
}

/** Blocks are sound unless `voids` says why not; every block with a row has a record. */
function evidence(options: {
  values?: readonly Value[];
  checks?: readonly Check[];
  voids?: Readonly<Record<number, VoidKind>>;
  notRun?: Readonly<Record<string, string>>;
  blocks?: number;
  machine?: Machine;
}): Evidence {
  const { values = [], checks = [], voids = {} } = options;
  const blockCount = options.blocks ?? Math.max(-1, ...[...values, ...checks].map(({ block }) => block)) + 1;
  const rows: Partial<Record<TableName, readonly unknown[]>> = {
    measurements: values.map(({ block, value, implementation, metric = "m" }) => {
      return { ...place(block, implementation), metric, value, unit: "ms" };
    }),
    checks: checks.map(({ block, verdict = "valid", count = 50 }) => {
      return { ...place(block), check: "c", verdict, count, unit: "steps", summary: `${verdict} here` };
    }),
  };
  const blocks = Array.from({ length: blockCount }, (_, block): BlockRecord => {
    const kind = voids[block];
    const status = kind === undefined ? "sound" : "void";
    const reasons = kind === undefined ? [] : [{ kind, reason: `because of ${kind}` }];
    const implementations = ["minimal", "production"].map((name) => ({ name, status, voids: reasons }) as const);
    const time = "2026-01-31T07:45:00Z";
    return {
      experiment: "e",
      block,
      seed: `s/${block}`,
      implementations,
      startedAt: time,
      finishedAt: time,
      verdict: "valid",
    };
  });
  return {
    table: <Name extends TableName>(name: Name) => (rows[name] ?? []) as readonly TypedRow<Name>[],
    blocks,
    notRun: options.notRun ?? {},
    machine: options.machine,
    seed: "7",
  };
}

function claim(over: Pick<Claim, "class" | "measures"> & Partial<Claim>): Claim {
  return {
    id: "X-1",
    module: "consensus",
    source: { document: "Document", section: "Section" },
    statement: "it is so",
    published: { metric: "metric", value: "1", unit: "ms", band: "<1" },
    bandReason: "test",
    experiments: ["e"],
    expected: "reproduced",
    code: "harness/claim",
    ...over,
  };
}

const metricOf = (metric: string, implementation = "production"): ValueMeasure["value"] => {
  return { table: "measurements", column: "value", where: { metric, implementation }, perBlock: "maximum" };
};
const checked: CheckMeasure = { kind: "check", label: "c", implementation: "production", check: "c" };
const everyBelow500: ValueMeasure = {
  kind: "value",
  label: "time",
  implementation: "production",
  value: metricOf("m"),
  across: "every",
  band: { kind: "below", limit: 500 },
  unit: "ms",
};
const noneLost: ValueMeasure = {
  ...everyBelow500,
  label: "lost",
  band: { kind: "equals", value: 0 },
  unit: "count",
  countsViolations: true,
};
const medianAboveHalf: ValueMeasure = {
  ...everyBelow500,
  across: "median",
  band: { kind: "above", limit: 0.5 },
  unit: "ratio",
};
const pairedAtLeast2: RatioMeasure = {
  kind: "ratio",
  label: "speed-up",
  implementation: "production",
  of: metricOf("m"),
  to: metricOf("m", "minimal"),
  across: "paired",
  band: { kind: "at-least", limit: 2 },
  unit: "ratio",
};

const series = (values: readonly number[], implementation = "production"): Value[] =>
  values.map((value, block) => ({ block, value, implementation }));

function judged(
  measure: Claim["measures"][number],
  cls: Claim["class"],
  options: Parameters<typeof evidence>[0],
): ClaimVerdict {
  return judgeClaim(claim({ class: cls, measures: [measure] }), evidence(options));
}

function expect(verdict: ClaimVerdict, wanted: ClaimVerdict["verdict"], reason: RegExp): void {
  assert.equal(verdict.verdict, wanted, verdict.reason);
  assert.match(verdict.reason, reason);
  assert.ok(!verdict.reason.includes("\n"));
  assert.equal(verdict.command, "npm run repro -- --only e");
}

test("behaviour, by a check: valid everywhere is reproduced, and says how much was judged", () => {
  const verdict = judged(checked, "behaviour", { checks: [{ block: 0 }, { block: 1 }, { block: 2 }] });
  expect(verdict, "reproduced", /^valid in every checked run$/);
  assert.equal(verdict.measures[0]?.measured, "0 violations in 3 checked runs, 150 steps");
  assert.equal(verdict.measures[0]?.samples, 3);
});

test("behaviour, by a check: one counterexample among many refutes, and is named", () => {
  const checks = Array.from({ length: 40 }, (_, block) => ({ block, verdict: block === 17 ? "invalid" : "valid" }));
  const verdict = judged(checked, "behaviour", { checks });
  expect(verdict, "not reproduced", /^e block 17 \(seed s\/17\): invalid here$/);
  assert.deepEqual(verdict.measures[0]?.counterexample, { experiment: "e", block: 17, seed: "s/17" });
});

test("a claim about what is not installed is not run, for that reason", () => {
  const verdict = judged(checked, "behaviour", { blocks: 1, voids: { 0: "not-installed" } });
  expect(verdict, "not run", /^because of not-installed$/);
});

test("behaviour, by a check: a counterexample in a void block refutes, validity in a void block supports nothing", () => {
  const voids = { 0: "inert-fault" } as const;
  expect(
    judged(checked, "behaviour", { checks: [{ block: 0, verdict: "invalid" }, { block: 1 }], voids }),
    "not reproduced",
    /block 0/,
  );
  expect(
    judged(checked, "behaviour", { checks: [{ block: 0 }], voids }),
    "not run",
    /^no sound block: because of inert-fault$/,
  );
  expect(
    judged(checked, "behaviour", { checks: [{ block: 0 }, { block: 1 }], voids }),
    "reproduced",
    /1 void block not counted/,
  );
});

test("behaviour, by a check: unknown is inconclusive, whatever else is valid", () => {
  expect(
    judged(checked, "behaviour", { checks: [{ block: 0 }, { block: 1, verdict: "unknown" }] }),
    "inconclusive",
    /1 of 2 checks ended as unknown/,
  );
});

test("behaviour, by a check: a history that is too short supports nothing", () => {
  const thousand = { ...checked, minimumCount: 1000 };
  expect(
    judged(thousand, "behaviour", { checks: [{ block: 0, count: 999 }] }),
    "inconclusive",
    /fewer than 1000 steps; needs 1 more block/,
  );
  expect(judged(thousand, "behaviour", { checks: [{ block: 0, count: 1000 }] }), "reproduced", /valid/);
});

test("behaviour, by values: all inside is reproduced with the worst shown, one outside refutes", () => {
  const values = [...series([120, 310]), { block: 1, value: 499.9 }];
  const verdict = judged(everyBelow500, "behaviour", { values });
  expect(verdict, "reproduced", /^< 500 ms in every block$/);
  assert.equal(verdict.measures[0]?.measured, "at most 499.9 ms over 3 values in 2 blocks");
  expect(
    judged(everyBelow500, "behaviour", { values: series([120, 500, 130]) }),
    "not reproduced",
    /block 1 \(seed s\/1\): 500 ms, wanted < 500 ms/,
  );
});

test("behaviour, by values: a slow value of a saturated generator neither refutes nor supports", () => {
  const voids = { 1: "saturated-generator" } as const;
  expect(
    judged(everyBelow500, "behaviour", { values: series([120, 900]), voids }),
    "reproduced",
    /1 void block not counted/,
  );
  expect(
    judged(everyBelow500, "behaviour", { values: [{ block: 1, value: 100 }], voids }),
    "not run",
    /saturated-generator/,
  );
});

test("behaviour, by counted violations: a lost write refutes also from a void block, and none lost there supports nothing", () => {
  const voids = { 0: "failed-check" } as const;
  expect(
    judged(noneLost, "behaviour", { values: series([3, 0]), voids }),
    "not reproduced",
    /block 0 .*: 3 count, wanted = 0 count/,
  );
  expect(judged(noneLost, "behaviour", { values: series([0]), voids }), "not run", /failed-check/);
});

test("behaviour, by counted violations: a block that failed a check and left no count keeps the claim open", () => {
  const values = [{ block: 1, value: 0 }];
  expect(
    judged(noneLost, "behaviour", { values, voids: { 0: "failed-check" } }),
    "inconclusive",
    /block 0 .* failed a check and left no count/,
  );
  expect(judged(noneLost, "behaviour", { values, voids: { 0: "saturated-generator" } }), "reproduced", /every block/);
});

test("a tradeoff is asserted in both directions", () => {
  const loses: ValueMeasure = {
    ...everyBelow500,
    label: "lost",
    implementation: "minimal",
    value: metricOf("m", "minimal"),
    band: { kind: "at-least", limit: 1 },
    unit: "count",
    tolerates: ["failed-check"],
  };
  const tradeoff = claim({ class: "behaviour", measures: [loses, noneLost] });
  const verdictOf = (minimal: number[], production: number[], voids?: Record<number, VoidKind>): ClaimVerdict =>
    judgeClaim(
      tradeoff,
      evidence({ values: [...series(minimal, "minimal"), ...series(production)], ...(voids && { voids }) }),
    );
  expect(verdictOf([12, 9], [0, 0]), "reproduced", /^all 2 measures hold$/);
  expect(verdictOf([12, 0], [0, 0]), "not reproduced", /^lost \(minimal\): e block 1/);
  expect(verdictOf([12, 9], [0, 1]), "not reproduced", /^lost \(production\): e block 1/);
  expect(
    verdictOf([], [0, 0]),
    "inconclusive",
    /^lost \(minimal\): not run: 2 finished blocks of e, but none measured it$/,
  );
  expect(verdictOf([0], [0], { 0: "inert-fault" }), "not run", /inert-fault/);
  const rows = claimRows([verdictOf([12, 0], [0, 0])]);
  assert.deepEqual(
    rows.map((row) => [row.implementation, row.measured, row.verdict, row.claim_verdict]),
    [
      ["minimal", "at least 0 count in 2 blocks", "not reproduced", "not reproduced"],
      ["production", "0 count in 2 blocks", "reproduced", "not reproduced"],
    ],
  );
});

test("exact: equal everywhere or refuted, one block is enough", () => {
  expect(judged(everyBelow500, "exact", { values: series([499]) }), "reproduced", /< 500/);
  expect(judged(everyBelow500, "exact", { values: series([500]) }), "not reproduced", /wanted < 500/);
  expect(
    judged(everyBelow500, "exact", { notRun: { e: "not in profile smoke" } }),
    "not run",
    /^e: not in profile smoke$/,
  );
});

test("shape: the median's interval decides, and few blocks decide nothing", () => {
  expect(
    judged(medianAboveHalf, "shape", { values: series([0.7, 0.66, 0.61, 0.72, 0.68]) }),
    "reproduced",
    /^90 % interval inside > 0.5 ratio$/,
  );
  expect(
    judged(medianAboveHalf, "shape", { values: series([0.3, 0.2, 0.41, 0.35, 0.5, 0.44]) }),
    "not reproduced",
    /^95 % interval outside > 0.5 ratio$/,
  );
  expect(
    judged(medianAboveHalf, "shape", { values: series([0.3, 0.2, 0.41, 0.35, 0.44]) }),
    "inconclusive",
    /with 5 blocks: needs about 1 more block$/,
  );
  expect(
    judged(medianAboveHalf, "shape", { values: series([0.7, 0.7]) }),
    "inconclusive",
    /with 2 blocks: needs about 3 more blocks$/,
  );
  expect(
    judged(medianAboveHalf, "shape", { values: series([0.7, 0.66, 0.2, 0.72, 0.68]) }),
    "inconclusive",
    /more blocks/,
  );
  expect(
    judged(medianAboveHalf, "shape", { values: series([0.5, 0.5, 0.4, 0.6, 0.5]) }),
    "inconclusive",
    /on the band's edge/,
  );
  expect(judged(medianAboveHalf, "shape", { blocks: 0 }), "not run", /^e has no finished block$/);
});

test("shape: void blocks are not measurements", () => {
  const voids = { 0: "saturated-generator", 1: "failed-check", 2: "inert-fault", 3: "harness-failure" } as const;
  const values = series([0.1, 0.1, 0.1, 0.1, 0.7, 0.66, 0.61, 0.72, 0.68]);
  const verdict = judged(medianAboveHalf, "shape", { values, voids });
  expect(verdict, "reproduced", /4 void blocks not counted/);
  assert.deepEqual([verdict.measures[0]?.samples, verdict.measures[0]?.low], [5, 0.61]);
});

const pairs = (ratios: readonly number[]): Value[] => [
  ...series(ratios.map((ratio) => 100 * ratio)),
  ...series(
    ratios.map(() => 100),
    "minimal",
  ),
];

test("ratio: paired blocks decide, and only blocks that have both sides", () => {
  expect(
    judged(pairedAtLeast2, "ratio", { values: pairs([2.2, 2.4, 2.1, 2.3, 2.6]) }),
    "reproduced",
    /90 % interval inside >= 2 ratio/,
  );
  expect(
    judged(pairedAtLeast2, "ratio", { values: pairs([1.2, 1.4, 1.1, 1.3, 1.6, 1.5]) }),
    "not reproduced",
    /95 % interval outside/,
  );
  expect(
    judged(pairedAtLeast2, "ratio", { values: pairs([2.2, 1.9, 2.1, 2.5, 2.6, 1.8]) }),
    "inconclusive",
    /needs about \d+ more blocks/,
  );
  expect(judged(pairedAtLeast2, "ratio", { values: series([200, 210, 220, 230, 240]) }), "not run", /none measured it/);
  expect(
    judged(pairedAtLeast2, "ratio", { values: pairs([2.2, 0, 2.1, 2.3, 2.6]) }),
    "inconclusive",
    /block 1 .*no ratio of 0 to 100; nothing is dropped/,
  );
  const void0 = judged(pairedAtLeast2, "ratio", {
    values: pairs([0.1, 2.2, 2.4, 2.1, 2.3, 2.6]),
    voids: { 0: "saturated-generator" },
  });
  expect(void0, "reproduced", /1 void block not counted/);
});

test("a quotient in every block: nothing over nothing is no observation", () => {
  const all: RatioMeasure = {
    ...pairedAtLeast2,
    across: "every",
    of: metricOf("won"),
    to: metricOf("forced"),
    band: { kind: "equals", value: 1 },
  };
  const counts = (won: number, forced: number, block = 0): Value[] => [
    { block, value: won, metric: "won" },
    { block, value: forced, metric: "forced" },
  ];
  expect(
    judged(all, "behaviour", { values: [...counts(120, 120), ...counts(4, 4, 1)] }),
    "reproduced",
    /= 1 ratio in every block/,
  );
  expect(
    judged(all, "behaviour", { values: [...counts(119, 120), ...counts(4, 4, 1)] }),
    "not reproduced",
    /0.991667 ratio, wanted = 1/,
  );
  expect(judged(all, "behaviour", { values: counts(0, 0) }), "not run", /none measured it/);
});

test("absolute: shown beside the published number, and not compared across machines", () => {
  const fast: ValueMeasure = { ...everyBelow500, across: "median" };
  const values = series([100, 101, 102, 103, 104]);
  const verdict = judged(fast, "absolute", { values, machine });
  expect(
    verdict,
    "not comparable",
    /^the published documents do not state their machine; our value would lie inside the band$/,
  );
  assert.deepEqual(
    [verdict.measures[0]?.measured, verdict.measures[0]?.low, verdict.measures[0]?.high],
    ["102 ms", 100, 104],
  );
  expect(
    judged(fast, "absolute", { values: series([700, 701]), machine }),
    "not comparable",
    /would lie above the band/,
  );
  expect(judged(fast, "absolute", { blocks: 0, machine }), "not run", /no finished block/);
});

test("absolute: on the published machine it is judged like a shape, on another one it is not", () => {
  const measures = [{ ...everyBelow500, across: "median" }] as const;
  const stated = claim({ class: "absolute", measures, machine });
  const values = series([100, 101, 102, 103, 104, 105]);
  const slow = series([700, 701, 702, 703, 704, 705]);
  expect(judgeClaim(stated, evidence({ values, machine })), "reproduced", /90 % interval inside/);
  expect(judgeClaim(stated, evidence({ values: slow, machine })), "not reproduced", /95 % interval outside/);
  expect(judgeClaim(stated, evidence({ values: values.slice(0, 2), machine })), "inconclusive", /3 more blocks/);
  const other = evidence({ values, machine: { cpuModel: "Other", logicalCpus: 64 } });
  expect(judgeClaim(stated, other), "not comparable", /^published for 2 x Test CPU, run on 64 x Other; /);
  expect(judgeClaim(stated, evidence({ values })), "not comparable", /^this machine could not be read; /);
});

test("rows of other experiments, metrics and implementations are not evidence", () => {
  const elsewhere = claim({ class: "behaviour", measures: [everyBelow500], experiments: ["f"] });
  assert.equal(judgeClaim(elsewhere, evidence({ values: series([1]) })).verdict, "not run");
  expect(judged(everyBelow500, "behaviour", { values: series([1], "minimal") }), "not run", /none measured it/);
  expect(
    judged(everyBelow500, "behaviour", { values: [{ block: 0, value: 1, metric: "n" }] }),
    "not run",
    /none measured it/,
  );
});

test("the exit code: refuted before open before fine", () => {
  assert.equal(exitCodeOfVerdicts(["reproduced", "not comparable", "not run"]), 0);
  assert.equal(exitCodeOfVerdicts(["reproduced", "inconclusive"]), 2);
  assert.equal(exitCodeOfVerdicts(["inconclusive", "not reproduced"]), 1);
});
