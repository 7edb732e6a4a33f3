/** What piscina's worker threads execute: one attempt of a task per message. */

import type { Ran } from "./retrying-library.ts";
import { messageOf, runBody } from "./run-body.ts";
import type { Attempt, BodyPorts } from "./run-body.ts";

/** What a task throws is an answer: so everything piscina itself rejects with means that the thread has ended. */
export async function executeAttempt(attempt: Attempt, ports: BodyPorts): Promise<Ran> {
  try {
    return { end: "completed", result: await runBody(attempt, ports) };
  } catch (error) {
    return { end: "threw", message: messageOf(error) };
  }
}
