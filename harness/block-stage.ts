/**
 * A stage made of runs: the same plan for every implementation, in an order drawn for the stage, with the probes' and
 * tables' rows of each and, where states must agree, their comparison at rest.
 *
 * No performance number without correctness: a block whose checks fail yields its checks, its faults and a capsule that
 * replays it, and no measurement. Where a documented tradeoff says that a run must go wrong (minimal loses its memory),
 * the stage expects it, and the claim asserts it in both directions.
 *
 * An implementation that is not installed here is left out and recorded as void with the reason; the others run. So an
 * experiment names the peers it wants, and a claim about one that is missing is "not run", not wrong.
 */

import path from "node:path";
import type { Substrate } from "../implementations/foundation/deployment.ts";
import { encodeCapsule } from "./capsule/capsule.ts";
import type { CheckResult, Validity } from "./check/verdict.ts";
import { worstOf } from "./check/verdict.ts";
import { compareAtRest } from "./diff/at-rest.ts";
import {
  blockKey,
  checkRows,
  electionRows,
  faultRows,
  latencyRows,
  measurementRows,
  throughputRows,
} from "./block-rows.ts";
import { consensusImplementation, missingImplementations } from "./consensus-implementations.ts";
import { encodeNdjson } from "./history/recorder.ts";
import { blockOrder } from "./measure/abba.ts";
import type { Measurement, Probe } from "./measure/probes.ts";
import type { Stage, StageContext, StageFile, StageResult } from "./plan/experiment.ts";
import type { Plan } from "./plan/plan.ts";
import type { ImplementationRecord } from "./record/manifest.ts";
import type { Row } from "./record/tables.ts";
import { runBlock } from "./run-block.ts";
import type { BlockRecord } from "./run-block.ts";

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

/** Returns the stage that runs `options`. */
export function blockStage(options: BlockStageOptions): Stage {
  return {
    label: options.label,
    seed: options.plan.seed,
    estimateS: options.estimateS,
    run: (context) => runStage(options, context),
  };
}

type MutableRows = {
  -readonly [Name in keyof Required<StageResult["rows"]>]: Row<Name>[];
};

async function runStage(options: BlockStageOptions, context: StageContext): Promise<StageResult> {
  const { implementations, plan, block } = options;
  const missing = await missingImplementations(implementations);
  // Those that are here keep the order they would have had with the others among them.
  const order = blockOrder(plan.seed, block, implementations).filter((name) => !missing.has(name));
  const rows: Partial<MutableRows> = {};
  const planFile = {
    path: `plans/${options.experiment}-${block}.json`,
    content: `${JSON.stringify(plan, undefined, 2)}\n`,
  };
  const files: StageFile[] = [planFile];
  const records: BlockRecord[] = [];
  const validities: Validity[] = [];
  const troubles: string[] = [...missing].map(([name, reason]) => `${name} left out: ${reason}`);
  const ran: ImplementationRecord[] = [...missing].map(([name, reason]) => ({
    name,
    status: "void",
    voids: [{ kind: "not-installed", reason }],
  }));
  for (const [position, name] of order.entries()) {
    const implementation = consensusImplementation(name);
    const record = await runBlock({
      implementation,
      substrate: options.substrate,
      plan,
      directory: path.join(context.workDirectory, implementation.name),
      signal: context.signal,
      keepTrace: (options.probes ?? []).length > 0,
      sampleResources: options.sampleResources ?? false,
      onProgress: (fraction) => context.onProgress((position + fraction) / order.length, implementation.name),
    });
    records.push(record);
    const validity = collect(options, record, rows, files);
    ran.push(implementationRecord(record, validity));
    if (record.voidReason !== undefined) {
      troubles.push(`${implementation.name}: ${record.voidReason}`);
    } else {
      validities.push(validity);
      if (validity !== "valid") troubles.push(`${implementation.name}: ${troubleOf(record, options)}`);
    }
  }
  const voids = records.filter(({ voidReason }) => voidReason !== undefined).length;
  if (options.compareAtRest === true && voids === 0 && records.length > 1) {
    const difference = diffRows(options, records, rows);
    validities.push(difference.validity);
    if (difference.validity !== "valid") troubles.push(difference.summary);
  }
  const validity = voids === order.length ? "void" : worstOf(validities);
  return { rows, files, implementations: ran, validity, summary: troubles.join("; ") || summaryOf(records) };
}

