/** The worker of one number, as the main thread has it: one thread after another, and the faults it suffers. */

import { Worker } from "node:worker_threads";
import { faultHandle } from "../../../foundation/fault-handle.ts";
import type { FaultHandle } from "../../../foundation/faults.ts";
import type { Millis } from "../../../foundation/units.ts";
import { EndReader, allocateEndRing } from "./end-ring.ts";
import type { TaskThreadData, TaskThreadMessage } from "./task-thread.ts";
import { ThreadControl, allocateThreadControl } from "./thread-control.ts";

export interface ThreadDeath {
  /** The host ended it, not what it executed. */
  readonly killed: boolean;
  /** Why it ended, for a person. */
  readonly message: string;
  readonly wasReady: boolean;
}

export interface WorkerThreadOptions {
  readonly worker: number;
  readonly threadMemoryMb: number;
  readonly data: Omit<TaskThreadData, "worker" | "ends" | "control">;
  readonly nowMs: () => Millis;
  readonly onReady: () => void;
  readonly onLook: () => void;
  /** It was stalled and stands still now: if the queue has woken it for a task, that was in vain. */
  readonly onStands: () => void;
  readonly onDeath: (worker: WorkerThread, death: ThreadDeath) => void;
}

export class WorkerThread {
  readonly worker: number;
  readonly #options: WorkerThreadOptions;
  readonly #control: ThreadControl;
  readonly #controlMemory = allocateThreadControl();
  #ends: EndReader;
  #thread: Worker | undefined;
  #stalls = 0;
  /** Kills of the present thread, or of the next one while there is none; told once it has died. */
  #kills: (() => void)[] = [];

  constructor(options: WorkerThreadOptions) {
    this.worker = options.worker;
    this.#options = options;
    this.#control = new ThreadControl(this.#controlMemory);
    this.#ends = this.start();
  }

  /** Of the present thread, or of the last one while there is none. */
  get ends(): EndReader {
    return this.#ends;
  }

  get isAlive(): boolean {
    return this.#thread !== undefined;
  }

  /** Starts a thread; there is none. Its ring is a new one: the last one's was read to its end. */
  start(): EndReader {
    const { worker, threadMemoryMb, onReady, onLook, onStands } = this.#options;
    const ends = allocateEndRing();
    const workerData: TaskThreadData = { ...this.#options.data, worker, ends, control: this.#controlMemory };
    const thread = new Worker(new URL("./task-thread.ts", import.meta.url), {
      workerData,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: threadMemoryMb },
    });
    let wasReady = false;
    let error: Error | undefined;
    thread.on("message", (message: TaskThreadMessage) => {
      if (message === "look") return onLook();
      if (message === "stands") return onStands();
      wasReady = true;
      onReady();
    });
    thread.on("error", (thrown) => (error = thrown instanceof Error ? thrown : new Error(String(thrown))));
    thread.on("exit", (code) => {
      const message = error?.message ?? `the thread ended itself with exit code ${code}`;
      this.#onExit({ message, wasReady });
    });
    this.#thread = thread;
    this.#ends = new EndReader(ends);
    if (this.#kills.length > 0) void thread.terminate();
    return this.#ends;
  }

  #onExit(death: Omit<ThreadDeath, "killed">): void {
    const kills = this.#kills;
    this.#kills = [];
    this.#thread = undefined;
    this.#control.setStands(undefined);
    for (const told of kills) told();
    this.#options.onDeath(this, { ...death, killed: kills.length > 0 });
  }

  /** Ends the thread wherever it is. Efficacy: threads ended. */
  kill(): FaultHandle {
    let ended = 0;
    this.#kills.push(() => (ended = 1));
    void this.#thread?.terminate();
    return faultHandle(
      "threads ended",
      () => ended,
      () => undefined,
    );
  }

  /** Makes the thread stand still until healed; one that replaces it meanwhile too. Efficacy: ms it stood. */
  stall(): FaultHandle {
    const { nowMs } = this.#options;
    const injectedMs = nowMs();
    let stoodMs: Millis | undefined;
    const standsMs = (): Millis => {
      const sinceMs = this.#control.standsSinceMs;
      return sinceMs === undefined ? 0 : nowMs() - Math.max(sinceMs, injectedMs);
    };
    this.#stalls++;
    this.#control.setStalled(true);
    return faultHandle(
      "ms stood still",
      () => stoodMs ?? standsMs(),
      () => {
        stoodMs = standsMs();
        if (--this.#stalls === 0) this.#control.setStalled(false);
      },
    );
  }

  /** Ends the thread for good. @param done called once it has ended. */
  stop(done: () => void): void {
    const thread = this.#thread;
    if (thread === undefined) return done();
    thread.once("exit", done);
    void this.kill();
  }
}
