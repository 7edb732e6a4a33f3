/** A report with one of everything, for tests: every verdict, both sides of a tradeoff, warnings, hostile text. */

import type { FigureTables, TableRow } from "../chart/figure.ts";
import type { Row } from "../record/tables.ts";
import { reportClaims } from "./report-claims.ts";
import type { ReportInput } from "./report-input.ts";

/** Text that must never be markup, nor end a cell, a code span or a macro. */
export const hostile = `</script><script>alert("x")</script> | \`code\` & 'quote' \\end{x} $1 *bold* [link](javascript:alert(1))`;

const sound = {
  claim: "C-CON-1",
  class: "behaviour",
  source: "Reference Implementation Guide, Correctness Claims",
  statement: "Election safety: a term has at most one leader",
  published: "violations: 0 count",
  band: "valid in every checked run",
  measure: "election safety",
  implementation: "production",
  measured: "0 violations",
  estimate: 0,
  low: undefined,
  high: undefined,
  samples: 240,
  verdict: "reproduced",
  reason: "held at every one of 1,204,312 traced steps",
  claim_verdict: "reproduced",
  experiment: "consensus-safety",
  command: "npm run repro -- --only consensus-safety",
} as const satisfies Row<"claims">;

const tradeoff = {
  ...sound,
  claim: "T-CON-1",
  source: "Reference Implementation Guide, Tradeoffs",
  statement: "log storage: minimal has in-memory list; production has persistent write-ahead log",
  published: "demonstrated on both sides: yes",
  experiment: "consensus-durability",
  command: "npm run repro -- --only consensus-durability",
  samples: 5,
} as const;

/** Rows of the claims table: every verdict, both sides of a tradeoff, a statement that is hostile. */
export const claimRows: readonly Row<"claims">[] = [
  sound,
  {
    ...tradeoff,
    implementation: "minimal",
    measure: "entries lost when every node was killed",
    measured: "412 of 412 entries",
    band: "at least 1",
    reason: "nothing was left after the restart, as expected of memory",
  },
  {
    ...tradeoff,
    measure: "entries lost when every node was killed",
    measured: "0 of 409 entries",
    band: "0",
    reason: "every acknowledged entry was there after the restart",
  },
  {
    ...sound,
    claim: "N-CS-5",
    class: "absolute",
    source: "Minimal 3-Node Cluster Case Study, Expected Results",
    statement: "throughput, 3 nodes",
    published: "throughput: 2000-5000 ops/s",
    band: "at least 2,000 ops/s",
    measure: "throughput",
    measured: "9,312 ops/s",
    low: 9104,
    high: 9530,
    samples: 10,
    reason: "the 90 % interval lies inside the band",
    experiment: "consensus-throughput",
    command: "npm run repro -- --only consensus-throughput",
  },
  {
    ...sound,
    claim: "N-CS-9",
    source: "Minimal 3-Node Cluster Case Study, Leader Failure",
    statement: "after the leader is killed a new one is elected within 500 ms",
    published: "time to new leader: 500 ms",
    band: "below 500 ms",
    measure: "slowest election",
    measured: "612 ms",
    samples: 40,
    verdict: "not reproduced",
    claim_verdict: "not reproduced",
    reason: "3 of 40 elections took longer; the first is attached",
    experiment: "consensus-elections",
    command: "npm run repro -- --only consensus-elections",
  },
  {
    ...sound,
    claim: "N-ST-3",
    class: "shape",
    source: "Stress Test Results, 1.1 Leader churn",
    statement: "throughput during an election is 65% of normal",
    published: "ratio: 0.65",
    band: "above 0.5",
    measure: "throughput during elections to throughput between them",
    measured: "0.58",
    low: 0.46,
    high: 0.71,
    samples: 5,
    verdict: "inconclusive",
    claim_verdict: "inconclusive",
    reason: "the interval crosses the border of the band; about 9 more blocks would decide",
    experiment: "consensus-churn",
    command: "npm run repro -- --only consensus-churn",
  },
  {
    ...sound,
    claim: "N-ST-2",
    class: "absolute",
    source: "Stress Test Results, 1.1 Leader churn",
    statement: "election time under churn, average and maximum",
    published: "time: 185; 890 ms",
    band: "below 500 ms",
    measure: "average election",
    measured: "204 ms",
    verdict: "not comparable",
    claim_verdict: "not comparable",
    reason: "the published documents do not state their machine; our value would lie inside the band",
    experiment: "consensus-churn",
    command: "npm run repro -- --only consensus-churn",
  },
  {
    ...sound,
    claim: "N-ST-23",
    source: "Stress Test Results, 4.1 Node crash",
    statement: hostile,
    published: "lost: 0 count",
    band: "0",
    measure: "lost acknowledged writes",
    measured: "",
    samples: undefined,
    verdict: "not run",
    claim_verdict: "not run",
    reason: "the run was interrupted before this experiment",
    experiment: "consensus-majority-kill",
    command: "npm run repro -- --only consensus-majority-kill --resume results/20261123T052800Z-9b1830c-quick",
  },
];

