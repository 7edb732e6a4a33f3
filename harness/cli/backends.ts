/**
 * What the commands stand on: the registries they list and the engines they start, as the commands see them.
 *
 * An interface, so that tests hand in their own; `installed-backends.ts` names the real ones.
 */

import type { FaultKind } from "../../implementations/foundation/faults.ts";
import type { Module, Substrate } from "../../implementations/foundation/deployment.ts";
import type { ReplayOptions } from "../capsule/replay.ts";
import type { CheckResult, Validity } from "../check/verdict.ts";
import type { Profile } from "../plan/experiment.ts";
import type { CompareOptions } from "../compare.ts";
import type { HuntOptions, HuntSummary } from "../mutants/hunt.ts";
import type { SweepOptions, SweepSummary } from "../sweep/sweep.ts";
import type { Finding } from "../doctor.ts";
import { historyFormats } from "../history/format.ts";
import type { HistoryFormatName } from "../history/format.ts";
import type { Verification } from "../record/verify.ts";
import type { RunEvent } from "../run-events.ts";

export interface Backends {
  registries(): Promise<Registries>;
  repro(options: ReproOptions): AsyncGenerator<RunEvent, ReproSummary>;
  compare(options: CompareOptions): AsyncGenerator<RunEvent, CompareSummary>;
  replay(options: ReplayOptions): AsyncGenerator<RunEvent | TraceLine, ReplaySummary>;
  sweep(options: SweepRequest): AsyncGenerator<RunEvent, SweepSummary>;
  /** @throws HarnessError when a mutant does not fit the sources any more. */
  mutants(options: MutantsOptions): AsyncGenerator<RunEvent, HuntSummary>;
  checkFile(path: string, options: CheckOptions): Promise<CheckResult>;
  /** Writes the history at `path` in another format, to `out`, or piece by piece to `print`. */
  convertFile(path: string, options: ConvertFileOptions, print: (text: string) => void): Promise<void>;
  /**
   * Returns what is wrong with a results directory, if anything.
   *
   * @throws HarnessError or UsageError when the directory is damaged beyond judging.
   */
  verify(directory: string): Promise<Verification>;
  doctor(directory: string): AsyncGenerator<Finding, void>;
}

/** What there is to choose from. */
export interface Registries {
  readonly implementations: readonly ListedImplementation[];
  readonly workloads: readonly ListedWorkload[];
  readonly experiments: readonly ListedExperiment[];
  readonly claims: readonly ListedClaim[];
  readonly mutants: readonly ListedMutant[];
}

export interface ListedMutant {
  readonly id: string;
  readonly module: Module;
  readonly mistake: string;
}

export type SweepRequest = Omit<SweepOptions, "root">;

export interface MutantsOptions extends Pick<HuntOptions, "runs" | "workers" | "seed" | "signal" | "nowMs"> {
  readonly ids: readonly string[];
}

export interface ListedImplementation {
  readonly module: Module;
  readonly name: string;
  readonly faults: Readonly<Partial<Record<Substrate, ReadonlySet<FaultKind>>>>;
  available(): Promise<true | string>;
}

export interface ListedWorkload {
  readonly module: Module;
  readonly name: string;
  readonly description: string;
}

export interface ListedExperiment {
  readonly id: string;
  readonly title: string;
}

export interface ListedClaim {
  readonly id: string;
  /** Ids of the experiments that measure it. */
  readonly experiments: readonly string[];
  readonly class: string;
  readonly statement: string;
}

export interface ReproOptions {
  readonly profile: Profile;
  /** Ids of experiments and claims; empty: all. */
  readonly only: readonly string[];
  readonly budgetS: number | undefined;
  readonly resume: string | undefined;
  readonly seed: string;
  readonly out: string | undefined;
  readonly signal: AbortSignal;
  readonly commandLine: string;
}

export interface ReproSummary {
  readonly directory: string;
  readonly interrupted: boolean;
  readonly claims: readonly ClaimOutcome[];
  /** Claims per verdict. */
  readonly counts: Readonly<Record<string, number>>;
  readonly exitCode: 0 | 1 | 2;
}

export interface ClaimOutcome {
  readonly id: string;
  readonly verdict: string;
  readonly statement: string;
  readonly published: string;
  readonly measured: string;
}

/** The object `--json` prints, and the table a terminal gets in its place. */
export interface CompareSummary {
  readonly table: string;
  readonly experiment: string;
  readonly seed: string;
  readonly directory: string | undefined;
  readonly verdict: Validity;
  readonly implementations: readonly unknown[];
  readonly divergences: readonly unknown[];
  readonly ratios: readonly unknown[];
}

export interface TraceLine {
  readonly kind: "trace";
  readonly line: string;
}

export interface ReplaySummary {
  readonly verdict: Validity;
  /** Whether the run went as the capsule recorded it. */
  readonly matches: boolean;
  readonly text: string;
}

export const checkModels = ["register", "cas-register", "kv", "append"] as const;
export type CheckModel = (typeof checkModels)[number];
export const formatChoices = ["auto", ...historyFormats] as const;
export type FormatChoice = (typeof formatChoices)[number];

export interface ConvertFileOptions {
  readonly format: FormatChoice;
  readonly to: HistoryFormatName;
  readonly out: string | undefined;
}

export interface CheckOptions {
  readonly format: FormatChoice;
  readonly model: CheckModel;
  /** Where to write the timeline, if anywhere. */
  readonly timeline: string | undefined;
  onProgress(progress: { readonly done: number; readonly total: number | undefined }): void;
  /** Asked inside the search; true ends it as unknown. */
  shouldStop(): boolean;
}
