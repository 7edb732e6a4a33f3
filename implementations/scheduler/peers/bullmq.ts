/**
 * BullMQ: a queue in Redis, and workers that take jobs from it.
 *
 * A task is a job, by the same id, so that one that is added twice is one. The contract's priorities 0 to 99, higher
 * first, are BullMQ's 100 to 1, lower first; its 0 would stand before all others. `maxAttempts` is its `attempts`, and
 * it retries at once, behind everything of the same priority. The token of an attempt is how many of the job have been
 * started, which Redis counts.
 *
 * What its documentation recommends decides how jobs are processed. "threads": sandboxed processors, here on worker
 * threads, one job on each: for jobs that need the processor ("Concurrency": "if your workers are very CPU intensive it
 * is better to use Sandboxed processors"), and the only way in which a task can end its thread. "inline": a function on
 * the worker's own thread with a concurrency well above one: for jobs that wait for something, or do nothing.
 *
 * A worker holds a job under a lock of `lockMs` that it renews. A job without one counts as stalled at the second look,
 * of one every `lockMs`, and is given to a worker again: at least once, so a task's effect may happen twice, though its
 * end is recorded once. BullMQ lets that happen to a job once (`maxStalledCount`) and then lets it fail; a lost worker
 * is no fault of the task, so here it may happen as often as it does.
 *
 * @see https://docs.bullmq.io/guide: "Workers/Concurrency", "Workers/Sandboxed processors", "Workers/Stalled jobs",
 *   "Jobs/Prioritized", "Retrying failing jobs", "Going to production".
 */

import { Queue, Worker } from "bullmq";
import type { Job, JobsOptions } from "bullmq";
import { UsageError } from "../../foundation/errors.ts";
import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { limits } from "../contract.ts";
import type { FailureReason, JsonValue, TaskEnd } from "../contract.ts";
import { processJob, thrownPrefix } from "./bullmq-job.ts";
import type { BullmqProcessor, JobData } from "./bullmq-job.ts";
import type { FoundTask, PeerEvents, PeerLibrary, PeerTask } from "./peer-library.ts";
import type { BodyPorts } from "./run-body.ts";

export interface BullmqOptions {
  readonly redis: { readonly host: string; readonly port: number; readonly password: string };
  /** Jobs at a time, and threads where there are any. */
  readonly workers: number;
  readonly processor: BullmqProcessor;
  /** A sandboxed processor: its default export does with a job what `processJob` does, for its thread. */
  readonly processorFile: URL;
  /** For jobs inline. */
  readonly load: BodyPorts["load"];
  /** Whether tasks have priorities; BullMQ advises against them where nobody needs any. */
  readonly priorities: boolean;
  /** Ended jobs that Redis keeps, of either end; 0 for none. */
  readonly remembered: number;
  readonly lockMs: Millis;
}

const queueName = "tasks";
/** The stalled check is the only thing that could use it up, and it is no fault of a task. */
const maxStalledCount = 1_000_000;

interface RunningAttempt {
  readonly token: number;
  /** Attempts of the job that failed before this one. */
  readonly failures: number;
  readonly startedMs: Millis;
}

type TaskJob = Job<JobData, JsonValue>;

export class BullmqLibrary implements PeerLibrary {
  readonly #options: BullmqOptions;
  readonly #events: PeerEvents;
  readonly #queue: Queue<JobData, JsonValue>;
  readonly #worker: Worker<JobData, JsonValue>;
  /** Attempts under way, by task. */
  readonly #running = new Map<string, RunningAttempt>();
  /** Tasks whose attempt was lost as the next one told, before their job was said to have stalled. */
  readonly #knownLost = new Set<string>();

