/**
 * Rows like those of a real run, for tests of figures and report: seeded, nothing measured.
 *
 * Shapes follow what runs show: throughput falls while a leader is missing, latency has a long tail, an election takes
 * a randomised timeout plus a round trip. Only tests import this file.
 */

import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { attemptRows, shareRows, threadRows, virtualRows } from "./synthetic-scheduler-rows.fixture.ts";
import {
  comparisonRows,
  joinRows,
  keysMovedRows,
  killRows,
  levelRows,
  storeSizeRows,
} from "./synthetic-store-rows.fixture.ts";

const random = seededRandom("synthetic rows");
const implementations = ["minimal", "production"] as const;

function block(experiment: string, index: number, implementation: string, nodes = 3, substrate = "cluster"): TableRow {
  return { experiment, block: index, implementation, substrate, nodes, seed: `${experiment}-${index}` };
}

/** Uniform in [1 - spread, 1 + spread]. */
function wobble(spread: number): number {
  return 1 + spread * (2 * random.float() - 1);
}

const faults = [
  { fault: "kill", target: "leader n1", start_s: 5, end_s: 8, efficacy: 1, efficacy_unit: "processes killed" },
  { fault: "isolate-one", target: "n2", start_s: 12, end_s: 16, efficacy: 812, efficacy_unit: "messages cut" },
  { fault: "delay", target: "all", start_s: 20, end_s: 23, efficacy: 9120, efficacy_unit: "messages delayed" },
  {
    fault: "majority-minority",
    target: "n1 n2 | n3",
    start_s: 20.5,
    end_s: 25,
    efficacy: 320,
    efficacy_unit: "messages cut",
  },
  { fault: "pause", target: "n3", start_s: 27, end_s: 28.5, efficacy: 1500, efficacy_unit: "ms paused" },
] as const;

/** Windows of one second over half a minute, and the row of the whole block. */
export function throughputRows(experiment = "consensus-faults", nodes = 3, windows = 30): readonly TableRow[] {
  return implementations.flatMap((implementation) => {
    const base = implementation === "minimal" ? 21_400 : 9_300;
    const load = { variant: "", loop: "closed", clients: 64, offered_per_s: undefined, value_bytes: 256 };
    const perWindow = Array.from({ length: windows }, (_, second): TableRow => {
      const down = faults.some(
        (fault) => fault.start_s <= second && second < fault.end_s - 0.4 && fault.fault !== "pause",
      );
      const rate = Math.round(base * wobble(0.08) * (down ? 0.12 + 0.3 * random.float() : 1));
      const outcome = { ok: rate, fail: 0, info: 0, throughput_per_s: rate };
      return {
        ...block(experiment, 0, implementation, nodes),
        ...load,
        window_start_s: second,
        window_s: "1",
        ...outcome,
      };
    });
    const whole = { window_start_s: 0, window_s: "all", ok: base * windows, fail: 12, info: 3, throughput_per_s: base };
    return [...perWindow, { ...block(experiment, 0, implementation, nodes), ...load, ...whole }];
  });
}

export function faultRows(experiment = "consensus-faults"): readonly TableRow[] {
  return implementations.flatMap((implementation) =>
    faults.map((fault) => ({ ...block(experiment, 0, implementation), ...fault })),
  );
}

/** Five blocks of each implementation at 1, 3, 5 and 7 nodes. */
export function clusterSizeRows(blocks = 5): readonly TableRow[] {
  return implementations.flatMap((implementation) =>
    [1, 3, 5, 7].flatMap((nodes) =>
      Array.from({ length: blocks }, (_, index): TableRow => {
        const base = implementation === "minimal" ? 23_000 - 900 * nodes : 12_500 - 1_050 * nodes;
        const rate = Math.round(base * wobble(0.07));
        const load = { variant: "", loop: "closed", clients: 64, offered_per_s: undefined, value_bytes: 256 };
        const window = { window_start_s: 0, window_s: "all" };
        const outcome = { ok: rate * 10, fail: 0, info: 0, throughput_per_s: rate };
        return { ...block("consensus-throughput", index, implementation, nodes), ...load, ...window, ...outcome };
      }),
    ),
  );
}

/** Five blocks at three loads, intended latency and service time, all operations. */
export function latencyRows(experiment = "consensus-latency", blocks = 5): readonly TableRow[] {
  return [500, 2000, 8000].flatMap((rate) =>
    implementations.flatMap((implementation) =>
      Array.from({ length: blocks }, (_, index) => index).flatMap((index) =>
        ["intended", "service", "lateness"].map((measure): TableRow => {
          const queue = 8000 / (8500 - rate);
          const base = (implementation === "minimal" ? 0.42 : 3.1) * queue;
          const scale = base * wobble(0.15) * (measure === "lateness" ? 0.05 : 1);
          const percentiles = {
            mean_ms: scale * 1.2,
            p50_ms: scale,
            p90_ms: scale * 1.9 * wobble(0.1),
            p99_ms: scale * 5.2 * wobble(0.2),
            p999_ms: scale * 13 * wobble(0.4),
            max_ms: scale * 44 * wobble(0.5),
          };
          return {
            ...block(experiment, index, implementation),
            ...{ variant: `${rate}-per-s`, loop: "open", clients: 64, offered_per_s: rate },
            operation: "all",
            measure,
            count: 30_000,
            ...percentiles,
          };
        }),
      ),
    ),
  );
}

