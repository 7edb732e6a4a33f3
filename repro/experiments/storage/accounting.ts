/** What can be counted exactly about a store: acknowledgements, order statistics, quorums that meet, keys that move. */

import type { MeasuredVariants } from "../../../harness/block-outcome.ts";
import { seriesStage } from "../../../harness/block-stage.ts";
import { computedStage } from "../../../harness/computed-stage.ts";
import { acknowledgementsAwaited, meanOperationTime } from "../../../harness/measure/storage-probes.ts";
import type { Measurement } from "../../../harness/measure/probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { FaultSpec, Plan } from "../../../harness/plan/plan.ts";
import { roundTripStage } from "../../../harness/round-trip-stage.ts";
import {
  joinMovement,
  loadSpread,
  moduloMovement,
  quorumCounterexamples,
} from "../../../harness/rooms/storage/placement.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import type { QuorumLevel } from "../../../implementations/storage/contract.ts";
import { valueOf } from "../consensus/performance.ts";
import { puts } from "./loads.ts";

interface QuorumPair {
  /** As published: nodes, then the sizes R and W of the quorums. */
  readonly name: string;
  readonly nodes: number;
  readonly write: QuorumLevel;
  readonly read: QuorumLevel;
}

const pairs: readonly QuorumPair[] = [
  { name: "n3-r2-w2", nodes: 3, write: "majority", read: "majority" },
  { name: "n3-r1-w3", nodes: 3, write: "all", read: "one" },
  { name: "n3-r3-w1", nodes: 3, write: "one", read: "all" },
  { name: "n5-r3-w3", nodes: 5, write: "majority", read: "majority" },
];

/** Few operations, one after the other, on an idle store. */
function quietPlan(seed: string, overrides: Omit<Partial<Plan>, "seed">): Plan {
  return planOf({
    module: "storage",
    seed,
    workload: { ...puts, valueBytes: 32, keys: 10 },
    load: { loop: "closed", clients: 1 },
    durationMs: 400,
    ...overrides,
  });
}

export const storageAcknowledgements: Experiment = {
  id: "storage-acknowledgements",
  module: "storage",
  title: "Acknowledgements awaited per write and read",
  purpose: "How many replicas does an operation wait for at each pair of quorum levels, on three nodes and on five?",
  stages: (_profile, seed) => [
    seriesStage({
      experiment: "storage-acknowledgements",
      block: 0,
      label: "each pair of quorum levels (simulated)",
      implementations: ["production"],
      substrate: "simulated",
      seed: `${seed}/acknowledgements`,
      variants: pairs.flatMap(({ name, nodes, write, read }) =>
        (
          [
            ["write", write, 0],
            ["read", read, 1],
          ] as const
        ).map(([what, level, readFraction]) => ({
          name: `${name}-${what}`,
          plan: quietPlan(`${seed}/acknowledgements/${name}/${what}`, {
            nodes,
            workload: { ...puts, valueBytes: 32, keys: 10, readFraction, level },
            settings: { replicationFactor: nodes },
          }),
        })),
      ),
      probes: [acknowledgementsAwaited],
      estimateS: 1,
    }),
  ],
};

const meanMs = 60;
const jitterMs = 50;
/** Of the simulated network, both ways, beside what the fault adds. */
const baseMs = 0.6;
const delays: FaultSpec = {
  kind: "delay",
  target: "all",
  placement: { at: "time", ms: 0 },
  durationMs: 1_000_000,
  parameters: { meanMs, jitterMs },
};

const orderBlocks: Readonly<Record<Profile, number>> = { smoke: 1, quick: 1, full: 4 };

export const storageOrderStatistics: Experiment = {
  id: "storage-order-statistics",
  module: "storage",
  title: "Quorum latency and the order of the replicas' latencies",
  purpose: "Is what an operation takes at a quorum level the order statistic of what its replicas take (simulated)?",
  stages: (profile, seed) =>
    Array.from({ length: orderBlocks[profile] }, (_, block) =>
      seriesStage({
        experiment: "storage-order-statistics",
        block,
        label: `links that take ${meanMs - jitterMs} to ${meanMs + jitterMs} ms (simulated)`,
        implementations: ["production"],
        substrate: "simulated",
        seed: `${seed}/order/${block}`,
        variants: (["one", "majority", "all"] as const).map((level) => ({
          name: level,
          plan: quietPlan(`${seed}/order/${block}/${level}`, {
            // Reads take one trip at every level; a put at all takes two, since it asks before it writes.
            workload: { ...puts, valueBytes: 32, keys: 4, readFraction: 1, level },
            durationMs: 600_000,
            operationsPerClient: 1500,
            deadlineMs: 10_000,
            attemptTimeoutMs: 5000,
            faults: [delays],
            settings: { roundTimeoutMs: 2000, requestTimeoutMs: 8000 },
          }),
        })),
        probes: [meanOperationTime],
        relate: (measured) => differences(measured, `${seed}/order/${block}`),
        estimateS: 3,
      }),
    ),
};

