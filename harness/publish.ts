/**
 * From a results directory's tables to what people read: verdicts, figures, report. Nothing here measures.
 */

import path from "node:path";
import type { Catalogue } from "./catalogue.ts";
import type { FigureTables } from "./chart/figure.ts";
import { renderFigure } from "./chart/render.ts";
import { claimRows, measureBandText, publishedText } from "./claim/claim-rows.ts";
import type { Claim } from "./claim/claim.ts";
import { readEvidence } from "./claim/evidence.ts";
import { judgeClaim } from "./claim/judge.ts";
import type { ClaimVerdict } from "./claim/judge.ts";
import { worstOf } from "./check/verdict.ts";
import type { Experiment } from "./plan/experiment.ts";
import type { Environment } from "./record/environment.ts";
import type { ResultsDirectory } from "./record/results-directory.ts";
import { readTable } from "./record/results-reader.ts";
import { tables } from "./record/tables.ts";
import type { TableName } from "./record/tables.ts";
import type { ReportClaim, ReportExperiment, ReportFigure } from "./report/report-input.ts";
import { renderReport } from "./report/report.ts";
import type { RunEvent } from "./run-events.ts";

export interface PublishOptions {
  readonly results: ResultsDirectory;
  readonly environment: Environment;
  readonly catalogue: Catalogue;
  readonly claims: readonly Claim[];
  readonly experiments: readonly Experiment[];
  readonly interrupted: boolean;
}

/** Judges the claims, draws the figures and writes the report into the results directory. */
export async function* publish(options: PublishOptions): AsyncGenerator<RunEvent, readonly ClaimVerdict[]> {
  const { results, environment, claims } = options;
  const { cpuModel, logicalCpus } = environment.hardware;
  const machine = cpuModel === "unavailable" ? undefined : { cpuModel, logicalCpus };
  const evidence = readEvidence(results.path, machine);
  const verdicts = claims.map((claim) => judgeClaim(claim, evidence));
  results.replaceTable("claims", claimRows(verdicts));
  const all = readTables(results.path);
  const figures = yield* drawFigures(options, all);
  const report = renderReport({
    title: "Grey Distributed: reproducibility report",
    run: runOf(options),
    environment: environmentFacts(environment),
    claims: verdicts.map((verdict) => reportClaim(verdict, results)),
    figures,
    experiments: options.experiments.map((experiment) => reportExperiment(experiment, results)),
    tables: all,
  });
  for (const [name, text] of [
    ["report.html", report.html],
    ["report.md", report.markdown],
    ["paper/values.tex", report.valuesTex],
  ] as const) {
    results.writeFile(name, text);
    yield { kind: "written", path: path.join(results.path, name) };
  }
  return verdicts;
}

function readTables(directory: string): FigureTables {
  const names = Object.keys(tables) as TableName[];
  return Object.fromEntries(
    names.map((name) => [name, readTable(directory, name)] as const).filter(([, rows]) => rows.length > 0),
  ) as FigureTables;
}

async function* drawFigures(
  { catalogue, results }: PublishOptions,
  all: FigureTables,
): AsyncGenerator<RunEvent, readonly ReportFigure[]> {
  const drawn: ReportFigure[] = [];
  for (const figure of catalogue.figures) {
    const spec = figure.build(all);
    if (spec === undefined) continue;
    const { id, title, caption } = figure;
    const { vegaLite, svg, png, pdf } = await renderFigure(figure, spec);
    for (const [extension, content] of Object.entries({ "vl.json": vegaLite, svg, png, pdf })) {
      results.writeFile(`figures/${id}.${extension}`, content);
    }
    yield { kind: "written", path: path.join(results.path, "figures", `${id}.svg`) };
    drawn.push({ id, title, caption, svg });
  }
  return drawn;
}

function runOf({ results, interrupted }: PublishOptions): Parameters<typeof renderReport>[0]["run"] {
  const { profile, seed, startedAt, git, command } = results.manifest;
  return {
    profile,
    seed,
    startedAt,
    finishedAt: interrupted ? undefined : new Date().toISOString(),
    gitSha: git?.sha,
    dirty: git?.dirty ?? false,
    command: command.join(" "),
    interrupted,
  };
}

function environmentFacts({ hardware, system, limits, storage, software, source }: Environment) {
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const facts: Record<string, string> = {
    Processor: `${hardware.cpuModel}, ${hardware.logicalCpus} logical, ${hardware.usableCpus} usable`,
    Memory: gibibytes(hardware.memoryBytes),
    System: `${system.platform} ${system.kernel}`,
    Limits: `${limits.cgroupCpus} CPUs, memory ${typeof limits.cgroupMemoryBytes === "number" ? gibibytes(limits.cgroupMemoryBytes) : limits.cgroupMemoryBytes}`,
    Storage: `${storage.fileSystemType}, ${typeof storage.freeBytes === "number" ? gibibytes(storage.freeBytes) : storage.freeBytes} free`,
    Software: `Node ${software.node}, V8 ${software.v8}, npm ${software.npm}`,
    Lockfile: source.lockfileSha256.slice(0, 12),
  };
  return Object.entries(facts).map(([name, value]) => ({ name, value }));
}

function reportClaim(judged: ClaimVerdict, results: ResultsDirectory): ReportClaim {
  const { claim, verdict, command, measures } = judged;
  return {
    id: claim.id,
    class: claim.class,
    source: `${claim.source.document}, ${claim.source.section}`,
    statement: claim.statement,
    published: publishedText(claim),
    verdict,
    measures: measures.map(({ measure, measured, low, high, samples, verdict: judgedVerdict, reason }) => ({
      label: measure.label,
      implementation: measure.implementation,
      measured,
      low,
      high,
      samples,
      band: measureBandText(measure),
      verdict: judgedVerdict,
      reason,
    })),
    experiment: claim.experiments.join(" "),
    command,
    codeLink: claim.code,
    capsule: verdict === "not reproduced" ? capsuleOf(claim, results) : undefined,
  };
}

/** The first capsule that an experiment of the claim left, relative to the report. */
function capsuleOf(claim: Claim, results: ResultsDirectory): string | undefined {
  const failed = results.manifest.blocks.find(
    ({ experiment, verdict }) => claim.experiments.includes(experiment) && verdict === "invalid",
  );
  const name =
    failed?.implementations.find(({ voids }) => voids.some(({ kind }) => kind === "failed-check"))?.name ??
    failed?.implementations[0]?.name;
  return failed === undefined
    ? undefined
    : `capsules/${failed.experiment}-${failed.block}-${name ?? "production"}.json`;
}

function reportExperiment({ id, title, purpose }: Experiment, results: ResultsDirectory): ReportExperiment {
  const blocks = results.manifest.blocks.filter(({ experiment }) => experiment === id);
  const isVoid = ({ implementations }: (typeof blocks)[number]): boolean =>
    implementations.length > 0 && implementations.every(({ status }) => status === "void");
  return {
    id,
    title,
    purpose,
    verdict: blocks.length === 0 ? "unknown" : worstOf(blocks.map(({ verdict }) => verdict)),
    blocks: blocks.length,
    voidBlocks: blocks.filter(isVoid).length,
  };
}
