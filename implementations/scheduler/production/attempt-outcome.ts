/** What the end of an attempt means: what a task hands out is JSON of a bounded size, or the task has thrown. */

import { jsonFlaw } from "../../foundation/json-flaw.ts";
import type { JsonValue } from "../contract.ts";
import { limits } from "../contract.ts";
import type { EndedAttempt } from "./ports.ts";

export interface AttemptOutcome {
  readonly end: EndedAttempt["end"];
  readonly result?: JsonValue;
  readonly message?: string;
  readonly state?: JsonValue;
}

const utf8 = new TextEncoder();

/** What a task hands out has to be JSON, and no more than a task's body may be. */
export function outcomeOf(ended: EndedAttempt): AttemptOutcome {
  if (ended.end === "completed") {
    const flaw = flawOf(ended.result ?? null, "the result");
    if (flaw !== undefined) return { end: "threw", message: flaw };
  }
  if (ended.end === "yielded") {
    const flaw = flawOf(ended.state ?? null, "the state at the checkpoint");
    if (flaw !== undefined) return { end: "threw", message: flaw };
  }
  return ended;
}

function flawOf(value: JsonValue, what: string): string | undefined {
  if (value === null || typeof value === "number" || typeof value === "boolean") return jsonFlaw(value, what);
  const flaw = jsonFlaw(value, what);
  if (flaw !== undefined) return flaw;
  const bytes = utf8.encode(JSON.stringify(value)).length;
  return bytes <= limits.bodyBytes ? undefined : `${what} takes ${bytes} bytes as JSON; allowed is ${limits.bodyBytes}`;
}
