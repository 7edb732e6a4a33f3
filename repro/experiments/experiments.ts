/** All experiments, in the order in which a run performs them: the cheap and decisive ones first. */

import type { Experiment } from "../../harness/plan/experiment.ts";
import { consensusAtRest, consensusStepByStep } from "./agreement.ts";
import { consensusAddedLatency, consensusTimeoutRule } from "./added-latency.ts";
import { consensusComparisonOf } from "./comparison.ts";
import { consensusElections } from "./elections.ts";
import { consensusEndurance, consensusHaul } from "./endurance.ts";
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
} from "./failures.ts";
import { consensusLeases } from "./leases.ts";
import { consensusInProcess, microbench, storageInProcess } from "./microbench.ts";
import { consensusOverload } from "./overload.ts";
import { consensusBatches, consensusLatencyOf, consensusReads, consensusThroughput } from "./performance.ts";
import { consensusSafety } from "./safety.ts";
import { consensusTimeline } from "./timeline.ts";
import { consensusDurability, consensusTradeoffs, minimalSize } from "./tradeoffs.ts";

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
  consensusInProcess,
  storageInProcess,
  microbench,
];
