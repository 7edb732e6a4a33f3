/**
 * Judges the load generator before anything it measured is believed.
 *
 * A generator that runs late measures itself: its lateness sits in every latency, and a pause of its own event loop
 * looks like a pause of the system. A generator that loses count of its operations proves nothing at all. Each finding
 * voids the block, with the number that was found and the number that was allowed.
 *
 * @see Schroeder, Wierman & Harchol-Balter 2006, "Open versus closed: a cautionary tale"; Tene, "How not to measure
 *   latency" (coordinated omission).
 */

import type { Millis } from "../../implementations/foundation/units.ts";

/** What a generator tells about itself after a block. */
export interface GeneratorReport {
  /** Arrivals of the plan that came due; each ended as exactly one of the four below. */
  readonly issued: number;
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
  /** Arrivals for which the bounded queue had no room: never sent. */
  readonly dropped: number;
  /** Actual minus intended start, 99th percentile; undefined for a closed loop, which intends no start. */
  readonly latenessP99Ms: Millis | undefined;
  /** How late the event loop ran its timers, 99th percentile; undefined in virtual time. */
  readonly eventLoopDelayP99Ms: Millis | undefined;
}

/** How much a generator may disturb what it measures; an experiment may set its own and then says so. */
export const generatorLimits = {
  /** Within the resolution of a timer (1 ms) and a scheduling slice on a shared core. */
  latenessP99Ms: 10,
  eventLoopDelayP99Ms: 20,
  /** A dropped arrival is a latency that was not measured, and surely a long one. */
  droppedRatio: 0.001,
} as const;

export type GeneratorLimits = { readonly [Limit in keyof typeof generatorLimits]: number };

export type GeneratorVerdict =
  | { readonly kind: "fit" }
  /** `reasons`: one line each, at least one. */
  | { readonly kind: "void"; readonly reasons: readonly string[] };

/** Returns whether the block's measurements may be used. */
export function judgeGenerator(report: GeneratorReport, limits: GeneratorLimits = generatorLimits): GeneratorVerdict {
  const reasons = [
    ...uncounted(report),
    ...tooHigh("lateness p99", report.latenessP99Ms, limits.latenessP99Ms, " ms"),
    ...tooHigh("event-loop delay p99", report.eventLoopDelayP99Ms, limits.eventLoopDelayP99Ms, " ms"),
    ...tooHigh("dropped arrivals", report.dropped / Math.max(1, report.issued), limits.droppedRatio, " of all"),
  ];
  return reasons.length === 0 ? { kind: "fit" } : { kind: "void", reasons };
}

function uncounted({ issued, ok, fail, info, dropped }: GeneratorReport): readonly string[] {
  if (issued === 0) return ["Generator idle: it issued no operation"];
  const ended = ok + fail + info + dropped;
  if (issued === ended) return [];
  return [
    `Generator lost count: issued ${issued}, but ok ${ok} + fail ${fail} + info ${info} + dropped ${dropped} = ${ended}`,
  ];
}

function tooHigh(what: string, found: number | undefined, limit: number, unit: string): readonly string[] {
  // Written so that NaN, a broken measurement, does not pass.
  if (found === undefined || found <= limit) return [];
  return [`Generator saturated: ${what} is ${Number(found.toPrecision(3))}${unit}, allowed ${limit}${unit}`];
}
