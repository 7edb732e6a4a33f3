/**
 * What a stage keeps of its finished blocks: their rows, their files, their verdict, and what became of each
 * implementation.
 */

import { encodeCapsule } from "./capsule/capsule.ts";
import type { Validity } from "./check/verdict.ts";
import { worstOf } from "./check/verdict.ts";
import type { BlockStageOptions } from "./block-stage.ts";
import type { BlockKey } from "./block-rows.ts";
import {
  blockKey,
  checkRows,
  electionRows,
  faultRows,
  latencyRows,
  measurementRows,
  throughputRows,
  timelineRows,
} from "./block-rows.ts";
import { drawContradiction } from "./check/timeline/draw-history.ts";
import { encodeNdjson } from "./history/recorder.ts";
import type { Measurement } from "./measure/probes.ts";
import type { StageFile, StageResult } from "./plan/experiment.ts";
import type { ImplementationRecord } from "./record/manifest.ts";
import type { Row } from "./record/tables.ts";
import type { BlockRecord } from "./run-block.ts";

type MutableRows = {
  -readonly [Name in keyof Required<StageResult["rows"]>]: Row<Name>[];
};
type Options = Omit<BlockStageOptions, "plan">;

/** What is kept of a block once its rows are formed: its history and trace can be large, and a stage may have many. */
export interface FinishedBlock {
  readonly key: BlockKey;
  readonly states: BlockRecord["states"];
  readonly isVoid: boolean;
  readonly summary: string;
}

/** Measurements of one implementation's sound blocks, by the name of their variant. */
export type MeasuredVariants = ReadonlyMap<string, readonly Measurement[]>;

/** Gathers the blocks of one stage. */
export class StageOutcome {
  readonly rows: Partial<MutableRows> = {};
  readonly files: StageFile[] = [];
  readonly validities: Validity[] = [];
  readonly troubles: string[] = [];
  readonly blocks: FinishedBlock[] = [];
  /** By implementation. */
  readonly measured = new Map<string, Map<string, readonly Measurement[]>>();
  readonly #options: Options;
  readonly #implementations = new Map<string, ImplementationRecord["voids"][number][]>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** In the order in which they first ran. */
  get implementations(): readonly ImplementationRecord[] {
    return [...this.#implementations].map(([name, voids]) => ({
      name,
      status: voids.length === 0 ? ("sound" as const) : ("void" as const),
      voids,
    }));
  }

  /** An implementation that cannot run here, and what to do about it. */
  notInstalled(name: string, reason: string): void {
    this.troubles.push(`${name} left out: ${reason}`);
    this.#implementations.set(name, [{ kind: "not-installed", reason }]);
  }

  /** Adds a finished block; `variant` names it where the stage runs several plans, and is empty otherwise. */
  add(record: BlockRecord, variant: string): void {
    this.blocks.push({
      key: blockKey(this.#options.experiment, this.#options.block, record),
      states: record.states,
      isVoid: record.voidReason !== undefined,
      summary: summaryOf(record),
    });
    const validity = this.#collect(record, variant);
    const known = this.#implementations.get(record.implementation) ?? [];
    this.#implementations.set(record.implementation, [...known, ...voidsOf(record, validity)]);
    const name = variant === "" ? record.implementation : `${record.implementation} (${variant})`;
    if (record.voidReason !== undefined) {
      this.troubles.push(`${name}: ${record.voidReason}`);
    } else {
      this.validities.push(validity);
      if (validity !== "valid") this.troubles.push(`${name}: ${troubleOf(record, this.#options)}`);
    }
  }

  addRows<Name extends keyof MutableRows>(table: Name, more: readonly Row<Name>[]): void {
    const present = (this.rows[table] ?? []) as Row<Name>[];
    for (const row of more) present.push(row);
    (this.rows as Record<string, unknown>)[table] = present;
  }

  /** Adds a block's rows and files; returns its verdict with expected failures turned round. */
  #collect(record: BlockRecord, variant: string): Validity {
    const { experiment, block, measures = [], probes = [], timeline = [], mustFail } = this.#options;
    const key = blockKey(experiment, block, record);
    const suffix = variant === "" ? "" : `-${variant}`;
    const name = `${experiment}-${block}${suffix}-${record.implementation}`;
    const worst = worstOf(record.checks.map(({ validity }) => validity));
    const measured = (measurements: readonly Measurement[]): void =>
      this.addRows("measurements", measurementRows(key, measurements.map(inVariant(variant))));
    this.addRows("checks", checkRows(key, record.checks));
    measured(operationCounts(record));
    this.addRows("faults", faultRows(key, record));
    if (this.#options.keepHistory === true || worst !== "valid") {
      this.files.push({ path: `histories/${name}.ndjson`, content: [...encodeNdjson(record.history.events)].join("") });
    }
    if (worst !== "valid") {
      this.files.push({ path: `capsules/${name}.json`, content: encodeCapsule(experiment, record) });
      const page = drawContradiction(name, record.history.events, record.checks);
      if (page !== undefined) this.files.push({ path: `capsules/${name}.html`, content: page });
    }
    if (record.voidReason !== undefined) return "unknown";
    // What a probe counted stands also where a check failed: the block's record says that it is void, timings of void
    // blocks are not used, but a lost write is lost whatever else went wrong.
    const probed = probes.flatMap((probe) => probe(record));
    measured(probed);
    this.addRows("elections", electionRows(key, record));
    if (worst === "valid") {
      if (measures.includes("latency")) this.addRows("latency", latencyRows(key, record, variant));
      if (measures.includes("throughput")) {
        this.addRows("throughput", throughputRows(key, record, this.#options.windowS, variant));
      }
      this.#remember(record.implementation, variant, probed);
      for (const watch of timeline) this.addRows("timeline", timelineRows(key, watch(record)));
    }
    if (mustFail?.(record.implementation) !== true) return worst;
    return worst === "invalid" ? "valid" : "invalid";
  }

  #remember(implementation: string, variant: string, measurements: readonly Measurement[]): void {
    const known = this.measured.get(implementation) ?? new Map<string, readonly Measurement[]>();
    this.measured.set(implementation, known.set(variant, measurements));
  }
}

function summaryOf({ implementation, history, elections }: BlockRecord): string {
  const { ok, fail, info } = history.counts;
  return `${implementation}: ${ok} ok, ${fail} fail, ${info} info, ${elections.length} elections`;
}

/** What one plan of several measured carries the plan's name, so that a claim can tell them apart. */
function inVariant(variant: string) {
  return (measurement: Measurement): Measurement =>
    variant === "" ? measurement : { ...measurement, metric: `${measurement.metric}@${variant}` };
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

function voidsOf({ voidReason }: BlockRecord, validity: Validity): ImplementationRecord["voids"] {
  if (voidReason !== undefined) {
    const kind = voidReason.startsWith("Inert") ? "inert-fault" : "saturated-generator";
    return [{ kind, reason: voidReason }];
  }
  return validity === "valid" ? [] : [{ kind: "failed-check", reason: `a check is ${validity}` }];
}

function troubleOf({ checks }: BlockRecord, { mustFail }: Options): string {
  const worst =
    checks.find(({ validity }) => validity === "invalid") ?? checks.find(({ validity }) => validity !== "valid");
  if (worst !== undefined) return `${worst.id} ${worst.validity}: ${worst.summary}`;
  return mustFail === undefined ? "unknown" : "went right, though the documented tradeoff says it must go wrong";
}