export function electionRows(): readonly TableRow[] {
  const triggers = ["start", "kill", "isolate-one", "pause"];
  return ["simulated", "cluster"].flatMap((substrate) =>
    implementations.flatMap((implementation) =>
      triggers.flatMap((trigger) =>
        Array.from({ length: substrate === "simulated" ? 320 : 24 }, (_, index): TableRow => {
          const timeout = (implementation === "minimal" ? 150 : 160) + 150 * random.float();
          const rounds = random.float() < 0.06 ? 2 : 1;
          const duration_ms = timeout * rounds + (substrate === "cluster" ? 12 * random.float() : 2);
          return {
            ...block("consensus-elections", index % 4, implementation, 3, substrate),
            trigger,
            term: index + 2,
            duration_ms,
            won_s: index + duration_ms / 1000,
          };
        }),
      ),
    ),
  );
}

/** Twenty killed leaders in twenty seconds, with windows of a fifth of a second. */
export function churnRows(): { readonly throughput: readonly TableRow[]; readonly elections: readonly TableRow[] } {
  const key = block("consensus-churn", 1, "production");
  const kills = Array.from({ length: 20 }, (_, index) => 1.5 + index);
  const elections = kills.map((lostS, index): TableRow => {
    const duration_ms = 170 + 140 * random.float();
    return { ...key, trigger: "kill", term: index + 2, duration_ms, won_s: lostS + duration_ms / 1000 };
  });
  const throughput = Array.from({ length: 105 }, (_, index): TableRow => {
    const startS = index / 5;
    const down = kills.some((lostS) => startS >= lostS && startS < lostS + 0.2);
    const rate = Math.round(150 * wobble(0.2) * (down ? 0.1 : 1));
    return {
      ...key,
      ...{ variant: "", loop: "open", clients: 64, offered_per_s: 150, value_bytes: 64 },
      ...{ window_start_s: startS, window_s: "0.2", ok: rate / 5, fail: 0, info: 0, throughput_per_s: rate },
    };
  });
  return { throughput, elections };
}

/** Shares of commits under added latency, both loads. */
export function addedLatencyRows(blocks = 4): readonly TableRow[] {
  return Array.from({ length: blocks }, (_, index) => index).flatMap((index) =>
    [10, 50, 100, 500].flatMap((addedMs) =>
      ["closed", "open"].map((loop): TableRow => {
        const share = (loop === "open" ? 1 : 40 / Math.max(40, addedMs)) * wobble(0.06);
        return {
          ...block("consensus-added-latency", index, "production"),
          ...{ metric: `commits-ratio@+${addedMs}-ms@${loop}-loop`, value: share, unit: "ratio" },
        };
      }),
    ),
  );
}

/** Windows of a second over an overload. */
export function overloadRows(seconds = 10): readonly TableRow[] {
  return Array.from({ length: seconds }, (_, second): TableRow => {
    const rate = Math.round(24_000 * wobble(0.15));
    return {
      ...block("consensus-overload", 0, "production"),
      ...{ variant: "", loop: "open", clients: 1000, offered_per_s: 60_000, value_bytes: 256 },
      ...{ window_start_s: second, window_s: "1", ok: rate, fail: 0, info: 0, throughput_per_s: rate },
    };
  });
}

/** Lag of two followers and memory of three nodes over ten seconds. */
export function timelineRows(seconds = 10): readonly TableRow[] {
  const key = block("consensus-overload", 0, "production");
  return Array.from({ length: seconds * 10 }, (_, index) => (index + 1) / 10).flatMap((time_s) => [
    ...["n2", "n3"].map((node): TableRow => {
      const value = Math.round(900 * wobble(0.6));
      return { ...key, node, time_s, metric: "replication-lag", value, unit: "entries" };
    }),
    ...["n1", "n2", "n3"].map((node): TableRow => {
      const value = Math.round((180 + 40 * Math.log(1 + time_s)) * 1e6 * wobble(0.04));
      return { ...key, node, time_s, metric: "resident-bytes", value, unit: "bytes" };
    }),
  ]);
}

/** Every table that the figures need. */
export function syntheticTables(): FigureTables {
  const churn = churnRows();
  const [levels, compared, join, kills] = [levelRows(), comparisonRows(), joinRows(), killRows()];
  return {
    throughput: [
      ...throughputRows(),
      ...clusterSizeRows(),
      ...churn.throughput,
      ...overloadRows(),
      ...levels.throughput,
      ...compared.throughput,
      ...storeSizeRows(),
      ...kills.throughput,
    ],
    faults: [...faultRows(), ...kills.faults],
    latency: [...latencyRows(), ...levels.latency, ...compared.latency],
    elections: [...electionRows(), ...churn.elections],
    measurements: [
      ...addedLatencyRows(),
      ...keysMovedRows(),
      ...join.measurements,
      ...kills.measurements,
      ...virtualRows(),
      ...threadRows(),
    ],
    timeline: [...timelineRows(), ...join.timeline, ...shareRows()],
    attempts: attemptRows(),
  };
}
