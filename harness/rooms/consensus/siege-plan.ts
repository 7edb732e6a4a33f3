/** The plan of a siege: half an hour of simulated time under every kind of fault at once. */

import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import { siegeSchedule } from "../../nemesis/siege.ts";
import type { Plan } from "../../plan/plan.ts";
import { planOf } from "../../plan/plan.ts";

const durationMs = 30 * 60_000;

/** @returns the plan of `seed`, drawing from `kinds`; always the same for the same arguments. */
export function siegePlan(seed: string, kinds: readonly FaultKind[]): Plan {
  return planOf({
    seed,
    workload: { id: "register", valueBytes: 16, keys: 3, readFraction: 0.4, casFraction: 0.2 },
    load: { loop: "open", clients: 5, ratePerS: 4 },
    durationMs,
    deadlineMs: 1000,
    convergenceMs: 30_000,
    everyFaultMustAct: false,
    faults: siegeSchedule({ kinds, durationMs, meanGapMs: 1500 }, seededRandom(seed).fork("siege")),
    // Small numbers, so that snapshots, compaction and segments come and go many times.
    settings: {
      electionTimeoutMs: 250,
      heartbeatIntervalMs: 60,
      snapshotEveryEntries: 300,
      trailingEntries: 20,
      segmentBytes: 16_384,
    },
  });
}
