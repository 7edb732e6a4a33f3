/** Runs a share of seeds in a process of its own and yields each run as it ends. */

import path from "node:path";
import { execa } from "execa";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import { sweepMessage } from "./sweep-share.ts";
import type { SeedRun } from "./sweep-share.ts";

export interface ProcessOptions {
  /** The sources that run: this repository, or a copy of it. */
  readonly root: string;
  /** The process, from the root; it answers in the words of `sweepMessage`. */
  readonly script: string;
  readonly share: object;
  /** What it runs, for a person. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/** An interrupted process gets this long to notice before it is killed. */
const graceMs = 2000;

/**
 * Runs the share; ends early, without an error, when `signal` fires or the consumer stops.
 *
 * @throws HarnessError when the process cannot be started, meets an error of the harness, or ends without an answer.
 */
export async function* runsOfProcess(options: ProcessOptions): AsyncGenerator<SeedRun, void> {
  const { root, script, share, name, signal } = options;
  if (signal.aborted) return;
  const child = execa({
    node: true,
    nodePath: process.execPath,
    ipc: true,
    buffer: { ipc: false },
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: graceMs,
  })`${[path.join(root, script), JSON.stringify(share)]}`;
  try {
    for await (const received of child.getEachMessage()) {
      const message = sweepMessage.parse(received);
      if (message.kind === "error") throw new HarnessError(`Cannot run ${name}: ${message.message}`);
      if (message.kind === "end") return; // It may have threads that would keep it alive.
      yield message;
    }
    const ended = await child;
    if (signal.aborted) return;
    throw new HarnessError(`Cannot run ${name}: ${lastWords(ended)}`);
  } finally {
    child.kill();
    await child;
  }
}

function lastWords({ stderr, signal }: { readonly stderr: string; readonly signal?: string | undefined }): string {
  if (signal !== undefined) return `its process was ended by ${signal}`;
  return `its process ended without an answer. ${stderr.trim().slice(0, 500)}`;
}
