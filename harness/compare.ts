/**
 * The engine of `grey compare`: one plan, several implementations, one results directory, one table.
 *
 * Without faults the duration is divided into five blocks of fresh processes, interleaved, so that ratios have an exact
 * interval; with faults there is one block, long enough for every fault to strike and heal. In the simulated substrate
 * there is nothing to time: it compares verdicts and states, and no rate or latency is given.
 */

import type { FaultKind } from "../implementations/foundation/faults.ts";
import type { Module, Substrate } from "../implementations/foundation/deployment.ts";
import { UsageError } from "../implementations/foundation/errors.ts";
import { seededRandom } from "../implementations/foundation/prng.ts";
import { blockStage } from "./block-stage.ts";
import { worstOf } from "./check/verdict.ts";
import type { Validity } from "./check/verdict.ts";
import { median } from "./measure/order.ts";
import { pairedRatio } from "./measure/paired.ts";
import type { Pair } from "./measure/paired.ts";
import type { Experiment } from "./plan/experiment.ts";
import { planOf } from "./plan/plan.ts";
import { settingsOf } from "./plan/settings-of.ts";
import type { FaultSpec, Plan, WorkloadSpec } from "./plan/plan.ts";
import type { TypedRow } from "./record/csv.ts";
import { readGit } from "./record/git.ts";
import { createResults } from "./record/results-directory.ts";
import type { Manifest } from "./record/manifest.ts";
import { readManifest, readTable } from "./record/results-reader.ts";
import { renderSummaryTable } from "./report/summary-table.ts";
import type { ComparedImplementation, ComparedRatio, Divergence } from "./report/summary-table.ts";
import { repositoryRoot } from "./repository-root.ts";
import type { RunEvent } from "./run-events.ts";
import { implementationOf, missingImplementations, roomOf } from "./rooms/rooms.ts";
import { run } from "./run.ts";

export interface CompareOptions {
  readonly module: Module;
  readonly implementations: readonly string[];
  readonly substrate: Substrate;
  readonly workload: string;
  readonly faults: readonly FaultKind[];
  readonly nodes: number;
  readonly clients: number;
  /** Open loop at this rate; undefined: closed loop. */
  readonly rate: number | undefined;
  readonly durationS: number;
  readonly sizeBytes: number;
  /** Of the implementations; "etcd.tls" is for etcd alone. */
  readonly settings: Plan["settings"];
  readonly seed: string;
  readonly out: string | undefined;
  readonly signal: AbortSignal;
  readonly commandLine: string;
}

/** What `compare --json` prints, and `table` for a terminal. */
export interface CompareSummary {
  readonly table: string;
  readonly experiment: string;
  readonly seed: string;
  readonly directory: string;
  readonly verdict: Validity;
  readonly implementations: readonly ComparedImplementation[];
  readonly divergences: readonly Divergence[];
  readonly ratios: readonly ComparedRatio[];
}

/** Five pairs are the fewest whose exact sign-flip interval is finite at 90 %. */
const blocksForInterval = 5;
const shortestBlockS = 1;

/** @throws UsageError when an implementation does not support what is asked of it. */
export async function* compare(options: CompareOptions): AsyncGenerator<RunEvent, CompareSummary> {
  const experiment = comparisonOf(options);
  await refuseMissing(options);
  refuseSettings(options);
  const startedAt = new Date().toISOString();
  const description = {
    profile: "compare",
    seed: options.seed,
    command: [options.commandLine],
    experiments: [experiment.id],
    notRun: {},
    git: readGit(repositoryRoot),
    startedAt,
  };
  const where = options.out === undefined ? { under: "results" } : { out: options.out };
  const results = createResults(where, description);
  let complete = false;
  try {
    const outcome = yield* run({
      experiments: [experiment],
      profile: "quick",
      seed: options.seed,
      results,
      signal: options.signal,
      budgetS: undefined,
    });
    complete = !outcome.interrupted && outcome.missing === 0;
  } finally {
    results.close(complete ? "complete" : "interrupted", new Date().toISOString());
  }
  return summarise(options, experiment.id, results.path, complete);
}

function comparisonOf(options: CompareOptions): Experiment {
  const { substrate, faults, durationS, seed } = options;
  for (const name of options.implementations) refuseUnsupported(options.module, name, substrate, faults);
  const divided = faults.length === 0 && substrate === "cluster" && durationS >= blocksForInterval * shortestBlockS;
  const blocks = divided ? blocksForInterval : 1;
  const id = `compare-${options.module}`;
  return {
    id,
    module: options.module,
    title: `Comparison of ${options.implementations.join(", ")}`,
    purpose: "What a person asked for",
    stages: () =>
      Array.from({ length: blocks }, (_, block) =>
        blockStage({
          experiment: id,
          block,
          label: `${options.implementations.join(", ")} on ${options.nodes} ${substrate} nodes`,
          implementations: options.implementations,
          substrate,
          plan: planFor(options, `${seed}/${block}`, (durationS * 1000) / blocks),
          estimateS: options.implementations.length * (durationS / blocks + 3),
          measures: substrate === "cluster" ? ["throughput", "latency"] : [],
          ...(faults.length > 0 && substrate === "cluster" ? { windowS: 0.1 } : {}),
          compareAtRest: options.workload === "confluent" && options.implementations.length > 1,
          keepHistory: true,
        }),
      ),
  };
}

