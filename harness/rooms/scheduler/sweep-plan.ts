/**
 * The plans of a sweep of schedulers: short runs under a random mix of faults, and half hours under all of them.
 *
 * Most seeds draw everything at random. What only a certain course of events shows has runs of its own, in which it is
 * frequent:
 * - leases: few workers and tasks that last as long as a lease, so that nodes execute each other's, while links are cut
 *   for longer than that. An executor then goes on with what its home has given to somebody else, and its result
 *   arrives after all;
 * - echoes: jobs of several homes that depend on each other, while messages come late and twice, also to a node's next
 *   life, and speak of what is no longer so;
 * - restarts: homes with many tasks that wait are started again and again, often before their disk has what they were
 *   given, and clients that are impatient ask again;
 * - shares: one node and more short tasks of tenants of unequal weights than it can execute.
 */

import type { Random } from "../../../implementations/foundation/effects.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import type { SchedulerImplementation } from "../../../implementations/scheduler/contract.ts";
import { pick } from "../../nemesis/pick.ts";
import { siegeSchedule } from "../../nemesis/siege.ts";
import { planOf } from "../../plan/plan.ts";
import type { FaultSpec, Plan, TaskLoad } from "../../plan/plan.ts";
import { echoes, echoesOf, lapsesOf, mixOf, restarts, restartsOf, separations } from "./sweep-faults.ts";
import {
  entangledTasks,
  longTasks,
  mixedTasks,
  queuedTasks,
  rateOf,
  tenantsOf,
  withinAbilities,
} from "./sweep-loads.ts";
import type { Cluster, Tenants } from "./sweep-loads.ts";

const shortMs = 6000;
/** Of runs in which much happens at a time. */
const denseMs = 5000;
const siegeMs = 30 * 60_000;
const clients = 12;

type Swept = Pick<SchedulerImplementation, "abilities">;
type Style = "mix" | "leases" | "echoes" | "restarts";

const styles: readonly Style[] = [
  ...(["leases", "leases", "leases", "echoes", "echoes", "restarts"] as const),
  ...(["mix", "mix", "mix", "mix", "mix"] as const),
];
/** Each needs one of these faults. */
const needed: Readonly<Record<Style, readonly FaultKind[] | undefined>> = {
  mix: undefined,
  leases: separations,
  echoes,
  restarts,
};
const nodeCounts: Readonly<Record<Style, readonly number[]>> = {
  mix: [1, 1, 2, 2, 3, 4],
  leases: [2, 2, 3],
  echoes: [2, 2, 3],
  restarts: [1, 2, 2],
};

/** Beyond 1 tasks wait for longer and longer: what is fair shows where there is too little. */
const utilisations: Readonly<Record<Style, readonly number[]>> = {
  mix: [0.5, 0.8, 0.8, 1.3],
  leases: [0.5, 0.8, 0.8, 1.3],
  echoes: [0.8, 1.3],
  restarts: [1.3],
};

/**
 * @param implementation its load asks for nothing that it cannot do; everything else is the same for all.
 * @returns the plan of `seed`, drawing from `kinds`; always the same for the same arguments.
 */
export function sweepPlan(seed: string, kinds: readonly FaultKind[], { abilities }: Swept): Plan {
  const random = seededRandom(seed).fork("sweep");
  const drawn = pick(styles, random.fork("style"));
  const style = needed[drawn]?.some((kind) => kinds.includes(kind)) === false ? "mix" : drawn;
  const nodes = pick(nodeCounts[style], random.fork("nodes"));
  const cluster = clusterOf(nodes, style === "leases", random.fork("cluster"));
  const isShares = style === "mix" && nodes === 1 && abilities.has("tenants") && random.fork("shares").below(2) === 0;
  if (isShares) return sharesPlan(seed, kinds, cluster, random.fork("shares"));
  const tenants = tenantsOf(cluster, random.fork("tenants"));
  const tasks = withinAbilities(loadOf(style, cluster, tenants, random.fork("load")), abilities);
  const utilisation = pick(utilisations[style], random.fork("rate"));
  const isConfluent = (style === "mix" || style === "leases") && random.fork("workload").below(4) === 0;
  return planOf({
    module: "scheduler",
    seed,
    nodes,
    workload: { id: isConfluent ? "confluent" : "tasks", tasks },
    load: { loop: "open", clients, ratePerS: rateOf(tasks, cluster, utilisation) },
    durationMs: style === "echoes" || style === "restarts" ? denseMs : shortMs,
    deadlineMs: pick(style === "restarts" ? [60, 150, 500] : [500, 2000], random.fork("deadline")),
    ...attemptsOf(style, random.fork("attempts")),
    faults: faultsOf(style, kinds, cluster, random.fork("faults")),
    everyFaultMustAct: false,
    convergenceMs: 30_000,
    settings: settingsOf(cluster, tenants, style, random.fork("settings")),
  });
}

