/** The figures, in the order of the report: consensus, then schedulers, then stores. */

import type { Figure } from "../../harness/chart/figure.ts";
import { churnTimeline } from "./churn-timeline.ts";
import { commitsByAddedLatency } from "./commits-by-added-latency.ts";
import { durabilityUnderKills } from "./durability-under-kills.ts";
import { electionTimes } from "./election-times.ts";
import { keysMovedOnJoin } from "./keys-moved-on-join.ts";
import { latencyByLoad } from "./latency-by-load.ts";
import { latencyPercentiles } from "./latency-percentiles.ts";
import { overloadOverTime } from "./overload-over-time.ts";
import { schedulerChains } from "./scheduler-chains.ts";
import { schedulerFlood } from "./scheduler-flood.ts";
import { schedulerGantt } from "./scheduler-gantt.ts";
import { schedulerPools } from "./scheduler-pools.ts";
import { schedulerQueueWait } from "./scheduler-queue-wait.ts";
import { schedulerStealing } from "./scheduler-stealing.ts";
import { schedulerTenantShares } from "./scheduler-tenant-shares.ts";
import { schedulerThreads } from "./scheduler-threads.ts";
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
  schedulerQueueWait,
  schedulerFlood,
  schedulerTenantShares,
  schedulerStealing,
  schedulerChains,
  schedulerGantt,
  schedulerThreads,
  schedulerPools,
  storageComparison,
  storageLevels,
  storeThroughputByClusterSize,
  keysMovedOnJoin,
  storageJoinLatency,
  durabilityUnderKills,
];
