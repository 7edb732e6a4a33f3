/**
 * The rules that turn a measure's observations into a verdict.
 *
 * Two rules cover all classes. *Every*: each block's word must lie in the band, one that does not refutes, and only
 * sound blocks support. *Interval*: reproduced when the 90 % interval lies inside the band, not reproduced when the 95
 * % interval has nothing in common with it, inconclusive in between, and then it says how many more blocks would
 * decide.
 *
 * Void blocks never count as measurements. What they may still do is refute: a failed check, or a counted violation, is
 * real whatever else voided its block.
 */

import { seededRandom } from "../../implementations/foundation/prng.ts";
import { blocksNeeded } from "../measure/blocks-needed.ts";
import { medianEstimate } from "../measure/interval.ts";
import type { Estimate } from "../measure/interval.ts";
import { pairedRatio } from "../measure/paired.ts";
import type { Pair } from "../measure/paired.ts";
import { numberText } from "../record/csv.ts";
import { bandText, edges, holds, holdsAll, holdsNone } from "./band.ts";
import type { Band } from "./band.ts";
import type { CheckMeasure, Measure, RatioMeasure, ValueMeasure, Verdict } from "./claim.ts";
import { matchingRows, observe } from "./evidence.ts";
import type { Evidence, Observation } from "./evidence.ts";

export interface MeasureVerdict {
  readonly measure: Measure;
  readonly verdict: Verdict;
  /** One line. */
  readonly reason: string;
  /** The measured value in words, with its unit; "" when nothing was measured. */
  readonly measured: string;
  readonly estimate: number | undefined;
  /** 90 % interval; undefined when the measure has none, or one without bounds. */
  readonly low: number | undefined;
  readonly high: number | undefined;
  /** Blocks, or checked runs, behind it. */
  readonly samples: number;
  /** The block that refutes, when one alone does: its history and capsule bear its number. */
  readonly counterexample: { readonly experiment: string; readonly block: number; readonly seed: string } | undefined;
}

/** Returns the verdict of one measure of a claim that is measured by `experiments`. */
export function judgeMeasure(measure: Measure, experiments: readonly string[], evidence: Evidence): MeasureVerdict {
  switch (measure.kind) {
    case "check":
      return judgeCheck(measure, experiments, evidence);
    case "value":
      return judgeValue(measure, experiments, evidence);
    case "ratio":
      return judgeRatio(measure, experiments, evidence);
  }
}

function judgeCheck(measure: CheckMeasure, experiments: readonly string[], evidence: Evidence): MeasureVerdict {
  const { check, implementation, minimumCount = 1 } = measure;
  const rows = matchingRows(evidence, experiments, "checks", { check, implementation });
  const having = (verdict: string): typeof rows => rows.filter(({ row }) => row["verdict"] === verdict);
  const [refuting] = having("invalid");
  if (refuting !== undefined) {
    return {
      ...nothing(measure),
      verdict: "not reproduced",
      reason: `${placeText(refuting.cells)}: ${String(refuting.row["summary"])}`,
      measured: `${having("invalid").length} of ${rows.length} checked runs violate it`,
      samples: rows.length,
      counterexample: placeOf(refuting.cells),
    };
  }
  const sound = rows.filter(({ voids }) => counts(measure, voids));
  if (sound.length === 0) return notRun(measure, experiments, evidence, rows);
  const judged = sound.filter(({ row }) => row["verdict"] === "valid" && Number(row["count"]) >= minimumCount);
  const total = judged.reduce((sum, { row }) => sum + Number(row["count"]), 0);
  const unit = String(sound[0]?.row["unit"]);
  const measured = `0 violations in ${plural(judged.length, "checked run")}, ${total} ${unit}`;
  const unknown = having("unknown").length;
  if (unknown > 0) {
    const reason = `${unknown} of ${plural(rows.length, "check")} ended as unknown: give them more time or memory`;
    return { ...nothing(measure), verdict: "inconclusive", reason, measured, samples: judged.length };
  }
  if (judged.length === 0) {
    const reason = `every checked run judged fewer than ${minimumCount} ${unit}; needs 1 more block of that size`;
    return { ...nothing(measure), verdict: "inconclusive", reason, measured, samples: 0 };
  }
  const reason = `valid in every checked run${voidText(rows.length - sound.length)}`;
  return { ...nothing(measure), verdict: "reproduced", reason, measured, estimate: 0, samples: judged.length };
}

function judgeValue(measure: ValueMeasure, experiments: readonly string[], evidence: Evidence): MeasureVerdict {
  const observations = observe(evidence, experiments, measure.value);
  const sound = observations.filter(({ voids }) => counts(measure, voids));
  if (measure.across === "every") return judgeEvery(measure, experiments, evidence, observations, sound);
  if (sound.length === 0) return notRun(measure, experiments, evidence, observations);
  return judgeInterval(measure, medianEstimate(sound.map(({ value }) => value)), observations.length - sound.length);
}

