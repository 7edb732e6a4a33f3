/**
 * The plan: the identical input that every implementation gets. Workload, load, faults, parameters and one seed; all of
 * it plain data, so that a capsule can hold it and a block can be run again from it.
 */

import type { FaultKind, Moment } from "../../implementations/foundation/faults.ts";
import type { Module } from "../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { QuorumLevel } from "../../implementations/storage/contract.ts";

/**
 * Which nodes a fault hits; drawn when it strikes, `leader` and `followers` as they are then, `damaged` the members
 * whose disk an earlier fault damaged for good, or one at random without any. `dispensable` is one node while the
 * cluster can do without it for good (no other is damaged, no change of members is under way or will be undone), and
 * otherwise none: the fault does not strike.
 */
export type Target =
  "one" | "minority" | "majority" | "all" | "leader" | "followers" | "damaged" | "dispensable" | readonly NodeId[];

export type Placement =
  /** So long after the load began. */
  | { readonly at: "time"; readonly ms: Millis }
  /** When the system reaches the moment. */
  | { readonly at: "moment"; readonly moment: Moment }
  /** After the `count`-th completed operation of client `client` (0-based). */
  | { readonly at: "operation"; readonly client: number; readonly count: number };

export interface FaultSpec {
  readonly kind: FaultKind;
  readonly target: Target;
  readonly placement: Placement;
  /** From injection to healing. */
  readonly durationMs: Millis;
  /** Overrides of the kind's own numbers, e.g. `{ probability: 0.2 }`; see `nemesis/resolve-fault.ts`. */
  readonly parameters?: Readonly<Record<string, number>>;
}

export const keyWorkloadIds = ["register", "append", "confluent"] as const;

/** What clients do with keys and values. */
export interface KeyWorkloadSpec {
  readonly id: (typeof keyWorkloadIds)[number];
  /** Size of a written value. */
  readonly valueBytes: number;
  /** register: shared keys. confluent: keys each client owns. */
  readonly keys: number;
  /** register, confluent: fractions of reads, of compare-and-swaps and (of a store) of deletes; the rest are writes. */
  readonly readFraction: number;
  readonly casFraction: number;
  readonly deleteFraction?: number;
  /** Of a store: how many replicas an operation waits for; majority unless it is said. */
  readonly level?: QuorumLevel;
}

export const taskWorkloadIds = ["tasks", "confluent"] as const;

/** What clients submit to a scheduler. */
export interface TaskWorkloadSpec {
  /** confluent: whatever the interleaving, every task ends in the same way. */
  readonly id: (typeof taskWorkloadIds)[number];
  readonly tasks: TaskLoad;
}

export type WorkloadSpec = KeyWorkloadSpec | TaskWorkloadSpec;

/** Tasks of one make. `share`s are relative to each other; what is not said is drawn as `TaskLoad` says. */
export interface TaskKind {
  readonly share: number;
  readonly kind: "spin" | "sleep";
  readonly ms: Millis;
  readonly tenant?: string;
  readonly priority?: number;
}

/** The jobs that clients submit. Fractions are of tasks unless it is said, lie in [0, 1] and are 0 unless given. */
export interface TaskLoad {
  /** A job has 1 to so many tasks, all of one submission. */
  readonly tasksPerJob: number;
  /** Whether every job has exactly `tasksPerJob` tasks. */
  readonly isJobFull?: boolean;
  /** Of jobs: submitted and then waited for by an operation of its own, instead of submitted until they have ended. */
  readonly separateFraction?: number;
  /** Of jobs: their first task's status is asked for afterwards. */
  readonly statusFraction?: number;
  readonly kinds: readonly TaskKind[];
  /** Between two checkpoints of a task; none unless it is said. */
  readonly checkpointMs?: Millis;
  /** Whose tasks they are, drawn by share; the default tenant's unless it is said. */
  readonly tenants?: readonly { readonly name: string; readonly share: number }[];
  /** Drawn from 0 to this one; 0 unless it is said. */
  readonly topPriority?: number;
  /** What a task holds while it runs, drawn from these; the default unless there are any. */
  readonly resources?: readonly { readonly cpuMilli: number; readonly memoryMb: number }[];
  /** That wait in one of the first `lanes` lanes. */
  readonly affinityFraction?: number;
  readonly lanes?: number;
  /** That throw or end their thread, and how many of those do so in every attempt. */
  readonly throwFraction?: number;
  readonly crashFraction?: number;
  readonly forGoodFraction?: number;
  /** The others do so in 1 to `topTimes` attempts, 1 unless it is said. */
  readonly topTimes?: number;
  /** Attempts until a task has failed, drawn from 1 to this one; the default unless it is said. */
  readonly topAttempts?: number;
  /** That call `echo` of a module, this project's own unless it is said. */
  readonly callFraction?: number;
  readonly calledModule?: string;
  /** That depend on one or two earlier tasks of their job. */
  readonly dependencyFraction?: number;
  /** That depend on a task of an earlier job of the same client, which mostly has another home. */
  readonly earlierFraction?: number;
  /** Of jobs: that have to be refused, for a circle of dependencies, or one on a task that nobody submitted. */
  readonly circleFraction?: number;
  readonly strayFraction?: number;
  /** Of jobs: submitted once before a job that they depend on, refused for that, and again after it. */
  readonly prematureFraction?: number;
  /** Of accepted jobs: somebody then wants to submit other tasks under their ids. */
  readonly impostorFraction?: number;
  /** Of submissions without an answer: sent again by another client. */
  readonly resubmitFraction?: number;
  /** That have a deadline, and which; not of a confluent load. */
  readonly deadlineFraction?: number;
  readonly deadlineMs?: Millis;
}

