/** Ends the worker thread that calls it, and nothing else: what a task does to its thread when it crashes. */

import { isMainThread } from "node:worker_threads";
import { assert } from "../../foundation/assert.ts";

/** In a worker thread `process.exit` ends the thread; what it was doing is lost, and the process goes on. */
export function endThread(): never {
  assert(!isMainThread, "only a worker thread ends itself: the main thread's end would be the process's");
  return process.exit(1);
}
