/**
 * Rows of stores like those of a real run, for tests of figures and report: seeded, nothing measured.
 *
 * Shapes follow what to expect: more replicas take longer, a join costs writers something, a kill interrupts them.
 */

import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { TableRow } from "../../harness/chart/figure.ts";

const random = seededRandom("synthetic store rows");

function block(experiment: string, index: number, implementation = "production", nodes = 3): TableRow {
  return { experiment, block: index, implementation, substrate: "cluster", nodes, seed: `${experiment}-${index}` };
}

/** Uniform in [1 - spread, 1 + spread]. */
function wobble(spread: number): number {
  return 1 + spread * (2 * random.float() - 1);
}

export interface StoreRows {
  readonly throughput: readonly TableRow[];
  readonly latency: readonly TableRow[];
}

interface Variant {
  readonly variant: string;
  readonly implementation?: string;
  readonly nodes?: number;
  readonly clients: number;
  readonly perS: number;
  readonly p50Ms: number;
  readonly operation: "read" | "write";
}

/** What a closed loop on one variant leaves in both tables. */
function rowsOf(experiment: string, index: number, of: Variant): StoreRows {
  const { variant, implementation = "production", nodes = 3, clients, operation } = of;
  const key = block(experiment, index, implementation, nodes);
  const load = { variant, loop: "closed", clients, offered_per_s: undefined };
  const rate = Math.round(of.perS * wobble(0.09));
  const scale = of.p50Ms * wobble(0.1);
  const outcome = { ok: rate, fail: 0, info: 0, throughput_per_s: rate };
  const percentiles = {
    ...{ mean_ms: scale * 1.1, p50_ms: scale, p90_ms: scale * 1.7, p99_ms: scale * 3.4 * wobble(0.25) },
    ...{ p999_ms: scale * 7 * wobble(0.4), max_ms: scale * 15 * wobble(0.5) },
  };
  return {
    throughput: [{ ...key, ...load, value_bytes: 256, window_start_s: 0, window_s: "all", ...outcome }],
    latency: ["all", operation].map((each) => ({
      ...{ ...key, ...load, operation: each, measure: "service", count: 5000, ...percentiles },
    })),
  };
}

function gather(parts: readonly StoreRows[]): StoreRows {
  return {
    throughput: parts.flatMap(({ throughput }) => throughput),
    latency: parts.flatMap(({ latency }) => latency),
  };
}

/** Eight blocks, one client and 64 in turn. */
export function levelRows(blocks = 8): StoreRows {
  const levels = [
    { variant: "put-single", operation: "write", p50Ms: 0.82, perS: 31_000 },
    { variant: "put-one", operation: "write", p50Ms: 0.91, perS: 24_000 },
    { variant: "put-majority", operation: "write", p50Ms: 1.7, perS: 14_200 },
    { variant: "put-all", operation: "write", p50Ms: 2.2, perS: 12_100 },
    { variant: "get-one", operation: "read", p50Ms: 0.21, perS: 33_000 },
    { variant: "get-majority", operation: "read", p50Ms: 0.43, perS: 19_500 },
    { variant: "get-all", operation: "read", p50Ms: 0.49, perS: 16_000 },
  ] as const;
  const parts = Array.from({ length: blocks }, (_, index) => index).flatMap((index) =>
    levels.map((level) => {
      const clients = index % 2 === 0 ? 1 : 64;
      const perS = clients === 1 ? 900 / level.p50Ms : level.perS;
      const p50Ms = clients === 1 ? level.p50Ms : (64_000 / level.perS) * 0.9;
      return rowsOf("storage-levels", index, { ...level, clients, perS, p50Ms });
    }),
  );
  return gather(parts);
}

/** Five blocks of every contender. */
export function comparisonRows(blocks = 5): StoreRows {
  const contenders = [
    { variant: "put-majority", implementation: "production", perS: 13_900 },
    { variant: "put-one", implementation: "production", perS: 25_400 },
    { variant: "etcd-writes", implementation: "etcd", perS: 4200 },
    { variant: "etcd-writes-plain", implementation: "etcd", perS: 5300 },
    { variant: "put-single-server", implementation: "postgresql", perS: 6900 },
    { variant: "put-single-server", implementation: "redis", perS: 29_500 },
  ] as const;
  const parts = Array.from({ length: blocks }, (_, index) => index).flatMap((index) =>
    contenders.map((each) =>
      rowsOf("storage-comparison", index, { ...each, clients: 64, p50Ms: 60_000 / each.perS, operation: "write" }),
    ),
  );
  return gather(parts);
}

/** Minimal in the first of five blocks, production in all, stores of 1, 3, 5 and 7 nodes. */
export function storeSizeRows(blocks = 5): readonly TableRow[] {
  return Array.from({ length: blocks }, (_, index) => index).flatMap((index) =>
    (index === 0 ? ["minimal", "production"] : ["production"]).flatMap((implementation) =>
      [1, 3, 5, 7].flatMap((nodes) => {
        const perS = implementation === "minimal" ? 24_000 - 600 * nodes : 31_000 / (1 + nodes / 3);
        const of = { variant: `${nodes}-nodes`, implementation, nodes, clients: 64, perS, p50Ms: 64_000 / perS };
        return rowsOf("storage-throughput", index, { ...of, operation: "write" }).throughput;
      }),
    ),
  );
}

