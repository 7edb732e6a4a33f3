/** All claims this repository judges, in the order of the published table. */

import type { Claim } from "../../harness/claim/claim.ts";
import { caseStudyClaims } from "./case-study.ts";
import { correctnessClaims } from "./correctness.ts";
import { stressClaims } from "./stress.ts";
import { tradeoffClaims } from "./tradeoffs.ts";

const [safety, others] = [correctnessClaims.slice(0, 4), correctnessClaims.slice(4)];

export const claims: readonly Claim[] = [...safety, ...tradeoffClaims, ...others, ...caseStudyClaims, ...stressClaims];
