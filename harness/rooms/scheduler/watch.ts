/**
 * Watches a run of a scheduler in its trace: the order of starts, dependencies, that no task is lost, kept waiting for
 * nothing or effective twice, quotas and shares. Each check has a file of its own.
 *
 * Order, quotas, shares and progress are judged in the simulated substrate, where an event comes at the moment it tells
 * of; on real threads a start is reported after it was made. That every task ends is judged by the trace unless
 * processes were killed that could not tell everything; the final states are judged in any case (judge.ts).
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import { faultKinds } from "../../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import type {
  SchedulerEvent,
  SchedulerOperation,
  SchedulerResult,
} from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import type { StruckFault } from "../../nemesis/nemesis.ts";
import type { Watch, WatchOptions } from "../room.ts";
import { AttemptsCounted } from "./attempts-counted.ts";
import { Deadlines } from "./deadlines.ts";
import { DependencyOrder } from "./dependency-order.ts";
import { DurableAnswers } from "./durable-answers.ts";
import { Fairness } from "./fairness.ts";
import { RecentEvents } from "./findings.ts";
import type { TraceCheck } from "./findings.ts";
import { governanceOf } from "./governance.ts";
import { Lanes } from "./lanes.ts";
import { ObservedTasks } from "./observed-tasks.ts";
import { PriorityOrder } from "./priority-order.ts";
import { Progress } from "./progress.ts";
import { QueueLimit } from "./queue-limit.ts";
import { Quotas } from "./quotas.ts";
import type { SchedulerTypes } from "./room.ts";
import { SingleEffects } from "./single-effects.ts";
import { SingleStarts } from "./single-starts.ts";
import { SubmissionOrder } from "./submission-order.ts";
import { TaskEnds } from "./task-ends.ts";
import { Yields } from "./yields.ts";

const clockKinds: ReadonlySet<FaultKind> = new Set<FaultKind>(faultKinds.clock);
const silencing: ReadonlySet<FaultKind> = new Set(["kill", "crash-loop", "wipe", "lost-sync", "torn-write"]);

export class SchedulerWatch implements Watch {
  readonly #tasks: ObservedTasks;
  readonly #recent = new RecentEvents();
  readonly #ends: TaskEnds;
  readonly #progress: Progress;
  readonly #attempts: AttemptsCounted;
  readonly #order: SubmissionOrder;
  readonly #starts: SingleStarts;
  readonly #answers: DurableAnswers;
  readonly #limit: QueueLimit;
  readonly #checks: readonly TraceCheck[];

  constructor({ deployment, implementation, substrate, plan }: WatchOptions<SchedulerTypes>) {
    const isExact = substrate === "simulated";
    const governance = governanceOf(plan, implementation);
    const { id, tasks } = plan.workload;
    const mayExpire = id !== "confluent" && (tasks.deadlineFraction ?? 0) > 0;
    this.#tasks = new ObservedTasks(implementation.durable, mayExpire);
    this.#attempts = new AttemptsCounted(implementation.durable, this.#recent);
    this.#order = new SubmissionOrder(governance, this.#recent);
    this.#starts = new SingleStarts(implementation.durable, isExact, this.#recent);
    this.#ends = new TaskEnds(this.#recent);
    this.#progress = new Progress(governance, this.#recent);
    this.#answers = new DurableAnswers(this.#recent);
    this.#limit = new QueueLimit(governance, this.#recent);
    const tellsAll = isExact || !plan.faults.some(({ kind }) => silencing.has(kind));
    const areClocksRight = !plan.faults.some(({ kind }) => clockKinds.has(kind) || kind === "pause");
    const doThreadsRun = !plan.faults.some(({ kind }) => kind === "thread-stall");
    const exact = [
      new PriorityOrder(governance, areClocksRight, this.#recent),
      new Quotas(governance, areClocksRight, this.#recent),
      new Fairness(governance, areClocksRight),
      this.#progress,
      ...(implementation.durable ? [this.#answers, this.#limit] : []),
      ...(areClocksRight ? [new Deadlines(this.#recent), this.#order] : []),
      ...(areClocksRight && doThreadsRun ? [new Yields(this.#recent)] : []),
    ];
    this.#checks = [
      new DependencyOrder(isExact, this.#recent),
      new SingleEffects(this.#recent),
      this.#starts,
      ...(implementation.abilities.has("affinity") ? [new Lanes(governance, this.#recent)] : []),
      ...(tellsAll ? [this.#ends, this.#attempts] : []),
      ...(isExact ? exact : []),
    ];
    if (implementation.tracesTasks) deployment.observe((traced) => this.observe(traced));
    else this.#checks = [];
  }

  observe(traced: Traced<SchedulerEvent>): void {
    for (const check of this.#checks) check.observe(traced, this.#tasks);
    this.#tasks.observe(traced);
    this.#recent.add(traced);
  }

  offered(operation: SchedulerOperation, atMs: Millis): void {
    if (operation.kind === "submit") this.#tasks.offer(operation.tasks, atMs);
  }

  answered(operation: SchedulerOperation, result: SchedulerResult, atMs: Millis): void {
    this.#answers.answered(operation, result, atMs, this.#tasks);
  }

  struck({ spec, nodes }: StruckFault): void {
    for (const node of spec.kind === "wipe" ? nodes : []) {
      this.#tasks.lost(node);
      this.#attempts.lost(node);
      this.#order.lost(node);
      this.#starts.lost();
      this.#answers.lost();
      this.#limit.lost(node);
    }
    this.#ends.struck();
    this.#progress.struck();
  }

  ended(_fault: StruckFault, atMs: Millis): void {
    this.#ends.healed(atMs);
    this.#progress.healed(atMs);
  }

  elections(): readonly [] {
    return [];
  }

  results(nowMs: Millis): readonly CheckResult[] {
    return this.#checks.flatMap((check) => check.result(nowMs, this.#tasks) ?? []);
  }
}