/**
 * The coordinator is a replica itself and answers in no time, so at majority the faster of the two others decides, and
 * at all the slower. What an operation takes at one is everything else: the way to the coordinator and its disk.
 */
function differences(measured: MeasuredVariants, seed: string): readonly Measurement[] {
  const time = (variant: string): number => valueOf(measured, variant, "operation-mean-ms");
  const predicted = predictions(seed);
  return (["majority", "all"] as const).map((level) => ({
    metric: `order-statistic-difference@${level}`,
    value: Math.abs(time(level) - time("one") - predicted[level]) / predicted[level],
    unit: "ratio",
  }));
}

const draws = 200_000;

/** Means of the faster and of the slower of two round trips. */
function predictions(seed: string): Readonly<Record<"majority" | "all", number>> {
  const random = seededRandom(seed).fork("prediction");
  const way = (): number => meanMs - jitterMs + random.float() * 2 * jitterMs + baseMs;
  let faster = 0;
  let slower = 0;
  for (let draw = 0; draw < draws; draw++) {
    const [one, other] = [way() + way(), way() + way()];
    faster += Math.min(one, other);
    slower += Math.max(one, other);
  }
  return { majority: faster / draws, all: slower / draws };
}

const mostNodes = 15;

export const storagePlacement: Experiment = {
  id: "storage-placement",
  module: "storage",
  title: "Where keys lie, and which of them move when a node joins",
  purpose:
    "How many keys move when a node joins a store of n: on the consistent ring of production, and by the remainder of " +
    "a hash? How evenly does the ring spread them? Do quorums always meet?",
  stages: () => [
    computedStage({
      experiment: "storage-placement",
      block: 0,
      label: `rings of 1 to ${mostNodes} nodes`,
      estimateS: 3,
      compute: {
        production: () => [
          ...eachSize((nodes) => [
            { metric: `keys-moved-fraction@${nodes}-nodes`, value: joinMovement(nodes), unit: "ratio" },
            { metric: "keys-moved-to-share", value: joinMovement(nodes) * (nodes + 1), unit: "ratio" },
            { metric: "load-deviation", value: loadSpread(nodes + 1), unit: "ratio" },
          ]),
          { metric: "quorum-counterexamples", value: quorumCounterexamples(7), unit: "count" },
        ],
        minimal: () =>
          eachSize((nodes) => [
            { metric: `keys-moved-fraction@${nodes}-nodes`, value: moduloMovement(nodes), unit: "ratio" },
            { metric: "keys-moved-to-share", value: moduloMovement(nodes) * (nodes + 1), unit: "ratio" },
          ]),
      },
    }),
  ],
};

/** Of stores that a node joins: sizes before it does. */
function eachSize(of: (nodes: number) => readonly Measurement[]): readonly Measurement[] {
  return Array.from({ length: mostNodes - 1 }, (_, index) => of(index + 1)).flat();
}

const roundTrips: Readonly<Record<Profile, { readonly simulated: number; readonly cluster: number }>> = {
  smoke: { simulated: 300, cluster: 0 },
  quick: { simulated: 1000, cluster: 300 },
  full: { simulated: 20_000, cluster: 5000 },
};

export const storageRoundTrips: Experiment = {
  id: "storage-round-trips",
  module: "storage",
  title: "What is put comes back",
  purpose: "Does a get after a majority put return that value, for any key and value?",
  stages: (profile, seed) =>
    (["simulated", "cluster"] as const)
      .filter((substrate) => roundTrips[profile][substrate] > 0)
      .map((substrate, block) =>
        roundTripStage({
          experiment: "storage-round-trips",
          block,
          implementations: ["minimal", "production"],
          substrate,
          nodes: 3,
          puts: roundTrips[profile][substrate],
          seed: `${seed}/round-trips/${block}`,
          estimateS: substrate === "cluster" ? 6 : 3,
        }),
      ),
};
