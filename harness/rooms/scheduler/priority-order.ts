/**
 * C-SCH-1: of the ready tasks of one tenant and one lane of a node, the one with the lowest rank starts first, and of
 * equal rank the one submitted first.
 *
 * When a task leaves its home's queue, no other one of its tenant and lane may be left waiting that comes before it and
 * would have fitted: into what is left of the tenant's quota and, unless another node executes it, of the node's
 * capacity. What a node still holds for an attempt that nobody waits for any more is not known; it is counted as held,
 * so a start is rather not judged than judged wrongly.
 *
 * Judged where events come at the moment they tell of: in the simulated substrate.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Resources, SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { Governance } from "./governance.ts";
import type { ObservedNode, ObservedTask, ObservedTasks } from "./observed-tasks.ts";
import { addTo } from "./resources.ts";

export class PriorityOrder implements TraceCheck {
  readonly #governance: Governance;
  readonly #findings: Findings;
  /** Starts at which another task of the same queue was waiting. */
  #choices = 0;

  constructor(governance: Governance, recent: RecentEvents) {
    this.#governance = governance;
    this.#findings = new Findings("priority-order", "starts", recent);
  }

  observe({ timeMs, node: id, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind !== "started" && event.kind !== "leased") return;
    const task = tasks.find(event.task);
    if (task?.home !== id || task.ready?.token !== event.token || task.accepted === undefined) return;
    const node = tasks.nodeOf(id);
    this.#findings.judged++;
    const rivals = [...node.ready].filter((other) => other !== task && isSameQueue(other, task));
    if (rivals.length > 0) this.#choices++;
    const isHere = event.kind === "started";
    const passed = rivals.filter((other) => isBefore(other, task)).find((other) => this.#fits(other, node, isHere));
    if (passed === undefined) return;
    const since = `ready since ${passed.ready!.sinceMs.toFixed(3)} ms`;
    this.#findings.violate(
      timeMs,
      id,
      `${isHere ? "starts" : "leases"} ${named(task)}, though ${named(passed)} is ${since} and would have fitted`,
    );
  }

  result(): CheckResult | undefined {
    return this.#findings.result(`, ${this.#choices} of them with others waiting`);
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
