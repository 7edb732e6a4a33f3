/**
 * The plan of a run in which leaders answer reads under leases, with clocks that keep within the bound the leases
 * state.
 *
 * A stale read needs an old leader that goes on answering while its successor takes a write. So leaders are cut off
 * again and again, some just when they hand their office over; timeouts are longer than a client's patience with one
 * node; and there is one key, which many clients read and few write.
 */

import { faultKinds } from "../../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import type { Random } from "../../../implementations/foundation/effects.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import { nodeNames } from "../../../implementations/assembly/node-names.ts";
import { pick } from "../../nemesis/pick.ts";
import { swarmSchedule } from "../../nemesis/swarm.ts";
import type { SwarmOptions } from "../../nemesis/swarm.ts";
import type { FaultSpec, Plan } from "../../plan/plan.ts";
import { planOf } from "../../plan/plan.ts";

/** A clock that jumps breaks the promise that leases rest on, and skews that add up go beyond their bound. */
const clocks: ReadonlySet<FaultKind> = new Set<FaultKind>(faultKinds.clock);

/** @param kinds faults to draw from; clocks run at other rates if `skew` is among them. */
export function leasePlan(seed: string, kinds: readonly FaultKind[], random: Random): Plan {
  const nodes = random.below(3) === 0 ? 5 : 3;
  const styles = ["swarm", "separations", "handovers", "handovers"] as const;
  const style = pick(kinds.includes("transfer") ? styles : styles.slice(0, 2), random);
  // The moment at which a stale read can happen is short: many operations in little time.
  const [durationMs, ratePerS] = style === "swarm" ? [8000, 1000] : [4500, 3000];
  const electionTimeoutMs = pick([500, 700], random);
  const schedule = {
    kinds: kinds.filter((kind) => !clocks.has(kind)),
    nodes: nodeNames(nodes),
    durationMs,
    electionTimeoutMs,
  };
  const faults = { swarm: swarmSchedule, separations, handovers }[style](schedule, random.fork("faults"));
  // The wider the bound, the shorter the lease.
  const maxClockSkew = style === "handovers" ? 1.05 : pick([1.05, 1.5, 2, 2, 2], random);
  const skew = kinds.includes("skew") ? skewedThroughout(durationMs, maxClockSkew, random) : [];
  return planOf({
    seed,
    nodes,
    workload: { id: "register", valueBytes: 16, keys: 1, readFraction: 0.98, casFraction: 0 },
    load: { loop: "open", clients: 64, ratePerS },
    durationMs,
    deadlineMs: 2000,
    faults: [...skew, ...faults],
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
function skewedThroughout(durationMs: Millis, maxClockSkew: number, random: Random): FaultSpec[] {
  const target = pick(["leader", "leader", "leader", "followers", "one", "majority"] as const, random);
  // What hurts is a leader whose time passes slowly.
  const isSlow = target === "leader" || (target !== "followers" && random.below(2) === 0);
  const rate = isSlow ? 1 / maxClockSkew : maxClockSkew;
  return [{ kind: "skew", target, placement: { at: "time", ms: 0 }, durationMs, parameters: { rate } }];
}

/** Leaders are cut off for longer than an election takes. */
function separations({ kinds, durationMs, electionTimeoutMs }: SwarmOptions, random: Random): FaultSpec[] {
  const faults: FaultSpec[] = [];
  let atMs = electionTimeoutMs * (0.5 + random.float());
  for (; atMs < durationMs - 4 * electionTimeoutMs; atMs += electionTimeoutMs * (4 + random.float())) {
    faults.push({ ...separation(kinds, electionTimeoutMs, random), placement: { at: "time", ms: atMs } });
  }
  return faults;
}

/** Leaders hand their office over, and are cut off as soon as the successor asks for votes. */
function handovers({ kinds, nodes, durationMs, electionTimeoutMs }: SwarmOptions, random: Random): FaultSpec[] {
  const faults: FaultSpec[] = [];
  let atMs = electionTimeoutMs * (0.5 + random.float());
  for (; atMs < durationMs - 4 * electionTimeoutMs; atMs += electionTimeoutMs * (4 + random.float())) {
    faults.push({ kind: "transfer", target: "leader", placement: { at: "time", ms: atMs }, durationMs: 50 });
  }
  for (const from of nodes) {
    const others = nodes.filter((node) => node !== from);
    const moment = { kind: "message", message: "VoteRequest", from, to: pick(others, random), count: 1 } as const;
    const placement = { at: "moment", moment: { ...moment, inTerm: false } } as const;
    faults.push({ ...separation(kinds, electionTimeoutMs, random), placement });
  }
  return faults;
}

function separation(
  kinds: readonly FaultKind[],
  electionTimeoutMs: Millis,
  random: Random,
): Omit<FaultSpec, "placement"> {
  const separating = kinds.filter((kind) => kind === "leader" || kind === "isolate-one");
  const kind = pick(separating.length > 0 ? separating : kinds, random);
  return { kind, target: "leader", durationMs: 2.5 * electionTimeoutMs };
}