/** Whoever asks again before the answer could come makes copies, and is there at once when a node is back. */
function attemptsOf(style: Style, random: Random): Pick<Plan, "attemptTimeoutMs"> | undefined {
  if (style === "echoes") return { attemptTimeoutMs: 40 };
  return style === "restarts" ? { attemptTimeoutMs: pick([40, 400], random) } : undefined;
}

function loadOf(style: Style, cluster: Cluster, tenants: Tenants, random: Random): TaskLoad {
  switch (style) {
    case "mix":
      return mixedTasks(cluster, tenants, random);
    case "leases":
      return longTasks(cluster, random);
    case "echoes":
      return entangledTasks(cluster, random);
    case "restarts":
      return queuedTasks(cluster, tenants, random);
  }
}

function faultsOf(style: Style, kinds: readonly FaultKind[], cluster: Cluster, random: Random): FaultSpec[] {
  const offered = (some: readonly FaultKind[]): readonly FaultKind[] => some.filter((kind) => kinds.includes(kind));
  switch (style) {
    case "mix":
      return mixOf(kinds, cluster.nodes, shortMs, random);
    case "leases":
      return lapsesOf(offered(separations), cluster, shortMs, random);
    case "echoes":
      return echoesOf(kinds, denseMs, random);
    case "restarts":
      return restartsOf(kinds, denseMs, random);
  }
}

/** All tenants always have something waiting: then weights alone decide who is served. */
function sharesPlan(seed: string, kinds: readonly FaultKind[], cluster: Cluster, random: Random): Plan {
  const weights = pick(["a:1,b:3", "a:3,b:1", "a:1,b:2,c:4"], random);
  const names = weights.split(",").map((each) => each.slice(0, 1));
  const taskMs = cluster.workers * pick([5, 10], random);
  const tasks: TaskLoad = {
    tasksPerJob: 12,
    kinds: [
      { share: 1, kind: "spin", ms: taskMs },
      { share: 1, kind: "spin", ms: taskMs / 2 },
    ],
    tenants: names.map((name) => ({ name, share: 1 })),
  };
  return planOf({
    module: "scheduler",
    seed,
    nodes: cluster.nodes,
    workload: { id: "tasks", tasks },
    load: { loop: "open", clients: 2 * clients, ratePerS: rateOf(tasks, cluster, 3) },
    durationMs: shortMs / 2,
    // Clients give up and ask for more: otherwise each would wait for the tenant that is served least.
    deadlineMs: 500,
    faults: random.below(2) === 0 ? [] : mixOf(kinds, cluster.nodes, shortMs, random.fork("faults")),
    everyFaultMustAct: false,
    convergenceMs: 30_000,
    settings: {
      ...settingsOf(cluster, { setting: weights, names, memoryMb: 0 }, "mix", random.fork("settings")),
      "production.queueLimit": 65_536,
    },
  });
}

/** @returns as `sweepPlan`. */
export function siegePlan(seed: string, kinds: readonly FaultKind[], { abilities }: Swept): Plan {
  const random = seededRandom(seed).fork("siege");
  const cluster = clusterOf(3, true, random.fork("cluster"));
  const tenants = tenantsOf(cluster, random.fork("tenants"));
  const tasks = withinAbilities(mixedTasks(cluster, tenants, random.fork("load")), abilities);
  return planOf({
    module: "scheduler",
    seed,
    nodes: cluster.nodes,
    workload: { id: "tasks", tasks },
    load: { loop: "open", clients, ratePerS: Math.min(6, rateOf(tasks, cluster, 0.6)) },
    durationMs: siegeMs,
    deadlineMs: 2000,
    convergenceMs: 60_000,
    everyFaultMustAct: false,
    faults: siegeSchedule({ kinds, durationMs: siegeMs, meanGapMs: 1500 }, random.fork("faults")),
    settings: settingsOf(cluster, tenants, "leases", random.fork("settings")),
  });
}

function clusterOf(nodes: number, isLeases: boolean, random: Random): Cluster {
  return {
    nodes,
    workers: isLeases ? 1 + random.below(2) : 1 + random.below(3),
    memoryMb: pick([512, 1024], random),
    leaseMs: pick([100, 200, 400], random),
  };
}

function settingsOf(
  { workers, memoryMb, leaseMs }: Cluster,
  tenants: Tenants,
  style: Style,
  random: Random,
): Plan["settings"] {
  return {
    workers,
    "production.tenants": tenants.setting,
    "production.memoryMb": memoryMb,
    "production.queueLimit": pick([40, 65_536, 65_536], random),
    "production.ageingMs": pick([0, 200, 30_000], random),
    "production.quantumMs": pick([0, 5, 10, 50], random),
    "production.stealing": random.below(4) > 0,
    "production.remoteStealing": random.below(2) === 0 || style === "leases" || style === "echoes",
    "production.leaseMs": leaseMs,
    // Low, so that nodes compact again and again in a short run, and some do so for long.
    "production.compactionBytes": pick([1000, 1000, 5000], random),
    "production.compactionSlice": pick([1, 4, 256], random),
  };
}
