/**
 * N-FV-2: no tenant ever holds more than its quota, and no node's capacity is overcommitted.
 *
 * What a tenant holds on its tasks' home is what the home has admitted: judged at every admission, per node and over
 * all nodes. What a node's capacity holds is what runs on it: of its own tasks from their start to their end; of those
 * of other homes for as long as they ran, which their homes tell when they have ended, so it is judged at the end of
 * the run. Leased attempts whose end nobody told, or told by a wrong clock, are left out. A worker has one attempt at a
 * time.
 *
 * Judged where events come at the moment they tell of: in the simulated substrate.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { Governance } from "./governance.ts";
import { executionKey } from "./observed-tasks.ts";
import type { ObservedNode, ObservedTask, ObservedTasks } from "./observed-tasks.ts";
import { addTo, excessOf } from "./resources.ts";

/** An attempt on a node: it holds its resources from one moment to another. */
interface Stay {
  readonly task: ObservedTask;
  readonly isOwn: boolean;
  readonly fromMs: Millis;
  readonly from: number;
  untilMs: Millis | undefined;
  until: number;
}

export class Quotas implements TraceCheck {
  readonly #governance: Governance;
  readonly #areClocksRight: boolean;
  readonly #findings: Findings;
  readonly #stays = new Map<NodeId, Stay[]>();
  /** By task and token. */
  readonly #open = new Map<string, Stay>();
  #events = 0;

  /** @param areClocksRight whether a node's clock goes as the driver's does. */
  constructor(governance: Governance, areClocksRight: boolean, recent: RecentEvents) {
    this.#governance = governance;
    this.#areClocksRight = areClocksRight;
    this.#findings = new Findings("quotas", "admissions", recent);
  }

  observe({ timeMs, node: id, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    this.#events++;
    const node = tasks.nodeOf(id);
    if (event.kind === "start" || event.kind === "stop") this.#leave(id, timeMs);
    if (event.kind === "ended") this.#ended(event, id, timeMs);
    if (event.kind !== "started" && event.kind !== "leased") return;
    const task = tasks.find(event.task);
    if (task === undefined) return;
    if (task.home === id) this.#admit(task, node, tasks, timeMs);
    if (event.kind === "started") this.#start(task, node, event, timeMs);
  }

  result(): CheckResult | undefined {
    for (const [node, stays] of this.#stays) this.#judgeCapacity(node, stays);
    this.#stays.clear();
    return this.#findings.result();
  }

  #admit(task: ObservedTask, node: ObservedNode, tasks: ObservedTasks, timeMs: Millis): void {
    this.#findings.judged++;
    const tenant = task.accepted?.tenant;
    const share = tenant === undefined ? undefined : this.#governance.tenants.get(tenant);
    if (share === undefined) return;
    const heldOn = (nodes: Iterable<ObservedNode>): { cpuMilli: number; memoryMb: number } => {
      const held = { cpuMilli: 0, memoryMb: 0 };
      addTo(held, task.accepted);
      for (const { admitted } of nodes) {
        for (const other of admitted)
          if (other !== task && other.accepted?.tenant === tenant) addTo(held, other.accepted);
      }
      return held;
    };
    const excess = excessOf(heldOn([node]), share.perNode);
    if (excess !== undefined) {
      this.#findings.violate(timeMs, node.id, `admits ${task.id}: tenant ${tenant} holds ${excess} there`);
      return;
    }
    const inAll = excessOf(heldOn(tasks.nodes), share.whole);
    if (inAll === undefined) return;
    this.#findings.violate(timeMs, node.id, `admits ${task.id}: tenant ${tenant} holds ${inAll} on all nodes`);
  }

  #start(task: ObservedTask, node: ObservedNode, event: SchedulerEvent & { kind: "started" }, timeMs: Millis): void {
    const { worker, token } = event;
    const own = [...node.executing.values()].filter((each) => each.task.home === node.id && !each.isAbandoned);
    const other = own.find((each) => each.worker === worker);
    const limit = this.#governance.workers;
    if (other !== undefined) {
      this.#findings.violate(timeMs, node.id, `starts ${task.id} on worker ${worker}, which runs ${other.task.id}`);
    } else if (task.home === node.id && own.length >= limit) {
      this.#findings.violate(timeMs, node.id, `starts ${task.id}, and all of its ${limit} workers run something`);
    }
    const isOwn = task.home === node.id;
    const stay: Stay = { task, isOwn, fromMs: timeMs, from: this.#events, untilMs: undefined, until: 0 };
    this.#open.set(executionKey(task.id, token), stay);
    const stays = this.#stays.get(node.id) ?? [];
    this.#stays.set(node.id, stays);
    stays.push(stay);
  }

  #ended({ task, token, end, ranMs }: SchedulerEvent & { kind: "ended" }, home: NodeId, timeMs: Millis): void {
    const key = executionKey(task, token);
    const stay = this.#open.get(key);
    if (stay === undefined || stay.task.home !== home) return;
    this.#open.delete(key);
    if (stay.isOwn) {
      stay.untilMs = timeMs;
      stay.until = this.#events;
    } else if (end !== "lost" && end !== "expired" && this.#areClocksRight) {
      // It held them no longer than until the home heard of it, and made room before anything that came after.
      stay.untilMs = Math.min(timeMs, stay.fromMs + ranMs);
      stay.until = 0;
    }
  }

  /** What ran on the node is gone; whether what it ran for others had ended before, nobody knows. */
  #leave(node: NodeId, timeMs: Millis): void {
    for (const stay of this.#stays.get(node) ?? []) {
      if (stay.untilMs !== undefined || !stay.isOwn) continue;
      stay.untilMs = timeMs;
      stay.until = this.#events;
    }
  }

  #judgeCapacity(node: NodeId, stays: readonly Stay[]): void {
    const { capacity } = this.#governance;
    if (capacity === undefined) return;
    const isKnown = (stay: Stay): boolean => stay.isOwn || stay.untilMs !== undefined;
    const changes = stays.filter(isKnown).flatMap((stay) => [
      { ms: stay.fromMs, number: stay.from, stay, begins: true },
      { ms: stay.untilMs ?? Infinity, number: stay.until, stay, begins: false },
    ]);
    changes.sort((a, b) => a.ms - b.ms || a.number - b.number || Number(a.begins) - Number(b.begins));
    const running = new Set<Stay>();
    const left = new Set<Stay>();
    for (const { ms, stay, begins } of changes) {
      if (!begins) {
        running.delete(stay);
        left.add(stay);
        continue;
      }
      // What began and ended at one moment held nothing.
      if (left.has(stay)) continue;
      running.add(stay);
      const held = { cpuMilli: 0, memoryMb: 0 };
      for (const { task } of running) addTo(held, task.accepted);
      const excess = excessOf(held, capacity);
      if (excess === undefined) continue;
      const lines = [...running].map(({ task: { id, accepted }, fromMs }) => {
        const holds = `${accepted?.cpuMilli} thousandths, ${accepted?.memoryMb} MB`;
        return `  ${id} since ${fromMs.toFixed(3)} ms: ${holds}`;
      });
      this.#findings.violate(ms, node, `starts ${stay.task.id}: what it runs holds ${excess}`, lines);
    }
  }
}
