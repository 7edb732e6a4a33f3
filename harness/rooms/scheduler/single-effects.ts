/**
 * Every task has one effect: it is committed at most once over all lives of its home, under the token of an attempt
 * that ended so; no attempt begins at its home after that; and it has one attempt at a time there, so that what an
 * attempt does that is no longer the current one counts for nothing.
 *
 * @see Kleppmann 2016, "How to do distributed locking": what a fencing token is for.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings, at } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { ObservedTask, ObservedTasks } from "./observed-tasks.ts";

export class SingleEffects implements TraceCheck {
  readonly #findings: Findings;

  constructor(recent: RecentEvents) {
    this.#findings = new Findings("effects-once", "tasks with an effect", recent);
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind === "committed") this.#findings.judged++;
    if (event.kind !== "started" && event.kind !== "leased" && event.kind !== "ended" && event.kind !== "committed")
      return;
    const task = tasks.find(event.task);
    const problem = task === undefined || task.home !== node ? undefined : problemOf(task, event);
    if (problem === undefined) return;
    this.#findings.violate(timeMs, node, `${problem}: ${event.task}, token ${event.token}`);
  }

  result(): CheckResult | undefined {
    return this.#findings.result();
  }
}

type Judged = Extract<SchedulerEvent, { readonly kind: "started" | "leased" | "ended" | "committed" }>;

function problemOf({ committed, admitted, ready, lastEnd }: ObservedTask, event: Judged): string | undefined {
  switch (event.kind) {
    case "leased":
    case "started": {
      const what = event.kind === "started" ? "starts" : "leases";
      if (committed !== undefined) return `${what} what it committed at ${at(committed.atMs)}`;
      if (admitted !== undefined) return `${what} what runs already, under token ${admitted.token}`;
      if (ready !== undefined && ready.token !== event.token) return `${what} what waits under token ${ready.token}`;
      return undefined;
    }
    case "ended": {
      if (event.end !== "completed" && event.end !== "threw" && event.end !== "crashed") return undefined;
      if (committed !== undefined)
        return `takes note of an end (${event.end}) of what it committed at ${at(committed.atMs)}`;
      if (admitted?.token === event.token) return undefined;
      const current = admitted?.token ?? ready?.token;
      const which = current === undefined ? "and no attempt is under way" : `and token ${current} is the current one`;
      return `takes note of an end (${event.end}) that it no longer waits for, ${which}`;
    }
    case "committed": {
      if (committed !== undefined) return `commits again what it committed at ${at(committed.atMs)} (${committed.end})`;
      if (event.end === "failed") {
        const isOther = lastEnd?.token === event.token && lastEnd.end === "completed";
        return isOther ? "commits as failed what completed" : undefined;
      }
      if (admitted !== undefined) return `commits as completed what runs under token ${admitted.token}`;
      if (lastEnd?.token === event.token && lastEnd.end === "completed") return undefined;
      const last = lastEnd === undefined ? "had no end" : `ended as ${lastEnd.end} under token ${lastEnd.token}`;
      return `commits as completed what last ${last}`;
    }
  }
}
