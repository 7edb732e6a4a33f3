/**
 * The table that ends `grey compare`: implementations side by side, then faults, checks that are not valid, ratios and
 * divergences. Plain text, aligned by what a terminal shows of each character, no line longer than 100 columns.
 */

import type { Validity } from "../check/verdict.ts";
import { formatCount, formatMeasure, formatQuantity, formatRange } from "./number-text.ts";
import { alignTable, truncate, wrap } from "./terminal-text.ts";

export interface ComparedImplementation {
  readonly name: string;
  readonly substrate: string;
  /** Successful operations per second; undefined when nothing was timed, as in the simulated substrate. */
  readonly throughputPerS: number | undefined;
  readonly latencyMs:
    | { readonly p50: number; readonly p90: number; readonly p99: number; readonly p999: number; readonly max: number }
    | undefined;
  readonly operations: { readonly ok: number; readonly fail: number; readonly info: number };
  readonly checks: readonly { readonly id: string; readonly verdict: Validity; readonly summary?: string }[];
  readonly faults: readonly { readonly kind: string; readonly efficacy: number; readonly unit?: string }[];
}

export interface ComparedRatio {
  readonly of: string;
  readonly to: string;
  readonly metric: string;
  readonly estimate: number;
  /** Of the 90 % interval; undefined when there are too few blocks for one. */
  readonly low: number | undefined;
  readonly high: number | undefined;
}

export interface Divergence {
  readonly of: string;
  readonly from: string;
  /** `step-by-step` or `at-rest`. */
  readonly mode: string;
  /** What differs and after which operation; several lines allowed. */
  readonly text: string;
}

export interface Comparison {
  readonly implementations: readonly ComparedImplementation[];
  readonly ratios: readonly ComparedRatio[];
  readonly divergences: readonly Divergence[];
}

const lineColumns = 100;
const nameColumns = 16;

/** Returns the table and what follows it, every line ended by a newline. */
export function renderSummaryTable(comparison: Comparison): string {
  return [
    implementationTable(comparison.implementations),
    troubles(comparison.implementations),
    faultTable(comparison.implementations),
    ratioTable(comparison.ratios),
    divergenceList(comparison),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function implementationTable(implementations: readonly ComparedImplementation[]): string {
  const header = [
    "implementation",
    "ops/s",
    "p50 ms",
    "p90",
    "p99",
    "p99.9",
    "max",
    "ok",
    "fail",
    "info",
    "checks",
    "faults",
  ];
  const rows = implementations.map(({ name, throughputPerS, latencyMs, operations, checks, faults }) => [
    truncate(name, nameColumns),
    measure(throughputPerS),
    ...[latencyMs?.p50, latencyMs?.p90, latencyMs?.p99, latencyMs?.p999, latencyMs?.max].map(measure),
    formatCount(operations.ok),
    formatCount(operations.fail),
    formatCount(operations.info),
    checksText(checks),
    faultsText(faults),
  ]);
  const alignment = header.map((_, column) => (column === 0 || column >= 10 ? "left" : "right"));
  return alignTable([header, ...rows], alignment, lineColumns);
}

function measure(value: number | undefined): string {
  return value === undefined ? "–" : formatMeasure(value);
}

function checksText(checks: ComparedImplementation["checks"]): string {
  const countOf = (verdict: Validity): number => checks.filter((check) => check.verdict === verdict).length;
  if (countOf("invalid") > 0) return `${countOf("invalid")} invalid`;
  if (countOf("unknown") > 0) return `${countOf("unknown")} unknown`;
  return checks.length === 0 ? "none" : `${checks.length} valid`;
}

function faultsText(faults: ComparedImplementation["faults"]): string {
  const inert = faults.filter(({ efficacy }) => efficacy === 0).length;
  if (faults.length === 0) return "none";
  return inert === 0 ? formatCount(faults.length) : `${inert} inert`;
}

/** Checks that are not valid, with what they say. */
function troubles(implementations: readonly ComparedImplementation[]): string {
  return implementations
    .flatMap(({ name, checks }) =>
      checks
        .filter(({ verdict }) => verdict !== "valid")
        .map(({ id, verdict, summary }) =>
          wrap(`${verdict}: ${name}, ${id}${summary === undefined ? "" : `: ${summary}`}`, lineColumns, "  "),
        ),
    )
    .join("");
}

function faultTable(implementations: readonly ComparedImplementation[]): string {
  const rows = implementations.flatMap(({ name, faults }) =>
    [...Map.groupBy(faults, ({ kind, unit }) => `${kind} ${unit ?? ""}`).values()].map((ofKind) => {
      const [first] = ofKind;
      const efficacy = ofKind.reduce((sum, fault) => sum + fault.efficacy, 0);
      const did = efficacy === 0 ? "nothing (inert)" : `${formatCount(efficacy)} ${first?.unit ?? ""}`.trim();
      return [truncate(name, nameColumns), first?.kind ?? "", formatCount(ofKind.length), did];
    }),
  );
  if (rows.length === 0) return "";
  return alignTable(
    [["implementation", "fault", "times", "did"], ...rows],
    ["left", "left", "right", "left"],
    lineColumns,
  );
}

function ratioTable(ratios: readonly ComparedRatio[]): string {
  if (ratios.length === 0) return "";
  const rows = ratios.map(({ of, to, metric, estimate, low, high }) => [
    `${truncate(of, nameColumns)} / ${truncate(to, nameColumns)}`,
    metric,
    `${formatMeasure(estimate)} ×`,
    low === undefined || high === undefined ? "too few blocks" : formatRange(low, high),
  ]);
  return alignTable(
    [["ratio", "of", "estimate", "90 % interval"], ...rows],
    ["left", "left", "right", "left"],
    lineColumns,
  );
}

function divergenceList({ divergences, implementations }: Comparison): string {
  if (divergences.length === 0) {
    if (implementations.length < 2) return "";
    const names = implementations.map(({ name }) => truncate(name, nameColumns)).join(", ");
    return wrap(`divergences: none between ${names}`, lineColumns, "  ");
  }
  const lines = divergences.map(({ of, from, mode, text }) => {
    const [first = "", ...others] = text.split("\n");
    const rest = others.map((line) => wrap(`    ${line}`, lineColumns, "      "));
    return wrap(`  ${of} from ${from} (${mode}): ${first}`, lineColumns, "    ") + rest.join("");
  });
  return `${formatQuantity(divergences.length, "divergence")}:\n${lines.join("")}`;
}
