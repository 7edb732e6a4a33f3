/**
 * A stage made of runs: the same plan for every implementation, in an order drawn for the stage, with the probes' and
 * tables' rows of each and, where states must agree, their comparison at rest.
 *
 * A series is a stage of several plans that differ in one thing (the size of the cluster, the number of clients), so
 * that what they are compared by is measured in one block: in the same minutes, on the same machine. Each plan still
 * gets fresh processes.
 *
 * No performance number without correctness: a block whose checks fail yields its checks, its faults and a capsule that
 * replays it, and no measurement. Where a documented tradeoff says that a run must go wrong (minimal loses its memory),
 * the stage expects it, and the claim asserts it in both directions. An implementation that is not installed is left
 * out and the record says what to install; the others run.
 */

import path from "node:path";
import type { Substrate } from "../implementations/foundation/deployment.ts";
import { StageOutcome } from "./block-outcome.ts";
import type { MeasuredVariants } from "./block-outcome.ts";
import { measurementRows } from "./block-rows.ts";
import { worstOf } from "./check/verdict.ts";
import { compareAtRest } from "./diff/at-rest.ts";
import { blockOrder } from "./measure/abba.ts";
import type { Measurement, Probe } from "./measure/probes.ts";
import type { TimelineProbe } from "./measure/timeline-probes.ts";
import type { Stage, StageContext, StageResult } from "./plan/experiment.ts";
import type { Plan } from "./plan/plan.ts";
import { implementationOf, roomOf, missingImplementations } from "./rooms/rooms.ts";
import { runBlock } from "./run-block.ts";

export interface BlockStageOptions {
  readonly experiment: string;
  readonly block: number;
  readonly label: string;
  /** Names of implementations. */
  readonly implementations: readonly string[];
  readonly substrate: Substrate;
  readonly plan: Plan;
  readonly estimateS: number;
  readonly probes?: readonly Probe[];
  /** What is kept of each node as the load goes on. */
  readonly timeline?: readonly TimelineProbe[];
  /** Which tables get rows besides checks, faults and elections. */
  readonly measures?: readonly ("latency" | "throughput")[];
  /** Also one throughput row per window of this length. */
  readonly windowS?: number;
  /** Whether the implementations' final states must be one state. */
  readonly compareAtRest?: boolean;
  /** Whether `implementation`'s run must go wrong, as a documented tradeoff says. */
  readonly mustFail?: (implementation: string) => boolean;
  readonly sampleResources?: boolean;
  /** Keeps the history as a file of the results. */
  readonly keepHistory?: boolean;
}

/** One plan of a series. */
export interface Variant {
  /** What tells it from the others: "5-nodes"; its measurements are named METRIC@NAME. */
  readonly name: string;
  readonly plan: Plan;
  /** Those that run it; all of the series unless it is said. A yardstick may be of another module than the rest. */
  readonly implementations?: readonly string[];
}

export interface SeriesStageOptions extends Omit<BlockStageOptions, "plan" | "compareAtRest"> {
  readonly seed: string;
  readonly variants: readonly Variant[];
  /** What the probes of one implementation's variants say together: a ratio, a difference. */
  readonly relate?: (measured: MeasuredVariants) => readonly Measurement[];
}

/** Returns the stage that runs one plan. */
export function blockStage(options: BlockStageOptions): Stage {
  const { label, plan, estimateS } = options;
  const variants = [{ name: "", plan }];
  return { label, seed: plan.seed, estimateS, run: (context) => runStage({ ...options, variants }, context) };
}

/** Returns the stage that runs every variant, in an order drawn for it. */
export function seriesStage(options: SeriesStageOptions): Stage {
  const { label, seed, estimateS, block, variants } = options;
  const order = blockOrder(
    `${seed}/variants`,
    block,
    variants.map(({ name }) => name),
  );
  const ordered = order.flatMap((wanted) => variants.filter(({ name }) => name === wanted));
  return { label, seed, estimateS, run: (context) => runStage({ ...options, variants: ordered }, context) };
}

