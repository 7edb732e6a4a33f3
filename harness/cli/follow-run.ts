/**
 * Runs a generator of events to its end while drawing them, and returns what it returned.
 *
 * The choice of drawing: a live list when stdout is a terminal, plain lines when it is not, plain lines on stderr with
 * `--json`, where stdout belongs to the result.
 */

import type { Io } from "./command.ts";
import type { RunEvent } from "../run-events.ts";
import type { TraceLine } from "./backends.ts";
import { LiveProgress } from "./live-progress.ts";
import { PlainProgress } from "./plain-progress.ts";

export interface FollowOptions {
  readonly json: boolean;
  /** What to say when the person asks to stop, given the results directory if there is one. */
  stopping(directory: string | undefined): string;
}

/** @throws whatever the run throws, after the drawing was closed. */
export async function followRun<Summary>(
  run: AsyncGenerator<RunEvent | TraceLine, Summary>,
  io: Io,
  options: FollowOptions,
): Promise<Summary> {
  const progress = progressFor(io, options.json);
  let directory: string | undefined;
  const announce = (): void => progress.announce(options.stopping(directory));
  io.signal.addEventListener("abort", announce, { once: true });
  try {
    for (;;) {
      const next = await run.next();
      if (next.done === true) return next.value;
      if (next.value.kind === "planned") directory = next.value.directory;
      if (next.value.kind === "trace") io.stdout.write(`${next.value.line}\n`);
      else progress.show(next.value);
    }
  } finally {
    io.signal.removeEventListener("abort", announce);
    await progress.close();
  }
}

function progressFor(io: Io, json: boolean): LiveProgress | PlainProgress {
  const output = json ? io.stderr : io.stdout;
  const write = (line: string): void => output.write(`${line}\n`);
  const nowMs = (): number => io.nowMs();
  const live = !json && io.stdout.isTTY && io.environment["TERM"] !== "dumb" && io.environment["CI"] === undefined;
  return live ? new LiveProgress(write, nowMs) : new PlainProgress(write, nowMs);
}
