/** A peer's library as a pool: no ids, no attempts to hear of, only what came out. */

import { assert } from "../../foundation/assert.ts";
import { defaultAttempts } from "../contract.ts";
import type { TaskEnd } from "../contract.ts";
import type { PeerEvents, PeerLibrary, PeerTask, Pool, PoolTask } from "./peer-library.ts";

/** Tasks handed over in one go. */
const batchTasks = 1000;

export class LibraryPool implements Pool {
  readonly #library: PeerLibrary;
  readonly #waiting = new Map<string, (end: TaskEnd) => void>();
  #batch: PeerTask[] = [];
  #tasks = 0;

  constructor(create: (events: PeerEvents) => PeerLibrary) {
    this.#library = create({
      ready: () => undefined,
      started: () => undefined,
      ended: () => undefined,
      done: (task, _token, end) => this.#done(task, end),
    });
  }

  submit({ body, priority }: PoolTask, done: (end: TaskEnd) => void): void {
    const id = `pool.${++this.#tasks}`;
    this.#waiting.set(id, done);
    this.#batch.push({ id, body, maxAttempts: defaultAttempts, ...(priority === undefined ? {} : { priority }) });
    // What one turn submits goes together: BullMQ pays for every transaction.
    if (this.#batch.length === 1) void Promise.resolve().then(() => this.#flush());
    else if (this.#batch.length === batchTasks) this.#flush();
  }

  close(): Promise<void> {
    this.#waiting.clear();
    return this.#library.close();
  }

  #flush(): void {
    const tasks = this.#batch;
    if (tasks.length === 0) return;
    this.#batch = [];
    this.#library.submit(tasks, (error) => {
      assert(error === undefined, `the library takes ${tasks.length} tasks: ${error?.message}`);
    });
  }

  #done(task: string, end: TaskEnd): void {
    const done = this.#waiting.get(task);
    this.#waiting.delete(task);
    done?.(end);
  }
}
