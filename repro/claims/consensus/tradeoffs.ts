/**
 * The documented tradeoffs of consensus, asserted in both directions: what minimal gives up must be seen to be missing,
 * what production pays for must be seen to be there.
 */

import type { Claim } from "../../../harness/claim/claim.ts";
import { tradeoffOf } from "../guide.ts";
import { always, metric, never, quotient } from "../measures.ts";

const minimal = { implementation: "minimal" } as const;
const production = { implementation: "production" } as const;
const none = { kind: "equals", value: 0 } as const;
const some = { kind: "at-least", limit: 1 } as const;

const tradeoff = tradeoffOf("consensus");

export const tradeoffClaims: readonly Claim[] = [
  tradeoff("T-CON-1", "log storage: minimal has in-memory list; production has persistent write-ahead log", {
    experiments: ["consensus-durability"],
    measures: [
      {
        ...always("lost-acknowledged-writes", minimal, some, "count", "acknowledged writes lost when all nodes crash"),
        // Losing them makes its history invalid, which is the point.
        tolerates: ["failed-check"],
      },
      never("lost-acknowledged-writes", production, "acknowledged writes lost when all nodes crash"),
    ],
    bandReason: "memory does not survive the crash of every node; a synced log does",
    code: "implementations/consensus/production",
  }),
  tradeoff("T-CON-2", "network: minimal has direct function calls; production has asynchronous RPC", {
    experiments: ["consensus-tradeoffs"],
    measures: [
      always("node-to-node-bytes", minimal, none, "bytes", "bytes sent from node to node"),
      always("node-to-node-bytes", production, some, "bytes", "bytes sent from node to node"),
      always("refused-strangers", production, some, "count", "nodes that refused a peer without their certificate"),
    ],
    bandReason: "a direct call sends nothing; an RPC sends bytes, to peers it knows",
    code: "implementations/consensus/production",
  }),
  tradeoff("T-CON-3", "concurrency: minimal has single-threaded; production has multi-threaded with locks", {
    experiments: ["consensus-tradeoffs"],
    measures: [
      always("threads", minimal, { kind: "equals", value: 1 }, "threads", "threads that run its code"),
      always("disk-thread-lock-acquisitions", minimal, none, "count", "locks taken"),
      always("threads", production, { kind: "at-least", limit: 2 }, "threads", "threads that run a node's code"),
      always("disk-thread-lock-acquisitions", production, some, "count", "locks taken by the disk thread"),
    ],
    bandReason: "one thread needs no lock; a disk thread beside the main one shares memory under a lock",
    code: "implementations/consensus/production",
  }),
  tradeoff("T-CON-4", "snapshotting: minimal has none; production has log compaction and snapshots", {
    experiments: ["consensus-tradeoffs"],
    measures: [
      always("snapshots-taken", minimal, none, "count", "snapshots taken"),
      always("snapshots-taken", production, some, "count", "snapshots taken"),
      always("snapshot-installs", production, some, "count", "snapshots sent to a node that was away"),
      quotient(
        metric("log-entries-after-load", production, "maximum"),
        metric("log-entries-after-load", minimal, "maximum"),
        "production",
        { kind: "at-most", limit: 0.5 },
        "log entries kept after the same load, production to minimal",
      ),
    ],
    bandReason:
      "the load is several snapshots long, so a compacted log is well under half of one that keeps everything",
    code: "implementations/consensus/production",
  }),
];
