/**
 * A stage that sweeps many seeds through the simulator, each with its own random mix of faults, and adds their verdicts
 * up. The first seed that goes wrong leaves a capsule and its history.
 */

import type { FaultKind } from "../implementations/foundation/faults.ts";
import { seededRandom } from "../implementations/foundation/prng.ts";
import { nodeNames } from "../implementations/assembly/node-names.ts";
import { checkRows, blockKey } from "./block-rows.ts";
import { encodeCapsule } from "./capsule/capsule.ts";
import type { CheckResult } from "./check/verdict.ts";
import { worstOf } from "./check/verdict.ts";
import { consensusImplementation } from "./consensus-implementations.ts";
import { encodeNdjson } from "./history/recorder.ts";
import { leasePlan } from "./lease-plan.ts";
import { pick } from "./nemesis/pick.ts";
import { swarmSchedule } from "./nemesis/swarm.ts";
import type { Stage, StageContext, StageFile, StageResult } from "./plan/experiment.ts";
import type { Plan } from "./plan/plan.ts";
import { planOf } from "./plan/plan.ts";
import type { Row } from "./record/tables.ts";
import { runBlock } from "./run-block.ts";
import type { BlockRecord } from "./run-block.ts";

export interface SweepOptions {
  readonly experiment: string;
  readonly block: number;
  readonly implementation: string;
  /** Faults the schedules draw from. */
  readonly kinds: readonly FaultKind[];
  readonly seed: string;
  readonly runs: number;
  readonly estimateS: number;
  /** The plan of a seed; `sweepPlan` by default. */
  readonly plan?: (seed: string, kinds: readonly FaultKind[]) => Plan;
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

/** The plan of one seed: cluster size, workload, load, settings and fault schedule are drawn from it. */
export function sweepPlan(seed: string, kinds: readonly FaultKind[]): Plan {
  const random = seededRandom(seed).fork("sweep");
  if (random.fork("leases").below(runsPerLeaseRun) === 0) return leasePlan(seed, kinds, random);
  const nodes = random.below(3) === 0 ? 5 : 3;
  const durationMs = 6000;
  const electionTimeoutMs = pick([100, 150, 150, 250], random);
  const workloads = ["register", "register", "append"] as const;
  const id = pick(workloads, random);
  return planOf({
    seed,
    nodes,
    workload: { id, valueBytes: 16, keys: 3, readFraction: 0.4, casFraction: 0.2 },
    load: { loop: "open", clients: 5, ratePerS: pick([15, 30, 30, 60, 150], random) },
    durationMs,
    deadlineMs: 1000,
    faults: swarmSchedule({ kinds, nodes: nodeNames(nodes), durationMs, electionTimeoutMs }, random.fork("faults")),
    everyFaultMustAct: false,
    convergenceMs: 20_000,
    // Small numbers, so that snapshots, compaction, segments and full windows all happen within a short run.
    settings: {
      electionTimeoutMs,
      heartbeatIntervalMs: electionTimeoutMs / (3 + random.below(4)),
      snapshotEveryEntries: pick([10, 30, 80, 1000], random),
      trailingEntries: random.below(10),
      segmentBytes: pick([1024, 4096, 65_536], random),
      maxEntriesPerMessage: 1 + random.below(8),
      maxInFlight: 1 + random.below(6),
      snapshotChunkBytes: pick([200, 1000, 65_536], random),
    },
  });
}

/** One run in so many reads under leases. */
const runsPerLeaseRun = 5;

interface Tally {
  readonly validities: CheckResult["validity"][];
  count: number;
  readonly unit: string;
  worst: CheckResult | undefined;
}

async function sweep(options: SweepOptions, context: StageContext): Promise<StageResult> {
  const { experiment, block, implementation, kinds, runs, plan = sweepPlan, mustFail } = options;
  const tallies = new Map<string, Tally>();
  const files: StageFile[] = [];
  let last: BlockRecord | undefined;
  let voids = 0;
  let done = 0;
  let isShown = false;
  for (let run = 0; run < runs && !isShown; run++) {
    const record = await runBlock({
      implementation: consensusImplementation(implementation),
      substrate: "simulated",
      plan: plan(`${options.seed}/${run}`, kinds),
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
