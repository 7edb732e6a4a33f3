/** The functions that submissions call, as far as they have been looked for and found. */

import type { TaskSpec } from "../../scheduler/contract.ts";
import type { AttemptExecutor, CallBody } from "./attempt-executor.ts";

/** Then it starts to learn anew. */
const most = 10_000;

export class KnownFunctions {
  readonly #executor: AttemptExecutor;
  readonly #found = new Set<string>();

  constructor(executor: AttemptExecutor) {
    this.#executor = executor;
  }

  has(module: string, exportName: string): boolean {
    return this.#found.has(keyOf(module, exportName));
  }

  /** Looks for what `tasks` call; `looked` is called when `has` knows, at once where it knows already. */
  find(tasks: readonly TaskSpec[], looked: () => void): void {
    const missing = new Map<string, CallBody>();
    for (const body of tasks.map(callOf)) {
      if (body === undefined || this.has(body.module, body.export)) continue;
      missing.set(keyOf(body.module, body.export), body);
    }
    let left = missing.size;
    if (left === 0) return looked();
    if (this.#found.size > most) this.#found.clear();
    for (const [key, body] of missing) {
      this.#executor.resolve(body, (exists) => {
        if (exists) this.#found.add(key);
        if (--left === 0) looked();
      });
    }
  }
}

/** Tasks may be anything yet. */
function callOf(task: Partial<TaskSpec> | null | undefined): CallBody | undefined {
  const body = task?.body as Partial<CallBody> | null | undefined;
  const isCall = body?.kind === "call" && typeof body.module === "string" && typeof body.export === "string";
  return isCall ? (body as CallBody) : undefined;
}

function keyOf(module: string, exportName: string): string {
  return `${exportName} of ${module}`;
}
