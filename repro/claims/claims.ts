/** All claims this repository judges: the published ones in the order of their table, then the project's own goals. */

import type { Claim } from "../../harness/claim/claim.ts";
import { benchmarkClaims, guideClaims, minimalBenchmarkClaims } from "./consensus/benchmarks.ts";
import { caseStudyClaims } from "./consensus/case-study.ts";
import { correctnessClaims } from "./consensus/correctness.ts";
import { economicsClaims } from "./consensus/economics.ts";
import { goalClaims } from "./consensus/goals.ts";
import { stressClaims } from "./consensus/stress.ts";
import { tradeoffClaims } from "./consensus/tradeoffs.ts";
import { guideWideClaims } from "./guide.ts";
import {
  minimalSchedulerBenchmarkClaims,
  schedulerBenchmarkClaims,
  schedulerGuideClaims,
} from "./scheduler/benchmarks.ts";
import { schedulerCorrectnessClaims, schedulerFormalClaims, schedulerTradeoffClaims } from "./scheduler/correctness.ts";
import { schedulerGoalClaims } from "./scheduler/goals.ts";
import { schedulerStressClaims } from "./scheduler/stress.ts";
import { storageCorrectnessClaims, storageRoundTripClaim, storageTradeoffClaims } from "./storage/correctness.ts";
import { storageGoalClaims } from "./storage/goals.ts";
import {
  storageBenchmarkClaims,
  storageEconomicsClaims,
  storageFormalClaims,
  storageStressClaims,
} from "./storage/numbers.ts";

export const claims: readonly Claim[] = [
  ...correctnessClaims,
  ...schedulerCorrectnessClaims,
  ...storageCorrectnessClaims,
  ...tradeoffClaims,
  ...schedulerTradeoffClaims,
  ...storageTradeoffClaims,
  ...guideWideClaims,
  storageRoundTripClaim,
  ...guideClaims,
  ...schedulerGuideClaims,
  ...minimalBenchmarkClaims,
  ...minimalSchedulerBenchmarkClaims,
  ...caseStudyClaims,
  ...benchmarkClaims,
  ...storageBenchmarkClaims,
  ...schedulerBenchmarkClaims,
  // The stress tests' numbers go through all modules.
  ...[...stressClaims, ...schedulerStressClaims, ...storageStressClaims].toSorted((a, b) => numberOf(a) - numberOf(b)),
  ...economicsClaims,
  ...storageEconomicsClaims,
  ...schedulerFormalClaims,
  ...storageFormalClaims,
  ...goalClaims,
  ...schedulerGoalClaims,
  ...storageGoalClaims,
];

/** 21 of "N-ST-21". */
function numberOf({ id }: Claim): number {
  return Number(id.split("-").at(-1));
}
