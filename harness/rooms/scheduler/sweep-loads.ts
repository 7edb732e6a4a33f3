/** The loads of a scheduler's sweeps: which tasks are submitted, for whom, and how many of them. */

import type { Random } from "../../../implementations/foundation/effects.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import type { Ability } from "../../../implementations/scheduler/contract.ts";
import { pick } from "../../nemesis/pick.ts";
import type { TaskLoad } from "../../plan/plan.ts";

/** What of a cluster the load has to fit. */
export interface Cluster {
  readonly nodes: number;
  readonly workers: number;
  readonly memoryMb: number;
  readonly leaseMs: Millis;
}

/** Who is configured, as the setting says it, and who of them submits. */
export interface Tenants {
  readonly setting: string;
  readonly names: readonly string[];
  /** What every one of them may hold on a node. */
  readonly memoryMb: number;
}

/**
 * Nothing real is imported into the simulator: it has modules of its own (`assembly/scheduler/simulated-modules.ts`).
 */
const calledModule = "simulated:sample";

export function tenantsOf({ nodes, workers, memoryMb }: Cluster, random: Random): Tenants {
  const count = random.below(4);
  const hasQuotas = random.below(2) === 0;
  const names = ["a", "b", "c"].slice(0, count);
  const leastMb = memoryMb / 4;
  const texts = names.map((name) => {
    const weight = 1 + random.below(3);
    const cpuMilli = nodes * pick([1000, 1000, workers * 1000], random);
    const quotaMb = nodes * pick([leastMb, memoryMb / 2, memoryMb], random);
    return hasQuotas ? `${name}:${weight}:${cpuMilli}:${quotaMb}` : `${name}:${weight}`;
  });
  return { setting: texts.join(","), names, memoryMb: leastMb };
}

export function mixedTasks({ workers }: Cluster, { names, memoryMb }: Tenants, random: Random): TaskLoad {
  const longMs = pick([20, 50, 200], random);
  return {
    tasksPerJob: pick([1, 4, 12], random),
    separateFraction: 0.3,
    statusFraction: 0.2,
    kinds: [
      { share: 6, kind: "spin", ms: pick([0, 1, 5], random) },
      { share: 2, kind: "sleep", ms: 10 },
      { share: 2, kind: "spin", ms: longMs },
    ],
    checkpointMs: pick([1, 5, 20], random),
    tenants: names.map((name) => ({ name, share: 1 + random.below(4) })),
    topPriority: pick([0, 3, 99], random),
    resources: [
      { cpuMilli: 1000, memoryMb: 0 },
      { cpuMilli: 1000, memoryMb: Math.floor(memoryMb / 2) },
      { cpuMilli: 500, memoryMb },
      { cpuMilli: 100, memoryMb: 1 },
    ],
    affinityFraction: pick([0, 0, 0.3], random),
    // More than there are lanes: they are taken modulo the workers.
    lanes: workers + 2,
    callFraction: 0.05,
    calledModule,
    throwFraction: 0.08,
    crashFraction: 0.04,
    forGoodFraction: 0.3,
    topTimes: 4,
    topAttempts: 4,
    dependencyFraction: pick([0, 0.3, 0.7], random),
    earlierFraction: pick([0, 0.2], random),
    circleFraction: 0.05,
    strayFraction: 0.02,
    prematureFraction: pick([0, 0, 0.1], random.fork("premature")),
    impostorFraction: 0.03,
    resubmitFraction: 0.5,
    deadlineFraction: pick([0, 0.1, 0.3], random),
    deadlineMs: 10 + random.below(300),
  };
}

/** They last about as long as a lease, and a job's home has too many of them for its own workers. */
export function longTasks({ leaseMs }: Cluster, random: Random): TaskLoad {
  return {
    tasksPerJob: 6,
    separateFraction: 0.5,
    kinds: [
      { share: 1, kind: "sleep", ms: Math.round(leaseMs * (0.3 + random.float())) },
      { share: 1, kind: "spin", ms: Math.round(leaseMs * (1 + random.float())) },
      { share: 1, kind: "spin", ms: 10 },
    ],
    ...(random.below(2) === 0 ? { checkpointMs: 20 } : {}),
    topPriority: 2,
    throwFraction: 0.05,
    crashFraction: 0.02,
    forGoodFraction: 0.5,
    topTimes: 4,
    topAttempts: 4,
    dependencyFraction: 0.1,
    earlierFraction: 0.1,
    resubmitFraction: 0.5,
  };
}

