/** A report with one of everything, for tests: every verdict, both sides of a tradeoff, warnings, hostile text. */

import type { FigureTables, TableRow } from "../chart/figure.ts";
import type { ReportClaim, ReportInput } from "./report-input.ts";

/** Text that must never be markup, nor end a cell, a code span or a macro. */
export const hostile = `</script><script>alert("x")</script> | \`code\` & 'quote' \\end{x} $1 *bold* [link](javascript:alert(1))`;

const common = {
  class: "behaviour",
  implementation: "production",
  published: "0 violations",
  measured: "0 violations",
  verdict: "reproduced",
  experiment: "consensus-safety",
  sourceDocument: "Reference Implementation Guide",
  section: "Correctness Claims",
} as const;

const claims: readonly ReportClaim[] = [
  {
    ...common,
    claim: "C-CON-1",
    statement: "Election safety: a term has at most one leader",
    samples: 240,
    reason: "held at every one of 1,204,312 traced steps",
    command: "npm run repro -- --only C-CON-1",
    codeLink: "harness/check/election-safety.ts",
  },
  {
    ...common,
    claim: "T-CON-1",
    statement: "log storage: minimal has in-memory list; production has persistent write-ahead log",
    published: "demonstrated on both sides",
    implementation: "minimal",
    measured: "lost 412 of 412 entries",
    samples: 5,
    reason: "the whole cluster was killed and restarted: nothing was left, as expected",
    section: "Tradeoffs",
    experiment: "consensus-durability",
    command: "npm run repro -- --only T-CON-1",
  },
  {
    ...common,
    claim: "T-CON-1",
    statement: "log storage: minimal has in-memory list; production has persistent write-ahead log",
    published: "demonstrated on both sides",
    measured: "lost 0 of 409 entries",
    samples: 5,
    reason: "the whole cluster was killed and restarted: every acknowledged entry was there",
    section: "Tradeoffs",
    experiment: "consensus-durability",
    command: "npm run repro -- --only T-CON-1",
  },
  {
    ...common,
    claim: "N-CS-5",
    class: "absolute",
    statement: "throughput, 3 nodes",
    published: "2000–5000 ops/s",
    measured: "9,312 ops/s",
    low: 9104,
    high: 9530,
    samples: 10,
    reason: "the 90 % interval lies inside the band (at least 2,000)",
    experiment: "consensus-throughput",
    sourceDocument: "Minimal 3-Node Cluster Case Study",
    section: "Expected Results",
    command: "npm run repro -- --only N-CS-5",
  },
  {
    ...common,
    claim: "N-CS-9",
    statement: "after the leader is killed a new one is elected within 500 ms",
    published: "500 ms",
    measured: "612 ms at most",
    samples: 40,
    verdict: "not reproduced",
    reason: "3 of 40 elections took longer; the first is attached",
    experiment: "consensus-elections",
    sourceDocument: "Minimal 3-Node Cluster Case Study",
    section: "Leader Failure",
    command: "npm run repro -- --only N-CS-9",
    capsule: "capsules/consensus-elections-3.json",
  },
  {
    ...common,
    claim: "N-ST-3",
    class: "shape",
    statement: "throughput during an election is 65% of normal",
    published: "0.65",
    measured: "0.58",
    low: 0.46,
    high: 0.71,
    samples: 5,
    verdict: "inconclusive",
    reason: "the interval crosses the border of the band at 0.5; about 9 more blocks would decide",
    experiment: "consensus-churn",
    sourceDocument: "Stress Test Results",
    section: "1.1 Leader churn",
    command: "npm run repro -- --only N-ST-3",
  },
  {
    ...common,
    claim: "N-ST-2",
    class: "absolute",
    statement: "election time under churn, average and maximum",
    published: "185; 890 ms",
    measured: "204; 640 ms",
    verdict: "not comparable",
    reason: "published for eight cores, this machine has two; shown beside ours",
    experiment: "consensus-churn",
    sourceDocument: "Stress Test Results",
    section: "1.1 Leader churn",
    command: "npm run repro -- --only N-ST-2",
  },
  {
    ...common,
    claim: "N-ST-23",
    statement: hostile,
    published: "0 lost",
    measured: "",
    verdict: "not run",
    reason: "the run was interrupted before this experiment",
    experiment: "consensus-majority-kill",
    sourceDocument: "Stress Test Results",
    section: "4.1 Node crash",
    command: "npm run repro -- --only N-ST-23 --resume results/20261123T052800Z-9b1830c-quick",
    codeLink: "javascript:alert(1)",
  },
];

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
    claims,
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
