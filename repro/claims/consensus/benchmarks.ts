/**
 * Claims of the Reproducibility Guide and of the two consensus benchmarks: elections and replication, alone and timed.
 */

import { around } from "../../../harness/claim/band.ts";
import type { Band } from "../../../harness/claim/band.ts";
import type { Claim } from "../../../harness/claim/claim.ts";
import { typical } from "../measures.ts";

const cluster = { implementation: "production", substrate: "cluster" } as const;
const inProcess = { implementation: "minimal" } as const;
const atMost = (limit: number): Band => ({ kind: "at-most", limit });
const asPublished = "as published, on the median over blocks";

/** What the claims of this file share. */
type Rest = Omit<Claim, "module" | "source" | "code">;

function claimOf(document: string, code: string) {
  return (rest: Rest): Claim => ({
    module: "consensus",
    source: { document, section: "Expected Results" },
    code,
    ...rest,
  });
}

const guide = claimOf("Reproducibility Guide", "implementations/consensus");
const minimal = claimOf("Minimal benchmark", "implementations/consensus/minimal.ts");
const benchmark = claimOf("Consensus benchmark", "implementations/consensus/production");

export const guideClaims: readonly Claim[] = [
  guide({
    id: "N-RG-1",
    statement: "leader election, 3 nodes",
    class: "absolute",
    published: { metric: "latency", value: "150", unit: "us", band: "+-20%" },
    bandReason: asPublished,
    experiments: ["consensus-elections", "consensus-in-process"],
    measures: [
      typical(
        "candidacy-to-leader-ms@3-nodes",
        cluster,
        around(0.15, 0.2),
        "ms",
        "from candidacy to leader, votes synced, 3 processes",
      ),
      typical("election-us@3-nodes", inProcess, around(150, 0.2), "us", "an election by function calls, 3 nodes"),
    ],
    expected: "not comparable",
    notes: "from the winner's candidacy: the election timeout before it is a setting, timed by N-CS-9",
  }),
  guide({
    id: "N-RG-2",
    statement: "log replication of 100 entries",
    class: "absolute",
    published: { metric: "throughput", value: "50000", unit: "entries/s", band: "+-15%" },
    bandReason: asPublished,
    experiments: ["consensus-batches"],
    measures: [
      typical(
        "batch-entries-per-s@batch-of-100",
        cluster,
        around(50_000, 0.15),
        "entries/s",
        "entries acknowledged per second in batches of 100, synced on a majority",
      ),
    ],
    expected: "not comparable",
  }),
];

export const minimalBenchmarkClaims: readonly Claim[] = [
  minimal({
    id: "N-MB-1",
    statement: "in-process election cost grows with the cluster: 3, 5, 7 nodes take 5, 8, 12 us",
    class: "shape",
    published: { metric: "ratio to 3 nodes", value: "1 : 1.6 : 2.4", unit: "ratio", band: "+-20% each" },
    bandReason: asPublished,
    experiments: ["consensus-in-process"],
    measures: [
      typical("election-ratio@5-nodes", inProcess, around(1.6, 0.2), "ratio", "election among 5 nodes to 3"),
      typical("election-ratio@7-nodes", inProcess, around(2.4, 0.2), "ratio", "election among 7 nodes to 3"),
    ],
    expected: "reproduced",
  }),
  minimal({
    id: "N-MB-2",
    statement: "in-process replication of 100 entries, 3 nodes",
    class: "absolute",
    published: { metric: "time", value: "500", unit: "us", band: "+-25%" },
    bandReason: asPublished,
    experiments: ["consensus-in-process"],
    measures: [
      typical("replication-us@100-entries", inProcess, around(500, 0.25), "us", "100 entries of 256 B, one by one"),
    ],
    expected: "not comparable",
  }),
  minimal({
    id: "N-MB-3",
    statement: "in-process replication of 1000 entries, 3 nodes",
    class: "absolute",
    published: { metric: "time", value: "5", unit: "ms", band: "+-25%" },
    bandReason: asPublished,
    experiments: ["consensus-in-process"],
    measures: [
      typical("replication-us@1000-entries", inProcess, around(5000, 0.25), "us", "1000 entries of 256 B, one by one"),
    ],
    expected: "not comparable",
  }),
  minimal({
    id: "N-MB-4",
    statement: "replication cost is linear in the entries (100 to 1000)",
    class: "shape",
    published: { metric: "ratio of times", value: "10", unit: "ratio", band: "+-25%" },
    bandReason: asPublished,
    experiments: ["consensus-in-process"],
    measures: [
      typical("replication-ratio@1000-to-100", inProcess, around(10, 0.25), "ratio", "1000 entries to 100 entries"),
    ],
    expected: "reproduced",
  }),
];

