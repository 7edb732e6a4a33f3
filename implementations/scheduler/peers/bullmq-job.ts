/** What BullMQ's workers do with a job: execute the body of its task. */

import type { JsonValue, TaskBody } from "../contract.ts";
import { messageOf, runBody } from "./run-body.ts";
import type { BodyPorts } from "./run-body.ts";

export const bullmqProcessors = ["threads", "inline"] as const;
/** Where jobs are processed: see `bullmq.ts`. */
export type BullmqProcessor = (typeof bullmqProcessors)[number];

/** What a job holds. */
export interface JobData {
  readonly body: TaskBody;
  readonly kept: string;
}

/** What is used of a job, be it sandboxed or not. */
export interface ProcessedJob {
  readonly id?: string | undefined;
  readonly data: JobData;
  readonly attemptsMade: number;
  readonly attemptsStarted: number;
}

/** Marks what a task threw: a job fails also when its thread ends, with a sentence of BullMQ's. */
export const thrownPrefix = "threw: ";

export async function processJob(job: ProcessedJob, ports: BodyPorts): Promise<JsonValue> {
  const { id = "", data, attemptsMade, attemptsStarted } = job;
  try {
    // BullMQ counts as made only attempts that failed: one whose worker was lost is not among them.
    return await runBody({ task: id, token: attemptsStarted, body: data.body, attempt: attemptsMade + 1 }, ports);
  } catch (error) {
    throw new Error(`${thrownPrefix}${messageOf(error)}`, { cause: error });
  }
}
