/**
 * The driver's door: a system under test as the driver sees it, whichever implementation and substrate it is.
 *
 * What happens while load runs (`invoke`, `inject`, trace events) is a plain call with a callback, because in the
 * simulated substrate a run is one synchronous loop in which nothing real is awaited. Promises appear only at the
 * edges: launching, collecting states, stopping.
 */

import { certaintyOf } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";
import type { Clock } from "./effects.ts";
import type { Fault, FaultHandle, FaultKind, Moment } from "./faults.ts";
import type { Millis, NodeId, ProcessId } from "./units.ts";

export const modules = ["consensus", "scheduler", "network", "storage", "fault", "observability"] as const;
export type Module = (typeof modules)[number];

export const substrates = ["simulated", "cluster"] as const;
/** Where a deployment runs: one thread in virtual time, or real processes, sockets and disks on this machine. */
export type Substrate = (typeof substrates)[number];

/** How an operation ended: it happened; it definitely did not; nobody knows. */
export type Outcome<Result> =
  | { readonly kind: "ok"; readonly result: Result }
  /** `reason`: what was wrong and what is allowed, for a person, where a code alone does not say it. */
  | { readonly kind: "fail"; readonly code: ErrorCode; readonly reason?: string }
  | { readonly kind: "info"; readonly code: ErrorCode };

/**
 * Returns the outcome that `code`'s certainty allows a client to conclude.
 *
 * @param reason of a refusal; an outcome that nobody knows has none.
 */
export function failedWith(code: ErrorCode, reason?: string): Outcome<never> {
  if (certaintyOf[code] === "indefinite") return { kind: "info", code };
  return reason === undefined ? { kind: "fail", code } : { kind: "fail", code, reason };
}

/** One client request. `session` and `sequence` identify it across retries, for exactly-once execution. */
export interface Request<Operation> {
  /** A client's name for life; a client has one request in flight. */
  readonly session: ProcessId;
  /** 1, 2, 3, ... within the session. */
  readonly sequence: number;
  readonly operation: Operation;
}

/** A node's canonical state, or why it has none: it refused to start on damaged or lost data, or is down. */
export type NodeState<State> =
  { readonly kind: "state"; readonly state: State } | { readonly kind: "out-of-service"; readonly reason: string };

/** What a node used, as far as its substrate can tell; counters since its last start. */
export interface NodeResources {
  readonly node: NodeId;
  readonly residentBytes: number | undefined;
  readonly cpuMs: number | undefined;
  /** Named counters of the implementation: "log entries", "snapshots taken", "syncs", "lock acquisitions", ... */
  readonly counters: Readonly<Record<string, number>>;
}

/** A trace event with the moment and the node at which it happened. */
export interface Traced<TraceEvent> {
  /** On the driver's clock; across processes accurate to about a millisecond. */
  readonly timeMs: Millis;
  readonly node: NodeId;
  readonly event: TraceEvent;
}

export interface Deployment<Operation, Result, State, TraceEvent> {
  /** Its nodes as they are now, where membership changes; at first the founders, "n1", "n2", ... */
  readonly nodes: readonly NodeId[];
  /** The driver's time: virtual or real. */
  readonly clock: Clock;
  /** Starts `request`; `done` is called exactly once, no later than `deadlineMs` from now. */
  invoke(request: Request<Operation>, deadlineMs: Millis, done: (outcome: Outcome<Result>) => void): void;
  /** Begins a fault. @throws UsageError when the implementation does not support it on this substrate. */
  inject(fault: Fault): FaultHandle;
  /** Calls `reached` when the system gets to `moment`; what reached it waits until the call returned. Once per call. */
  at(moment: Moment, reached: () => void): void;
  /** The newest leader the trace has shown, if the module has leaders and one is known. */
  leader(): NodeId | undefined;
  /** Sends every trace event from now on to `listener`, per node in order. */
  observe(listener: (traced: Traced<TraceEvent>) => void): void;
  /**
   * Calls `work` and drives time until `finish` is called or `limitMs` of the driver's time have passed.
   *
   * @returns whether `finish` was called.
   * @throws NodeFailure when a node ended itself over a broken invariant; HarnessError when a process of the deployment
   *   was ended from outside.
   */
  run(limitMs: Millis, work: (finish: () => void) => void): Promise<boolean>;
  states(): Promise<ReadonlyMap<NodeId, NodeState<State>>>;
  resources(): Promise<readonly NodeResources[]>;
  /** Rolling hash of everything that happened, in the simulated substrate; undefined where runs cannot repeat. */
  traceHash(): string | undefined;
  /** Ends everything the deployment started; idempotent, also after a failure. */
  stop(): Promise<void>;
}

export interface DeployOptions {
  readonly substrate: Substrate;
  readonly nodes: number;
  readonly seed: number | string;
  /** The run's directory for data and logs; the simulated substrate writes nothing. */
  readonly directory: string;
  /** Named knobs of the implementation, as in its defaults object: `{ electionTimeoutMs: 150 }`. */
  readonly settings?: Readonly<Record<string, number | boolean | string>>;
  /** How long a client waits for one node's answer before it asks another; has to exceed what a slow network adds. */
  readonly clientAttemptTimeoutMs?: Millis;
  /**
   * Whether a request may be invoked again under the same session and sequence after its outcome was unknown; true
   * unless it is said. A system without sessions of its own must pay for them, and need not where nothing is repeated.
   */
  readonly repeats?: boolean;
}

export interface Implementation<Operation, Result, State, TraceEvent> {
  readonly module: Module;
  /** "minimal", "production", or a peer's name. */
  readonly name: string;
  /** What it can be subjected to, per substrate; a substrate that is missing is not supported at all. */
  readonly faults: Readonly<Partial<Record<Substrate, ReadonlySet<FaultKind>>>>;
  /**
   * @param nodes of the deployment; without it, what depends on their number is not looked at.
   * @throws UsageError on settings that do not exist or lie outside their range.
   */
  checkSettings(settings: NonNullable<DeployOptions["settings"]>, nodes?: number): void;
  /** Whether it can run here, or what to install. */
  available(): Promise<true | string>;
  /** @throws UsageError as `checkSettings`. */
  deploy(options: DeployOptions): Promise<Deployment<Operation, Result, State, TraceEvent>>;
}
