/** The plans of a sweep of stores: short runs under a random mix of faults, and half hours under all of them. */

import { nodeNames } from "../../../implementations/assembly/node-names.ts";
import type { Random } from "../../../implementations/foundation/effects.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import { pick } from "../../nemesis/pick.ts";
import { siegeSchedule } from "../../nemesis/siege.ts";
import { swarmSchedule } from "../../nemesis/swarm.ts";
import type { MessageMoments } from "../../nemesis/swarm.ts";
import { planOf } from "../../plan/plan.ts";
import type { Plan, KeyWorkloadSpec } from "../../plan/plan.ts";

/** Messages at which faults are placed, as the production store names them. */
const messages: readonly MessageMoments[] = [
  { name: "prepare", mostCount: 40 },
  { name: "promise", mostCount: 40 },
  { name: "accept", mostCount: 150 },
  { name: "accepted", mostCount: 150 },
];

/** What takes as long as an election does elsewhere: a round that meets a dead node. */
const roundMs = 150;

/** @returns the plan of `seed`, drawing from `kinds`; always the same for the same arguments. */
export function sweepPlan(seed: string, kinds: readonly FaultKind[]): Plan {
  const random = seededRandom(seed).fork("sweep");
  const nodes = pick([3, 3, 3, 4, 5], random);
  const durationMs = 6000;
  // Nodes that exchange messages can lose them; between others there is no moment to place a fault at.
  const schedule = {
    kinds,
    nodes: nodeNames(nodes),
    durationMs,
    electionTimeoutMs: roundMs,
    messages: kinds.includes("loss") ? messages : [],
  };
  return planOf({
    module: "storage",
    seed,
    nodes,
    workload: workloadOf(random),
    load: { loop: "open", clients: 6, ratePerS: pick([30, 60, 60, 150], random) },
    durationMs,
    deadlineMs: 1000,
    faults: swarmSchedule(schedule, random.fork("faults")),
    everyFaultMustAct: false,
    convergenceMs: 20_000,
    // Short intervals, so that what goes on in the background goes on within a short run.
    settings: {
      antiEntropyIntervalMs: pick([300, 1000], random),
      tombstoneGraceMs: pick([200, 1000], random),
      compactionBytes: pick([2000, 20_000, 1_000_000], random),
      recordCacheBytes: pick([1_048_576, 8_388_608], random),
    },
  });
}

function workloadOf(random: Random): KeyWorkloadSpec {
  const common = { valueBytes: 16, keys: pick([1, 3, 6], random) } as const;
  if (random.below(6) === 0) {
    return { ...common, id: "register", readFraction: 0.4, casFraction: 0, deleteFraction: 0.1, level: "one" };
  }
  return { ...common, id: "register", readFraction: 0.4, casFraction: 0.25, deleteFraction: pick([0, 0.1], random) };
}

const siegeMs = 30 * 60_000;

/** @returns the plan of `seed`, drawing from `kinds`; always the same for the same arguments. */
export function siegePlan(seed: string, kinds: readonly FaultKind[]): Plan {
  return planOf({
    module: "storage",
    seed,
    workload: { id: "register", valueBytes: 16, keys: 5, readFraction: 0.4, casFraction: 0.2, deleteFraction: 0.1 },
    load: { loop: "open", clients: 5, ratePerS: 4 },
    durationMs: siegeMs,
    deadlineMs: 1000,
    convergenceMs: 30_000,
    everyFaultMustAct: false,
    faults: siegeSchedule({ kinds, durationMs: siegeMs, meanGapMs: 1500 }, seededRandom(seed).fork("siege")),
    settings: { antiEntropyIntervalMs: 1000, tombstoneGraceMs: 1000, compactionBytes: 20_000 },
  });
}