function judgeRatio(measure: RatioMeasure, experiments: readonly string[], evidence: Evidence): MeasureVerdict {
  const pairs = pairUp(observe(evidence, experiments, measure.of), observe(evidence, experiments, measure.to));
  const sound = pairs.filter(({ observation }) => counts(measure, observation.voids));
  if (measure.across === "every") {
    // Nothing over nothing is no observation: no election was forced, so none can have failed.
    const quotients = pairs
      .filter(({ to }) => to !== 0)
      .map(({ of, to, observation }) => ({ ...observation, value: of / to }));
    const soundQuotients = quotients.filter(({ voids }) => counts(measure, voids));
    return judgeEvery(measure, experiments, evidence, quotients, soundQuotients);
  }
  if (sound.length === 0) return notRun(measure, experiments, evidence, pairs);
  const zero = sound.find(({ of, to }) => of <= 0 || to <= 0);
  if (zero !== undefined) {
    const reason = `${placeText(zero.observation)}: no ratio of ${numberText(zero.of)} to ${numberText(zero.to)}; nothing is dropped`;
    return { ...nothing(measure), verdict: "inconclusive", reason, samples: sound.length };
  }
  const estimate = pairedRatio(sound, seededRandom(evidence.seed).fork(`ratio/${measure.label}`));
  return judgeInterval(measure, estimate, pairs.length - sound.length);
}

function judgeEvery(
  measure: ValueMeasure | RatioMeasure,
  experiments: readonly string[],
  evidence: Evidence,
  observations: readonly Observation[],
  sound: readonly Observation[],
): MeasureVerdict {
  const { band, unit } = measure;
  const countsViolations = measure.kind === "value" && measure.countsViolations === true;
  const refuting = (countsViolations ? observations : sound).find(({ value }) => !holds(band, value));
  const shown = countsViolations && sound.length === 0 ? observations : sound;
  const worst =
    shown.length === 0
      ? undefined
      : worstTowards(
          band,
          shown.map(({ value }) => value),
        );
  const summary = {
    ...nothing(measure),
    estimate: worst,
    measured: everyText(shown, worst, band, unit),
    samples: sound.length,
  };
  if (refuting !== undefined) {
    return {
      ...summary,
      verdict: "not reproduced",
      reason: `${placeText(refuting)}: ${withUnit(refuting.value, unit)}, wanted ${bandText(band, unit)}`,
      counterexample: placeOf(refuting),
    };
  }
  if (sound.length === 0) return notRun(measure, experiments, evidence, observations);
  const uncounted = countsViolations ? failedWithoutCount(measure, experiments, evidence, observations) : undefined;
  if (uncounted !== undefined) {
    return {
      ...summary,
      verdict: "inconclusive",
      reason: `${placeText(uncounted)} failed a check and left no count; needs 1 more block`,
    };
  }
  const reason = `${bandText(band, unit)} in every block${voidText(observations.length - sound.length)}`;
  return { ...summary, verdict: "reproduced", reason };
}

function judgeInterval(measure: ValueMeasure | RatioMeasure, estimate: Estimate, voids: number): MeasureVerdict {
  const { band, unit } = measure;
  const { interval90, interval95, n } = estimate;
  const bounded = Number.isFinite(interval90.low) && Number.isFinite(interval90.high);
  const summary = {
    ...nothing(measure),
    measured: withUnit(estimate.estimate, unit),
    estimate: estimate.estimate,
    low: bounded ? interval90.low : undefined,
    high: bounded ? interval90.high : undefined,
    samples: n,
  };
  const wanted = `${bandText(band, unit)}${voidText(voids)}`;
  if (holdsAll(band, interval90)) {
    return { ...summary, verdict: "reproduced", reason: `90 % interval inside ${wanted}` };
  }
  if (holdsNone(band, interval95)) {
    return { ...summary, verdict: "not reproduced", reason: `95 % interval outside ${wanted}` };
  }
  const more = blocksNeeded(estimate, edges(band));
  const needs =
    more === undefined
      ? "the value lies on the band's edge, more blocks will not decide"
      : `needs about ${plural(more, "more block")}`;
  return {
    ...summary,
    verdict: "inconclusive",
    reason: `interval not clear of ${wanted} with ${plural(n, "block")}: ${needs}`,
  };
}

interface PairOfBlock extends Pair {
  readonly observation: Observation;
  readonly voids: Observation["voids"];
}

