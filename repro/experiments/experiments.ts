/** All experiments, in the order in which a run performs them: the cheap and decisive ones first. */

import type { Experiment } from "../../harness/plan/experiment.ts";
import { consensusAtRest, consensusStepByStep } from "./consensus/agreement.ts";
import { consensusAddedLatency, consensusTimeoutRule } from "./consensus/added-latency.ts";
import { consensusComparisonOf } from "./consensus/comparison.ts";
import { consensusElections } from "./consensus/elections.ts";
import { consensusEndurance, consensusHaul } from "./consensus/endurance.ts";
import {
  consensusChurn,
  consensusIsolateOne,
  consensusIsolations,
  consensusLeaderFailure,
  consensusLinearizability,
  consensusMajorityKilled,
  consensusMembership,
  consensusNoQuorum,
  consensusSplit,
} from "./consensus/failures.ts";
import { consensusLeases } from "./consensus/leases.ts";
import { consensusInProcess, microbench, schedulerInProcess, storageInProcess } from "./microbench.ts";
import { consensusOverload } from "./consensus/overload.ts";
import { consensusBatches, consensusLatencyOf, consensusReads, consensusThroughput } from "./consensus/performance.ts";
import { consensusSafety } from "./consensus/safety.ts";
import { consensusTimeline } from "./consensus/timeline.ts";
import { consensusDurability, consensusTradeoffs } from "./consensus/tradeoffs.ts";
import { minimalSize } from "./minimal-size.ts";
import { schedulerAtRest, schedulerStepByStep } from "./scheduler/agreement.ts";
import { schedulerCluster } from "./scheduler/cluster.ts";
import { schedulerChains, schedulerHomes, schedulerPriorities } from "./scheduler/dependencies.ts";
import { schedulerLockFreedom, schedulerPools, schedulerSkipList } from "./scheduler/pools.ts";
import { schedulerSafety } from "./scheduler/safety.ts";
import { schedulerBalance, schedulerGantt, schedulerPreemption, schedulerTenants } from "./scheduler/sharing.ts";
import { schedulerFlood, schedulerMixed } from "./scheduler/waits.ts";
import {
  storageAcknowledgements,
  storageOrderStatistics,
  storagePlacement,
  storageRoundTrips,
} from "./storage/accounting.ts";
import { storageAtRest, storageStepByStep } from "./storage/agreement.ts";
import { storageDiskErrors, storageJoin, storageKills, storageSlowDisk } from "./storage/failures.ts";
import { storageLevels } from "./storage/levels.ts";
import { storageSafety } from "./storage/safety.ts";
import { storageAmplification, storageBatches, storageComparison, storageThroughput } from "./storage/throughput.ts";
import { storageDurability, storageTradeoffs } from "./storage/tradeoffs.ts";

/** Those that are measured against each other wherever speed is. */
const compared = ["production", "etcd"] as const;

export const experiments: readonly Experiment[] = [
  minimalSize,
  consensusStepByStep,
  consensusSafety,
  consensusLeases,
  consensusAtRest,
  consensusDurability,
  consensusTradeoffs,
  consensusLinearizability,
  consensusLeaderFailure,
  consensusIsolateOne,
  consensusNoQuorum,
  consensusMajorityKilled,
  consensusSplit,
  consensusChurn,
  consensusIsolations,
  consensusMembership,
  consensusElections,
  consensusTimeoutRule,
  consensusThroughput,
  consensusComparisonOf(compared),
  consensusLatencyOf(["minimal", ...compared]),
  consensusBatches,
  consensusReads,
  consensusAddedLatency,
  consensusTimeline,
  consensusOverload,
  consensusEndurance,
  consensusHaul,
  schedulerStepByStep,
  schedulerSafety,
  schedulerAtRest,
  schedulerPriorities,
  schedulerChains,
  schedulerHomes,
  schedulerMixed,
  schedulerFlood,
  schedulerTenants,
  schedulerPreemption,
  schedulerBalance,
  schedulerGantt,
  schedulerLockFreedom,
  schedulerCluster,
  schedulerSkipList,
  schedulerPools,
  storagePlacement,
  storageStepByStep,
  storageSafety,
  storageAtRest,
  storageRoundTrips,
  storageDurability,
  storageTradeoffs,
  storageAcknowledgements,
  storageOrderStatistics,
  storageKills,
  storageDiskErrors,
  storageLevels,
  storageThroughput,
  storageComparison,
  storageBatches,
  storageAmplification,
  storageSlowDisk,
  storageJoin,
  consensusInProcess,
  storageInProcess,
  schedulerInProcess,
  microbench,
];