const links = new Map([
  ["C-CON-1", { codeLink: "harness/check/election-safety.ts" }],
  ["N-CS-9", { capsule: "capsules/consensus-elections-3.json" }],
  ["N-ST-23", { codeLink: "javascript:alert(1)" }],
]);

/** Returns the input of a report on `tables`, to which a few rows of checks are added. */
export function sampleReport(tables: FigureTables, figures: ReportInput["figures"]): ReportInput {
  return {
    title: "Grey Distributed: consensus",
    run: {
      profile: "quick",
      seed: "1",
      startedAt: "2026-11-23T05:28:00.123Z",
      finishedAt: "2026-11-23T05:36:12.456Z",
      gitSha: "9b1830c2f0a4d2f4a7e5c1b2d3e4f5a6b7c8d9e0",
      dirty: true,
      command: "npm run repro -- --profile quick --seed 1",
      interrupted: true,
    },
    environment: [
      { name: "processor", value: "AMD EPYC 7B13, 2 cores" },
      { name: "memory", value: "8.0 GiB, cgroup limit 8.0 GiB" },
      { name: "kernel", value: "Linux 6.1.0" },
      { name: "Node.js", value: "24.21.0 (V8 13.6)" },
      { name: "steal before, during, after", value: "0.0 %, 0.4 %, 0.1 %" },
      { name: "disk", value: "unavailable" },
    ],
    claims: reportClaims(claimRows, links),
    figures,
    experiments: [
      {
        id: "consensus-safety",
        title: "Safety under faults",
        purpose: "Do the four safety properties of Raft hold at every step, whatever fails?",
        verdict: "valid",
        blocks: 240,
        voidBlocks: 0,
      },
      {
        id: "consensus-elections",
        title: "Elections",
        purpose: "How long is a cluster without a leader after the old one is lost?",
        verdict: "invalid",
        blocks: 40,
        voidBlocks: 2,
      },
      {
        id: "consensus-throughput",
        title: "Throughput by cluster size",
        purpose: "How many operations per second does a cluster of 1, 3, 5 or 7 nodes take, all durable?",
        verdict: "unknown",
        blocks: 20,
        voidBlocks: 0,
      },
    ],
    tables: { ...tables, checks: checkRows() },
  };
}

function checkRows(): readonly TableRow[] {
  return ["minimal", "production"].flatMap((implementation) =>
    ["election-safety", "log-matching", "linearizable", "convergence"].flatMap((check, index) =>
      [0, 1, 2].map((block): TableRow => {
        const verdict =
          check === "linearizable" && block === 2 && implementation === "production" ? "unknown" : "valid";
        const summary = verdict === "valid" ? "all judged" : "gave up after 10,000,000 steps of search";
        const run = {
          experiment: "consensus-safety",
          block,
          implementation,
          substrate: "simulated",
          nodes: 3,
          seed: "1",
        };
        return { ...run, check, verdict, count: 20_000 + index, unit: index < 2 ? "steps" : "operations", summary };
      }),
    ),
  );
}