/** Pairs values of the same block, substrate and cluster size; a block with one side only has no pair. */
function pairUp(of: readonly Observation[], to: readonly Observation[]): readonly PairOfBlock[] {
  const keyOf = ({ experiment, block, substrate, nodes }: Observation): string =>
    JSON.stringify([experiment, block, substrate, nodes]);
  const others = new Map(to.map((observation) => [keyOf(observation), observation]));
  return of.flatMap((observation) => {
    const other = others.get(keyOf(observation));
    if (other === undefined) return [];
    const voids = [...observation.voids, ...other.voids];
    return [{ of: observation.value, to: other.value, observation: { ...observation, voids }, voids }];
  });
}

function counts(measure: Measure, voids: Observation["voids"]): boolean {
  return voids.every(({ kind }) => measure.tolerates?.includes(kind) ?? false);
}

/** A block whose checks failed may hide a violation that was not counted; it must not pass for a block without one. */
function failedWithoutCount(
  measure: Measure,
  experiments: readonly string[],
  evidence: Evidence,
  observations: readonly Observation[],
): Evidence["blocks"][number] | undefined {
  return evidence.blocks.find(
    ({ experiment, block, implementations }) =>
      experiments.includes(experiment) &&
      implementations.some(
        ({ name, voids }) => name === measure.implementation && voids.some(({ kind }) => kind === "failed-check"),
      ) &&
      !observations.some((each) => each.experiment === experiment && each.block === block),
  );
}

/** The value nearest to leaving the band, or farthest outside: the maximum under an upper limit, else the minimum. */
function worstTowards(band: Band, values: readonly number[]): number {
  const { low, high } = edges(band);
  const excess = (value: number): number => Math.max(value - high, low - value);
  return values.reduce((worst, value) => (excess(value) > excess(worst) ? value : worst));
}

function everyText(observations: readonly Observation[], worst: number | undefined, band: Band, unit: string): string {
  if (worst === undefined) return "";
  const rows = observations.reduce((sum, observation) => sum + observation.rows, 0);
  const { low, high } = edges(band);
  const word = observations.every(({ value }) => value === worst)
    ? ""
    : low === -Infinity
      ? "at most "
      : high === Infinity
        ? "at least "
        : "farthest ";
  const values = rows > observations.length ? ` over ${rows} values` : "";
  return `${word}${withUnit(worst, unit)}${values} in ${plural(observations.length, "block")}`;
}

function notRun(
  measure: Measure,
  experiments: readonly string[],
  evidence: Evidence,
  observed: readonly { readonly voids: Observation["voids"] }[],
): MeasureVerdict {
  return { ...nothing(measure), verdict: "not run", reason: whyNot(measure, experiments, evidence, observed) };
}

function whyNot(
  { implementation }: Measure,
  experiments: readonly string[],
  evidence: Evidence,
  observed: readonly { readonly voids: Observation["voids"] }[],
): string {
  const left = experiments.find((experiment) => evidence.notRun[experiment] !== undefined);
  const ran = evidence.blocks.filter(({ experiment }) => experiments.includes(experiment));
  if (ran.length === 0)
    return left === undefined ? `${experiments.join(", ")} has no finished block` : `${left}: ${evidence.notRun[left]}`;
  const records = ran.flatMap(({ implementations }) => implementations);
  const measured = new Set(implementation?.split(", "));
  const absent = records.find(({ name, voids }) => measured.has(name) && voids[0]?.kind === "not-installed");
  if (absent !== undefined) return `${absent.voids[0]?.reason}`;
  const present = records.flatMap(({ voids }) => voids.filter(({ kind }) => kind !== "not-installed"));
  const [first] = [...observed.flatMap((each) => each.voids), ...present];
  if (first !== undefined) return `no sound block: ${first.reason}`;
  return `${plural(ran.length, "finished block")} of ${experiments.join(", ")}, but none measured it`;
}

function nothing(measure: Measure): Omit<MeasureVerdict, "verdict" | "reason"> {
  return {
    measure,
    measured: "",
    estimate: undefined,
    low: undefined,
    high: undefined,
    samples: 0,
    counterexample: undefined,
  };
}

function placeOf(cells: {
  experiment: string;
  block: number | undefined;
  seed: string;
}): NonNullable<MeasureVerdict["counterexample"]> {
  return { experiment: cells.experiment, block: cells.block ?? 0, seed: cells.seed };
}

function placeText(cells: { experiment: string; block: number | undefined; seed: string }): string {
  return `${cells.experiment} block ${cells.block} (seed ${cells.seed})`;
}

function voidText(voids: number): string {
  return voids === 0 ? "" : `; ${plural(voids, "void block")} not counted`;
}

function withUnit(value: number, unit: string): string {
  return unit === "" ? numberText(value) : `${numberText(value)} ${unit}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
