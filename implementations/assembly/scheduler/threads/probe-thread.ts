/** The thread that loads modules to see whether calls of their exports could be executed; see `call-probe.ts`. */

import { parentPort } from "node:worker_threads";
import { assert } from "../../../foundation/assert.ts";
import { messageOf } from "../message-of.ts";
import { importCallable } from "./call.ts";

export interface ProbeQuestion {
  readonly module: string;
  readonly export: string;
}
export interface ProbeAnswer {
  /** What is wrong, for a person; undefined: nothing. */
  readonly problem: string | undefined;
}

const port = parentPort;
assert(port !== null, "this file is the entry point of a worker thread");
port.on("message", (question: ProbeQuestion) => {
  importCallable(question.module, question.export).then(
    () => port.postMessage({ problem: undefined } satisfies ProbeAnswer),
    (error: unknown) => port.postMessage({ problem: messageOf(error) } satisfies ProbeAnswer),
  );
});
