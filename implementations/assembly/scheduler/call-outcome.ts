/** What became of a call, as the scheduler is told. */

import { json } from "../../foundation/fields.ts";
import type { JsonValue } from "../../scheduler/contract.ts";
import { limits } from "../../scheduler/contract.ts";
import type { AttemptOutcome } from "../../scheduler/minimal.ts";
import { messageOf } from "./message-of.ts";

const utf8 = new TextEncoder();

/** What a function returned has to be JSON of a bounded size: otherwise it is as if it had thrown. Nothing is null. */
export function returned(value: unknown): AttemptOutcome {
  if (value === undefined) return { kind: "completed", result: null };
  if (!json.fits(value)) return { kind: "threw", message: "It returned what has no form in JSON" };
  const bytes = utf8.encode(JSON.stringify(value)).length;
  if (bytes <= limits.bodyBytes) return { kind: "completed", result: value as JsonValue };
  return { kind: "threw", message: `It returned ${bytes} bytes of JSON; allowed are ${limits.bodyBytes}` };
}

export function thrown(error: unknown): AttemptOutcome {
  return { kind: "threw", message: messageOf(error) };
}
