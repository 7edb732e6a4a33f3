/** Claims of the Stress Test Results about consensus: leader churn, a split, a killed majority. */

import type { Claim, ValueMeasure } from "../../../harness/claim/claim.ts";
import { always, check, metric, never, quotient, typical } from "../measures.ts";

const document = "Stress Test Results";
const production = { implementation: "production" } as const;
const cluster = { ...production, substrate: "cluster" } as const;
const simulated = { ...production, substrate: "simulated" } as const;

export const stressClaims: readonly Claim[] = [
  {
    id: "N-ST-1",
    module: "consensus",
    source: { document, section: "1.1 Leader churn" },
    statement: "every forced election succeeds and nothing is lost",
    class: "behaviour",
    published: { metric: "elections; lost writes", value: "120/120; 0", unit: "count", band: "100%; =0" },
    bandReason: "as published; the number of forced elections is the experiment's",
    experiments: ["consensus-churn"],
    measures: [
      quotient(
        metric("successful-elections", production, "sum"),
        metric("forced-elections", production, "sum"),
        "production",
        { kind: "equals", value: 1 },
        "successful of forced elections",
      ),
      never("lost-acknowledged-writes", production, "acknowledged writes lost under churn"),
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
  {
    id: "N-ST-2",
    module: "consensus",
    source: { document, section: "1.1 Leader churn" },
    statement: "election time under churn, average and maximum",
    class: "absolute",
    published: { metric: "time", value: "185; 890", unit: "ms", band: "<500; <2000" },
    bandReason: "as published",
    experiments: ["consensus-churn"],
    measures: [
      {
        kind: "value",
        label: "average election time of a block, median over blocks",
        implementation: "production",
        value: metric("election-ms", cluster, "mean"),
        across: "median",
        band: { kind: "below", limit: 500 },
        unit: "ms",
      },
      always("election-ms", cluster, { kind: "below", limit: 2000 }, "ms", "longest election"),
    ],
    expected: "not comparable",
    code: "implementations/consensus/production",
  },
  {
    id: "N-ST-3",
    module: "consensus",
    source: { document, section: "1.1 Leader churn" },
    statement: "throughput during an election is 65% of normal",
    class: "shape",
    published: { metric: "ratio", value: "0.65", unit: "ratio", band: ">0.5" },
    bandReason: "as published",
    experiments: ["consensus-churn"],
    measures: [
      {
        kind: "value",
        label: "throughput in the seconds of elections to throughput outside",
        implementation: "production",
        value: metric("throughput-during-election-ratio", cluster, "median"),
        across: "median",
        band: { kind: "above", limit: 0.5 },
        unit: "ratio",
      },
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
  {
    id: "N-ST-4",
    module: "consensus",
    source: { document, section: "1.2 Network partition" },
    statement:
      "2|3 split: the minority steps down and accepts nothing, the majority elects and serves, healing converges with no duplicate entry",
    class: "behaviour",
    published: { metric: "violations", value: "0", unit: "count", band: "=0" },
    bandReason: "as published, for every split",
    experiments: ["consensus-split"],
    measures: [
      never("minority-accepted", production, "commits on the minority's side"),
      never("minority-leaders-kept", production, "leaders the minority kept once they had time to step down"),
      always(
        "writes-during-isolation",
        production,
        { kind: "at-least", limit: 1 },
        "count",
        "writes the majority served meanwhile",
      ),
      never("duplicate-entries", production, "entries applied twice after healing"),
      check("convergence", "production", "all nodes agree after healing"),
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
  {
    id: "N-ST-5",
    module: "consensus",
    source: { document, section: "1.3 Log explosion" },
    statement: "under sustained overload 99.7% of submitted entries commit while snapshots run",
    class: "shape",
    published: { metric: "commit rate", value: "0.997", unit: "ratio", band: ">=0.99" },
    bandReason: "as published, in every block; an overload without snapshots would show nothing",
    experiments: ["consensus-overload"],
    measures: [
      always(
        "commit-rate",
        cluster,
        { kind: "at-least", limit: 0.99 },
        "ratio",
        "acknowledged, of acknowledged and lost after admission",
      ),
      always("snapshots-taken", cluster, { kind: "at-least", limit: 3 }, "count", "snapshots taken meanwhile"),
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
    notes: "what was refused for certain was not submitted to the log; the measurements count it beside the rate",
  },
  {
    id: "N-ST-6",
    module: "consensus",
    source: { document, section: "1.3 Log explosion" },
    statement: "memory is stable once snapshots begin",
    class: "behaviour",
    published: { metric: "growth after first snapshot", value: "0", unit: "ratio", band: "<=0.1" },
    bandReason: "as published, for the node that grows most; a watch of under 20 s would show a heap finding its size",
    experiments: ["consensus-overload"],
    measures: [
      always(
        "resident-growth-after-snapshot",
        cluster,
        { kind: "at-most", limit: 0.1 },
        "ratio",
        "resident memory, last fifth after the first snapshot to first fifth, minus one",
      ),
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
    notes: "judged by the full profile, whose overload lasts long enough",
  },
  {
    id: "N-ST-17",
    module: "consensus",
    source: { document, section: "3.2 Latency injection" },
    statement: "commits at +0, 10, 50, 100, 500 ms",
    class: "shape",
    published: {
      metric: "ratio to +0 ms",
      value: "1; 0.917; 0.667; 0.429; 0.076",
      unit: "ratio",
      band: "+-0.15 each",
    },
    bandReason: "as published, each ratio give or take 0.15",
    experiments: ["consensus-added-latency"],
    measures: [commitsAt(10, 0.917), commitsAt(50, 0.667), commitsAt(100, 0.429), commitsAt(500, 0.076)],
    expected: "reproduced",
    code: "implementations/consensus/production",
    notes:
      "a fixed number of writes in flight, latency added to the round trip between nodes; at a fixed rate of arrivals " +
      "replication is pipelined and commits do not fall at all, which the measurements show beside it",
  },
  {
    id: "N-ST-18",
    module: "consensus",
    source: { document, section: "3.2 Latency injection" },
    statement: "the election timeout must exceed ten round trips for a stable leader",
    class: "shape",
    published: { metric: "spurious elections", value: "0", unit: "count", band: "=0 above, >0 below" },
    bandReason: "as published, over a minute of virtual time per timeout; below, at the most stable timeout",
    experiments: ["consensus-timeout-rule"],
    measures: [
      always(
        "spurious-elections-above-rule",
        simulated,
        { kind: "equals", value: 0 },
        "count",
        "spurious elections with more than ten round trips",
      ),
      always(
        "spurious-elections-below-rule",
        simulated,
        { kind: "at-least", limit: 1 },
        "count",
        "spurious elections with fewer than ten, at the timeout that has fewest",
      ),
    ],
    expected: "not reproduced",
    code: "implementations/consensus/production",
    notes:
      "heartbeats do not wait for each other's answers, so a leader is heard from every fifth of the timeout however " +
      "long the way is; round trips of 40 ms, each way between half and one and a half of its mean",
  },
  {
    id: "N-ST-23",
    module: "consensus",
    source: { document, section: "4.1 Node crash" },
    statement: "with a majority killed the cluster is unavailable; one node back, it serves again and lost nothing",
    class: "behaviour",
    published: { metric: "lost", value: "0", unit: "count", band: "=0" },
    bandReason: "as published, for every loss of a majority",
    experiments: ["consensus-majority-killed"],
    measures: [
      never("accepted-without-quorum", production, "writes accepted without a majority"),
      always("served-after-return", production, { kind: "at-least", limit: 1 }, "count", "served once nodes were back"),
      never("lost-acknowledged-writes", production, "acknowledged writes lost"),
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
  {
    id: "N-ST-24",
    module: "consensus",
    source: { document, section: "4.2 Partition chaos" },
    statement: "recovery after isolating one node; after a third; after a random tenth",
    class: "absolute",
    published: { metric: "time", value: "2.1; 8.4; 3.2", unit: "s", band: "<=" },
    bandReason: "as published, the longest of every block",
    experiments: ["consensus-isolations"],
    measures: [
      recovery(1, 2100, "one node of seven, the leader"),
      recovery(2, 8400, "two nodes of seven, a third"),
      recovery(3, 3200, "one of seven drawn at random, the nearest to a tenth"),
    ],
    expected: "not comparable",
    code: "implementations/consensus/production",
  },
];

function commitsAt(addedMs: number, ratio: number): ValueMeasure {
  const band = { kind: "within", low: round(ratio - 0.15), high: round(ratio + 0.15) } as const;
  const name = `commits-ratio@+${addedMs}-ms@closed-loop`;
  return typical(name, cluster, band, "ratio", `commits with ${addedMs} ms added to every round trip, to none added`);
}

/** Decimal fractions that add up to 0.7669999999999999 are no band for a reader. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function recovery(number: number, limitMs: number, what: string): ValueMeasure {
  const label = `from the healing until served and caught up: ${what}`;
  return always(`recovery-ms@fault-${number}`, cluster, { kind: "at-most", limit: limitMs }, "ms", label);
}
