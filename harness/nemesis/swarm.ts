/**
 * Random schedules: each seed switches a random subset of the fault kinds on and mixes only those.
 *
 * A schedule with every kind at once tends to test the same few interactions again and again; leaving kinds out lets
 * the others develop. Damage that no restart repairs stays within a minority of the nodes, all runs together.
 *
 * @see Groce et al. 2012, "Swarm testing".
 */

import type { Random } from "../../implementations/foundation/effects.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { FaultSpec, Target } from "../plan/plan.ts";

export interface SwarmOptions {
  readonly kinds: readonly FaultKind[];
  readonly nodes: readonly NodeId[];
  /** The schedule lies within [300, durationMs - 300). */
  readonly durationMs: Millis;
  /** Mean time between two injections. */
  readonly meanGapMs: Millis;
}

/** A node hit by one of these may never come back: it refuses to run on damaged or lost data. */
const permanent: ReadonlySet<FaultKind> = new Set(["bit-flip", "misdirect", "wipe"]);
const edgeMs = 300;

/** @returns faults in order of time; the same for the same random stream. */
export function swarmSchedule(options: SwarmOptions, random: Random): FaultSpec[] {
  const { kinds, nodes, durationMs, meanGapMs } = options;
  const chosen = subset(kinds, random);
  const faults: FaultSpec[] = [];
  // One node takes all permanent damage, so that the others stay a majority.
  const victim = nodes[random.below(nodes.length)] ?? "n1";
  let damaged = false;
  let atMs = edgeMs + random.float() * meanGapMs;
  while (atMs < durationMs - edgeMs) {
    const kind = chosen[random.below(chosen.length)];
    if (kind === undefined) break;
    const isPermanent = permanent.has(kind);
    if (!isPermanent || (!damaged && nodes.length >= 3)) {
      damaged ||= isPermanent;
      faults.push({
        kind,
        target: isPermanent ? [victim] : targetOf(kind, random),
        placement: { at: "time", ms: atMs },
        durationMs: Math.min(50 + random.float() ** 2 * 1500, durationMs - atMs),
      });
    }
    atMs += -Math.log(1 - random.float()) * meanGapMs;
  }
  return faults;
}

function subset(kinds: readonly FaultKind[], random: Random): FaultKind[] {
  const chosen = kinds.filter(() => random.below(2) === 0);
  const spare = kinds[random.below(kinds.length)];
  return chosen.length > 0 || spare === undefined ? chosen : [spare];
}

function targetOf(kind: FaultKind, random: Random): Target {
  const packet: readonly FaultKind[] = ["delay", "loss", "duplicate", "reorder", "corrupt", "bandwidth"];
  if (packet.includes(kind)) return random.below(2) === 0 ? "all" : "one";
  const draws: readonly Target[] = ["one", "one", "leader", "leader", "minority", "majority", "all", "followers"];
  return draws[random.below(draws.length)] ?? "one";
}
