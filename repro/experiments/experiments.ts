/** All experiments, in the order in which a run performs them: the cheap and decisive ones first. */

import type { Experiment } from "../../harness/plan/experiment.ts";
import { consensusAtRest, consensusStepByStep } from "./agreement.ts";
import { consensusEndurance } from "./endurance.ts";
import {
  consensusChurn,
  consensusIsolateOne,
  consensusLeaderFailure,
  consensusLinearizability,
  consensusMajorityKilled,
  consensusNoQuorum,
  consensusSplit,
} from "./failures.ts";
import { consensusLeases } from "./leases.ts";
import { microbench } from "./microbench.ts";
import { consensusLatency, consensusThroughput, consensusTimeline } from "./performance.ts";
import { consensusSafety } from "./safety.ts";
import { consensusDurability, consensusTradeoffs, minimalSize } from "./tradeoffs.ts";

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
  consensusThroughput,
  consensusLatency,
  consensusTimeline,
  consensusEndurance,
  microbench,
];
