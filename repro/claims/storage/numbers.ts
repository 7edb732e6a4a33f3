/** Published numbers about storage: its benchmark, the stress tests, economics, and what formal methods state. */

import { around } from "../../../harness/claim/band.ts";
import type { Band } from "../../../harness/claim/band.ts";
import type { Claim } from "../../../harness/claim/claim.ts";
import { always, check, never, typical } from "../measures.ts";

const cluster = { implementation: "production", substrate: "cluster" } as const;
const simulated = { implementation: "production", substrate: "simulated" } as const;
const production = { implementation: "production" } as const;
const minimal = { implementation: "minimal" } as const;
const atMost = (limit: number): Band => ({ kind: "at-most", limit });
const within = (low: number, high: number): Band => ({ kind: "within", low, high });
const exactly = (value: number): Band => ({ kind: "equals", value });

type Rest = Omit<Claim, "module" | "source" | "code">;

function claimOf(document: string, section: string, code = "implementations/storage/production") {
  return (rest: Rest): Claim => ({ module: "storage", source: { document, section }, code, ...rest });
}

const benchmark = claimOf("Storage benchmark", "Expected Results");
const economics = (section: string) => claimOf("Performance Economics", section);
const stress = (section: string) => claimOf("Stress Test Results", section);
const formal = (section: string) => claimOf("Formal Verification", section);

export const storageBenchmarkClaims: readonly Claim[] = [
  benchmark({
    id: "N-BS-1",
    statement: "write at majority costs 3x, at all 5x, of replication factor 1",
    class: "shape",
    published: { metric: "ratios", value: "3; 5", unit: "ratio", band: "+-50%" },
    bandReason: "as published, on the median latency of one client",
    experiments: ["storage-levels"],
    measures: [
      typical(
        "put-majority-to-single",
        cluster,
        around(3, 0.5),
        "ratio",
        "p50 of a put, majority of 3 to a single replica",
      ),
      typical("put-all-to-single", cluster, around(5, 0.5), "ratio", "p50 of a put, all of 3 to a single replica"),
    ],
    expected: "not reproduced",
    notes: "replicas work side by side and every put is synced: a majority costs one hop more than a single replica",
  }),
  benchmark({
    id: "N-BS-2",
    statement: "read at majority costs 2x a single-replica read",
    class: "shape",
    published: { metric: "ratio", value: "2", unit: "ratio", band: "+-50%" },
    bandReason: "as published, on the median latency of one client",
    experiments: ["storage-levels"],
    measures: [typical("get-majority-to-one", cluster, around(2, 0.5), "ratio", "p50 of a get, majority of 3 to one")],
    expected: "reproduced",
  }),
  {
    ...benchmark({
      id: "N-BS-3",
      statement: "sharding overhead: 16 shards +5%, 256 shards +10%",
      class: "shape",
      published: { metric: "overhead", value: "0.05; 0.10", unit: "ratio", band: "<=0.10; <=0.20" },
      bandReason: "as published",
      experiments: ["storage-in-process"],
      measures: [
        typical(
          "sharding-overhead@16-shards",
          minimal,
          atMost(0.1),
          "ratio",
          "time of a put and a get, 16 shards to 1",
        ),
        typical(
          "sharding-overhead@256-shards",
          minimal,
          atMost(0.2),
          "ratio",
          "time of a put and a get, 256 shards to 1",
        ),
      ],
      expected: "reproduced",
    }),
    code: "implementations/storage/minimal.ts",
  },
  benchmark({
    id: "N-BS-4",
    statement: "a batch of 100 items reaches 80% efficiency",
    class: "shape",
    published: { metric: "efficiency", value: "0.8", unit: "ratio", band: ">=0.8" },
    bandReason: "efficiency is the part of a hundred single puts' time that submitting them at once saves",
    experiments: ["storage-batches"],
    measures: [
      typical(
        "batch-efficiency",
        cluster,
        { kind: "at-least", limit: 0.8 },
        "ratio",
        "time saved by a batch of 100 puts",
      ),
    ],
    expected: "reproduced",
  }),
];

export const storageStressClaims: readonly Claim[] = [
  stress("4.1 Node crash")({
    id: "N-ST-21",
    statement: "killing nodes with SIGKILL loses no acknowledged write",
    class: "behaviour",
    published: { metric: "lost", value: "0", unit: "count", band: "=0" },
    bandReason: "as published; every key that was written is read back",
    experiments: ["storage-kills"],
    measures: [
      never("lost-acknowledged-writes", cluster, "keys whose acknowledged value is gone"),
      always("acknowledged-writes", cluster, { kind: "at-least", limit: 100 }, "count", "acknowledged writes"),
    ],
    expected: "reproduced",
  }),
  stress("4.3 Disk failure")({
    id: "N-ST-25",
    statement: "1% read or write errors are retried without damage; a full disk blocks writes and damages nothing",
    class: "behaviour",
    published: { metric: "damaged records", value: "0", unit: "count", band: "=0" },
    bandReason: "as published",
    experiments: ["storage-disk-errors"],
    measures: [
      never("damaged-values-served@1-percent", cluster, "damaged values served, 1 % errors"),
      never("lost-acknowledged-writes@1-percent", cluster, "keys lost, 1 % errors"),
      never("damaged-values-served@full", cluster, "damaged values served, a full disk"),
      never("lost-acknowledged-writes@full", cluster, "keys lost, a full disk"),
    ],
    expected: "reproduced",
  }),
  stress("4.3 Disk failure")({
    id: "N-ST-26",
    statement: "a ten times slower disk costs 40% throughput",
    class: "shape",
    published: { metric: "throughput change", value: "-0.40", unit: "ratio", band: "+-0.15" },
    bandReason: "as published, on the median over blocks",
    experiments: ["storage-slow-disk"],
    measures: [
      typical(
        "slow-disk-throughput-change",
        cluster,
        within(-0.55, -0.25),
        "ratio",
        "change of throughput, 64 clients",
      ),
    ],
    expected: "reproduced",
    notes: "how much it costs depends on how many clients share one sync",
  }),
  stress("Failure tolerance")({
    id: "N-ST-29",
    statement: "disk errors up to 5% are survived by retrying",
    class: "shape",
    published: { metric: "damaged records", value: "0", unit: "count", band: "=0" },
    bandReason: "as published",
    experiments: ["storage-disk-errors"],
    measures: [
      never("damaged-values-served@5-percent", cluster, "damaged values served, 5 % errors"),
      never("lost-acknowledged-writes@5-percent", cluster, "keys lost, 5 % errors"),
    ],
    expected: "reproduced",
  }),
];

