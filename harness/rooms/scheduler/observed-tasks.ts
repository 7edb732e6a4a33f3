/**
 * What the trace of a scheduler says about its tasks: which wait where, which run where, how their attempts ended.
 *
 * The home of a task is the node that accepted it. What the home admits (from `leased`, or from `started` on itself, to
 * `ended`) and what a node executes (from `started` on it) are kept apart, since a leased attempt has the one at its
 * home and the other elsewhere. A node that crashes forgets what it admitted and executed; one that is not durable
 * forgets its tasks as well.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { AttemptEnd, SchedulerEvent, TaskEnd, TaskSpec } from "../../../implementations/scheduler/contract.ts";

type Of<Kind extends SchedulerEvent["kind"]> = Extract<SchedulerEvent, { readonly kind: Kind }>;

/** An attempt that the home of its task has admitted. */
export interface Admitted {
  readonly token: number;
  readonly sinceMs: Millis;
  readonly executor: NodeId;
}

/** An attempt on a worker of a node. */
export interface Executing {
  readonly task: ObservedTask;
  readonly token: number;
  readonly worker: number;
  readonly sinceMs: Millis;
  /** Its home no longer waits for it; the worker may be through with it, and is when it starts something else. */
  isAbandoned: boolean;
}

export interface ObservedTask {
  readonly id: string;
  readonly home: NodeId;
  accepted: Of<"accepted"> | undefined;
  ready: { readonly token: number; readonly rank: number; readonly sinceMs: Millis } | undefined;
  admitted: Admitted | undefined;
  lastEnd: { readonly token: number; readonly end: AttemptEnd; readonly atMs: Millis } | undefined;
  committed: { readonly token: number; readonly end: TaskEnd["state"]; readonly atMs: Millis } | undefined;
  /** Some attempt ended so, and none was asked for since. */
  isCompleted: boolean;
  /** Its home stopped just when its end was decided or could be: it may be durable though nobody told so. */
  isUncertain: boolean;
  /** How it stood when its home stopped, for a person; "" while it serves. */
  standing: string;
}

/** What a client asks for, and when it began to. */
export interface OfferedTask {
  readonly spec: TaskSpec;
  readonly atMs: Millis;
}

export interface ObservedNode {
  readonly id: NodeId;
  readonly tasks: Map<string, ObservedTask>;
  readonly ready: Set<ObservedTask>;
  readonly admitted: Set<ObservedTask>;
  /** By task and token. */
  readonly executing: Map<string, Executing>;
}

export class ObservedTasks {
  readonly #isDurable: boolean;
  readonly mayExpire: boolean;
  readonly #tasks = new Map<string, ObservedTask>();
  readonly #nodes = new Map<NodeId, ObservedNode>();
  readonly #offered = new Map<string, OfferedTask>();

  /**
   * @param isDurable whether a node that crashed remembers its tasks.
   * @param mayExpire whether tasks have deadlines: then one may end while it waits, and its home crash before it says
   *   so.
   */
  constructor(isDurable: boolean, mayExpire: boolean) {
    this.#isDurable = isDurable;
    this.mayExpire = mayExpire;
  }

  get tasks(): Iterable<ObservedTask> {
    return this.#tasks.values();
  }

  get nodes(): Iterable<ObservedNode> {
    return this.#nodes.values();
  }

  find(task: string): ObservedTask | undefined {
    return this.#tasks.get(task);
  }

  /** What was asked for under that id; undefined: nobody told what is asked for. */
  offeredAs(task: string): OfferedTask | undefined {
    return this.#offered.get(task);
  }

  /** What comes under an id a second time is the same, or not taken. */
  offer(tasks: readonly TaskSpec[], atMs: Millis): void {
    for (const spec of tasks) if (!this.#offered.has(spec.id)) this.#offered.set(spec.id, { spec, atMs });
  }

  nodeOf(id: NodeId): ObservedNode {
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const node = { id, tasks: new Map(), ready: new Set(), admitted: new Set(), executing: new Map() } as ObservedNode;
    this.#nodes.set(id, node);
    return node;
  }

  /** Takes the event in. */
  observe({ timeMs, node: id, event }: Traced<SchedulerEvent>): void {
    const node = this.nodeOf(id);
    switch (event.kind) {
      case "start":
      case "stop":
        return this.#forget(node);
      case "accepted":
        this.#taskOf(event.task, node).accepted = event;
        return;
      case "ready":
        return this.#gotReady(this.#taskOf(event.task, node), node, event, timeMs);
      case "leased":
        return this.#admit(this.#taskOf(event.task, node), node, event.token, event.to, timeMs);
      case "started":
        return this.#started(node, event, timeMs);
      case "ended":
        return this.#ended(this.#taskOf(event.task, node), node, event, timeMs);
      case "committed": {
        const task = this.#taskOf(event.task, node);
        this.#settle(task, node);
        task.committed ??= { token: event.token, end: event.end, atMs: timeMs };
        return;
      }
      case "damage":
        return this.lost(id);
      case "preempting":
        return;
    }
  }

  /** The node's disk is gone, or damaged: nothing is known of its tasks any more. */
  lost(id: NodeId): void {
    const node = this.nodeOf(id);
    this.#forget(node);
    for (const task of node.tasks.keys()) this.#tasks.delete(task);
    node.tasks.clear();
  }

  #taskOf(id: string, home: ObservedNode): ObservedTask {
    const known = this.#tasks.get(id);
    if (known !== undefined) return known;
    const task: ObservedTask = {
      id,
      home: home.id,
      accepted: undefined,
      ready: undefined,
      admitted: undefined,
      lastEnd: undefined,
      committed: undefined,
      isCompleted: false,
      isUncertain: false,
      standing: "",
    };
    this.#tasks.set(id, task);
    home.tasks.set(id, task);
    return task;
  }

