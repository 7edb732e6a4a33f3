/** A peer's library as a pool: no ids, no attempts to hear of, only what came out. */

import { assert } from "../../foundation/assert.ts";
import { defaultAttempts } from "../contract.ts";
import type { TaskEnd } from "../contract.ts";
import type { PeerEvents, PeerLibrary, PeerTask, Pool, PoolTask } from "./peer-library.ts";

/** Tasks handed over in one go. */
const batchTasks = 1000;

export class LibraryPool implements Pool, PeerEvents {
  readonly #waiting = new Map<string, (end: TaskEnd) => void>();
  #library: PeerLibrary | undefined;
  #emptied: (() => void) | undefined;
  #batch: PeerTask[] = [];
  #tasks = 0;

  /** @param create makes the library, whose events are the pool's; otherwise it gets one by `use`. */
  constructor(create?: (events: PeerEvents) => PeerLibrary) {
    this.#library = create?.(this);
  }

  use(library: PeerLibrary): void {
    this.#library = library;
  }

  submit({ body, priority }: PoolTask, done: (end: TaskEnd) => void): void {
    const id = `pool.${++this.#tasks}`;
    this.#waiting.set(id, done);
    this.#batch.push({ id, body, maxAttempts: defaultAttempts, ...(priority === undefined ? {} : { priority }) });
    // What one turn submits goes together: BullMQ pays for every transaction.
    if (this.#batch.length === 1) void Promise.resolve().then(() => this.#flush());
    else if (this.#batch.length === batchTasks) this.#flush();
  }

  async close(): Promise<void> {
    if (this.#waiting.size > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
    await this.#library?.close();
  }

  ready(): void {}
  started(): void {}
  ended(): void {}

  done(task: string, _token: number, end: TaskEnd): void {
    const done = this.#waiting.get(task);
    this.#waiting.delete(task);
    done?.(end);
    if (this.#waiting.size === 0) this.#emptied?.();
  }

  #flush(): void {
    const tasks = this.#batch;
    if (tasks.length === 0) return;
    this.#batch = [];
    this.#library?.submit(tasks, (error) => {
      assert(error === undefined, `the library takes ${tasks.length} tasks: ${error?.message}`);
    });
  }
}
