/**
 * The plans of a sweep of schedulers: short runs under a random mix of faults, and half hours under all of them.
 *
 * One run in three is about leases: few workers and tasks that last as long as a lease, so that nodes execute each
 * other's, while links are cut for longer than that. An executor then goes on with what its home has given to somebody
 * else, and its result arrives after all. And one in nine is about shares: one node and more short tasks of tenants of
 * unequal weights than it can execute.
 */

import { nodeNames } from "../../../implementations/assembly/node-names.ts";
import type { Random } from "../../../implementations/foundation/effects.ts";
import { faultKinds } from "../../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { seededRandom } from "../../../implementations/foundation/prng.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import type { SchedulerImplementation } from "../../../implementations/scheduler/contract.ts";
import { pick } from "../../nemesis/pick.ts";
import { siegeSchedule } from "../../nemesis/siege.ts";
import { swarmSchedule } from "../../nemesis/swarm.ts";
import type { MessageMoments } from "../../nemesis/swarm.ts";
import { planOf } from "../../plan/plan.ts";
import type { FaultSpec, Plan, TaskLoad } from "../../plan/plan.ts";

/** Messages at which faults are placed, as production names them. */
const messages: readonly MessageMoments[] = [
  { name: "steal", mostCount: 20 },
  { name: "lease", mostCount: 20 },
  { name: "renew", mostCount: 20 },
  { name: "result", mostCount: 20 },
  { name: "received", mostCount: 20 },
  { name: "watch", mostCount: 20 },
  { name: "watched", mostCount: 20 },
];

/** What takes as long as an election does elsewhere: until a node notices that another one is away. */
const noticeMs = 200;
const shortMs = 6000;
const siegeMs = 30 * 60_000;
const clients = 12;
/** Beyond 1 tasks wait for longer and longer: what is fair shows where there is too little. */
const utilisations = [0.5, 0.8, 0.8, 1.3] as const;

/** They part a home from those who execute its tasks, and both go on. */
const separations: readonly FaultKind[] = ["isolate-one", "one-way", "halves", "delay"];
const partitions: ReadonlySet<FaultKind> = new Set<FaultKind>([...faultKinds.partition, "duplicate", "loss"]);

type Swept = Pick<SchedulerImplementation, "abilities">;

/** What of a cluster the load has to fit. */
interface Cluster {
  readonly nodes: number;
  readonly workers: number;
  readonly memoryMb: number;
  readonly leaseMs: Millis;
}

/**
 * @param implementation its load asks for nothing that it cannot do; everything else is the same for all.
 * @returns the plan of `seed`, drawing from `kinds`; always the same for the same arguments.
 */
