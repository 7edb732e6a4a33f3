/**
 * What else the machine was doing: load, stolen time and pressure stalls, sampled before, during and after a run.
 *
 * Two samples tell more than one: `stealRatio` is the share of processor time another guest of the same host took in
 * between. Where the system does not tell (no Linux, an older kernel), the value is "unavailable".
 *
 * @see Linux documentation, "PSI - Pressure Stall Information"; proc(5), /proc/stat.
 */

import { readIfPossible } from "./environment.ts";
import type { Known, ReadFile } from "./environment.ts";

/** Share of time in which some task waited for the resource: over the last 10 s, and in total microseconds. */
export interface Stall {
  readonly avg10Ratio: number;
  readonly totalUs: number;
}

export interface PressureSample {
  readonly moment: "before" | "during" | "after";
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  /** Runnable tasks over the last minute. */
  readonly load1m: Known<number>;
  /** Since boot, over all processors, in clock ticks. */
  readonly stolenTicks: Known<number>;
  readonly totalTicks: Known<number>;
  readonly stalls: { readonly cpu: Known<Stall>; readonly io: Known<Stall>; readonly memory: Known<Stall> };
}

export function samplePressure(
  moment: PressureSample["moment"],
  takenAt: string,
  read: ReadFile = readIfPossible,
): PressureSample {
  const load = Number(read("/proc/loadavg")?.split(" ")[0] ?? Number.NaN);
  const ticks = /^cpu +([\d ]+)$/m
    .exec(read("/proc/stat") ?? "")?.[1]
    ?.split(" ")
    .map(Number);
  return {
    moment,
    takenAt,
    load1m: Number.isNaN(load) ? "unavailable" : load,
    // user nice system idle iowait irq softirq steal; guest time, which follows, is within user and nice already.
    stolenTicks: ticks?.[7] ?? "unavailable",
    totalTicks: ticks?.slice(0, 8).reduce((sum, value) => sum + value, 0) ?? "unavailable",
    stalls: { cpu: stall(read, "cpu"), io: stall(read, "io"), memory: stall(read, "memory") },
  };
}

/** Returns the share of processor time stolen between two samples, or that it is not known. */
export function stealRatio(from: PressureSample, to: PressureSample): Known<number> {
  const [stolen, total] = [difference(from.stolenTicks, to.stolenTicks), difference(from.totalTicks, to.totalTicks)];
  return stolen === "unavailable" || total === "unavailable" || total <= 0 ? "unavailable" : stolen / total;
}

function difference(from: Known<number>, to: Known<number>): Known<number> {
  return from === "unavailable" || to === "unavailable" ? "unavailable" : to - from;
}

function stall(read: ReadFile, resource: "cpu" | "io" | "memory"): Known<Stall> {
  const [, average, total] =
    /^some avg10=([\d.]+) .*total=(\d+)$/m.exec(read(`/proc/pressure/${resource}`) ?? "") ?? [];
  if (average === undefined || total === undefined) return "unavailable";
  return { avg10Ratio: Number(average) / 100, totalUs: Number(total) };
}
