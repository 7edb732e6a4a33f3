/**
 * What a report is made of: everything it shows, already judged. The report measures nothing and decides nothing.
 */

import type { FigureTables } from "../chart/figure.ts";
import type { Validity } from "../check/verdict.ts";
import type { Verdict } from "../claim/claim.ts";

/** What was measured for a claim; a tradeoff has a measure for each side. */
export interface ReportMeasure {
  /** What was measured: "elections slower than 500 ms". */
  readonly label: string;
  readonly implementation: string;
  /** With its unit; empty when nothing was measured. */
  readonly measured: string;
  /** The 90 % interval, when the measure has one. */
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** Blocks or checked runs. */
  readonly samples: number | undefined;
  /** What the measured value is held against, in words. */
  readonly band: string;
  readonly verdict: Verdict;
  /** How it was judged, in one line. */
  readonly reason: string;
}

/** A published statement with what the reader needs to judge and redo it. */
export interface ReportClaim {
  readonly id: string;
  readonly class: string;
  /** Published document and section. */
  readonly source: string;
  readonly statement: string;
  readonly published: string;
  readonly verdict: Verdict;
  readonly measures: readonly ReportMeasure[];
  readonly experiment: string;
  /** Redoes this claim alone. */
  readonly command: string;
  /** A path in the repository or an address. */
  readonly codeLink?: string | undefined;
  /** Path, in the results directory, of the capsule that replays the counterexample. */
  readonly capsule?: string | undefined;
}

export interface ReportRun {
  readonly profile: string;
  readonly seed: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Missing when the run did not finish. */
  readonly finishedAt?: string | undefined;
  readonly gitSha?: string | undefined;
  /** Whether the sources differed from the commit. */
  readonly dirty: boolean;
  readonly command: string;
  readonly interrupted: boolean;
}

export interface ReportFigure {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** As `renderFigure` returns it; well-formed and free of scripts. */
  readonly svg: string;
}

export interface ReportExperiment {
  readonly id: string;
  readonly title: string;
  readonly purpose: string;
  readonly verdict: Validity;
  readonly blocks: number;
  readonly voidBlocks: number;
}

export interface ReportInput {
  readonly title: string;
  readonly run: ReportRun;
  /** Named facts of the machine and the software, in the order to show. */
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly claims: readonly ReportClaim[];
  readonly figures: readonly ReportFigure[];
  readonly experiments: readonly ReportExperiment[];
  /** Rows of `checks`, `faults`, `throughput` and `latency`, which the report summarises. */
  readonly tables: FigureTables;
}
