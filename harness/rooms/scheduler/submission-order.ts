/**
 * The rank of a task is its priority's and its age's, and the order that of the submissions, over all lives of its
 * home.
 *
 * With ageing the rank says when the task was accepted, on the home's clock: (rank + priority) * ageingMs. That moment
 * lies between the client's first request and the home's telling of it, both on the driver's clock. So every task says
 * between which bounds the two clocks differ, and all of one life have to agree. After a restart ages go on where they
 * were: who was submitted later is not older, and between those of before nothing has changed.
 *
 * A home tells of tasks in the order in which it accepted them, and when it tells again after a crash a task has the
 * number that it had.
 *
 * Judged where clocks are right and events come at the moment they tell of: in the simulated substrate.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { Governance } from "./governance.ts";
import type { ObservedTasks } from "./observed-tasks.ts";

const roundingMs: Millis = 0.01;

interface Aged {
  readonly task: string;
  readonly order: number;
  /** When it was accepted, on the home's clock. */
  readonly acceptedMs: Millis;
}

interface Life {
  readonly sinceMs: Millis;
  lastOrder: number;
  /** By how much the home's clock is ahead of the driver's. */
  leastAheadMs: Millis;
  mostAheadMs: Millis;
  /** In their order. */
  readonly aged: Aged[];
  /** By task: when it was accepted, on the clock of the life before. */
  readonly before: ReadonlyMap<string, Millis>;
  /** By how much this clock is ahead of that one. */
  shiftMs: Millis | undefined;
}

type Of<Kind extends SchedulerEvent["kind"]> = Extract<SchedulerEvent, { readonly kind: Kind }>;

export class SubmissionOrder implements TraceCheck {
  readonly #ageingMs: Millis;
  readonly #findings: Findings;
  readonly #lives = new Map<NodeId, Life>();
  readonly #acceptedMs = new Map<string, Millis>();

  constructor({ ageingMs }: Governance, recent: RecentEvents) {
    this.#ageingMs = ageingMs;
    this.#findings = new Findings("submission-order", "tasks accepted or ready", recent);
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind === "damage") this.#lives.delete(node);
    if (event.kind === "start") this.#begin(node, timeMs);
    const life = this.#lifeOf(node, timeMs);
    let problem: string | undefined;
    if (event.kind === "accepted") problem = this.#accepted(life, event, tasks, timeMs);
    else if (event.kind === "ready") problem = this.#ready(life, event, tasks);
    if (problem !== undefined) this.#findings.violate(timeMs, node, problem);
  }

  /** The node's disk is gone. */
  lost(node: NodeId): void {
    this.#lives.delete(node);
  }

  result(): CheckResult | undefined {
    return this.#findings.result();
  }

  #accepted(life: Life, { task, order }: Of<"accepted">, tasks: ObservedTasks, timeMs: Millis): string | undefined {
    this.#findings.judged++;
    const { lastOrder } = life;
    life.lastOrder = order;
    this.#acceptedMs.set(task, timeMs);
    const before = tasks.find(task)?.accepted;
    if (before !== undefined && before.order !== order) {
      return `accepts ${task} as number ${order}, which was number ${before.order}`;
    }
    return order > lastOrder ? undefined : `accepts ${task} as number ${order}, after number ${lastOrder}`;
  }

  #ready(life: Life, { task, rank }: Of<"ready">, tasks: ObservedTasks): string | undefined {
    const accepted = tasks.find(task)?.accepted;
    const offered = tasks.offeredAs(task);
    if (accepted === undefined || offered === undefined || this.#ageingMs === 0) return undefined;
    this.#findings.judged++;
    const { order, priority } = accepted;
    const what = `ranks ${task} (number ${order}) at ${rank}, whose priority is ${priority}`;
    const acceptedMs = (rank + priority) * this.#ageingMs;
    const passed = enter(life.aged, { task, order, acceptedMs });
    if (passed !== undefined) return `${what}: its age does not fit that of ${passed.task} (number ${passed.order})`;
    const beforeMs = life.before.get(task);
    if (beforeMs !== undefined) {
      life.shiftMs ??= acceptedMs - beforeMs;
      const isSame = Math.abs(acceptedMs - beforeMs - life.shiftMs) <= roundingMs;
      if (!isSame) return `${what}: it is not as much older or younger than others as before the restart`;
    }
    // It may be of an earlier life.
    if (offered.atMs < life.sinceMs) return undefined;
    const leastMs = acceptedMs - (this.#acceptedMs.get(task) ?? Infinity);
    const mostMs = acceptedMs - offered.atMs;
    const isRight = leastMs <= life.mostAheadMs + roundingMs && mostMs >= life.leastAheadMs - roundingMs;
    life.leastAheadMs = Math.max(life.leastAheadMs, leastMs);
    life.mostAheadMs = Math.min(life.mostAheadMs, mostMs);
    if (isRight) return undefined;
    return `${what}: it was asked for at ${offered.atMs.toFixed(3)} ms, and others say when that is on this node's clock`;
  }

  #begin(node: NodeId, sinceMs: Millis): Life {
    const aged = this.#lives.get(node)?.aged ?? [];
    const before = new Map(aged.map(({ task, acceptedMs }) => [task, acceptedMs]));
    const unknown = { leastAheadMs: -Infinity, mostAheadMs: Infinity, shiftMs: undefined };
    const life: Life = { sinceMs, lastOrder: -1, aged: [], before, ...unknown };
    this.#lives.set(node, life);
    return life;
  }

  #lifeOf(node: NodeId, sinceMs: Millis): Life {
    const known = this.#lives.get(node);
    if (known !== undefined) return known;
    return this.#begin(node, sinceMs);
  }
}

/** Puts it in its place in the order; returns one with whose age its own cannot be. */
function enter(aged: Aged[], one: Aged): Aged | undefined {
  let at = aged.length;
  while (at > 0 && aged[at - 1]!.order > one.order) at--;
  const before = aged[at - 1];
  const after = aged[at];
  if (before?.order === one.order) {
    return Math.abs(before.acceptedMs - one.acceptedMs) > roundingMs ? before : undefined;
  }
  aged.splice(at, 0, one);
  if (before !== undefined && before.acceptedMs > one.acceptedMs + roundingMs) return before;
  return after !== undefined && after.acceptedMs < one.acceptedMs - roundingMs ? after : undefined;
}
