/**
 * What a module brings to the harness: what clients ask of it, how a run of it is watched and judged, when its nodes
 * agree, and the random plans it is swept with. Everything else (load, faults, measurement, tables) is the same for
 * all.
 *
 * A plan names its module, and the module's room is looked up by that name together with its implementations, so what
 * comes together always belongs together. The code between the rooms therefore needs no type parameters: it handles
 * operations, states and events of whatever module, and only a room looks inside of them.
 */

import type {
  DeployOptions,
  Deployment,
  Implementation,
  Module,
  NodeState,
  Substrate,
} from "../../implementations/foundation/deployment.ts";
import type { Random } from "../../implementations/foundation/effects.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type {
  ConsensusEvent,
  ConsensusOperation,
  ConsensusResult,
  ConsensusState,
} from "../../implementations/consensus/contract.ts";
import type {
  SchedulerEvent,
  SchedulerOperation,
  SchedulerResult,
  SchedulerState,
} from "../../implementations/scheduler/contract.ts";
import type {
  StorageEvent,
  StorageOperation,
  StorageResult,
  StorageState,
} from "../../implementations/storage/contract.ts";
import type { CheckResult } from "../check/verdict.ts";
import type { HistoryRecorder } from "../history/recorder.ts";
import type { Election } from "../measure/election-watch.ts";
import type { StruckFault } from "../nemesis/nemesis.ts";
import type { Plan, WorkloadSpec } from "../plan/plan.ts";
import type { Workload } from "../workload/workload.ts";

/** The types of one module's contract. */
export interface ModuleTypes {
  readonly workload: WorkloadSpec;
  readonly operation: unknown;
  readonly result: { readonly kind: string };
  readonly state: unknown;
  readonly event: { readonly kind: string };
  readonly implementation: unknown;
  readonly deployment: unknown;
}

/** Those of every module that has a room. */
export interface AnyTypes {
  readonly workload: WorkloadSpec;
  readonly operation: ConsensusOperation | SchedulerOperation | StorageOperation;
  readonly result: ConsensusResult | SchedulerResult | StorageResult;
  readonly state: ConsensusState | SchedulerState | StorageState;
  readonly event: ConsensusEvent | SchedulerEvent | StorageEvent;
  readonly implementation: AnyImplementation;
  readonly deployment: AnyDeployment;
}

/** What every deployment can be asked besides the driver's door. */
export interface AnyDeployment extends Deployment<
  AnyTypes["operation"],
  AnyTypes["result"],
  AnyTypes["state"],
  AnyTypes["event"]
> {
  isSettled(): boolean;
  knock(): Promise<{ readonly tried: number; readonly refused: number } | undefined>;
}

export interface AnyImplementation extends Implementation<
  AnyTypes["operation"],
  AnyTypes["result"],
  AnyTypes["state"],
  AnyTypes["event"]
> {
  refusalOf?(fault: FaultKind, settings: NonNullable<DeployOptions["settings"]>): string | undefined;
  deploy(options: DeployOptions): Promise<AnyDeployment>;
}

export type States<T extends ModuleTypes> = ReadonlyMap<NodeId, NodeState<T["state"]>>;

/** A plan of the module, with a workload of its own. */
export type PlanOf<T extends ModuleTypes> = Plan & { readonly workload: T["workload"] };

export interface WatchOptions<T extends ModuleTypes> {
  readonly implementation: T["implementation"];
  readonly deployment: T["deployment"];
  readonly substrate: Substrate;
  readonly plan: PlanOf<T>;
}

/** Forms verdicts while a run is under way; made before the deployment is driven, so that it sees everything. */
export interface Watch {
  /** A client is about to ask for it, for the first time. */
  offered?(operation: AnyTypes["operation"], atMs: Millis): void;
  /** It was served. */
  answered?(operation: AnyTypes["operation"], result: AnyTypes["result"], atMs: Millis): void;
  struck(fault: StruckFault, atMs: Millis): void;
  ended(fault: StruckFault, atMs: Millis): void;
  /** Of modules with leaders; on the driver's clock. */
  elections(): readonly Election[];
  results(nowMs: Millis): readonly CheckResult[];
}

/** A finished run, as far as it is judged. */
export interface JudgedBlock<T extends ModuleTypes> {
  readonly implementation: T["implementation"];
  readonly plan: PlanOf<T>;
  readonly history: HistoryRecorder;
  readonly states: States<T>;
}

export interface Room<T extends ModuleTypes> {
  readonly module: Module;
  readonly implementations: readonly T["implementation"][];
  /** By id: what clients do, for a person. */
  readonly workloads: Readonly<Record<string, string>>;
  /** Fractions and keys of the workload `compare` runs when nobody says more. */
  comparedWorkload(id: T["workload"]["id"], valueBytes: number): T["workload"];
  createWorkload(spec: T["workload"], clients: number, random: Random): Workload<T>;
  /** A request that changes nothing and whose answer proves that the system serves such a workload. */
  probe(spec: T["workload"]): T["operation"];
  /**
   * Whether a fresh deployment can be offered load, where the driver can see that: asked again and again until it says
   * so. Elsewhere it can once it answers `probe`.
   */
  isReady?(deployment: T["deployment"]): boolean;
  watch(options: WatchOptions<T>): Watch;
  /** Whether enough nodes are in service, nobody is merely down, and they hold what they should after a run. */
  agree(states: States<T>, plan: Plan, implementation: T["implementation"]): boolean;
  /** The verdicts on history and final states. */
  judge(block: JudgedBlock<T>): readonly CheckResult[];
  /** For a person: "12 registers, 3 list entries". */
  describeState(state: T["state"]): string;
  describeEvent(event: T["event"]): string;
  /** The states that a comparison at rest holds against those of another implementation. */
  atRest(states: States<T>): ReadonlyMap<NodeId, NodeState<unknown>>;
  /** The canonical state after one more operation of the only client; undefined when nobody can tell. */
  afterStep(deployment: T["deployment"]): Promise<unknown>;
  /** Operations drawn without looking at results, so that every implementation gets the same. */
  steps(count: number, random: Random): readonly T["operation"][];
  /** The plan of one seed of a sweep: cluster, load, settings and fault schedule are drawn from it. */
  readonly sweepPlans: Readonly<Record<SweepStyle, SweepPlan<T>>>;
}

/** @param implementation what is swept: no plan asks more of it than it can do. */
export type SweepPlan<T extends ModuleTypes> = {
  bivariant(seed: string, kinds: readonly FaultKind[], implementation: T["implementation"]): Plan;
}["bivariant"];

export const sweepStyles = ["swarm", "siege"] as const;
/** swarm: short runs, each under a random mix of faults. siege: half an hour of simulated time under all of them. */
export type SweepStyle = (typeof sweepStyles)[number];

export type AnyRoom = Room<AnyTypes>;
