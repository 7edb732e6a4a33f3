/** The figures, in the order of the report. */

import type { Figure } from "../../harness/chart/figure.ts";
import { electionTimes } from "./election-times.ts";
import { latencyPercentiles } from "./latency-percentiles.ts";
import { throughputByClusterSize } from "./throughput-by-cluster-size.ts";
import { throughputOverTime } from "./throughput-over-time.ts";

export const figures: readonly Figure[] = [
  throughputOverTime,
  latencyPercentiles,
  throughputByClusterSize,
  electionTimes,
];
