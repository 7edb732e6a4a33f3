/**
 * Rows of schedulers like those of a real run, for tests of figures and report: seeded, nothing measured.
 *
 * Shapes follow what to expect: a flood takes everything where nobody shares, lanes are uneven until somebody steals.
 */

import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { TableRow } from "../../harness/chart/figure.ts";

const random = seededRandom("synthetic scheduler rows");

function block(
  experiment: string,
  index: number,
  implementation: string,
  substrate = "simulated",
  nodes = 1,
): TableRow {
  return { experiment, block: index, implementation, substrate, nodes, seed: `${experiment}-${index}` };
}

/** Uniform in [1 - spread, 1 + spread]. */
function wobble(spread: number): number {
  return 1 + spread * (2 * random.float() - 1);
}

function measured(key: TableRow, metric: string, value: number, unit: string): TableRow {
  return { ...key, metric, value, unit };
}

const both = ["minimal", "production"] as const;

/** Percentiles of waits, a flood, chains, lanes; three blocks where a run has several. */
export function virtualRows(): readonly TableRow[] {
  const blocks = [0, 1, 2];
  const waits = { p50: 0, p90: 60, p99: 910, p999: 3300, max: 6200 };
  const mixed = blocks.flatMap((index) =>
    both.flatMap((name) =>
      Object.entries(waits).map(([label, ms]) =>
        measured(block("scheduler-mixed", index, name), `queue-wait-${label}-ms`, ms * wobble(0.2), "ms"),
      ),
    ),
  );
  const floodMs = { calm: 6.1, flood: 7.2, "calm-without-priorities": 31, "flood-without-priorities": 2410 };
  const flood = blocks.flatMap((index) => [
    ...both.flatMap((name) =>
      Object.entries(floodMs).map(([variant, ms]) =>
        measured(block("scheduler-flood", index, name), `high-wait-mean-ms@${variant}`, ms * wobble(0.1), "ms"),
      ),
    ),
    measured(block("scheduler-flood", index, "production"), "high-wait-mean-ms@flood-fast-ageing", 1390, "ms"),
  ]);
  const chains = both.flatMap((name) => {
    const key = block("scheduler-chains", 0, name, "simulated", 3);
    const times = [10, 50, 100, 500].map((depth) =>
      measured(key, `completion-s@depth-${depth}`, depth * (name === "minimal" ? 1 : 1.002), "s"),
    );
    return [...times, measured(key, "chain-linearity", 0.99999, "ratio")];
  });
  const uneven = { "90-10": 0.8, "80-20": 0.6, "70-30": 0.4 };
  const lanes = Object.entries(uneven).flatMap(([split, value]) => {
    const key = block("scheduler-balance", 0, "production");
    return [
      measured(key, `imbalance@${split}-no-stealing`, value, "ratio"),
      measured(key, `imbalance@${split}-stealing`, 0.006 * wobble(0.5), "ratio"),
    ];
  });
  return [...mixed, ...flood, ...chains, ...lanes];
}

/** Nine seconds in quarters, of which the second tenant comes at 3 s and the third at 6 s. */
export function shareRows(windows = 36): readonly TableRow[] {
  return both.flatMap((name) =>
    Array.from({ length: windows }, (_, index) => (index + 0.5) / 4).flatMap((time_s): TableRow[] => {
      const there = time_s < 3 ? [1, 0, 0] : time_s < 6 ? [0.5, 0.5, 0] : [0.25, 0.25, 0.5];
      const shares = name === "minimal" ? [1, 0, 0] : there.map((share) => share * wobble(0.02));
      return ["flood", "second", "third"].map((tenant, of) => ({
        ...block("scheduler-tenants", 0, name),
        ...{ node: "all", time_s, metric: `share@${tenant}`, value: shares[of] ?? 0, unit: "ratio" },
      }));
    }),
  );
}

/** Bars one after the other on four workers; production's flood yields when others come. */
export function attemptRows(): readonly TableRow[] {
  return both.flatMap((name) =>
    [0, 1, 2, 3].flatMap((worker) => {
      const rows: TableRow[] = [];
      let start_s = 0;
      for (let index = 0; start_s < 2; index++) {
        const isShared = name === "production" && start_s > 0.4;
        const drawn = random.below(start_s > 0.9 ? 8 : 3);
        const job = !isShared || drawn === 0 ? "flood" : drawn === 7 ? "urgent" : drawn % 2 === 0 ? "third" : "second";
        const length = (job === "flood" ? 0.3 : 0.11) * wobble(0.4);
        const isYielded = isShared && job === "flood";
        const end_s = start_s + (isYielded ? length / 3 : length);
        rows.push({
          ...block("scheduler-gantt", 0, name),
          ...{ node: "n1", worker, lane: -1, task: `${job}-0.${worker}-${index}` },
          ...{ tenant: job === "urgent" ? "flood" : job, priority: job === "urgent" ? 9 : 0 },
          ...{
            start_s,
            end_s: end_s > 2 ? "" : end_s,
            end: end_s > 2 ? "open" : isYielded ? "yielded" : "completed",
          },
          wait_ms: 20,
        });
        start_s = end_s + 0.001;
      }
      return rows;
    }),
  );
}

/** Five blocks of pools, and of queues with one and two threads. */
export function threadRows(blocks = 5): readonly TableRow[] {
  const pools = { production: 187_000, minimal: 412_000, piscina: 61_000, "p-queue": 43_000, bullmq: 5200 };
  const scaling = { 1: 985, 2: 1890, 4: 1910 };
  const queues = { production: [920_000, 1_460_000], minimal: [1_310_000, 640_000] };
  return Array.from({ length: blocks }, (_, index) => index).flatMap((index) => [
    ...Object.entries(pools).map(([name, rate]) =>
      measured(
        block("scheduler-pools", index, name, "cluster"),
        "throughput-per-s@empty",
        rate * wobble(0.08),
        "tasks/s",
      ),
    ),
    ...Object.entries(scaling).map(([workers, rate]) =>
      measured(
        block("scheduler-pools", index, "production", "cluster"),
        `throughput-per-s@scaling-${workers}-worker${workers === "1" ? "" : "s"}`,
        ...([rate * wobble(0.05), "tasks/s"] as const),
      ),
    ),
    ...Object.entries(queues).flatMap(([name, rates]) =>
      rates.map((rate, threads) =>
        measured(
          block("scheduler-skip-list", index, name, "cluster"),
          `queue-ops-per-s@${threads + 1}-thread${threads === 0 ? "" : "s"}`,
          ...([rate * wobble(0.06), "ops/s"] as const),
        ),
      ),
    ),
  ]);
}
