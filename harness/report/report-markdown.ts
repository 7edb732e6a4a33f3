/**
 * `report.md`: the report for terminals and repository hosts, claim table first. Same content as the page, no figures'
 * pixels: it links the files beside it.
 */

import { evidenceText, headline, measuredText, verdictSigns, warnings } from "./claim-text.ts";
import { formatCount, formatMeasure, formatQuantity } from "./number-text.ts";
import type { ReportClaim, ReportInput } from "./report-input.ts";
import { summariseChecks, summariseFaults, summarisePerformance } from "./summaries.ts";
import type { Spread } from "./summaries.ts";

/** Returns the report as Markdown with GitHub's tables. */
export function renderMarkdown(input: ReportInput): string {
  return [
    `# ${inline(input.title)}`,
    runLine(input),
    `**${inline(headline(input.claims))}**`,
    ...warnings(input).map((warning) => `> Warning: ${inline(warning)}`),
    ...optional("## Claims", claimTable(input.claims)),
    ...optional("## Performance on this machine", performanceTable(input)),
    ...optional("## Checks", checkTable(input)),
    ...optional("## Faults", faultTable(input)),
    ...optional("## Experiments", experimentTable(input)),
    ...optional("## Figures", figureList(input)),
    ...optional("## Environment", environmentTable(input)),
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

function optional(heading: string, body: string): readonly string[] {
  return body === "" ? [] : [heading, body];
}

function runLine({ run }: ReportInput): string {
  const commit =
    run.gitSha === undefined ? "unknown commit" : `commit ${code(run.gitSha)}${run.dirty ? " (modified)" : ""}`;
  const end = run.finishedAt === undefined ? "unfinished" : `to ${run.finishedAt}`;
  return `Profile ${inline(run.profile)}, seed ${code(run.seed)}, ${commit}, ${run.startedAt} ${end}. Redo it all: ${code(run.command)}`;
}

function claimTable(claims: readonly ReportClaim[]): string {
  return table(
    ["Claim", "Statement", "Published", "Measured", "Verdict", "How it was judged", "Redo"],
    claims.map((claim) => [
      inline(claim.id),
      inline(claim.source === "" ? claim.statement : `${claim.statement} (${claim.source})`),
      inline(claim.published),
      claim.measures.map((each) => inline(`${measuredText(each)}: ${evidenceText(each)}`)).join("<br>"),
      `${verdictSigns[claim.verdict]} ${claim.verdict}`,
      [
        ...claim.measures.map(({ reason }) => inline(reason)),
        ...(claim.capsule === undefined ? [] : [`capsule ${code(claim.capsule)}`]),
      ].join("<br>"),
      code(claim.command),
    ]),
  );
}

function performanceTable({ tables }: ReportInput): string {
  return table(
    ["Experiment", "Implementation", "Nodes", "Blocks", "Operations/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms"],
    summarisePerformance(tables).map(({ experiment, implementation, nodes, blocks, throughputPerS, latencyMs }) => [
      inline(experiment),
      inline(implementation),
      formatCount(nodes),
      formatCount(blocks),
      spreadText(throughputPerS),
      spreadText(latencyMs.p50_ms),
      spreadText(latencyMs.p99_ms),
      spreadText(latencyMs.p999_ms),
      spreadText(latencyMs.max_ms),
    ]),
  );
}

function spreadText(spread: Spread | undefined): string {
  return spread === undefined ? "–" : formatMeasure(spread.median);
}

function checkTable({ tables }: ReportInput): string {
  return table(
    ["Check", "Implementation", "Substrate", "Valid", "Invalid", "Unknown", "Judged"],
    summariseChecks(tables).map((row) => [
      inline(row.check),
      inline(row.implementation),
      row.substrate,
      formatCount(row.valid),
      formatCount(row.invalid),
      formatCount(row.unknown),
      `${formatCount(row.judged)} ${inline(row.unit)}`,
    ]),
  );
}

function faultTable({ tables }: ReportInput): string {
  return table(
    ["Fault", "Implementation", "Substrate", "Injected", "Inert", "Did"],
    summariseFaults(tables).map(({ fault, implementation, substrate, injected, inert, efficacy }) => [
      inline(fault),
      inline(implementation),
      substrate,
      formatCount(injected),
      formatCount(inert),
      inline(efficacy.map(({ count, unit }) => `${formatCount(count)} ${unit}`).join(", ")),
    ]),
  );
}

function experimentTable({ experiments }: ReportInput): string {
  return table(
    ["Experiment", "Question", "Verdict", "Blocks"],
    experiments.map(({ id, title, purpose, verdict, blocks, voidBlocks }) => [
      `${code(id)} ${inline(title)}`,
      inline(purpose),
      verdict,
      formatQuantity(blocks, "block") + (voidBlocks === 0 ? "" : `, ${formatCount(voidBlocks)} void`),
    ]),
  );
}

function figureList({ figures }: ReportInput): string {
  return figures
    .map(({ id, title, caption }) => `- [${inline(title)}](figures/${id}.svg): ${inline(caption)}`)
    .join("\n");
}

function environmentTable({ environment }: ReportInput): string {
  return table(
    ["What", "Value"],
    environment.map(({ name, value }) => [inline(name), inline(value)]),
  );
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  return [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Text that Markdown must not read as anything else, on one line. */
function inline(text: string): string {
  return text
    .replaceAll(/[\t\n\r ]+/g, " ")
    .replaceAll(/[\\`*_[\]|~]/g, String.raw`\$&`)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;");
}

/** A code span; its fence is longer than any run of backticks inside. */
function code(text: string): string {
  const line = text.replaceAll(/[\t\n\r ]+/g, " ").replaceAll("|", String.raw`\|`);
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}
