/**
 * A task waits in the lane that was asked for, modulo the workers, or in the one that all workers share; and there it
 * starts, on the lane's own worker, unless it was stolen. What is shared is never in a lane, so nobody steals it.
 *
 * Judged at the home of a task: another node that executes it has lanes of its own.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import type { Governance } from "./governance.ts";
import type { ObservedTasks } from "./observed-tasks.ts";

const sharedLane = -1;

export class Lanes implements TraceCheck {
  readonly #governance: Governance;
  readonly #findings: Findings;

  constructor(governance: Governance, recent: RecentEvents) {
    this.#governance = governance;
    this.#findings = new Findings("lanes", "tasks accepted or started", recent);
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>, tasks: ObservedTasks): void {
    if (event.kind !== "accepted" && event.kind !== "started") return;
    const offered = tasks.offeredAs(event.task);
    const isForeign = event.kind === "started" && tasks.find(event.task)?.home !== node;
    if (offered === undefined || isForeign) return;
    this.#findings.judged++;
    const { affinity } = offered.spec;
    const { workers, lanes, isStealing } = this.#governance;
    const wanted = affinity === undefined ? sharedLane : affinity % lanes;
    if (event.kind === "accepted") {
      if (event.lane === wanted) return;
      this.#findings.violate(timeMs, node, `accepts ${event.task} for lane ${event.lane}, wanted ${wanted}`);
      return;
    }
    const { task, lane, worker } = event;
    const mayBeStolen = isStealing && wanted !== sharedLane && lane !== sharedLane;
    if (mayBeStolen || (lane === wanted && (lane === sharedLane || lane % workers === worker))) return;
    this.#findings.violate(timeMs, node, `starts ${task} from lane ${lane} on worker ${worker}, wanted lane ${wanted}`);
  }

  result(): CheckResult | undefined {
    return this.#findings.result();
  }
}
