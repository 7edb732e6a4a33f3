/** The figures, in the order of the report. */

import type { Figure } from "../../harness/chart/figure.ts";
import { churnTimeline } from "./churn-timeline.ts";
import { commitsByAddedLatency } from "./commits-by-added-latency.ts";
import { electionTimes } from "./election-times.ts";
import { latencyByLoad } from "./latency-by-load.ts";
import { latencyPercentiles } from "./latency-percentiles.ts";
import { overloadOverTime } from "./overload-over-time.ts";
import { throughputByClusterSize } from "./throughput-by-cluster-size.ts";
import { throughputOverTime } from "./throughput-over-time.ts";

export const figures: readonly Figure[] = [
  throughputOverTime,
  latencyByLoad,
  latencyPercentiles,
  throughputByClusterSize,
  commitsByAddedLatency,
  churnTimeline,
  electionTimes,
  overloadOverTime,
];
