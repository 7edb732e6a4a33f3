/**
 * The first comparison: no fault, one client, and after every operation the results and the canonical states of all
 * implementations are equal, on the leader at once and on every node at the end.
 */

import type { Outcome, Substrate } from "../implementations/foundation/deployment.ts";
import { seededRandom } from "../implementations/foundation/prng.ts";
import type {
  ConsensusDeployment,
  ConsensusOperation,
  ConsensusResult,
  ConsensusState,
} from "../implementations/consensus/contract.ts";
import { checkRows } from "./block-rows.ts";
import { consensusImplementation } from "./consensus-implementations.ts";
import { compareSteps } from "./diff/step-by-step.ts";
import type { Stage, StageContext, StageResult } from "./plan/experiment.ts";

export interface StepStageOptions {
  readonly experiment: string;
  readonly block: number;
  readonly implementations: readonly string[];
  readonly substrate: Substrate;
  readonly nodes: number;
  readonly steps: number;
  readonly seed: string;
  readonly estimateS: number;
}

export interface TakenStep {
  readonly operation: ConsensusOperation;
  readonly outcome: Outcome<ConsensusResult>;
  /** The leader's state after the operation. */
  readonly state: ConsensusState | undefined;
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
  const { experiment, block, substrate, nodes, seed } = options;
  const operations = randomOperations(options.steps, seed);
  const runs: { implementation: string; steps: readonly TakenStep[] }[] = [];
  for (const [position, name] of options.implementations.entries()) {
    const directory = `${context.workDirectory}/${name}`;
    const deployment = await consensusImplementation(name).deploy({ substrate, nodes, seed, directory });
    try {
      runs.push({ implementation: name, steps: await takeSteps(deployment, operations) });
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
  deployment: ConsensusDeployment,
  operations: readonly ConsensusOperation[],
): Promise<TakenStep[]> {
  const steps: TakenStep[] = [];
  for (const [index, operation] of operations.entries()) {
    const request = { session: 0, sequence: index + 1, operation };
    let outcome: Outcome<ConsensusResult> = { kind: "info", code: "REPLY_TIMEOUT" };
    await deployment.run(2 * stepLimitMs, (finish) =>
      deployment.invoke(request, stepLimitMs, (answer) => {
        outcome = answer;
        finish();
      }),
    );
    const leader = deployment.leader();
    const state = leader === undefined ? undefined : (await deployment.states()).get(leader);
    steps.push({ operation, outcome, state: state?.kind === "state" ? state.state : undefined });
  }
  return steps;
}

/** Operations over two keys and the list, drawn without looking at results, so every implementation gets the same. */
function randomOperations(count: number, seed: string): ConsensusOperation[] {
  const random = seededRandom(seed).fork("steps");
  return Array.from({ length: count }, (_, index) => {
    const key = `k${random.below(2)}`;
    const value = `v${index}`;
    const guess = `v${Math.max(0, index - 1 - random.below(4))}`;
    const operations: readonly ConsensusOperation[] = [
      { kind: "read", key },
      { kind: "write", key, value },
      { kind: "cas", key, from: random.below(8) === 0 ? null : guess, to: value },
      { kind: "append", value },
    ];
    return operations[random.below(operations.length)] ?? { kind: "read", key };
  });
}
