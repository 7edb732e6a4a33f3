/** Claims of the Reference Implementation Guide about storage: correctness, what comes back, and the tradeoffs. */

import type { Band } from "../../../harness/claim/band.ts";
import type { Claim } from "../../../harness/claim/claim.ts";
import { correctnessOf, guide, tradeoffOf } from "../guide.ts";
import { always, check, metric, never, quotient } from "../measures.ts";

const minimal = { implementation: "minimal" } as const;
const production = { implementation: "production" } as const;
const none: Band = { kind: "equals", value: 0 };
const some: Band = { kind: "at-least", limit: 1 };

const correctness = correctnessOf("storage", {
  experiments: ["storage-safety"],
  bandReason: "one counterexample refutes it; minimal is judged under faults that spare its memory",
  code: "implementations/storage",
});

export const storageCorrectnessClaims: readonly Claim[] = [
  correctness(
    "C-STO-1",
    "Quorum consistency: a write acknowledged at majority survives any minority failure",
    "lost acknowledged writes",
    [
      check("durability", "production", "no acknowledged write is lost, disks of a minority lost included"),
      check("durability", "minimal", "no acknowledged write is lost, a minority cut off or stopped"),
    ],
  ),
  correctness("C-STO-2", "Version ordering: of two writes to a key the newer has the higher version", "violations", [
    check("version-order", "production", "versions in the order of the writes, under faults"),
    check("version-order", "minimal", "versions in the order of the writes, under faults"),
  ]),
  correctness("C-STO-3", "Compare-and-swap is atomic", "linearizability violations", [
    check("linearizable", "production", "histories with compare-and-swaps are linearizable, under faults"),
    check("linearizable", "minimal", "histories with compare-and-swaps are linearizable, under faults"),
  ]),
];

export const storageRoundTripClaim: Claim = {
  id: "S-3",
  module: "storage",
  source: { document: guide, section: "Property-Based Testing" },
  statement: "a get after a majority put returns that value, for any key and value",
  class: "behaviour",
  published: { metric: "counterexamples", value: "0", unit: "count", band: "=0" },
  bandReason: "a property: one counterexample refutes it; the get asks at every level",
  experiments: ["storage-round-trips"],
  measures: [
    never("round-trip-counterexamples", minimal, "puts that did not come back"),
    never("round-trip-counterexamples", production, "puts that did not come back"),
    always("round-trips", production, some, "count", "gets after a put"),
  ],
  expected: "reproduced",
  code: "implementations/storage",
};

const tradeoff = tradeoffOf("storage");

export const storageTradeoffClaims: readonly Claim[] = [
  tradeoff("T-STO-1", "persistence: minimal has in-memory; production has RocksDB or PostgreSQL", {
    experiments: ["storage-durability"],
    measures: [
      {
        ...always("lost-acknowledged-writes", minimal, some, "count", "keys lost when all nodes crash"),
        // Losing them makes its history invalid, which is the point.
        tolerates: ["failed-check"],
      },
      never("lost-acknowledged-writes", production, "keys lost when all nodes crash"),
    ],
    bandReason: "memory does not survive the crash of every node; a synced engine does",
    code: "implementations/platform/node/rocksdb-engine.ts",
  }),
  tradeoff("T-STO-2", "sharding: minimal has hash-based; production has consistent hashing with rebalancing", {
    experiments: ["storage-placement", "storage-tradeoffs", "storage-join"],
    measures: [
      quotient(
        metric("keys-moved-to-share", minimal, "maximum"),
        metric("keys-moved-to-share", production, "maximum"),
        "minimal",
        { kind: "at-least", limit: 5 },
        "keys that move when a node joins, hash remainder to ring, at most",
      ),
      always("rebalance-records", production, some, "records", "records streamed to a node that joined under load"),
    ],
    bandReason: "a remainder moves nearly all keys, a ring the newcomer's share; both are computed exactly",
    code: "implementations/storage/production/ring.ts",
  }),
  tradeoff("T-STO-3", "replication: minimal has implicit in the quorum; production has explicit replication factor", {
    experiments: ["storage-tradeoffs"],
    measures: [
      always(
        "copies-least",
        minimal,
        { kind: "at-least", limit: 5 },
        "copies",
        "copies of a key on five nodes, at least",
      ),
      always(
        "copies-most",
        production,
        { kind: "at-most", limit: 3 },
        "copies",
        "copies of a key on five nodes, at most",
      ),
      always(
        "copies-least",
        production,
        { kind: "at-least", limit: 3 },
        "copies",
        "copies of a key on five nodes, at least",
      ),
    ],
    bandReason: "on five nodes: a copy on every node that was in reach, against the factor of three",
    code: "implementations/storage/production/topology.ts",
  }),
  tradeoff("T-STO-4", "compaction: minimal has none; production has background compaction", {
    experiments: ["storage-tradeoffs"],
    measures: [
      always("tombstones-left", minimal, some, "keys", "deleted keys that are still remembered"),
      always("compactions", minimal, none, "count", "compactions"),
      always("tombstones-collected", production, some, "count", "deleted keys that every replica has forgotten"),
      always("compactions", production, some, "count", "compactions of an engine, while it served"),
    ],
    bandReason: "the same deletes and overwrites on both",
    code: "implementations/storage/production/tombstones.ts",
  }),
];
