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
  ...storageCorrectnessClaims,
  ...tradeoffClaims,
  ...storageTradeoffClaims,
  ...guideWideClaims,
  storageRoundTripClaim,
  ...guideClaims,
  ...minimalBenchmarkClaims,
  ...caseStudyClaims,
  ...benchmarkClaims,
  ...storageBenchmarkClaims,
  // The stress tests' numbers go through all modules.
  ...[...stressClaims, ...storageStressClaims].toSorted((a, b) => numberOf(a) - numberOf(b)),
  ...economicsClaims,
  ...storageEconomicsClaims,
  ...storageFormalClaims,
  ...goalClaims,
  ...storageGoalClaims,
];

/** 21 of "N-ST-21". */
function numberOf({ id }: Claim): number {
  return Number(id.split("-").at(-1));
}