export const storageEconomicsClaims: readonly Claim[] = [
  economics("2.2")({
    id: "N-PE-2",
    statement: "throughput at 1, 3, 5, 7 nodes",
    class: "shape",
    published: { metric: "ratio to 3 nodes", value: "2; 1; 0.88; 0.72", unit: "ratio", band: "+-0.15 each" },
    bandReason: "as published, each ratio give or take 0.15",
    experiments: ["storage-throughput"],
    measures: (
      [
        [1, 2],
        [5, 0.88],
        [7, 0.72],
      ] as const
    ).map(([nodes, ratio]) =>
      typical(
        `throughput-ratio-to-3-nodes@${nodes}-nodes`,
        cluster,
        within(ratio - 0.15, ratio + 0.15),
        "ratio",
        `throughput of ${nodes} nodes to 3, closed loop, 64 clients`,
      ),
    ) as unknown as Claim["measures"],
    expected: "not reproduced",
    notes: "all nodes share two cores, so what a node costs is paid in processor time too",
  }),
  economics("4.1")({
    id: "N-PE-5",
    statement: "messages per write and read at N=3 (2,2) (1,3) (3,1) and N=5 (3,3)",
    class: "exact",
    published: {
      ...{ metric: "acknowledgements awaited (w; r)", value: "2; 2 / 3; 1 / 1; 3 / 3; 3", unit: "count", band: "=" },
    },
    bandReason: "the quorums' sizes; the published pairs are (R, W)",
    experiments: ["storage-acknowledgements"],
    measures: [
      awaited("n3-r2-w2-write", 2),
      awaited("n3-r2-w2-read", 2),
      awaited("n3-r1-w3-write", 3),
      awaited("n3-r1-w3-read", 1),
      awaited("n3-r3-w1-write", 1),
      awaited("n3-r3-w1-read", 3),
      awaited("n5-r3-w3-write", 3),
      awaited("n5-r3-w3-read", 3),
    ],
    expected: "reproduced",
  }),
  economics("4.2")({
    id: "N-PE-6",
    statement: "write amplification with three replicas and a write-ahead log",
    class: "shape",
    published: { metric: "bytes written per byte", value: "6", unit: "ratio", band: "+-25%" },
    bandReason: "as published",
    experiments: ["storage-amplification"],
    measures: [
      typical(
        "bytes-written-per-byte@4-kib",
        cluster,
        around(6, 0.25),
        "ratio",
        "bytes given to devices per byte of a value",
      ),
    ],
    expected: "reproduced",
  }),
  economics("9.1")({
    id: "N-PE-8",
    statement: "quorum latency is the order statistic of the replicas' latencies",
    class: "exact",
    published: { metric: "difference from prediction", value: "0", unit: "ratio", band: "<=0.05" },
    bandReason: "as published; the prediction is computed from the distribution of the links' delays",
    experiments: ["storage-order-statistics"],
    measures: (["majority", "all"] as const).map((level) =>
      always(
        `order-statistic-difference@${level}`,
        simulated,
        atMost(0.05),
        "ratio",
        `mean latency at ${level}, difference from the prediction`,
      ),
    ) as unknown as Claim["measures"],
    expected: "reproduced",
  }),
];

function awaited(variant: string, count: number): Claim["measures"][number] {
  const name = `acknowledgements-awaited@${variant}`;
  return always(name, simulated, exactly(count), "count", `acknowledgements awaited, ${variant}`);
}

export const storageFormalClaims: readonly Claim[] = [
  formal("3.2")({
    id: "N-FV-5",
    statement: "any read quorum meets any write quorum when R + W > N",
    class: "exact",
    published: { metric: "violations", value: "0", unit: "count", band: "=0" },
    bandReason: "all quorums of groups of up to seven replicas are enumerated, those of a change of members too",
    experiments: ["storage-placement"],
    measures: [never("quorum-counterexamples", production, "pairs of quorums without a common replica")],
    expected: "reproduced",
  }),
  formal("3.2")({
    id: "N-FV-6",
    statement: "replicas converge once faults stop; a session never reads backwards",
    class: "behaviour",
    published: { metric: "violations", value: "0", unit: "count", band: "=0" },
    bandReason: "one counterexample refutes it",
    experiments: ["storage-safety"],
    measures: [
      check("recovery", "production", "all replicas hold the same once faults stop"),
      check("session-monotonicity", "production", "no session reads a version older than it saw"),
      check("session-monotonicity", "minimal", "no session reads a version older than it saw"),
    ],
    expected: "reproduced",
  }),
];
