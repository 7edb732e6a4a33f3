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

export const claims: readonly Claim[] = [
  ...correctnessClaims,
  ...tradeoffClaims,
  ...guideWideClaims,
  ...guideClaims,
  ...minimalBenchmarkClaims,
  ...caseStudyClaims,
  ...benchmarkClaims,
  ...stressClaims,
  ...economicsClaims,
  ...goalClaims,
];
