/**
 * Who is asked to make room does so at the next checkpoint: an attempt ends at most that much later, in whatever way.
 * One that was lost is left out: a node that stops in order has given up what runs, and says nothing of it while its
 * disk takes long.
 *
 * Judged of tasks that say how far their checkpoints are apart, while nothing makes clocks or threads stand still, and
 * where events come at the moment they tell of: in the simulated substrate.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings, at } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import { executionKey } from "./observed-tasks.ts";
import type { ObservedTasks } from "./observed-tasks.ts";

const roundingMs: Millis = 0.01;

export class Yields implements TraceCheck {
  readonly #findings: Findings;
  /** By task and token. */
  readonly #askedMs = new Map<string, Millis>();

  constructor(recent: RecentEvents) {
    this.#findings = new Findings("yields", "attempts that were asked to make room", recent);
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind !== "preempting" && event.kind !== "ended") return;
    const { task, token } = event;
    const key = executionKey(task, token);
    if (event.kind === "preempting") {
      if (!this.#askedMs.has(key)) this.#askedMs.set(key, timeMs);
      return;
    }
    const askedMs = this.#askedMs.get(key);
    const body = tasks.offeredAs(task)?.spec.body;
    const checkpointMs = body !== undefined && "checkpointMs" in body ? body.checkpointMs : undefined;
    if (askedMs === undefined || checkpointMs === undefined) return;
    this.#askedMs.delete(key);
    if (event.end === "lost") return;
    this.#findings.judged++;
    if (timeMs - askedMs <= checkpointMs + roundingMs) return;
    const what = `has run ${task} for ${(timeMs - askedMs).toFixed(3)} ms since it asked for room at ${at(askedMs)}`;
    this.#findings.violate(timeMs, node, `${what}, with a checkpoint every ${checkpointMs} ms`);
  }

  result(): CheckResult | undefined {
    return this.#findings.result();
  }
}