  private constructor(events: PeerEvents, options: BullmqOptions) {
    this.#options = options;
    this.#events = events;
    const { redis: connection, processor, processorFile, load, workers, lockMs } = options;
    const ports: BodyPorts = { load, endThread: refuseToEnd };
    this.#queue = new Queue<JobData, JsonValue>(queueName, { connection });
    this.#worker = new Worker<JobData, JsonValue>(
      queueName,
      processor === "threads" ? processorFile : (job) => processJob(job, ports),
      {
        connection,
        concurrency: workers,
        useWorkerThreads: true,
        // Otherwise it hands on this process's own, of which a thread allows few.
        workerThreadsOptions: { execArgv: [] },
        autorun: false,
        lockDuration: lockMs,
        stalledInterval: lockMs,
        maxStalledCount,
      },
    );
    // The connection's troubles; it is made again, and what has not been answered is sent again.
    this.#queue.on("error", () => undefined);
    this.#worker.on("error", () => undefined);
    this.#worker.on("active", (job) => this.#started(job));
    this.#worker.on("completed", (job, result) => this.#completed(job, result));
    this.#worker.on("failed", (job, error) => {
      if (job !== undefined) this.#failed(job, error);
    });
    this.#worker.on("stalled", (task) => {
      if (!this.#knownLost.delete(task)) this.#lost(task);
    });
  }

  /** Connects; nothing is executed before `start`. */
  static async open(events: PeerEvents, options: BullmqOptions): Promise<BullmqLibrary> {
    const library = new BullmqLibrary(events, options);
    await library.#queue.waitUntilReady();
    await library.#worker.waitUntilReady();
    return library;
  }

  /** The tasks that Redis holds of earlier lives. */
  async found(): Promise<readonly FoundTask[]> {
    const jobs = await this.#queue.getJobs(["completed", "failed", "active", "prioritized", "wait", "delayed"], 0, -1);
    const active = new Set((await this.#queue.getJobs(["active"], 0, -1)).map(({ id }) => id));
    const failed = new Set((await this.#queue.getJobs(["failed"], 0, -1)).map(({ id }) => id));
    return jobs.map((job: TaskJob): FoundTask => {
      const { id = "", data, attemptsStarted: attempts, attemptsMade: failures } = job;
      const isRunning = active.has(id);
      if (isRunning) this.#running.set(id, { token: attempts, failures, startedMs: nodeClock.nowMs() });
      return { id, kept: data.kept, attempts, isRunning, end: isRunning ? undefined : endOf(job, failed.has(id)) };
    });
  }

  start(): void {
    void this.#worker.run();
  }

  submit(tasks: readonly PeerTask[], accepted: (error?: Error) => void): void {
    const jobs = tasks.map((task) => ({
      name: task.body.kind,
      data: { body: task.body, kept: task.kept ?? "" },
      opts: this.#jobOptions(task),
    }));
    // Each waits from the moment in which Redis has it, which only `accepted` can tell.
    for (const { id } of tasks) this.#events.ready(id, 1);
    this.#queue.addBulk(jobs).then(
      () => accepted(),
      (error: unknown) => accepted(error instanceof Error ? error : new Error(String(error))),
    );
  }

  async close(): Promise<void> {
    await this.#worker.close(true);
    await this.#queue.close();
  }

  #jobOptions({ id, priority = 0, maxAttempts }: PeerTask): JobsOptions {
    const { priorities, remembered } = this.#options;
    const keep = remembered === 0 ? true : { count: remembered };
    return {
      jobId: id,
      attempts: maxAttempts,
      removeOnComplete: keep,
      removeOnFail: keep,
      ...(priorities ? { priority: limits.priority + 1 - priority } : {}),
    };
  }

  #started({ id = "", attemptsStarted: token, attemptsMade: failures, failedReason }: TaskJob): void {
    // Redis may hand a job out again before this worker has said how the attempt before ended.
    const before = this.#running.get(id);
    if (before?.failures === failures) {
      this.#lost(id);
      this.#knownLost.add(id);
    } else if (before !== undefined) {
      this.#attemptFailed(id, before.token, failedReason);
      this.#events.ready(id, token);
    }
    this.#running.set(id, { token, failures, startedMs: nodeClock.nowMs() });
    this.#events.started(id, token);
  }

  /** @param result as it was returned: the job's own `returnvalue` forgets 0, false, "" and null. */
  #completed({ id = "", attemptsStarted: token }: TaskJob, result: JsonValue): void {
    this.#events.ended(id, token, "completed", this.#ran(id));
    this.#events.done(id, token, { state: "completed", result });
  }

  #failed(job: TaskJob, { message }: Error): void {
    const { id = "", attemptsStarted: token } = job;
    const running = this.#running.get(id);
    if (running !== undefined && running.token !== token) return; // The attempt after it is under way and told it.
    this.#attemptFailed(id, token, message);
    if (job.attemptsMade >= (job.opts.attempts ?? 1)) this.#events.done(id, token, failureWith(message));
    else this.#events.ready(id, token + 1);
  }

  #attemptFailed(task: string, token: number, failedReason: string): void {
    this.#events.ended(task, token, reasonOf(failedReason), this.#ran(task));
  }

  #lost(task: string): void {
    const token = this.#running.get(task)?.token;
    if (token === undefined) return;
    this.#events.ended(task, token, "lost", this.#ran(task));
    this.#events.ready(task, token + 1);
  }

  #ran(task: string): Millis {
    const startedMs = this.#running.get(task)?.startedMs;
    this.#running.delete(task);
    return startedMs === undefined ? 0 : nodeClock.nowMs() - startedMs;
  }
}

/** @param isFailed whether Redis has it among those: a job keeps the reason of an attempt that it has mended. */
function endOf(job: TaskJob, isFailed: boolean): TaskEnd | undefined {
  if (job.finishedOn === undefined) return undefined;
  return isFailed ? failureWith(job.failedReason) : { state: "completed", result: job.returnvalue };
}

function reasonOf(message: string): Extract<FailureReason, "threw" | "crashed"> {
  return message.startsWith(thrownPrefix) ? "threw" : "crashed";
}

function failureWith(failedReason: string): TaskEnd {
  const reason = reasonOf(failedReason);
  const message = reason === "threw" ? failedReason.slice(thrownPrefix.length) : "";
  return { state: "failed", reason, message };
}

function refuseToEnd(): never {
  throw new UsageError("Cannot end the thread of a task: an inline processor has that of its worker");
}