/** Shares of the keys that move, for stores of 1 to 14 nodes. */
export function keysMovedRows(): readonly TableRow[] {
  return ["production", "minimal"].flatMap((implementation) =>
    Array.from({ length: 14 }, (_, index): TableRow => {
      const nodes = index + 1;
      const value = implementation === "minimal" ? nodes / (nodes + 1) : (1 + 0.12 * random.float()) / (nodes + 1);
      const key = { ...block("storage-placement", 0, implementation, 0), substrate: "none", seed: "none" };
      return { ...key, metric: `keys-moved-fraction@${nodes}-nodes`, value, unit: "ratio" };
    }),
  );
}

export interface JoinRows {
  readonly timeline: readonly TableRow[];
  readonly measurements: readonly TableRow[];
}

/** Windows of a fifth of a second over 25 s; a node joins at 11 s and is taken out again at 24 s. */
export function joinRows(windows = 125): JoinRows {
  const key = block("storage-join", 0);
  const background = [
    { work: "rebalance", node: "n4", from: 11.3, to: 14.1 },
    { work: "compaction", node: "n2", from: 6.2, to: 7 },
    { work: "compaction", node: "n4", from: 13.8, to: 15.3 },
    { work: "compaction", node: "n1", from: 14.9, to: 15.6 },
    { work: "rebalance", node: "n1", from: 23.9, to: 25.4 },
    { work: "repair", node: "n3", from: 18, to: 18.4 },
  ] as const;
  const latency = Array.from({ length: windows }, (_, index) => (index + 0.5) / 5).flatMap((time_s) => {
    const isBusy = background.some(({ work, from, to }) => work !== "repair" && from <= time_s && time_s < to);
    const p50Ms = (isBusy ? 1.9 : 1.3) * wobble(0.1);
    const moment = { ...key, node: "all", time_s, unit: "ms" };
    return [
      { ...moment, metric: "write-p50-ms", value: p50Ms },
      { ...moment, metric: "write-p99-ms", value: p50Ms * (isBusy ? 4.6 : 3) * wobble(0.4) },
    ];
  });
  const changes = background.flatMap(({ work, node, from, to }) =>
    [
      [from, 1],
      [to, 0],
    ].map(([time_s, value]) => ({ ...key, node, time_s, metric: `background-${work}`, value, unit: "under-way" })),
  );
  const measured = { "p99-before-rebalance-ms": 4.42, "p99-during-rebalance-ms": 8.61, "p99-rebalance-ratio": 1.948 };
  const measurements = Object.entries(measured).map(([metric, value]) => ({
    ...{ ...key, metric, value, unit: metric.endsWith("ratio") ? "ratio" : "ms" },
  }));
  return { timeline: [...latency, ...changes], measurements };
}

export interface KillRows {
  readonly throughput: readonly TableRow[];
  readonly faults: readonly TableRow[];
  readonly measurements: readonly TableRow[];
}

/** Two blocks of eight seconds with a kill every 0.7 s, windows of a tenth of a second; nothing is lost. */
export function killRows(blocks = 2, seconds = 8): KillRows {
  const load = { variant: "", loop: "open", clients: 32, offered_per_s: 400, value_bytes: 64 };
  const parts = Array.from({ length: blocks }, (_, index): KillRows => {
    const key = block("storage-kills", index);
    const strikes = Array.from({ length: Math.floor((seconds - 1.7) / 0.7) }, (_unused, strike) => ({
      ...{ fault: "kill", target: strike % 4 === 3 ? "n1 n2" : `n${1 + (strike % 3)}` },
      ...{ start_s: 0.4 + 0.7 * strike, end_s: 0.785 + 0.7 * strike },
    }));
    strikes.push({ fault: "kill", target: "n1 n2 n3", start_s: seconds - 1, end_s: seconds - 0.7 });
    const throughput = Array.from({ length: seconds * 10 }, (_unused, window): TableRow => {
      const startS = window / 10;
      const strike = strikes.find(({ start_s, end_s }) => start_s <= startS && startS < end_s);
      const share = strike === undefined ? 1.2 : strike.target.includes(" ") ? 0.05 : 0.7;
      const rate = Math.round(40 * share * wobble(0.3)) * 10;
      const outcome = { ok: rate / 10, fail: 0, info: 0, throughput_per_s: rate };
      return { ...key, ...load, window_start_s: startS, window_s: "0.1", ...outcome };
    });
    const counts = { "lost-acknowledged-writes": 0, "acknowledged-writes": Math.round(2100 * wobble(0.05)) };
    const measurements = Object.entries(counts).map(([metric, value]) => ({ ...key, metric, value, unit: "count" }));
    return {
      throughput,
      faults: strikes.map((strike) => ({
        ...{ ...key, ...strike, efficacy: strike.target.split(" ").length, efficacy_unit: "processes ended" },
      })),
      measurements,
    };
  });
  return {
    throughput: parts.flatMap((part) => part.throughput),
    faults: parts.flatMap((part) => part.faults),
    measurements: parts.flatMap((part) => part.measurements),
  };
}
