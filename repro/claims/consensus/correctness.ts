/** Claims of the Reference Implementation Guide about consensus: correctness. */

import type { Claim } from "../../../harness/claim/claim.ts";
import { correctnessOf } from "../guide.ts";
import { check } from "../measures.ts";

const correctness = correctnessOf("consensus", {
  experiments: ["consensus-safety"],
  bandReason: "a safety property: one violation refutes it",
  code: "implementations/consensus",
});

/** The four safety claims share everything but what they say. */
function safety(id: string, checkId: string, statement: string): Claim {
  return correctness(id, statement, "violations", [
    check(checkId, "minimal", `${checkId}, at every traced step under faults`),
    check(checkId, "production", `${checkId}, at every traced step under faults`),
  ]);
}

export const correctnessClaims: readonly Claim[] = [
  safety("C-CON-1", "election-safety", "Election safety: a term has at most one leader"),
  safety(
    "C-CON-2",
    "log-matching",
    "Log matching: entries of equal index and term are equal, and so is everything before them",
  ),
  safety(
    "C-CON-3",
    "leader-completeness",
    "Leader completeness: a committed entry is in the log of every later leader",
  ),
  safety("C-CON-4", "state-machine-safety", "State machine safety: no two nodes apply different commands at one index"),
];
