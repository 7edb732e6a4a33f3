/** What a checker says: never a guess. Out of steps, memory or time is `unknown`. */

export type Validity = "valid" | "invalid" | "unknown";

export interface CheckResult {
  /** Stable identity of the check: "linearizable", "election-safety", "convergence", ... */
  readonly id: string;
  readonly validity: Validity;
  /** One line for a person: what was checked and how much of it, or what went wrong. */
  readonly summary: string;
  /** How much was judged, in `unit`: 20000 "operations", 812345 "steps". */
  readonly count: number;
  readonly unit: string;
  /** The counterexample, readable, several lines allowed; present when invalid. */
  readonly counterexample?: string;
}

/** Returns the worst of several verdicts: invalid before unknown before valid. */
export function worstOf(validities: Iterable<Validity>): Validity {
  let worst: Validity = "valid";
  for (const validity of validities) {
    if (validity === "invalid") return "invalid";
    if (validity === "unknown") worst = "unknown";
  }
  return worst;
}
