/** The figures, in the order of the report: consensus, then stores. */

import type { Figure } from "../../harness/chart/figure.ts";
import { churnTimeline } from "./churn-timeline.ts";
import { commitsByAddedLatency } from "./commits-by-added-latency.ts";
import { durabilityUnderKills } from "./durability-under-kills.ts";
import { electionTimes } from "./election-times.ts";
import { keysMovedOnJoin } from "./keys-moved-on-join.ts";
import { latencyByLoad } from "./latency-by-load.ts";
import { latencyPercentiles } from "./latency-percentiles.ts";
import { overloadOverTime } from "./overload-over-time.ts";
import { storageComparison } from "./storage-comparison.ts";
import { storageJoinLatency } from "./storage-join-latency.ts";
import { storageLevels } from "./storage-levels.ts";
import { storeThroughputByClusterSize, throughputByClusterSize } from "./throughput-by-cluster-size.ts";
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
  storageComparison,
  storageLevels,
  storeThroughputByClusterSize,
  keysMovedOnJoin,
  storageJoinLatency,
  durabilityUnderKills,
];
