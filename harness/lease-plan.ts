/**
 * The plan of a run in which leaders answer reads under leases, with clocks that keep within the bound the leases state.
 *
 * A stale read needs an old leader that goes on answering while its successor takes a write, so timeouts are longer than
 * a client's patience with one node, there is one key, and most operations are reads.
 */

import type { FaultKind } from "../implementations/foundation/faults.ts";
import type { Random } from "../implementations/foundation/effects.ts";
import { nodeNames } from "../implementations/assembly/consensus/simulated-world.ts";
import { pick } from "./nemesis/pick.ts";
import { swarmSchedule } from "./nemesis/swarm.ts";
import type { FaultSpec, Plan } from "./plan/plan.ts";
import { planOf } from "./plan/plan.ts";

/** A clock that jumps breaks the promise that leases rest on. */
const beyondAnyBound: ReadonlySet<FaultKind> = new Set(["jump", "strobe"]);

export function leasePlan(seed: string, kinds: readonly FaultKind[], random: Random): Plan {
  const nodes = random.below(3) === 0 ? 5 : 3;
  const durationMs = 10_000;
  const electionTimeoutMs = pick([400, 600, 1000], random);
  const maxClockSkew = pick([1.05, 1.5, 2], random);
  const allowed = kinds.filter((kind) => !beyondAnyBound.has(kind));
  const drawn = swarmSchedule(
    { kinds: allowed, nodes: nodeNames(nodes), durationMs, electionTimeoutMs },
    random.fork("faults"),
  );
  const skew = kinds.includes("skew") ? skewedThroughout(durationMs, maxClockSkew, random) : [];
  return planOf({
    seed,
    nodes,
    workload: { id: "register", valueBytes: 16, keys: 1, readFraction: 0.7, casFraction: 0 },
    load: { loop: "open", clients: 8, ratePerS: 150 },
    durationMs,
    deadlineMs: 2000,
    faults: [...skew, ...drawn.filter(({ kind }) => kind !== "skew")],
    everyFaultMustAct: false,
    convergenceMs: 30_000,
    settings: {
      electionTimeoutMs,
      heartbeatIntervalMs: electionTimeoutMs / (3 + random.below(4)),
      snapshotEveryEntries: pick([30, 1000], random),
      leaseReads: true,
      maxClockSkew,
    },
  });
}

/**
 * One fault, since rates multiply: from beginning to end some clocks run as far from the others' rate as is allowed.
 * What a fault leaves behind is an offset, and that hurts nobody.
 */
function skewedThroughout(durationMs: number, maxClockSkew: number, random: Random): FaultSpec[] {
  const target = pick(["one", "one", "minority", "majority"] as const, random);
  const rate = random.below(2) === 0 ? maxClockSkew : 1 / maxClockSkew;
  return [{ kind: "skew", target, placement: { at: "time", ms: 0 }, durationMs, parameters: { rate } }];
}