/** Adds a block's rows and files; returns its verdict with expected failures turned round. */
function collect(
  options: BlockStageOptions,
  record: BlockRecord,
  rows: Partial<MutableRows>,
  files: StageFile[],
): Validity {
  const { experiment, block, measures = [], probes = [], mustFail } = options;
  const key = blockKey(experiment, block, record);
  const name = `${experiment}-${block}-${record.implementation}`;
  const worst = worstOf(record.checks.map(({ validity }) => validity));
  add(rows, "checks", checkRows(key, record.checks));
  add(rows, "measurements", measurementRows(key, operationCounts(record)));
  add(rows, "faults", faultRows(key, record));
  if (options.keepHistory === true || worst !== "valid") {
    files.push({ path: `histories/${name}.ndjson`, content: [...encodeNdjson(record.history.events)].join("") });
  }
  if (worst !== "valid") files.push({ path: `capsules/${name}.json`, content: encodeCapsule(experiment, record) });
  if (record.voidReason !== undefined) return "unknown";
  // What a probe counted stands also where a check failed: the block's record says that it is void, timings of void
  // blocks are not used, but a lost write is lost whatever else went wrong.
  add(
    rows,
    "measurements",
    measurementRows(
      key,
      probes.flatMap((probe) => probe(record)),
    ),
  );
  add(rows, "elections", electionRows(key, record));
  const expected = mustFail?.(record.implementation) ?? false;
  if (worst === "valid") {
    if (measures.includes("latency")) add(rows, "latency", latencyRows(key, record));
    if (measures.includes("throughput")) add(rows, "throughput", throughputRows(key, record, options.windowS));
  }
  if (!expected) return worst;
  return worst === "invalid" ? "valid" : "invalid";
}

/** Counts are no timings: they stand also for a block whose checks failed. */
function operationCounts({ history }: BlockRecord): Measurement[] {
  const { ok, fail, info } = history.counts;
  return Object.entries({ ok, fail, info }).map(([outcome, value]) => ({
    metric: `operations-${outcome}`,
    value,
    unit: "count",
  }));
}

function implementationRecord({ implementation, voidReason }: BlockRecord, validity: Validity): ImplementationRecord {
  if (voidReason !== undefined) {
    const kind = voidReason.startsWith("Inert") ? "inert-fault" : "saturated-generator";
    return { name: implementation, status: "void", voids: [{ kind, reason: voidReason }] };
  }
  if (validity === "valid") return { name: implementation, status: "sound", voids: [] };
  return { name: implementation, status: "void", voids: [{ kind: "failed-check", reason: `a check is ${validity}` }] };
}

function diffRows(
  options: BlockStageOptions,
  records: readonly BlockRecord[],
  rows: Partial<MutableRows>,
): CheckResult {
  const [first, ...others] = records;
  const result = compareAtRest(records.map(({ implementation, states }) => ({ implementation, states })));
  if (first === undefined) return result.check;
  for (const other of others) {
    add(rows, "diffs", [
      {
        ...blockKey(options.experiment, options.block, first),
        other: other.implementation,
        mode: "at-rest",
        compared: result.compared,
        divergences: result.divergences.length,
      },
    ]);
  }
  return result.check;
}

function troubleOf({ checks }: BlockRecord, { mustFail }: BlockStageOptions): string {
  const worst =
    checks.find(({ validity }) => validity === "invalid") ?? checks.find(({ validity }) => validity !== "valid");
  if (worst !== undefined) return `${worst.id} ${worst.validity}: ${worst.summary}`;
  return mustFail === undefined ? "unknown" : "went right, though the documented tradeoff says it must go wrong";
}

function summaryOf(records: readonly BlockRecord[]): string {
  return records
    .map(({ implementation, history, elections }) => {
      const { ok, fail, info } = history.counts;
      return `${implementation}: ${ok} ok, ${fail} fail, ${info} info, ${elections.length} elections`;
    })
    .join("; ");
}

function add<Name extends keyof MutableRows>(
  rows: Partial<MutableRows>,
  table: Name,
  more: readonly Row<Name>[],
): void {
  const present = (rows[table] ?? []) as Row<Name>[];
  present.push(...more);
  (rows as Record<string, unknown>)[table] = present;
}
