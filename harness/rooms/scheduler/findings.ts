/** What one check found in a trace: how much it judged, and the first violations with the events before them. */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { describeEvent } from "./describe-event.ts";
import type { ObservedTasks } from "./observed-tasks.ts";

/** One property, judged event by event. */
export interface TraceCheck {
  /** Sees an event before `tasks` takes it in. */
  observe(traced: Traced<SchedulerEvent>, tasks: ObservedTasks): void;
  /** undefined when there was nothing to judge. */
  result(nowMs: Millis, tasks: ObservedTasks): CheckResult | undefined;
}

const keptEvents = 12;
const shownViolations = 3;

/** The newest events of the whole deployment. */
export class RecentEvents {
  readonly #events: Traced<SchedulerEvent>[] = [];
  #next = 0;

  add(traced: Traced<SchedulerEvent>): void {
    this.#events[this.#next] = traced;
    this.#next = (this.#next + 1) % keptEvents;
  }

  lines(): readonly string[] {
    const inOrder = [...this.#events.slice(this.#next), ...this.#events.slice(0, this.#next)];
    return inOrder.map(({ timeMs, node, event }) => `  ${at(timeMs).padStart(16)}  ${node}  ${describeEvent(event)}`);
  }
}

export class Findings {
  readonly #id: string;
  readonly #unit: string;
  readonly #recent: RecentEvents;
  readonly #shown: string[] = [];
  #first: string | undefined;
  #violations = 0;
  judged = 0;

  constructor(id: string, unit: string, recent: RecentEvents) {
    this.#id = id;
    this.#unit = unit;
    this.#recent = recent;
  }

  get isBroken(): boolean {
    return this.#violations > 0;
  }

  /** @param lines what led to it; the newest events of the deployment unless it is said. */
  violate(timeMs: Millis, node: NodeId, message: string, lines = this.#recent.lines()): void {
    this.#violations++;
    const line = `${at(timeMs)}: ${node} ${message}`;
    this.#first ??= line;
    if (this.#shown.length >= shownViolations) return;
    this.#shown.push([line, ...(lines.length === 0 ? [] : ["Before it:"]), ...lines].join("\n"));
  }

  /** @param more what else the summary of a valid run says. */
  result(more = ""): CheckResult | undefined {
    const common = { id: this.#id, count: this.judged, unit: this.#unit } as const;
    if (this.#first !== undefined) {
      const others = this.#violations - this.#shown.length;
      const counterexample = [...this.#shown, ...(others > 0 ? [`and ${others} more`] : [])].join("\n");
      return { ...common, validity: "invalid", summary: this.#first, counterexample };
    }
    if (this.judged === 0) return undefined;
    return { ...common, validity: "valid", summary: `${this.judged} ${this.#unit}${more}` };
  }
}

/** Returns "12.345 ms". */
export function at(timeMs: Millis): string {
  return `${timeMs.toFixed(3)} ms`;
}