/** A person who names an implementation wants that one: it is not left out, as in an experiment it would be. */
async function refuseMissing({ module, implementations }: CompareOptions): Promise<void> {
  for (const [name, reason] of await missingImplementations(module, implementations)) {
    throw new UsageError(`Cannot run ${name} here: ${reason}`);
  }
}

/** Every implementation gets its own view of the settings, and all of them before any runs. */
function refuseSettings({ module, implementations, settings, nodes }: CompareOptions): void {
  for (const name of implementations) implementationOf(module, name).checkSettings(settingsOf(name, settings), nodes);
}

function refuseUnsupported(module: Module, name: string, substrate: Substrate, faults: readonly FaultKind[]): void {
  const supported = implementationOf(module, name).faults[substrate];
  if (supported === undefined) throw new UsageError(`Cannot run ${name} on ${substrate}: it does not support it`);
  const missing = faults.find((fault) => !supported.has(fault));
  if (missing === undefined) return;
  throw new UsageError(
    `Cannot inject ${missing} into ${name} on ${substrate}: it is not supported there; allowed are ${[...supported].join(", ")}`,
  );
}

function planFor(options: CompareOptions, seed: string, durationMs: number): Plan {
  const { module, nodes, faults, sizeBytes } = options;
  const id = options.workload as WorkloadSpec["id"];
  const confluent = id === "confluent";
  return planOf({
    module,
    seed,
    nodes,
    workload: roomOf(module).comparedWorkload(id, sizeBytes),
    load: loadOf(options, durationMs),
    durationMs,
    // Under faults everything counts; without, the first fifth warms caches and compilers up.
    warmUpMs: faults.length > 0 || confluent ? 0 : Math.min(1000, durationMs / 5),
    // A confluent run ends in one state only if every client does its whole share.
    ...(confluent ? { operationsPerClient: shareOf(durationMs), durationMs: durationMs * 3 } : {}),
    faults: scheduleOf(faults, durationMs),
    settings: options.settings,
  });
}

function loadOf({ clients, rate, workload, faults }: CompareOptions, durationMs: number): Plan["load"] {
  if (rate !== undefined) return { loop: "open", clients, ratePerS: rate };
  // A fast system would have done all shares before the first fault: they are spread over the faults' time.
  const spread = workload === "confluent" && faults.length > 0;
  return spread
    ? { loop: "open", clients, ratePerS: (clients * shareOf(durationMs) * 1000) / durationMs }
    : { loop: "closed", clients };
}

/** Operations of each client of a confluent run. */
function shareOf(durationMs: number): number {
  return Math.max(20, Math.round(durationMs / 50));
}

/** One after the other, each with an equal slot: it strikes at the slot's beginning and heals in its middle. */
function scheduleOf(faults: readonly FaultKind[], durationMs: number): FaultSpec[] {
  const slotMs = (durationMs * 0.85) / Math.max(1, faults.length);
  return faults.map((kind, index) => ({
    kind,
    target: ["delay", "loss", "duplicate", "reorder", "corrupt", "bandwidth"].includes(kind) ? "all" : "leader",
    placement: { at: "time", ms: durationMs * 0.1 + index * slotMs },
    durationMs: slotMs / 2,
  }));
}

function summarise(options: CompareOptions, experiment: string, directory: string, complete: boolean): CompareSummary {
  const tables = {
    throughput: readTable(directory, "throughput").filter((row) => row.window_s === "all"),
    latency: readTable(directory, "latency").filter((row) => row.operation === "all"),
    checks: readTable(directory, "checks"),
    faults: readTable(directory, "faults"),
    measurements: readTable(directory, "measurements"),
    diffs: readTable(directory, "diffs"),
  };
  const manifest = readManifest(directory);
  const measure = options.rate === undefined ? "service" : "intended";
  const implementations = options.implementations.map((name): ComparedImplementation => {
    const own = <Named extends { readonly implementation?: string | undefined }>(rows: readonly Named[]): Named[] =>
      rows.filter((row) => row.implementation === name);
    return {
      name,
      substrate: options.substrate,
      throughputPerS: medianOf(own(tables.throughput), "throughput_per_s"),
      latencyMs: latencyOf(own(tables.latency).filter((row) => row.measure === measure)),
      operations: {
        ok: totalOf(own(tables.measurements), "operations-ok"),
        fail: totalOf(own(tables.measurements), "operations-fail"),
        info: totalOf(own(tables.measurements), "operations-info"),
      },
      checks: [...worstChecks(own(tables.checks)), ...inconclusive(manifest, name)],
      faults: own(tables.faults).map((row) => ({
        kind: row.fault ?? "",
        efficacy: row.efficacy ?? 0,
        unit: row.efficacy_unit ?? "",
      })),
    };
  });
  const ratios = ratiosOf(
    options,
    tables.throughput,
    tables.latency.filter((row) => row.measure === measure),
  );
  const divergences = tables.diffs
    .filter((row) => (row.divergences ?? 0) > 0)
    .map((row): Divergence => ({
      of: row.implementation ?? "",
      from: row.other ?? "",
      mode: row.mode ?? "",
      text: `${row.divergences} of ${row.compared} compared states differ`,
    }));
  const verdicts = implementations.flatMap(({ checks }) => checks.map(({ verdict }) => verdict));
  const diverged: Validity[] = divergences.length > 0 ? ["invalid"] : [];
  const verdict =
    complete && verdicts.length > 0 ? worstOf([...verdicts, ...diverged]) : worstOf([...verdicts, "unknown"]);
  const table = renderSummaryTable({ implementations, ratios, divergences });
  return { table, experiment, seed: options.seed, directory, verdict, implementations, divergences, ratios };
}

