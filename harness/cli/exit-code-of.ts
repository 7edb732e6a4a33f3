/** The exit code that says a verdict. */

import type { Validity } from "../check/verdict.ts";
import type { ExitCode } from "./command.ts";

const codes = { valid: 0, invalid: 1, unknown: 2 } as const satisfies Record<Validity, ExitCode>;

export function exitCodeOf(validity: Validity): 0 | 1 | 2 {
  return codes[validity];
}
