/**
 * Attempts that throw or end their thread are counted, over all lives of a task's home: a task that fails for that
 * reason had `maxAttempts` of them, one that completes had fewer.
 *
 * What a home has told of an attempt's end may not be durable yet, so a crash may take it away. The journal keeps
 * order: once an end is committed, every failure that was told before that end is durable too. Of the others it is not
 * known after a crash whether they count, so there are bounds: those that count for certain, and all that were told.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { NodeId } from "../../../implementations/foundation/units.ts";
import { defaultAttempts } from "../../../implementations/scheduler/contract.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { ObservedTasks } from "./observed-tasks.ts";

interface Count {
  least: number;
  most: number;
}

interface Told {
  readonly task: string;
  readonly isFailure: boolean;
}

interface Home {
  readonly counts: Map<string, Count>;
  /** Ends that were told in this life and may not be durable, in order. */
  told: Told[];
}

export class AttemptsCounted implements TraceCheck {
  readonly #isDurable: boolean;
  readonly #findings: Findings;
  readonly #homes = new Map<NodeId, Home>();

  constructor(isDurable: boolean, recent: RecentEvents) {
    this.#isDurable = isDurable;
    this.#findings = new Findings("attempts-counted", "tasks that had attempts", recent);
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    switch (event.kind) {
      case "start":
      case "stop":
        return this.#forget(node);
      case "damage":
        this.#homes.delete(node);
        return;
      case "ended": {
        const problem = this.#ended(this.#homeOf(node), event, tasks);
        if (problem !== undefined) this.#findings.violate(timeMs, node, problem);
        return;
      }
      case "committed": {
        const problem = this.#committed(this.#homeOf(node), event, tasks);
        if (problem !== undefined) this.#findings.violate(timeMs, node, problem);
        return;
      }
      default:
    }
  }

  /** The node's disk is gone. */
  lost(node: NodeId): void {
    this.#homes.delete(node);
  }

  result(): CheckResult | undefined {
    return this.#findings.result();
  }

  #ended(home: Home, event: Extract<SchedulerEvent, { kind: "ended" }>, tasks: ObservedTasks): string | undefined {
    const { task, end } = event;
    const isFailure = end === "threw" || end === "crashed";
    if (!isFailure && end !== "completed") return undefined;
    home.told.push({ task, isFailure });
    if (!isFailure) return undefined;
    const count = home.counts.get(task) ?? { least: 0, most: 0 };
    home.counts.set(task, count);
    count.least++;
    count.most++;
    const allowed = allowedOf(task, tasks);
    if (allowed === undefined || count.least <= allowed) return undefined;
    return `counts ${count.least} failed attempts of ${task}, though ${allowed} are allowed`;
  }

  #committed(home: Home, event: Extract<SchedulerEvent, { kind: "committed" }>, tasks: ObservedTasks) {
    const { task, end } = event;
    home.told = home.told.slice(home.told.findLastIndex((each) => each.task === task) + 1);
    const count = home.counts.get(task) ?? { least: 0, most: 0 };
    home.counts.delete(task);
    const offered = tasks.offeredAs(task);
    const allowed = allowedOf(task, tasks);
    if (offered === undefined || allowed === undefined) return undefined;
    if (end === "completed") {
      this.#findings.judged++;
      if (count.least < allowed) return undefined;
      return `commits ${task} as completed after ${count.least} attempts failed, though ${allowed} are allowed`;
    }
    // Without an attempt, or without one in this life (token 0: a dependency's end was lost in a crash, and it failed
    // when it ran again), a dependency had failed; with a deadline, that may have passed.
    if (count.most === 0 || event.token === 0 || offered.spec.deadlineMs !== undefined) return undefined;
    this.#findings.judged++;
    if (count.most >= allowed) return undefined;
    return `commits ${task} as failed after ${count.most} attempts failed, though ${allowed} are allowed`;
  }

  #homeOf(node: NodeId): Home {
    const known = this.#homes.get(node);
    if (known !== undefined) return known;
    const home: Home = { counts: new Map(), told: [] };
    this.#homes.set(node, home);
    return home;
  }

  /** The node's process is gone: what was not durable yet may be forgotten. */
  #forget(node: NodeId): void {
    if (!this.#isDurable) this.#homes.delete(node);
    const home = this.#homes.get(node);
    if (home === undefined) return;
    for (const { task, isFailure } of home.told) {
      const count = home.counts.get(task);
      if (isFailure && count !== undefined) count.least--;
    }
    home.told = [];
  }
}

function allowedOf(task: string, tasks: ObservedTasks): number | undefined {
  const offered = tasks.offeredAs(task);
  return offered === undefined ? undefined : (offered.spec.maxAttempts ?? defaultAttempts);
}
