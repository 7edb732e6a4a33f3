/** The sandboxed processor that BullMQ loads into each of its worker threads. */

import { endThread } from "../../../platform/node/end-thread.ts";
import type { JsonValue } from "../../../scheduler/contract.ts";
import { processJob } from "../../../scheduler/peers/bullmq-job.ts";
import type { ProcessedJob } from "../../../scheduler/peers/bullmq-job.ts";
import { loadModule } from "./load-module.ts";

// oxlint-disable-next-line import/no-default-export -- that is where BullMQ looks for it
export default function processOnThread(job: ProcessedJob): Promise<JsonValue> {
  return processJob(job, { load: loadModule, endThread });
}
