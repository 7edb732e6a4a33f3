/** The module that piscina loads into each of its worker threads. */

import { endThread } from "../../../platform/node/end-thread.ts";
import { executeAttempt } from "../../../scheduler/peers/piscina-attempt.ts";
import type { Ran } from "../../../scheduler/peers/retrying-library.ts";
import type { Attempt } from "../../../scheduler/peers/run-body.ts";
import { loadModule } from "./load-module.ts";

export function execute(attempt: Attempt): Promise<Ran> {
  return executeAttempt(attempt, { load: loadModule, endThread });
}