export type LoadSpec =
  /** `clients` clients, each issuing its next operation when the last one ended: for maximum throughput. */
  | { readonly loop: "closed"; readonly clients: number }
  /** `clients` operations at once, the next batch when the last of them ended: for the cost of a batch. */
  | { readonly loop: "batch"; readonly clients: number }
  /** Arrivals drawn from the seed at `ratePerS` on average, served by up to `clients` clients: for latency. */
  | { readonly loop: "open"; readonly clients: number; readonly ratePerS: number };

export interface Plan {
  /** Whose operations these are: "consensus" unless it is said. */
  readonly module: Module;
  readonly seed: string;
  readonly nodes: number;
  readonly workload: WorkloadSpec;
  readonly load: LoadSpec;
  /** How long load is offered. */
  readonly durationMs: Millis;
  /** Load before anything is measured; it is part of the history, not of the tables. */
  readonly warmUpMs: Millis;
  /** Operations after which a client is done, if before `durationMs`; needed where runs must end in one state. */
  readonly operationsPerClient: number | undefined;
  /** Deadline of one operation. */
  readonly deadlineMs: Millis;
  /** How long a client waits for a node's answer before it asks another; undefined: what the deployment does. */
  readonly attemptTimeoutMs: Millis | undefined;
  readonly faults: readonly FaultSpec[];
  /** Whether one inert fault voids the run; random schedules need only some fault that acted. */
  readonly everyFaultMustAct: boolean;
  /**
   * How late the generator may be (p99 of its lateness and of its event loop) before the block is void. Experiments
   * that count, or time what takes hundreds of milliseconds, allow more than those that time operations.
   */
  readonly generatorLimitMs: Millis;
  /**
   * Whether arrivals may be dropped that found the generator's bounded queue full. An overload is meant to fill it, and
   * counts what was submitted; anywhere else a dropped arrival is a latency that was not measured, and voids the block.
   */
  readonly mayDropArrivals: boolean;
  /** How long the system may take to converge once everything is healed. */
  readonly convergenceMs: Millis;
  /** Settings of the implementations; "etcd.tls" goes to etcd alone, see `settings-of.ts`. */
  readonly settings: Readonly<Record<string, number | boolean | string>>;
}

/** A plan that differs from these defaults in what `overrides` says. */
export function planOf(overrides: Partial<Plan> & { readonly seed: string }): Plan {
  return { ...defaultPlan, ...overrides };
}

const defaultPlan: Omit<Plan, "seed"> = {
  module: "consensus",
  nodes: 3,
  workload: { id: "register", valueBytes: 64, keys: 5, readFraction: 0.4, casFraction: 0.2 },
  load: { loop: "closed", clients: 5 },
  durationMs: 5000,
  warmUpMs: 0,
  operationsPerClient: undefined,
  deadlineMs: 2000,
  attemptTimeoutMs: undefined,
  faults: [],
  everyFaultMustAct: true,
  generatorLimitMs: 20,
  mayDropArrivals: false,
  convergenceMs: 10_000,
  settings: {},
};
