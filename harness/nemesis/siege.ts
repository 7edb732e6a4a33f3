/**
 * A siege: every kind of fault again and again for a long time, several at once, and the cluster mended in between.
 *
 * Unlike the swarm, which looks for the rare mix in short runs, it asks whether a cluster outlives everything together.
 * A node whose disk was damaged for good is replaced a little later, as an operator would; no second one is damaged,
 * and none is let go, before that is done. Kinds come in random order, each as often as the others.
 */

import type { Random } from "../../implementations/foundation/effects.ts";
import { faultKinds } from "../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import type { Millis } from "../../implementations/foundation/units.ts";
import type { FaultSpec, Target } from "../plan/plan.ts";
import { pick } from "./pick.ts";

export interface SiegeOptions {
  readonly kinds: readonly FaultKind[];
  /** The schedule lies within [1000, durationMs - 10,000). */
  readonly durationMs: Millis;
  /** Between the beginnings of two faults, on average. */
  readonly meanGapMs: Millis;
}

/** Damage that no restart repairs. */
const permanent: ReadonlySet<FaultKind> = new Set(["bit-flip", "misdirect", "wipe"] satisfies FaultKind[]);
/** A fault lasts up to three gaps, so that a few are at work at any time. */
const mostGaps = 3;
/** From the damage of a node to its replacement. */
const replacementMs = 3000;

/** @returns faults in the order of their time; the same for the same random stream. */
export function siegeSchedule({ kinds, durationMs, meanGapMs }: SiegeOptions, random: Random): FaultSpec[] {
  const faults: FaultSpec[] = [];
  let round: FaultKind[] = [];
  for (let ms = 1000; ms < durationMs - 10_000; ms += meanGapMs * (0.5 + random.float())) {
    if (round.length === 0) round = shuffled(kinds, random);
    const kind = round.pop();
    if (kind === undefined) break;
    const lastsMs = 50 + random.float() ** 2 * mostGaps * meanGapMs;
    faults.push({ kind, target: targetOf(kind, random), placement: { at: "time", ms }, durationMs: lastsMs });
    if (!permanent.has(kind)) continue;
    const placement = { at: "time", ms: ms + Math.max(replacementMs, lastsMs + 1000) } as const;
    faults.push({ kind: "replace", target: "damaged", placement, durationMs: 1000 });
  }
  return faults;
}

function targetOf(kind: FaultKind, random: Random): Target {
  // With a node damaged for good, another must not leave: the rest would be no majority.
  if (permanent.has(kind) || kind === "remove") return "dispensable";
  if (isOf("membership", kind)) return pick(["one", "leader"] as const, random);
  if (isOf("packet", kind)) return pick(["all", "one"] as const, random);
  return pick(["one", "one", "leader", "leader", "minority", "majority", "all"] as const, random);
}

function isOf(group: keyof typeof faultKinds, kind: FaultKind): boolean {
  const ofGroup: readonly FaultKind[] = faultKinds[group];
  return ofGroup.includes(kind);
}

/** Fisher-Yates. */
function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items];
  const order: T[] = [];
  while (rest.length > 0) order.push(...rest.splice(random.below(rest.length), 1));
  return order;
}
