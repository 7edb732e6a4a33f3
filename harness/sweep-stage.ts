/**
 * A stage that sweeps many seeds through the simulator, each with its own random mix of faults, and adds their verdicts
 * up. The first seed that goes wrong leaves a capsule and its history.
 */

import type { Module } from "../implementations/foundation/deployment.ts";
import type { FaultKind } from "../implementations/foundation/faults.ts";
import { checkRows, blockKey } from "./block-rows.ts";
import { encodeCapsule } from "./capsule/capsule.ts";
import type { CheckResult } from "./check/verdict.ts";
import { worstOf } from "./check/verdict.ts";
import { encodeNdjson } from "./history/recorder.ts";
import type { Stage, StageContext, StageFile, StageResult } from "./plan/experiment.ts";
import type { Row } from "./record/tables.ts";
import type { AnyTypes, SweepPlan } from "./rooms/room.ts";
import { implementationOf, roomOf } from "./rooms/rooms.ts";
import { runBlock } from "./run-block.ts";
import type { BlockRecord } from "./run-block.ts";

export interface SweepOptions {
  readonly experiment: string;
  readonly block: number;
  readonly module: Module;
  readonly implementation: string;
  /** Faults the schedules draw from. */
  readonly kinds: readonly FaultKind[];
  readonly seed: string;
  readonly runs: number;
  readonly estimateS: number;
  /** The plan of a seed; by default one of the module's short random runs. */
  readonly plan?: SweepPlan<AnyTypes>;
  /** What the runs are, after their number; "under random faults" by default. */
  readonly label?: string;
  /**
   * The check that must fail in some run, as the documentation says; all others must hold. The sweep ends with the
   * first run that shows it.
   */
  readonly mustFail?: string;
}

/** Returns the stage that runs `options.runs` seeds: `<seed>/0`, `<seed>/1`, ... */
export function sweepStage(options: SweepOptions): Stage {
  return {
    label: `${options.implementation}, ${options.runs} simulated runs ${options.label ?? "under random faults"}`,
    seed: options.seed,
    estimateS: options.estimateS,
    run: (context) => sweep(options, context),
  };
}

interface Tally {
  readonly validities: CheckResult["validity"][];
  count: number;
  readonly unit: string;
  worst: CheckResult | undefined;
}

async function sweep(options: SweepOptions, context: StageContext): Promise<StageResult> {
  const { experiment, block, module, implementation, kinds, runs, mustFail } = options;
  const swept = implementationOf(module, implementation);
  const { plan = roomOf(module).sweepPlans.swarm } = options;
  const tallies = new Map<string, Tally>();
  const files: StageFile[] = [];
  let last: BlockRecord | undefined;
  let voids = 0;
  let done = 0;
  let isShown = false;
  for (let run = 0; run < runs && !isShown; run++) {
    const record = await runBlock({
      implementation: swept,
      substrate: "simulated",
      plan: plan(`${options.seed}/${run}`, kinds, swept),
      directory: context.workDirectory,
      signal: context.signal,
    });
    last = record;
    done++;
    isShown = record.checks.some(({ id, validity }) => id === mustFail && validity === "invalid");
    if (record.voidReason !== undefined) voids++;
    for (const check of record.checks) count(tallies, check);
    const failed = worstOf(record.checks.map(({ validity }) => validity)) !== "valid";
    if (failed && files.length === 0) {
      const name = `${experiment}-${block}-${implementation}`;
      files.push({ path: `capsules/${name}.json`, content: encodeCapsule(experiment, record) });
      files.push({ path: `histories/${name}.ndjson`, content: [...encodeNdjson(record.history.events)].join("") });
    }
    context.onProgress((run + 1) / runs, `${run + 1} of ${runs} seeds`);
  }
  if (last === undefined) return { rows: {}, files, implementations: [], validity: "void", summary: "no runs" };
  const checks = [...tallies].map(([id, tally]) => summed(id, tally, done));
  const key = { ...blockKey(experiment, block, last), seed: options.seed };
  const judged = checks.filter(({ id }) => id !== mustFail);
  const worst =
    judged.find((check) => check.validity === "invalid") ?? judged.find((check) => check.validity !== "valid");
  const rows: Row<"checks">[] = checkRows(key, checks);
  const voidText = voids === 0 ? "" : `, ${voids} without an effective fault`;
  const { validity, summary } = conclusion(options, worst, isShown, `${done} runs`, voidText);
  const implementations = [{ name: implementation, status: "sound", voids: [] }] as const;
  return { rows: { checks: rows }, files, implementations, validity, summary };
}

function conclusion(
  { mustFail }: SweepOptions,
  worst: CheckResult | undefined,
  isShown: boolean,
  runs: string,
  voidText: string,
): Pick<StageResult, "validity" | "summary"> {
  if (worst !== undefined) {
    return { validity: worst.validity, summary: `${worst.id} ${worst.validity}: ${worst.summary}` };
  }
  if (mustFail === undefined) return { validity: "valid", summary: `${runs} valid${voidText}` };
  if (isShown) return { validity: "valid", summary: `${mustFail} fails within ${runs}, as documented${voidText}` };
  return { validity: "invalid", summary: `${mustFail} holds in ${runs}, though the documentation says it fails` };
}

function count(tallies: Map<string, Tally>, check: CheckResult): void {
  const tally = tallies.get(check.id) ?? { validities: [], count: 0, unit: check.unit, worst: undefined };
  tally.validities.push(check.validity);
  tally.count += check.count;
  if (check.validity !== "valid" && tally.worst?.validity !== "invalid") tally.worst = check;
  tallies.set(check.id, tally);
}

function summed(id: string, tally: Tally, runs: number): CheckResult {
  const validity = worstOf(tally.validities);
  const failed = tally.validities.filter((each) => each !== "valid").length;
  const summary =
    tally.worst === undefined
      ? `${runs} runs under random faults`
      : `${failed} of ${runs} runs ${validity}: ${tally.worst.summary}`;
  const counterexample = tally.worst?.counterexample;
  return {
    id,
    validity,
    summary,
    count: tally.count,
    unit: tally.unit,
    ...(counterexample === undefined ? {} : { counterexample }),
  };
}