type RunOptions = Omit<BlockStageOptions, "plan"> & Pick<SeriesStageOptions, "variants" | "relate">;

async function runStage(options: RunOptions, context: StageContext): Promise<StageResult> {
  const { experiment, block, variants, implementations } = options;
  const outcome = new StageOutcome(options);
  const missing = new Map<string, string>();
  for (const { plan, implementations: own = implementations } of variants) {
    for (const [name, reason] of await missingImplementations(plan.module, own)) missing.set(name, reason);
  }
  for (const [name, reason] of missing) outcome.notInstalled(name, reason);
  // Those that are here keep the order they would have had with the others among them.
  const runs = variants.flatMap(({ name, plan, implementations: own = implementations }) =>
    blockOrder(plan.seed, block, own)
      .filter((each) => !missing.has(each))
      .map((implementation) => ({ name, plan, implementation })),
  );
  for (const { name, plan } of variants) {
    const suffix = name === "" ? "" : `-${name}`;
    const content = `${JSON.stringify(plan, undefined, 2)}\n`;
    outcome.files.push({ path: `plans/${experiment}-${block}${suffix}.json`, content });
  }
  for (const [position, run] of runs.entries()) {
    const implementation = implementationOf(run.plan.module, run.implementation);
    const text = run.name === "" ? run.implementation : `${run.implementation}, ${run.name}`;
    const record = await runBlock({
      implementation,
      substrate: options.substrate,
      plan: run.plan,
      directory: path.join(context.workDirectory, run.name, run.implementation),
      signal: context.signal,
      keepTrace: (options.probes ?? []).length + (options.timeline ?? []).length > 0,
      sampleResources: options.sampleResources ?? false,
      onProgress: (fraction) => context.onProgress((position + fraction) / runs.length, text),
    });
    outcome.add(record, run.name);
  }
  relate(options, outcome);
  return resultOf(options, outcome);
}

function resultOf(options: RunOptions, outcome: StageOutcome): StageResult {
  const { rows, files, implementations, validities, troubles, blocks } = outcome;
  const voids = blocks.filter(({ isVoid }) => isVoid).length;
  if (options.compareAtRest === true && voids === 0 && blocks.length > 1) compareStates(options, outcome);
  const validity = voids === blocks.length ? "void" : worstOf(validities);
  const summary = troubles.join("; ") || blocks.map((block) => block.summary).join("; ");
  return { rows, files, implementations, validity, summary };
}

/** What needs several runs is measured only where all of them were sound. */
function relate({ variants, relate: related }: RunOptions, outcome: StageOutcome): void {
  if (related === undefined) return;
  for (const [implementation, measured] of outcome.measured) {
    // Of no variant in particular: the row goes under the smallest cluster, whatever the order was.
    const [first] = outcome.blocks
      .filter(({ key }) => key.implementation === implementation)
      .toSorted((a, b) => a.key.nodes - b.key.nodes);
    const own = variants.filter((each) => each.implementations?.includes(implementation) !== false);
    if (first === undefined || measured.size < own.length) continue;
    outcome.addRows("measurements", measurementRows(first.key, related(measured)));
  }
}

function compareStates({ variants }: RunOptions, outcome: StageOutcome): void {
  const [first, ...others] = outcome.blocks;
  const room = roomOf(variants[0]?.plan.module ?? "consensus");
  const { check, compared, divergences } = compareAtRest(
    outcome.blocks.map(({ key, states }) => ({ implementation: key.implementation, states: room.atRest(states) })),
  );
  outcome.validities.push(check.validity);
  if (check.validity !== "valid") outcome.troubles.push(check.summary);
  if (first === undefined) return;
  for (const { key } of others) {
    const counts = { compared, divergences: divergences.length };
    outcome.addRows("diffs", [{ ...first.key, other: key.implementation, mode: "at-rest", ...counts }]);
  }
}