/** Of these, more than can be done in time: a restart finds many that wait, with deadlines and failures behind them. */
export function queuedTasks({ workers }: Cluster, { names }: Tenants, random: Random): TaskLoad {
  return {
    tasksPerJob: pick([4, 12], random),
    separateFraction: 0.5,
    statusFraction: 0.3,
    kinds: [
      { share: 2, kind: "spin", ms: 10 },
      { share: 1, kind: "sleep", ms: pick([50, 200], random) },
    ],
    checkpointMs: pick([5, 20], random),
    tenants: names.map((name) => ({ name, share: 1 })),
    topPriority: pick([0, 3], random),
    affinityFraction: pick([0, 0.3], random),
    lanes: workers,
    callFraction: 0.05,
    calledModule,
    throwFraction: 0.2,
    crashFraction: 0.05,
    forGoodFraction: 0.3,
    topTimes: 4,
    topAttempts: 5,
    dependencyFraction: pick([0.2, 0.5], random),
    earlierFraction: pick([0.1, 0.3], random),
    prematureFraction: 0.05,
    impostorFraction: 0.05,
    resubmitFraction: 0.8,
    deadlineFraction: 0.5,
    deadlineMs: 100 + random.below(300),
  };
}

/** Jobs of several homes that wait for each other; old messages outlive some attempts and not others. */
export function entangledTasks(_cluster: Cluster, random: Random): TaskLoad {
  return {
    tasksPerJob: pick([2, 5], random),
    separateFraction: 0.5,
    statusFraction: 0.1,
    kinds: [
      { share: 2, kind: "spin", ms: pick([5, 10], random) },
      { share: 1, kind: "sleep", ms: pick([20, 200], random) },
    ],
    topPriority: 2,
    throwFraction: 0.1,
    forGoodFraction: 0.3,
    topTimes: 2,
    dependencyFraction: 0.2,
    earlierFraction: 0.4,
    prematureFraction: 0.4,
    resubmitFraction: 0.8,
  };
}

/** Submissions per second that keep so much of the workers busy. */
export function rateOf({ kinds, tasksPerJob }: TaskLoad, { nodes, workers }: Cluster, utilisation: number): number {
  const shares = kinds.reduce((sum, { share }) => sum + share, 0);
  // Starting and ending a task takes some time as well.
  const meanMs = kinds.reduce((sum, { share, ms }) => sum + (share / shares) * (ms + 0.5), 0);
  const mostPerS = 100;
  return Math.min(mostPerS, (utilisation * nodes * workers * 1000) / (meanMs * ((1 + tasksPerJob) / 2)));
}

const noDependencies = {
  dependencyFraction: 0,
  earlierFraction: 0,
  circleFraction: 0,
  strayFraction: 0,
  prematureFraction: 0,
};

/** Leaves out what the implementation would refuse. */
export function withinAbilities(load: TaskLoad, abilities: ReadonlySet<Ability>): TaskLoad {
  const { tenants, resources, checkpointMs, ...rest } = load;
  return {
    ...rest,
    ...(abilities.has("tenants") && tenants !== undefined && tenants.length > 0 ? { tenants } : {}),
    ...(abilities.has("tenants") && resources !== undefined ? { resources } : {}),
    ...(abilities.has("preemption") && checkpointMs !== undefined ? { checkpointMs } : {}),
    ...(abilities.has("priorities") ? {} : { topPriority: 0 }),
    ...(abilities.has("dependencies") ? {} : noDependencies),
    ...(abilities.has("calls") ? {} : { callFraction: 0 }),
    ...(abilities.has("affinity") ? {} : { affinityFraction: 0 }),
    ...(abilities.has("deadlines") ? {} : { deadlineFraction: 0 }),
  };
}
