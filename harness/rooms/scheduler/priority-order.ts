/**
 * C-SCH-1: of the ready tasks of one tenant and one lane of a node, the one with the lowest rank starts first, and of
 * equal rank the one submitted first.
 *
 * When a task leaves its home's queue, no other one of its tenant and lane may be left waiting that comes before it and
 * would have fitted: into what is left of the tenant's quota and, unless another node executes it, of the node's
 * capacity. What a node still holds for an attempt that nobody waits for any more is not known; it is counted as held,
 * so a start is rather not judged than judged wrongly.
 *
 * The rank itself is judged where it follows from the priority: without ageing, or with an ageing so slow that what is
 * not known of the moment of submission makes no whole level of priority.
 *
 * Judged where events come at the moment they tell of: in the simulated substrate.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { Resources, SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { Governance } from "./governance.ts";
import type { ObservedNode, ObservedTask, ObservedTasks } from "./observed-tasks.ts";
import { addTo } from "./resources.ts";

type Ready = Extract<SchedulerEvent, { readonly kind: "ready" }>;
type Started = Extract<SchedulerEvent, { readonly kind: "started" }>;

interface Passed {
  readonly node: NodeId;
  readonly timeMs: Millis;
  readonly lane: number;
  /** A thief may have moved it to a lane of its own before. */
  readonly mayBeAway: boolean;
  readonly message: string;
  readonly lines: readonly string[];
}

const sharedLane = -1;
/** From a submission to its acceptance seconds may pass on a node that is in trouble. */
const slowAgeingMs: Millis = 20_000;

export class PriorityOrder implements TraceCheck {
  readonly #governance: Governance;
  readonly #areClocksRight: boolean;
  readonly #recent: RecentEvents;
  /** By task: when another one started that should have waited for it. */
  readonly #passed = new Map<string, Passed>();
  readonly #findings: Findings;
  readonly #acceptedMs = new Map<string, { readonly node: NodeId; readonly atMs: Millis }>();
  /** By node: what its first task's rank is beyond its priority, and when that was accepted. */
  readonly #offsets = new Map<NodeId, { readonly levels: number; readonly atMs: Millis }>();
  /** By node, tenant and lane: when a worker of another lane stole from it, and when its worker stole from others. */
  readonly #stolenMs = new Map<string, Millis>();
  readonly #fetchedMs = new Map<string, Millis>();
  /** Starts at which another task of the same queue was waiting. */
  #choices = 0;

  /** @param areClocksRight whether a node's clock goes as the driver's does. */
  constructor(governance: Governance, areClocksRight: boolean, recent: RecentEvents) {
    this.#governance = governance;
    this.#areClocksRight = areClocksRight;
    this.#recent = recent;
    this.#findings = new Findings("priority-order", "starts", recent);
  }

