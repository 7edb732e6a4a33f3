/** Loads that several experiments of the store share. */

import type { Profile } from "../../../harness/plan/experiment.ts";
import type { FaultSpec, Plan, KeyWorkloadSpec } from "../../../harness/plan/plan.ts";
import { closedLoop, warmUps } from "../consensus/performance.ts";

/** Synced 256-byte puts over so many keys that none is contended. */
export const puts: KeyWorkloadSpec = {
  ...{ id: "register", valueBytes: 256, keys: 1000, readFraction: 0, casFraction: 0, level: "majority" },
};

/** Everything a store can be asked at majority, over a few keys. */
export const mixed: KeyWorkloadSpec = {
  ...{ id: "register", valueBytes: 64, keys: 5, readFraction: 0.4, casFraction: 0.2, deleteFraction: 0.1 },
};

/** A closed loop of `clients` on a store, measured for `measuredMs` after the warm-up. */
export function storageLoop(
  profile: Profile,
  clients: number,
  measuredMs: number,
  warmUpMs = warmUps[profile],
): Omit<Partial<Plan>, "seed"> {
  return { ...closedLoop(profile, clients, measuredMs, warmUpMs), module: "storage", workload: puts };
}

/** `kinds` in turn every `periodMs`, each for a bit more than half of it. */
export function inTurn(kinds: readonly FaultSpec["kind"][], durationMs: number, periodMs: number): FaultSpec[] {
  const count = Math.max(0, Math.floor((durationMs - 500) / periodMs));
  return Array.from({ length: count }, (_, index) => ({
    kind: kinds[index % kinds.length] ?? "kill",
    target: "one",
    placement: { at: "time", ms: 400 + index * periodMs },
    durationMs: periodMs * 0.55,
  }));
}
