/**
 * What this project itself sets out to reach against etcd, judged by the same rules as what was published.
 *
 * They are claims of our own: the published documents compare with no other system.
 */

import type { Band } from "../../../harness/claim/band.ts";
import type { Claim, Measure } from "../../../harness/claim/claim.ts";
import { metric, timesAsLarge } from "../measures.ts";

export const goalsDocument = "Project goals";
const atLeast = (limit: number): Band => ({ kind: "at-least", limit });
const atMost = (limit: number): Band => ({ kind: "at-most", limit });

function against(
  id: string,
  statement: string,
  published: Claim["published"],
  measures: readonly [Measure, ...Measure[]],
): Claim {
  return {
    id,
    module: "consensus",
    source: { document: goalsDocument, section: "Consensus against etcd" },
    statement,
    class: "ratio",
    published,
    bandReason: "the goal; both run the same plan in the same block, synced on a majority",
    experiments: ["consensus-comparison"],
    measures,
    expected: "reproduced",
    code: "implementations/consensus/production",
  };
}

function toEtcd(name: string, band: Band, label: string): Measure {
  return timesAsLarge(name, "production", "etcd", band, label);
}

const times = (value: string, band: string): Claim["published"] => ({
  ...{ metric: "production to etcd", value, unit: "ratio", band },
});

export const goalClaims: readonly Claim[] = [
  against(
    "P-CON-1",
    "throughput is at least 3 times etcd's at 64 and at 256 clients, both encrypted",
    times("3", ">=3"),
    [
      toEtcd("throughput-per-s@writes-64", atLeast(3), "synced writes per second, 64 clients"),
      toEtcd("throughput-per-s@writes-256", atLeast(3), "synced writes per second, 256 clients"),
    ],
  ),
  against("P-CON-2", "at that throughput p99 is not above etcd's", times("1", "<=1"), [
    toEtcd("operation-p99-ms@writes-64", atMost(1), "p99 of a write, 64 clients"),
    toEtcd("operation-p99-ms@writes-256", atMost(1), "p99 of a write, 256 clients"),
  ]),
  against("P-CON-3", "p50 of a single client's writes is not above etcd's", times("1", "<=1"), [
    toEtcd("operation-p50-ms@writes-1", atMost(1), "p50 of a write, 1 client"),
  ]),
  against("P-CON-4", "linearizable reads are at least 5 times etcd's", times("5", ">=5"), [
    toEtcd(
      "throughput-per-s@reads-64",
      atLeast(5),
      "operations per second, 64 clients, 99.5 % of them linearizable reads",
    ),
  ]),
  against("P-CON-6", "the same against etcd without TLS, which production cannot do without", times("3", ">=3"), [
    toEtcd("throughput-per-s@writes-64-plain", atLeast(3), "synced writes per second, 64 clients"),
    toEtcd("throughput-per-s@writes-256-plain", atLeast(3), "synced writes per second, 256 clients"),
  ]),
  against("P-CON-7", "at that throughput p99 is not above that of etcd without TLS", times("1", "<=1"), [
    toEtcd("operation-p99-ms@writes-64-plain", atMost(1), "p99 of a write, 64 clients"),
    toEtcd("operation-p99-ms@writes-256-plain", atMost(1), "p99 of a write, 256 clients"),
  ]),
  {
    id: "P-CON-5",
    module: "consensus",
    source: { document: goalsDocument, section: "Consensus against etcd" },
    statement: "the median election after a killed leader takes under 300 ms with default timeouts",
    class: "behaviour",
    published: { metric: "median time to new leader", value: "300", unit: "ms", band: "<300" },
    bandReason: "the goal, for the median of every block",
    experiments: ["consensus-leader-failure"],
    measures: [
      {
        kind: "value",
        label: "time from kill to the next leader, median of a block",
        implementation: "production",
        value: metric("time-to-new-leader-ms", { implementation: "production", substrate: "cluster" }, "median"),
        across: "every",
        band: { kind: "below", limit: 300 },
        unit: "ms",
      },
    ],
    expected: "reproduced",
    code: "implementations/consensus/production",
  },
];
