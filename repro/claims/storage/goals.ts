/** What this project itself sets out to reach with its store, judged by the same rules as what was published. */

import type { Band } from "../../../harness/claim/band.ts";
import type { Claim, Measure } from "../../../harness/claim/claim.ts";
import { goalsDocument } from "../consensus/goals.ts";
import { always, metric, typical } from "../measures.ts";

const cluster = { implementation: "production", substrate: "cluster" } as const;
const atLeast = (limit: number): Band => ({ kind: "at-least", limit });
const atMost = (limit: number): Band => ({ kind: "at-most", limit });

type Rest = Pick<
  Claim,
  "id" | "statement" | "class" | "published" | "bandReason" | "experiments" | "measures" | "expected"
>;

function goal(rest: Rest): Claim {
  return {
    module: "storage",
    source: { document: goalsDocument, section: "Storage" },
    code: "implementations/storage/production",
    ...rest,
  };
}

/** The rate of one variant of the comparison to that of etcd's writes, in the same block. */
function toEtcd(variant: string, etcdVariant: string, limit: number, label: string): Measure {
  return {
    kind: "ratio",
    label,
    implementation: "production, etcd",
    of: metric(`throughput-per-s@${variant}`, cluster, "mean"),
    to: metric(`throughput-per-s@${etcdVariant}`, { implementation: "etcd", substrate: "cluster" }, "mean"),
    across: "paired",
    band: atLeast(limit),
    unit: "ratio",
  };
}

export const storageGoalClaims: readonly Claim[] = [
  goal({
    id: "P-STO-1",
    statement: "majority puts are at least 1.5 times etcd's writes at 64 clients, both encrypted",
    class: "ratio",
    published: { metric: "production to etcd", value: "1.5", unit: "ratio", band: ">=1.5" },
    bandReason: "the goal; both run in the same block, synced on a majority of three",
    experiments: ["storage-comparison"],
    measures: [toEtcd("put-majority", "etcd-writes", 1.5, "synced puts per second, 64 clients")],
    expected: "reproduced",
  }),
  goal({
    id: "P-STO-2",
    statement: "the same against etcd without TLS, which production cannot do without",
    class: "ratio",
    published: { metric: "production to etcd", value: "1.5", unit: "ratio", band: ">=1.5" },
    bandReason: "the goal; both run in the same block, synced on a majority of three",
    experiments: ["storage-comparison"],
    measures: [toEtcd("put-majority", "etcd-writes-plain", 1.5, "synced puts per second, 64 clients")],
    expected: "reproduced",
  }),
  goal({
    id: "P-STO-3",
    statement: "puts at one reach 25,000/s at 64 clients on two cores",
    class: "absolute",
    published: { metric: "throughput", value: "25000", unit: "ops/s", band: ">=25000" },
    bandReason: "the goal, on a machine of two cores",
    experiments: ["storage-comparison"],
    measures: [
      typical("throughput-per-s@put-one", cluster, atLeast(25_000), "ops/s", "puts at one per second, 64 clients"),
    ],
    expected: "not comparable",
  }),
  goal({
    id: "P-STO-4",
    statement: "while a node joins, the p99 of majority puts is at most 3 times what it was before",
    class: "shape",
    published: { metric: "p99 during to before", value: "3", unit: "ratio", band: "<=3" },
    bandReason: "the goal, from the request that a node join to the last transfer's end",
    experiments: ["storage-join"],
    measures: [typical("p99-rebalance-ratio", cluster, atMost(3), "ratio", "p99 of puts while a node joins to before")],
    expected: "not reproduced",
  }),
  goal({
    id: "P-STO-5",
    statement: "adding a node to n moves at most 1.3/(n+1) of the keys",
    class: "exact",
    published: { metric: "moved keys to the newcomer's share", value: "1.3", unit: "ratio", band: "<=1.3" },
    bandReason: "the goal, for every n from 1 to 14; computed exactly",
    experiments: ["storage-placement"],
    measures: [
      always("keys-moved-to-share", { implementation: "production" }, atMost(1.3), "ratio", "moved keys times n+1"),
    ],
    expected: "reproduced",
  }),
  goal({
    id: "P-STO-6",
    statement: "virtual nodes keep the load of every node within 15 % of the mean",
    class: "exact",
    published: { metric: "deviation", value: "0.15", unit: "ratio", band: "<=0.15" },
    bandReason: "the goal, for rings of 2 to 15 nodes; computed exactly",
    experiments: ["storage-placement"],
    measures: [always("load-deviation", { implementation: "production" }, atMost(0.15), "ratio", "largest deviation")],
    expected: "reproduced",
  }),
];
