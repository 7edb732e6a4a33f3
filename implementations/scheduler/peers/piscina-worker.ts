/** What piscina's worker threads execute: one attempt of a task per message. */

import { endThread } from "../../platform/node/end-thread.ts";
import type { Ran } from "./retrying-library.ts";
import { runBody } from "./run-body.ts";
import type { Attempt } from "./run-body.ts";

/** What a task throws is an answer: so everything piscina itself rejects with means that the thread has ended. */
export default async function execute(attempt: Attempt): Promise<Ran> {
  try {
    return { end: "completed", result: await runBody(attempt, endThread) };
  } catch (error) {
    return { end: "threw", message: error instanceof Error ? error.message : String(error) };
  }
}