  #gotReady(task: ObservedTask, node: ObservedNode, { token, rank }: Of<"ready">, sinceMs: Millis): void {
    this.#settle(task, node);
    task.ready = { token, rank, sinceMs };
    task.isCompleted = false;
    node.ready.add(task);
  }

  #admit(task: ObservedTask, home: ObservedNode, token: number, executor: NodeId, sinceMs: Millis): void {
    this.#settle(task, home);
    task.admitted = { token, executor, sinceMs };
    home.admitted.add(task);
  }

  #started(node: ObservedNode, { task: id, token, worker }: Of<"started">, sinceMs: Millis): void {
    const task = this.#taskOf(id, node);
    if (task.home === node.id) this.#admit(task, node, token, node.id, sinceMs);
    for (const [key, other] of node.executing) {
      if (other.isAbandoned && other.worker === worker) node.executing.delete(key);
    }
    node.executing.set(executionKey(id, token), { task, token, worker, sinceMs, isAbandoned: false });
  }

  #ended(task: ObservedTask, node: ObservedNode, { token, end }: Of<"ended">, atMs: Millis): void {
    const executor = this.nodeOf(task.admitted?.token === token ? task.admitted.executor : node.id);
    const key = executionKey(task.id, token);
    const execution = executor.executing.get(key);
    // Nobody can stop a thread in the middle: without a checkpoint the attempt goes on, and so it may elsewhere.
    const goesOn = end === "expired" || (end === "lost" && executor !== node);
    if (execution !== undefined && goesOn) execution.isAbandoned = true;
    else executor.executing.delete(key);
    if (task.admitted?.token === token) this.#settle(task, node);
    task.lastEnd = { token, end, atMs };
    task.isCompleted = end === "completed";
  }

  #settle(task: ObservedTask, node: ObservedNode): void {
    task.isUncertain = false;
    task.standing = "";
    task.ready = undefined;
    task.admitted = undefined;
    node.ready.delete(task);
    node.admitted.delete(task);
  }

  /** The node's process is gone, or another one has begun in its place. */
  #forget(node: ObservedNode): void {
    for (const task of node.tasks.values()) {
      const standing = standingOf(task);
      const isWaiting = task.ready !== undefined || task.admitted !== undefined;
      const couldEnd = isWaiting ? this.mayExpire : isDecided(task);
      // Nothing was heard of it between a stop and the next start.
      const isUncertain = task.standing === "" ? task.committed === undefined && couldEnd : task.isUncertain;
      this.#settle(task, node);
      task.isUncertain = isUncertain;
      task.standing = standing;
      if (!this.#isDurable) this.#tasks.delete(task.id);
    }
    if (!this.#isDurable) node.tasks.clear();
    node.executing.clear();
  }
}

/** Where an uncommitted task stands: "pending", "ready since 12.345 ms", "running on n2 since 12.345 ms", ... */
export function standingOf({ ready, admitted, lastEnd, standing }: ObservedTask): string {
  if (standing !== "") return standing;
  if (ready !== undefined) return `ready since ${ready.sinceMs.toFixed(3)} ms`;
  if (admitted !== undefined) return `running on ${admitted.executor} since ${admitted.sinceMs.toFixed(3)} ms`;
  return lastEnd === undefined ? "pending" : `${lastEnd.end} at ${lastEnd.atMs.toFixed(3)} ms, and not committed`;
}

/** Whether an end of the task may have been written down: its last attempt ended it, or it never had one. */
function isDecided({ lastEnd }: ObservedTask): boolean {
  return lastEnd === undefined || (lastEnd.end !== "lost" && lastEnd.end !== "yielded");
}

export function executionKey(task: string, token: number): string {
  return `${task} ${token}`;
}