export function sweepPlan(seed: string, kinds: readonly FaultKind[], { abilities }: Swept): Plan {
  const random = seededRandom(seed).fork("sweep");
  const separating = separations.filter((kind) => kinds.includes(kind));
  const isLeases = random.fork("style").below(3) === 0 && separating.length > 0;
  const nodes = isLeases ? pick([2, 2, 3], random.fork("nodes")) : pick([1, 1, 2, 2, 3, 4], random.fork("nodes"));
  const cluster = clusterOf(nodes, isLeases, random.fork("cluster"));
  const isShares = !isLeases && nodes === 1 && abilities.has("tenants") && random.fork("shares").below(2) === 0;
  if (isShares) return sharesPlan(seed, kinds, cluster, random.fork("shares"));
  const tenants = tenantsOf(cluster, random.fork("tenants"));
  const load = isLeases ? longTasks(cluster, random.fork("load")) : mixedTasks(cluster, tenants, random.fork("load"));
  const tasks = withinAbilities(load, abilities);
  return planOf({
    module: "scheduler",
    seed,
    nodes,
    workload: { id: random.fork("workload").below(4) === 0 ? "confluent" : "tasks", tasks },
    load: { loop: "open", clients, ratePerS: rateOf(tasks, cluster, pick(utilisations, random.fork("rate"))) },
    durationMs: shortMs,
    deadlineMs: pick([500, 2000], random.fork("deadline")),
    faults: faultsOf(kinds, isLeases ? separating : [], cluster, random.fork("faults")),
    everyFaultMustAct: false,
    convergenceMs: 30_000,
    settings: settingsOf(cluster, tenants, isLeases, random.fork("settings")),
  });
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
    faults: random.below(2) === 0 ? [] : faultsOf(kinds, [], cluster, random.fork("faults")),
    everyFaultMustAct: false,
    convergenceMs: 30_000,
    settings: {
      ...settingsOf(cluster, { setting: weights, names, memoryMb: 0 }, false, random.fork("settings")),
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
    settings: settingsOf(cluster, tenants, true, random.fork("settings")),
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

/** Who is configured, as the setting says it, and who of them submits. */
interface Tenants {
  readonly setting: string;
  readonly names: readonly string[];
  /** What every one of them may hold on a node. */
  readonly memoryMb: number;
}

function tenantsOf({ nodes, workers, memoryMb }: Cluster, random: Random): Tenants {
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

function mixedTasks({ workers }: Cluster, { names, memoryMb }: Tenants, random: Random): TaskLoad {
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
    throwFraction: 0.08,
    crashFraction: 0.04,
    forGoodFraction: 0.3,
    topTimes: 4,
    topAttempts: 4,
    dependencyFraction: pick([0, 0.3, 0.7], random),
    earlierFraction: pick([0, 0.2], random),
    circleFraction: 0.05,
    strayFraction: 0.02,
    deadlineFraction: pick([0, 0.1, 0.3], random),
    deadlineMs: 10 + random.below(300),
  };
}

/** They last about as long as a lease, and a job's home has too many of them for its own workers. */
function longTasks({ leaseMs }: Cluster, random: Random): TaskLoad {
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
  };
}

/** Submissions per second that keep so much of the workers busy. */
function rateOf({ kinds, tasksPerJob }: TaskLoad, { nodes, workers }: Cluster, utilisation: number): number {
  const shares = kinds.reduce((sum, { share }) => sum + share, 0);
  // Starting and ending a task takes some time as well.
  const meanMs = kinds.reduce((sum, { share, ms }) => sum + (share / shares) * (ms + 0.5), 0);
  const mostPerS = 100;
  return Math.min(mostPerS, (utilisation * nodes * workers * 1000) / (meanMs * ((1 + tasksPerJob) / 2)));
}

function faultsOf(
  kinds: readonly FaultKind[],
  separating: readonly FaultKind[],
  { nodes, leaseMs }: Cluster,
  random: Random,
): FaultSpec[] {
  if (separating.length > 0) return lapses(separating, leaseMs, random);
  const offered = nodes === 1 ? kinds.filter((kind) => !partitions.has(kind)) : kinds;
  if (offered.length === 0) return [];
  return swarmSchedule(
    {
      kinds: offered,
      nodes: nodeNames(nodes),
      durationMs: shortMs,
      electionTimeoutMs: noticeMs,
      // Nodes that are parted exchange messages, and alone there is nobody to send them to.
      messages: offered.includes("loss") && nodes > 1 ? messages : [],
    },
    random,
  );
}

/** Nodes are parted for about as long as a lease lasts, again and again. */
function lapses(kinds: readonly FaultKind[], leaseMs: Millis, random: Random): FaultSpec[] {
  const faults: FaultSpec[] = [];
  const gapMs = (): Millis => leaseMs * (1 + 2 * random.float());
  for (let ms = 300 + gapMs(); ms < shortMs - 3 * leaseMs; ms += gapMs()) {
    const kind = pick(kinds, random);
    const lastsMs = leaseMs * (0.8 + 1.5 * random.float());
    const parameters = kind === "delay" ? { parameters: { meanMs: leaseMs, jitterMs: leaseMs / 2 } } : {};
    const target = kind === "delay" ? "all" : "one";
    faults.push({ kind, target, placement: { at: "time", ms }, durationMs: lastsMs, ...parameters });
    ms += lastsMs;
  }
  return faults;
}

function settingsOf(
  { workers, memoryMb, leaseMs }: Cluster,
  tenants: Tenants,
  isLeases: boolean,
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
    "production.remoteStealing": isLeases || random.below(2) === 0,
    "production.leaseMs": leaseMs,
    // Low, so that nodes compact again and again in a short run, and some do so for long.
    "production.compactionBytes": pick([1000, 1000, 5000], random),
    "production.compactionSlice": pick([1, 4, 256], random),
  };
}

const noDependencies = { dependencyFraction: 0, earlierFraction: 0, circleFraction: 0, strayFraction: 0 };

/** Leaves out what the implementation would refuse. */
function withinAbilities(load: TaskLoad, abilities: Swept["abilities"]): TaskLoad {
  const { tenants, resources, checkpointMs, ...rest } = load;
  return {
    ...rest,
    ...(abilities.has("tenants") && tenants !== undefined && tenants.length > 0 ? { tenants } : {}),
    ...(abilities.has("tenants") && resources !== undefined ? { resources } : {}),
    ...(abilities.has("preemption") && checkpointMs !== undefined ? { checkpointMs } : {}),
    ...(abilities.has("priorities") ? {} : { topPriority: 0 }),
    ...(abilities.has("dependencies") ? {} : noDependencies),
    ...(abilities.has("affinity") ? {} : { affinityFraction: 0 }),
    ...(abilities.has("deadlines") ? {} : { deadlineFraction: 0 }),
  };
}
