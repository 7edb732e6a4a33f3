/** Claims of the Minimal 3-Node Cluster Case Study: throughput, and what happens when leaders and networks fail. */

import type { Claim, ValueMeasure } from "../../harness/claim/claim.ts";
import { always, check, never } from "./measures.ts";

const document = "Minimal 3-Node Cluster Case Study";
const cluster = { implementation: "production", substrate: "cluster" } as const;

function throughput(id: string, nodes: number, statement: string, value: string, band: string, limit: number): Claim {
  return {
    id,
    module: "consensus",
    source: { document, section: "Expected Results" },
    statement,
    class: "absolute",
    published: { metric: "throughput", value, unit: "ops/s", band },
    bandReason: "as published; only the lower end binds, being faster refutes nothing",
    experiments: ["consensus-throughput"],
    measures: [throughputOf("minimal", nodes, limit), throughputOf("production", nodes, limit)],
    expected: "not comparable",
    code: "implementations/consensus",
    notes: "closed loop, every acknowledged write synced on a majority in production; minimal keeps its log in memory",
  };
}

function throughputOf(implementation: string, nodes: number, limit: number): ValueMeasure {
  return {
    kind: "value",
    label: `maximum throughput of ${nodes} nodes, closed loop`,
    implementation,
    value: {
      table: "throughput",
      column: "throughput_per_s",
      where: { implementation, nodes, substrate: "cluster", loop: "closed", window_s: "all" },
      perBlock: "maximum",
    },
    across: "median",
    band: { kind: "at-least", limit },
    unit: "ops/s",
  };
}

export const caseStudyClaims: readonly Claim[] = [
  throughput("N-CS-5", 3, "throughput, 3 nodes", "2000-5000", ">=2000", 2000),
  throughput("N-CS-6", 5, "throughput, 5 nodes", "1500-3500", ">=1500", 1500),
  {
    id: "N-CS-9",
    module: "consensus",
    source: { document, section: "Leader Failure" },
    statement: "after the leader is killed a new one is elected within 500 ms",
    class: "behaviour",
    published: { metric: "time to new leader", value: "500", unit: "ms", band: "<500" },
    bandReason: "as published, for every single kill",
    experiments: ["consensus-leader-failure"],
    measures: [
      always(
        "time-to-new-leader-ms",
        cluster,
        { kind: "below", limit: 500 },
        "ms",
        "time from kill to the next leader",
      ),
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
  {
    id: "N-CS-10",
    module: "consensus",
    source: { document, section: "Network Partition" },
    statement: "with one of three isolated, writes go on; healed, it catches up within 5 s",
    class: "behaviour",
    published: { metric: "catch-up time", value: "5", unit: "s", band: "<=5" },
    bandReason: "as published, for every isolation",
    experiments: ["consensus-isolate-one"],
    measures: [
      always(
        "writes-during-isolation",
        cluster,
        { kind: "at-least", limit: 1 },
        "count",
        "writes while one is isolated",
      ),
      always("catch-up-ms", cluster, { kind: "at-most", limit: 5000 }, "ms", "time from healing to caught up"),
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
  {
    id: "N-CS-11",
    module: "consensus",
    source: { document, section: "Minority Partition" },
    statement: "a node without a quorum accepts no write; restored, writes resume within 3 s",
    class: "behaviour",
    published: {
      metric: "accepted without quorum; resume time",
      value: "0; 3",
      unit: "count; s",
      band: "=0; <=3",
    },
    bandReason: "as published, for every loss of the quorum",
    experiments: ["consensus-no-quorum"],
    measures: [
      never("accepted-without-quorum", cluster, "writes accepted without a quorum"),
      always("resume-ms", cluster, { kind: "at-most", limit: 3000 }, "ms", "time from restoring to the next write"),
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
  {
    id: "N-CS-12",
    module: "consensus",
    source: { document, section: "Linearizability Check" },
    statement: "1000 operations are linearizable",
    class: "behaviour",
    published: { metric: "verdict", value: "valid", unit: "", band: "=valid" },
    bandReason: "as published; a history of fewer than 1000 operations supports nothing",
    experiments: ["consensus-linearizability"],
    measures: [check("linearizable", "production", "contended histories of at least 1000 operations", 1000)],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
];