type Cells = Readonly<Record<string, unknown>>;

function medianOf(rows: readonly Cells[], column: string): number | undefined {
  const values = rows.map((row) => row[column]).filter((value) => typeof value === "number");
  return values.length === 0 ? undefined : median(values);
}

function totalOf(rows: readonly TypedRow<"measurements">[], metric: string): number {
  return rows.filter((row) => row.metric === metric).reduce((sum, row) => sum + (row.value ?? 0), 0);
}

/** Medians over blocks of each percentile; blocks are the observations, so their distributions are not pooled. */
function latencyOf(rows: readonly TypedRow<"latency">[]): ComparedImplementation["latencyMs"] {
  const [p50, p90, p99, p999, max] = ["p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"].map((column) =>
    medianOf(rows, column),
  );
  if (p50 === undefined || p90 === undefined || p99 === undefined || p999 === undefined || max === undefined) {
    return undefined;
  }
  return { p50, p90, p99, p999, max };
}

function worstChecks(rows: readonly TypedRow<"checks">[]): ComparedImplementation["checks"] {
  const byCheck = Map.groupBy(rows, (row) => row.check ?? "");
  return [...byCheck].map(([id, ofCheck]) => {
    const verdict = worstOf(ofCheck.map((row) => row.verdict as Validity));
    const told = ofCheck.find((row) => row.verdict === verdict);
    return { id, verdict, summary: told?.summary ?? "" };
  });
}

/** A run that proves nothing is not valid: its faults did nothing, or its load generator could not keep up. */
function inconclusive({ blocks }: Manifest, implementation: string): ComparedImplementation["checks"] {
  return blocks
    .flatMap(({ implementations }) => implementations.filter(({ name }) => name === implementation))
    .flatMap(({ voids }) => voids.filter(({ kind }) => kind !== "failed-check"))
    .slice(0, 1)
    .map(({ kind, reason }) => ({ id: kind, verdict: "unknown", summary: reason }));
}

/** Every implementation against each that was named before it, block by block. */
function ratiosOf(
  options: CompareOptions,
  throughput: readonly TypedRow<"throughput">[],
  latency: readonly TypedRow<"latency">[],
): ComparedRatio[] {
  const { implementations } = options;
  const compared = implementations.flatMap((of, index) => implementations.slice(0, index).map((to) => ({ of, to })));
  return compared.flatMap(({ of, to }) =>
    [
      { metric: "throughput", pairs: pairsOf(throughput, "throughput_per_s", of, to) },
      { metric: "latency p50", pairs: pairsOf(latency, "p50_ms", of, to) },
      { metric: "latency p99", pairs: pairsOf(latency, "p99_ms", of, to) },
    ]
      .filter(({ pairs }) => pairs.length > 0)
      .map(({ metric, pairs }) => {
        const { estimate, interval90 } = pairedRatio(pairs, seededRandom(options.seed).fork(metric));
        const finite = Number.isFinite(interval90.high) && interval90.low > 0;
        const [low, high] = finite ? [interval90.low, interval90.high] : [undefined, undefined];
        return { of, to, metric, estimate, low, high };
      }),
  );
}

function pairsOf(
  rows: readonly (Cells & { readonly implementation?: string | undefined; readonly block?: number | undefined })[],
  column: string,
  of: string,
  to: string,
): Pair[] {
  return rows.flatMap((row) => {
    const other = rows.find((each) => each.implementation === to && each.block === row.block);
    const [ofValue, toValue] = [row[column], other?.[column]];
    if (row.implementation !== of || typeof ofValue !== "number" || typeof toValue !== "number") return [];
    return ofValue > 0 && toValue > 0 ? [{ of: ofValue, to: toValue }] : [];
  });
}
