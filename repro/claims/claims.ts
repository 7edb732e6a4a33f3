/** All claims this repository judges: the published ones in the order of their table, then the project's own goals. */

import type { Claim } from "../../harness/claim/claim.ts";
import { benchmarkClaims, guideClaims, minimalBenchmarkClaims } from "./benchmarks.ts";
import { caseStudyClaims } from "./case-study.ts";
import { correctnessClaims } from "./correctness.ts";
import { economicsClaims } from "./economics.ts";
import { goalClaims } from "./goals.ts";
import { stressClaims } from "./stress.ts";
import { tradeoffClaims } from "./tradeoffs.ts";

const [safety, others] = [correctnessClaims.slice(0, 4), correctnessClaims.slice(4)];

export const claims: readonly Claim[] = [
  ...safety,
  ...tradeoffClaims,
  ...others,
  ...guideClaims,
  ...minimalBenchmarkClaims,
  ...caseStudyClaims,
  ...benchmarkClaims,
  ...stressClaims,
  ...economicsClaims,
  ...goalClaims,
];
