/**
 * Reads under a leader's lease, on both sides of the bound they state: while no clock runs more than `maxClockSkew`
 * times as fast as another, no read is stale; beyond it, a leader that was replaced answers with old values.
 */

import { leasePlan } from "../../../harness/rooms/consensus/lease-plan.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { Plan } from "../../../harness/plan/plan.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import { sweepStage } from "../../../harness/sweep-stage.ts";
import { everyFault } from "../fault-sets.ts";

const within: Readonly<Record<Profile, number>> = { smoke: 3, quick: 25, full: 150 };
/** At most: it ends with the first stale read, and every other run or so has one. */
const beyond: Readonly<Record<Profile, number>> = { smoke: 15, quick: 15, full: 15 };

export const consensusLeases: Experiment = {
  id: "consensus-leases",
  module: "consensus",
  title: "Reads under leases, within the bound on clocks and beyond it",
  purpose:
    "Is no read stale while clocks keep within the bound that leases state, and does a stale one show once they do not?",
  stages: (profile, seed) => [
    sweepStage({
      module: "consensus",
      experiment: "consensus-leases",
      block: 0,
      implementation: "production",
      kinds: everyFault,
      seed: `${seed}/leases/within`,
      runs: within[profile],
      estimateS: within[profile] * 0.25,
      plan: (runSeed, kinds) => leasePlan(runSeed, kinds, seededRandom(runSeed).fork("leases")),
      label: "with lease reads, clocks within the bound",
    }),
    sweepStage({
      module: "consensus",
      experiment: "consensus-leases",
      block: 1,
      implementation: "production",
      kinds: ["skew", "leader"],
      seed: `${seed}/leases/beyond`,
      runs: beyond[profile],
      estimateS: 1,
      plan: slowLeaderPlan,
      label: "at most with lease reads, the leader's clock far beyond the bound",
      mustFail: "linearizable",
    }),
  ],
};

/**
 * The leader's clock goes at a fifth of the others' rate, so its lease outlasts the election of its successor by far;
 * clients still reach both. There are so many reads that some are always under way to the old leader.
 */
export function slowLeaderPlan(seed: string): Plan {
  const durationMs = 3500;
  return planOf({
    seed,
    workload: { id: "register", valueBytes: 16, keys: 1, readFraction: 0.98, casFraction: 0 },
    load: { loop: "open", clients: 64, ratePerS: 3000 },
    durationMs,
    faults: [
      { kind: "skew", target: "leader", placement: { at: "time", ms: 0 }, durationMs, parameters: { rate: 0.2 } },
      { kind: "leader", target: "leader", placement: { at: "time", ms: 600 }, durationMs: 2500 },
    ],
    convergenceMs: 20_000,
    settings: { electionTimeoutMs: 500, heartbeatIntervalMs: 100, leaseReads: true, maxClockSkew: 1.1 },
  });
}
