/**
 * The first comparison: no fault, one client, and after every operation the results and the canonical states of all
 * implementations are equal.
 */

import type { Module, Outcome, Substrate } from "../implementations/foundation/deployment.ts";
import { seededRandom } from "../implementations/foundation/prng.ts";
import { checkRows } from "./block-rows.ts";
import { compareSteps } from "./diff/step-by-step.ts";
import type { AnyDeployment, AnyRoom, AnyTypes } from "./rooms/room.ts";
import { implementationOf, roomOf } from "./rooms/rooms.ts";
import type { Stage, StageContext, StageResult } from "./plan/experiment.ts";
import type { Plan } from "./plan/plan.ts";
import { settingsOf } from "./plan/settings-of.ts";

export interface StepStageOptions {
  readonly experiment: string;
  readonly block: number;
  readonly module: Module;
  readonly implementations: readonly string[];
  readonly substrate: Substrate;
  readonly nodes: number;
  readonly steps: number;
  /** Of the implementations, as a plan's. */
  readonly settings?: Plan["settings"];
  readonly seed: string;
  readonly estimateS: number;
}

export interface TakenStep {
  readonly operation: AnyTypes["operation"];
  readonly outcome: Outcome<AnyTypes["result"]>;
  /** The canonical state after the operation; undefined when nobody could tell. */
  readonly state: unknown;
}

const stepLimitMs = 10_000;

/** Returns the stage that takes every implementation through `options.steps` operations and compares each step. */
export function stepStage(options: StepStageOptions): Stage {
  const { steps, nodes, substrate } = options;
  return {
    label: `step by step, ${steps} operations on ${nodes} ${substrate} nodes`,
    seed: options.seed,
    estimateS: options.estimateS,
    run: (context) => compareStepByStep(options, context),
  };
}

async function compareStepByStep(options: StepStageOptions, context: StageContext): Promise<StageResult> {
  const { experiment, block, module, substrate, nodes, seed } = options;
  const room = roomOf(module);
  const operations = room.steps(options.steps, seededRandom(seed).fork("steps"));
  const runs: { implementation: string; steps: readonly TakenStep[] }[] = [];
  for (const [position, name] of options.implementations.entries()) {
    const directory = `${context.workDirectory}/${name}`;
    const settings = settingsOf(name, options.settings ?? {});
    const deployment = await implementationOf(module, name).deploy({ substrate, nodes, seed, directory, settings });
    try {
      runs.push({ implementation: name, steps: await takeSteps(room, deployment, operations) });
    } finally {
      await deployment.stop();
    }
    context.onProgress((position + 1) / options.implementations.length, name);
  }
  const [first, ...others] = runs;
  const result = compareSteps(runs);
  const key = { experiment, block, implementation: first?.implementation ?? "", substrate, nodes, seed };
  const diffs = others.map((other) => ({
    ...key,
    other: other.implementation,
    mode: "step-by-step",
    compared: result.compared,
    divergences: result.divergences.length,
  }));
  const files =
    result.check.counterexample === undefined
      ? []
      : [{ path: `diffs/${experiment}-${block}.txt`, content: `${result.check.counterexample}\n` }];
  const rows = { checks: checkRows(key, [result.check]), diffs };
  const implementations = runs.map(
    ({ implementation }) => ({ name: implementation, status: "sound", voids: [] }) as const,
  );
  return { rows, files, implementations, validity: result.check.validity, summary: result.check.summary };
}

async function takeSteps(
  room: AnyRoom,
  deployment: AnyDeployment,
  operations: readonly AnyTypes["operation"][],
): Promise<TakenStep[]> {
  const steps: TakenStep[] = [];
  for (const [index, operation] of operations.entries()) {
    const request = { session: 0, sequence: index + 1, operation };
    let outcome: Outcome<AnyTypes["result"]> = { kind: "info", code: "REPLY_TIMEOUT" };
    await deployment.run(2 * stepLimitMs, (finish) =>
      deployment.invoke(request, stepLimitMs, (answer) => {
        outcome = answer;
        finish();
      }),
    );
    steps.push({ operation, outcome, state: await room.afterStep(deployment) });
  }
  return steps;
}
