/** Claims of the Stress Test Results about consensus: leader churn, a split, a killed majority. */

import type { Claim } from "../../harness/claim/claim.ts";
import { always, check, metric, never, quotient } from "./measures.ts";

const document = "Stress Test Results";
const production = { implementation: "production" } as const;
const cluster = { ...production, substrate: "cluster" } as const;

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
];
