/** Claims of the Minimal 3-Node Cluster Case Study: throughput, and what happens when leaders and networks fail. */

import type { Claim, ValueMeasure } from "../../../harness/claim/claim.ts";
import type { Band } from "../../../harness/claim/band.ts";
import { always, check, never, typical } from "../measures.ts";

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

const within = (low: number, high: number): Band => ({ kind: "within", low, high });

function election(id: string, nodes: number, value: string, band: Band): Claim {
  return {
    id,
    module: "consensus",
    source: { document, section: "Expected Results" },
    statement: `leader election, ${nodes} nodes`,
    class: "absolute",
    published: { metric: "latency", value, unit: "ms", band: "inside" },
    bandReason: "as published, on the median of a block",
    experiments: ["consensus-elections"],
    measures: [
      typical(
        `candidacy-to-leader-ms@${nodes}-nodes`,
        cluster,
        band,
        "ms",
        `from the winner's candidacy to its leadership, ${nodes} nodes`,
      ),
    ],
    expected: "not comparable",
    code: "implementations/consensus/production",
    notes: "one round of votes, each synced before it leaves; with the timeout before it the time is N-CS-9's",
  };
}

export const caseStudyClaims: readonly Claim[] = [
  election("N-CS-1", 3, "5-10", within(5, 10)),
  election("N-CS-2", 5, "8-15", within(8, 15)),
  {
    id: "N-CS-3",
    module: "consensus",
    source: { document, section: "Expected Results" },
    statement: "election with 5 nodes costs about half more than with 3",
    class: "shape",
    published: { metric: "ratio", value: "1.5", unit: "ratio", band: "1.2-1.8" },
    bandReason: "as published, on the ratio of a block's medians",
    experiments: ["consensus-elections"],
    measures: [
      typical(
        "election-ratio-5-to-3-nodes",
        cluster,
        within(1.2, 1.8),
        "ratio",
        "from candidacy to leadership, 5 nodes to 3",
      ),
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
  {
    id: "N-CS-4",
    module: "consensus",
    source: { document, section: "Expected Results" },
    statement: "replication of 100 entries, 3 nodes",
    class: "absolute",
    published: { metric: "time", value: "50-100", unit: "ms", band: "<=100" },
    bandReason: "as published; only the upper end binds, being faster refutes nothing",
    experiments: ["consensus-batches"],
    measures: [
      typical(
        "batch-p50-ms@batch-of-100",
        cluster,
        { kind: "at-most", limit: 100 },
        "ms",
        "100 writes submitted together, until all are acknowledged",
      ),
    ],
    expected: "not comparable",
    code: "implementations/consensus/production",
  },
  throughput("N-CS-5", 3, "throughput, 3 nodes", "2000-5000", ">=2000", 2000),
  throughput("N-CS-6", 5, "throughput, 5 nodes", "1500-3500", ">=1500", 1500),
  {
    id: "N-CS-7",
    module: "consensus",
    source: { document, section: "Expected Results" },
    statement: "local read",
    class: "absolute",
    published: { metric: "latency", value: "1", unit: "ms", band: "<1" },
    bandReason: "as published, on the median",
    experiments: ["consensus-reads"],
    measures: [
      typical(
        "operation-p50-ms@lease",
        cluster,
        { kind: "below", limit: 1 },
        "ms",
        "one client, the leader answers under its lease and asks nobody",
      ),
    ],
    expected: "not comparable",
    code: "implementations/consensus/production",
    notes: "leases are off by default, because they trust clocks",
  },
  {
    id: "N-CS-8",
    module: "consensus",
    source: { document, section: "Expected Results" },
    statement: "linearizable read, 3 nodes",
    class: "absolute",
    published: { metric: "latency", value: "5-15", unit: "ms", band: "<=15" },
    bandReason: "as published; only the upper end binds, being faster refutes nothing",
    experiments: ["consensus-reads"],
    measures: [
      typical(
        "operation-p50-ms@read-index",
        cluster,
        { kind: "at-most", limit: 15 },
        "ms",
        "one client, ReadIndex: a round confirms the leader",
      ),
    ],
    expected: "not comparable",
    code: "implementations/consensus/production",
  },
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
