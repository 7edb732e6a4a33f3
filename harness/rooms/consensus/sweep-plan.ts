/** The plan of one short run of a sweep: everything about it is drawn from its seed. */

import { nodeNames } from "../../../implementations/assembly/node-names.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import { pick } from "../../nemesis/pick.ts";
import { swarmSchedule } from "../../nemesis/swarm.ts";
import { planOf } from "../../plan/plan.ts";
import type { Plan } from "../../plan/plan.ts";
import { leasePlan } from "./lease-plan.ts";

/** The plan of one seed: cluster size, workload, load, settings and fault schedule are drawn from it. */
export function sweepPlan(seed: string, kinds: readonly FaultKind[]): Plan {
  const random = seededRandom(seed).fork("sweep");
  if (random.fork("leases").below(runsPerLeaseRun) === 0) return leasePlan(seed, kinds, random);
  const nodes = random.below(3) === 0 ? 5 : 3;
  const durationMs = 6000;
  const electionTimeoutMs = pick([100, 150, 150, 250], random);
  const workloads = ["register", "register", "append"] as const;
  const id = pick(workloads, random);
  return planOf({
    seed,
    nodes,
    workload: { id, valueBytes: 16, keys: 3, readFraction: 0.4, casFraction: 0.2 },
    load: { loop: "open", clients: 5, ratePerS: pick([15, 30, 30, 60, 150], random) },
    durationMs,
    deadlineMs: 1000,
    faults: swarmSchedule({ kinds, nodes: nodeNames(nodes), durationMs, electionTimeoutMs }, random.fork("faults")),
    everyFaultMustAct: false,
    convergenceMs: 20_000,
    // Small numbers, so that snapshots, compaction, segments and full windows all happen within a short run.
    settings: {
      electionTimeoutMs,
      heartbeatIntervalMs: electionTimeoutMs / (3 + random.below(4)),
      snapshotEveryEntries: pick([10, 30, 80, 1000], random),
      trailingEntries: random.below(10),
      segmentBytes: pick([1024, 4096, 65_536], random),
      maxEntriesPerMessage: 1 + random.below(8),
      maxInFlight: 1 + random.below(6),
      snapshotChunkBytes: pick([200, 1000, 65_536], random),
    },
  });
}

/** One run in so many reads under leases. */
const runsPerLeaseRun = 5;
