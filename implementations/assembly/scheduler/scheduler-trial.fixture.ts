/** Drives a scheduler's deployment by hand, for tests: operations one after the other, faults in between. */

import assert from "node:assert/strict";
import type { DeployOptions, Outcome, Traced } from "../../foundation/deployment.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type {
  EndedTask,
  SchedulerDeployment,
  SchedulerEvent,
  SchedulerImplementation,
  SchedulerOperation,
  SchedulerResult,
  TaskSpec,
  TaskStatus,
} from "../../scheduler/contract.ts";
import { untilHolds } from "../until.fixture.ts";

const mostRefusals = 20;

export class SchedulerTrial {
  readonly deployment: SchedulerDeployment;
  /** Everything that was traced so far. */
  readonly events: Traced<SchedulerEvent>[] = [];
  /** How much longer than in virtual time things may take that have to happen: real machines are busy. */
  readonly #patience: number;
  #sequence = 0;

  constructor(deployment: SchedulerDeployment) {
    this.deployment = deployment;
    this.#patience = deployment.clock === nodeClock ? 5 : 1;
    deployment.observe((traced) => this.events.push(traced));
  }

  static async begin(
    implementation: SchedulerImplementation,
    options: Partial<DeployOptions>,
  ): Promise<SchedulerTrial> {
    const defaults = { substrate: "simulated", nodes: 1, seed: "trial", directory: "/nowhere" } as const;
    return new SchedulerTrial(await implementation.deploy({ ...defaults, ...options }));
  }

  /** Begins an operation under a request identity of its own. */
  start(operation: SchedulerOperation, deadlineMs: number, done: (outcome: Outcome<SchedulerResult>) => void): void {
    this.deployment.invoke({ session: 0, sequence: ++this.#sequence, operation }, deadlineMs, done);
  }

  async invoke(operation: SchedulerOperation, deadlineMs = 5000 * this.#patience): Promise<Outcome<SchedulerResult>> {
    let answer: Outcome<SchedulerResult> | undefined;
    await this.deployment.run(deadlineMs + 1000, (finish) => {
      this.start(operation, deadlineMs, (outcome) => {
        answer = outcome;
        finish();
      });
    });
    assert.ok(answer !== undefined, "an operation ends by its deadline");
    return answer;
  }

  submit(...tasks: TaskSpec[]): Promise<Outcome<SchedulerResult>> {
    return this.invoke({ kind: "submit", tasks, untilEnded: false });
  }

  /** @returns how all of `tasks` ended, in their order. */
  async ends(...tasks: TaskSpec[]): Promise<readonly EndedTask[]> {
    return endedOf(await this.invoke({ kind: "submit", tasks, untilEnded: true }));
  }

  async waitFor(...tasks: string[]): Promise<readonly EndedTask[]> {
    return endedOf(await this.invoke({ kind: "wait", tasks }));
  }

  /** @returns the code and the reason of a refusal. */
  async refusal(tasks: readonly unknown[]): Promise<{ readonly code: string; readonly reason: string }> {
    const operation = { kind: "submit", tasks: tasks as readonly TaskSpec[], untilEnded: false } as const;
    let outcome = await this.invoke(operation);
    // On a busy machine the first answer may be late, and that a copy was refused says nothing of the first.
    for (let again = 0; outcome.kind === "info" && again < mostRefusals; again++) {
      outcome = await this.invoke(operation);
    }
    assert.ok(outcome.kind === "fail", `refused for good, not ${JSON.stringify(outcome)}`);
    assert.ok(outcome.reason !== undefined, "a refusal has a reason");
    return { code: outcome.code, reason: outcome.reason };
  }

  async status(task: string): Promise<TaskStatus | null> {
    const outcome = await this.invoke({ kind: "status", task });
    assert.ok(outcome.kind === "ok" && outcome.result.kind === "status", "a status is told");
    return outcome.result.status;
  }

  /** The tasks whose attempts started, in that order. */
  get started(): readonly string[] {
    return this.events.flatMap(({ event }) => (event.kind === "started" ? [event.task] : []));
  }

  /** Lets `ms` of the deployment's time pass. */
  async pass(ms: number): Promise<void> {
    await this.deployment.run(ms, () => undefined);
  }

  /** Drives the deployment until `condition` holds; it fails after `limitMs` of the deployment's time. */
  until(what: string, condition: () => boolean | Promise<boolean>, limitMs = 20_000 * this.#patience): Promise<void> {
    return untilHolds(this.deployment, what, condition, limitMs);
  }
}

function endedOf(outcome: Outcome<SchedulerResult>): readonly EndedTask[] {
  assert.equal(outcome.kind, "ok", JSON.stringify(outcome));
  assert.ok(outcome.kind === "ok" && outcome.result.kind !== "status");
  return outcome.result.ended;
}