export const benchmarkClaims: readonly Claim[] = [
  benchmark({
    id: "N-BC-1",
    statement: "election, 5 nodes, 100 us one-way latency",
    class: "absolute",
    published: { metric: "p50; p99", value: "0.5; 2", unit: "ms", band: "<=" },
    bandReason: "as published; the longest of a block stands for its p99",
    experiments: ["consensus-elections"],
    measures: [
      typical("pre-candidacy-to-leader-ms@5-nodes", cluster, atMost(0.5), "ms", "election with its pre-vote, median"),
      typical(
        "pre-candidacy-to-leader-ms@5-nodes",
        cluster,
        atMost(2),
        "ms",
        "election with its pre-vote, longest of a block",
        "maximum",
      ),
    ],
    expected: "not comparable",
    notes:
      "two round trips, pre-vote and vote, and a sync of the vote on each side; nothing is added to loopback, whose path " +
      "through the link proxies is no shorter than 100 us",
  }),
  benchmark({
    id: "N-BC-2",
    statement: "election across regions (25 ms) costs about two round trips more than the local one",
    class: "shape",
    published: { metric: "p50", value: "50", unit: "ms", band: "+-25%" },
    bandReason: "as published; two round trips are the published 50 ms when 25 ms is the round trip",
    experiments: ["consensus-elections"],
    measures: [
      typical(
        "election-far-minus-near-ms",
        cluster,
        around(50, 0.25),
        "ms",
        "median election with its pre-vote, 12.5 ms added one way, minus without",
      ),
    ],
    expected: "reproduced",
  }),
  benchmark({
    id: "N-BC-3",
    statement: "replicate one entry of 256 B",
    class: "absolute",
    published: { metric: "p50; p99", value: "0.3; 1", unit: "ms", band: "<=" },
    bandReason: asPublished,
    experiments: ["consensus-batches"],
    measures: [
      typical("operation-p50-ms@single", cluster, atMost(0.3), "ms", "one client, one write at a time, p50"),
      typical("operation-p99-ms@single", cluster, atMost(1), "ms", "one client, one write at a time, p99"),
    ],
    expected: "not comparable",
    notes: "as the client sees it: over TLS, through the link proxies, synced on a majority",
  }),
  benchmark({
    id: "N-BC-4",
    statement: "a batch of 100 costs less than twice a single entry",
    class: "shape",
    published: { metric: "ratio of p50", value: "1.67", unit: "ratio", band: "<=2" },
    bandReason: asPublished,
    experiments: ["consensus-batches"],
    measures: [
      typical(
        "batch-of-100-to-single",
        cluster,
        atMost(2),
        "ratio",
        "100 writes submitted together, to the last acknowledgement, to one write",
      ),
    ],
    expected: "not reproduced",
    notes:
      "100 client requests of their own, each answered; they share syncs and messages, not their way to the leader",
  }),
  benchmark({
    id: "N-BC-5",
    statement: "sustained throughput, 256 B entries",
    class: "absolute",
    published: { metric: "throughput", value: "50000", unit: "entries/s", band: ">=" },
    bandReason: asPublished,
    experiments: ["consensus-comparison"],
    measures: [
      typical(
        "throughput-per-s@writes-256",
        cluster,
        { kind: "at-least", limit: 50_000 },
        "ops/s",
        "256 clients, closed loop, 3 nodes",
      ),
    ],
    expected: "not comparable",
  }),
  benchmark({
    id: "N-BC-6",
    statement: "membership change by joint consensus",
    class: "absolute",
    published: { metric: "p50; p99", value: "1; 5", unit: "ms", band: "<=" },
    bandReason: "as published; the longest of a block stands for its p99",
    experiments: ["consensus-membership"],
    measures: [
      typical("membership-change-ms", cluster, atMost(1), "ms", "joint configuration entered to final one committed"),
      typical("membership-change-ms", cluster, atMost(5), "ms", "the same, longest of a block", "maximum"),
    ],
    expected: "not comparable",
    notes: "two entries, each synced by majorities of both; the new node's catching up before it is not part of it",
  }),
];