  observe(traced: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    const { timeMs, node: id, event } = traced;
    this.#resolve(traced, tasks);
    if (event.kind === "start") this.#offsets.delete(id);
    if (event.kind === "accepted") this.#acceptedMs.set(event.task, { node: id, atMs: timeMs });
    if (event.kind === "ready") this.#judgeRank(timeMs, id, event, tasks.find(event.task));
    if (event.kind !== "started" && event.kind !== "leased") return;
    const task = tasks.find(event.task);
    if (task?.home !== id || task.ready?.token !== event.token || task.accepted === undefined) return;
    const node = tasks.nodeOf(id);
    this.#findings.judged++;
    if (event.kind === "started") this.#noteTheft(timeMs, id, event, task.accepted.tenant);
    const rivals = [...node.ready].filter((other) => other !== task && isSameQueue(other, task));
    if (rivals.length > 0) this.#choices++;
    const isHere = event.kind === "started";
    const lane = isHere ? event.lane : sharedLane;
    // One that a thief moved to its own lane competes with those of that lane.
    if (lane !== task.accepted.lane) return;
    const passed = rivals.filter((other) => isBefore(other, task) && this.#fits(other, node, isHere));
    const what = `${isHere ? "starts" : "leases"} ${named(task)}`;
    for (const other of passed) {
      const since = `ready since ${other.ready!.sinceMs.toFixed(3)} ms`;
      const message = `${what}, though ${named(other)} is ${since} and would have fitted`;
      // The first one that passed it says it best.
      if (this.#passed.has(other.id)) continue;
      const stolenMs = this.#stolenMs.get(laneKey(id, task.accepted.tenant, lane)) ?? -Infinity;
      const mayBeAway = stolenMs >= other.ready!.sinceMs;
      this.#passed.set(other.id, { node: id, timeMs, lane, mayBeAway, message, lines: this.#recent.lines() });
    }
  }

  result(): CheckResult | undefined {
    return this.#findings.result(`, ${this.#choices} of them with others waiting`);
  }

  /**
   * A task that was passed over was in the queue indeed if it is taken from there later. It was not if its deadline had
   * passed, or a thief had moved it, from where a second theft may have brought it back; and of one moment nobody can
   * say which of two starts came first.
   */
  #resolve({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind === "stop" || event.kind === "start") {
      for (const [task, passed] of this.#passed) if (passed.node === node) this.#passed.delete(task);
    }
    if (!("task" in event)) return;
    const passed = this.#passed.get(event.task);
    if (passed?.node !== node) return;
    this.#passed.delete(event.task);
    const lane = event.kind === "started" ? event.lane : event.kind === "leased" ? sharedLane : undefined;
    if (lane !== passed.lane || timeMs === passed.timeMs) return;
    const key = laneKey(node, tasks.find(event.task)?.accepted?.tenant ?? "", passed.lane);
    if (passed.mayBeAway && (this.#fetchedMs.get(key) ?? -Infinity) >= passed.timeMs) return;
    this.#findings.violate(passed.timeMs, node, passed.message, passed.lines);
  }

  #noteTheft(timeMs: Millis, node: NodeId, { lane, worker }: Started, tenant: string): void {
    if (lane === sharedLane || lane === worker) return;
    this.#stolenMs.set(laneKey(node, tenant, lane), timeMs);
    this.#fetchedMs.set(laneKey(node, tenant, worker), timeMs);
  }

  #judgeRank(timeMs: Millis, id: NodeId, { task, rank }: Ready, known: ObservedTask | undefined): void {
    const { ageingMs } = this.#governance;
    const accepted = this.#acceptedMs.get(task);
    if (known?.accepted === undefined || accepted?.node !== id) return;
    const { priority } = known.accepted;
    const levels = rank + priority;
    if (ageingMs === 0) {
      if (levels !== 0) this.#findings.violate(timeMs, id, `ranks ${task} at ${rank}, whose priority is ${priority}`);
      return;
    }
    const first = this.#offsets.get(id);
    if (first === undefined) this.#offsets.set(id, { levels, atMs: accepted.atMs });
    else {
      const grown = levels - first.levels - (accepted.atMs - first.atMs) / ageingMs;
      if (Math.abs(grown) < 0.5 || ageingMs < slowAgeingMs || !this.#areClocksRight) return;
      const what = `ranks ${task} at ${rank}, whose priority is ${priority}`;
      this.#findings.violate(timeMs, id, `${what}: ${grown.toFixed(2)} levels beyond others by submission`);
    }
  }

  #fits({ accepted }: ObservedTask, node: ObservedNode, isHere: boolean): boolean {
    if (accepted === undefined) return false;
    const { capacity, tenants } = this.#governance;
    const held = { cpuMilli: 0, memoryMb: 0 };
    const ofTenant = { cpuMilli: 0, memoryMb: 0 };
    for (const { task, isAbandoned } of node.executing.values()) {
      addTo(held, task.accepted);
      if (isAbandoned && task.home === node.id && task.accepted?.tenant === accepted.tenant)
        addTo(ofTenant, task.accepted);
    }
    for (const task of node.admitted) if (task.accepted?.tenant === accepted.tenant) addTo(ofTenant, task.accepted);
    const quota = tenants.get(accepted.tenant)?.perNode;
    return (
      (!isHere || capacity === undefined || isRoom(held, accepted, capacity)) &&
      (quota === undefined || isRoom(ofTenant, accepted, quota))
    );
  }
}

const laneKey = (node: NodeId, tenant: string, lane: number): string => `${node} ${tenant} ${lane}`;

function isSameQueue(a: ObservedTask, b: ObservedTask): boolean {
  return a.accepted !== undefined && a.accepted.tenant === b.accepted?.tenant && a.accepted.lane === b.accepted.lane;
}

function isBefore(a: ObservedTask, b: ObservedTask): boolean {
  const [rankA, rankB] = [a.ready?.rank ?? 0, b.ready?.rank ?? 0];
  return rankA === rankB ? (a.accepted?.order ?? 0) < (b.accepted?.order ?? 0) : rankA < rankB;
}

function isRoom(held: Resources, wanted: Resources, limit: Resources): boolean {
  return held.cpuMilli + wanted.cpuMilli <= limit.cpuMilli && held.memoryMb + wanted.memoryMb <= limit.memoryMb;
}

function named({ id, ready, accepted }: ObservedTask): string {
  return `${id} (rank ${ready?.rank}, number ${accepted?.order})`;
}
