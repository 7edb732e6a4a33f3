/** The tables of `report.markup` below the claims. Each returns undefined when there is nothing to show. */

import type { FigureTables } from "../chart/figure.ts";
import { markup } from "./markup.ts";
import type { Html, HtmlPart } from "./markup.ts";
import { formatCount, formatMeasure, formatRange } from "./number-text.ts";
import type { ReportExperiment, ReportInput } from "./report-input.ts";
import { latencyColumns, summariseChecks, summariseFaults, summarisePerformance } from "./summaries.ts";
import type { Spread } from "./summaries.ts";

interface ColumnHeading {
  readonly title: string;
  readonly numeric?: boolean;
}

export function performanceTable(tables: FigureTables): HtmlPart {
  const rows = summarisePerformance(tables);
  const headings = [
    { title: "Experiment" },
    { title: "Implementation" },
    { title: "Nodes", numeric: true },
    { title: "Blocks", numeric: true },
    ...["Operations/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "Max ms"].map((title) => ({ title, numeric: true })),
  ];
  const caption =
    "Median over blocks, with the lowest and highest block below it. Real processes only. Latency counts from the " +
    "intended start of an operation (open loop).";
  return tableOf(
    caption,
    headings,
    rows.map((row) => [
      row.experiment,
      row.implementation,
      formatCount(row.nodes),
      formatCount(row.blocks),
      spreadCell(row.throughputPerS),
      ...latencyColumns.map((column) => spreadCell(row.latencyMs[column])),
    ]),
  );
}

function spreadCell(spread: Spread | undefined): HtmlPart {
  if (spread === undefined) return "–";
  const range = spread.low === spread.high ? undefined : formatRange(spread.low, spread.high);
  return markup`${formatMeasure(spread.median)}${range === undefined ? undefined : markup`<span class="small">${range}</span>`}`;
}

export function checkTable(tables: FigureTables): HtmlPart {
  return tableOf(
    "How often each check was made and what it said. A block with an invalid check has no performance.",
    [
      { title: "Check" },
      { title: "Implementation" },
      { title: "Substrate" },
      { title: "Valid", numeric: true },
      { title: "Invalid", numeric: true },
      { title: "Unknown", numeric: true },
      { title: "Judged", numeric: true },
    ],
    summariseChecks(tables).map((row) => [
      row.problem === undefined ? row.check : markup`${row.check}<span class="small">${row.problem}</span>`,
      row.implementation,
      row.substrate,
      formatCount(row.valid),
      row.invalid === 0 ? "0" : badge("bad", `✗ ${formatCount(row.invalid)}`),
      row.unknown === 0 ? "0" : badge("open", `? ${formatCount(row.unknown)}`),
      `${formatCount(row.judged)} ${row.unit}`,
    ]),
  );
}

export function faultTable(tables: FigureTables): HtmlPart {
  return tableOf(
    "What was injected and what it did. A fault that did nothing is inert and voids its block.",
    [
      { title: "Fault" },
      { title: "Implementation" },
      { title: "Substrate" },
      { title: "Injected", numeric: true },
      { title: "Inert", numeric: true },
      { title: "Did", numeric: true },
    ],
    summariseFaults(tables).map(({ fault, implementation, substrate, injected, inert, efficacy }) => [
      fault,
      implementation,
      substrate,
      formatCount(injected),
      inert === 0 ? "0" : badge("bad", `✗ ${formatCount(inert)}`),
      efficacy.map(({ count, unit }) => `${formatCount(count)} ${unit}`).join(", "),
    ]),
  );
}

const validityBadges = {
  valid: { tone: "good", sign: "✓" },
  invalid: { tone: "bad", sign: "✗" },
  unknown: { tone: "open", sign: "?" },
} as const;

export function experimentTable(experiments: readonly ReportExperiment[]): HtmlPart {
  return tableOf(
    "What was run, and what for.",
    [{ title: "Experiment" }, { title: "Question" }, { title: "Verdict" }, { title: "Blocks", numeric: true }],
    experiments.map(({ id, title, purpose, verdict, blocks, voidBlocks }) => [
      markup`<strong>${title}</strong><span class="small">${id}</span>`,
      purpose,
      badge(validityBadges[verdict].tone, `${validityBadges[verdict].sign} ${verdict}`),
      voidBlocks === 0 ? formatCount(blocks) : `${formatCount(blocks)}, ${formatCount(voidBlocks)} void`,
    ]),
  );
}

export function environmentTable(environment: ReportInput["environment"]): HtmlPart {
  return tableOf(
    "Where the run took place. What could not be read says so.",
    [{ title: "What" }, { title: "Value" }],
    environment.map(({ name, value }) => [name, value]),
  );
}

function badge(tone: string, text: string): Html {
  return markup`<span class="badge ${tone}">${text}</span>`;
}

/**
 * A table whose first cell names the row. On narrow screens one with many numbers scrolls sideways, for its columns are
 * there to be compared; the others become cards, whose roles keep what the style undoes.
 */
function tableOf(
  caption: string,
  headings: readonly ColumnHeading[],
  rows: readonly (readonly HtmlPart[])[],
): HtmlPart {
  if (rows.length === 0) return undefined;
  const head = headings.map(
    ({ title, numeric }) => markup`<th scope="col" role="columnheader"${numberClass(numeric)}>${title}</th>`,
  );
  const body = rows.map((cells) => bodyRow(cells, headings));
  const scrolls = headings.filter(({ numeric }) => numeric === true).length > 1;
  const table = markup`<table${scrolls ? undefined : markup` class="cards"`} role="table"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">${body}</tbody></table>`;
  return scrolls
    ? markup`<div class="scroll" role="region" tabindex="0" aria-label="${caption}">${table}</div>`
    : table;
}

function bodyRow([first, ...others]: readonly HtmlPart[], headings: readonly ColumnHeading[]): Html {
  const rest = others.map((cell, index) => {
    const heading = headings[index + 1];
    return markup`<td role="cell" data-label="${heading?.title}"${numberClass(heading?.numeric)}>${cell}</td>`;
  });
  return markup`<tr role="row"><th scope="row" role="rowheader">${first}</th>${rest}</tr>
`;
}

function numberClass(numeric: boolean | undefined): HtmlPart {
  return numeric === true ? markup` class="number"` : undefined;
}
