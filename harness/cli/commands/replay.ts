/** `grey replay`: runs a capsule again, exactly as it went. */

import { UsageError } from "../../../implementations/foundation/errors.ts";
import type { ReplayOptions } from "../../capsule/replay.ts";
import type { Command, Input } from "../command.ts";
import { exitCodeOf } from "../exit-code-of.ts";
import { followRun } from "../follow-run.ts";
import { readableFile } from "../paths.ts";
import { parseCount } from "../quantities.ts";

const stepRange = { min: 0, max: Number.MAX_SAFE_INTEGER } as const;

/** Exit codes: the verdict of the replayed run, or 2 when it did not go as the capsule recorded it. */
export const replayCommand: Command = {
  name: "replay",
  summary: "Run a capsule again, exactly as it went",
  positionals: [{ name: "capsule", describe: "The capsule's file", optional: false }],
  options: {
    until: { kind: "text", describe: "Stop after this step", example: "1200" },
    trace: { kind: "flag", describe: "Print every step" },
  },
  examples: [
    { command: "$0 replay results/DIR/capsules/FILE.json", meaning: "See a failure again" },
    { command: "$0 replay FILE.json --until 1200 --trace", meaning: "Every step up to the one that matters" },
  ],
  async run(input, { io, backends }) {
    const options = replayOptions(input);
    const json = input.flag("json");
    const summary = await followRun(backends.replay({ ...options, signal: io.signal }), io, {
      json,
      stopping: () => "Stopping. Again to stop at once.",
    });
    io.stdout.write(json ? `${JSON.stringify(summary)}\n` : `${summary.text.trimEnd()}\n`);
    const partial = options.untilStep !== undefined || io.signal.aborted;
    return !summary.matches && !partial ? 2 : exitCodeOf(summary.verdict);
  },
};

/**
 * Reads the arguments of `replay`.
 *
 * @throws UsageError naming the argument, its value and what is allowed.
 */
export function replayOptions(input: Input): Omit<ReplayOptions, "signal"> {
  const until = input.text("until");
  const trace = input.flag("trace");
  if (trace && input.flag("json")) {
    throw new UsageError("--trace and --json: both are given; allowed: one, since a trace is lines and not an object");
  }
  return {
    capsule: readableFile(input.text("capsule") ?? "", "CAPSULE", "a capsule, as runs leave it under capsules/"),
    untilStep: until === undefined ? undefined : parseCount(until, "--until", stepRange),
    trace,
  };
}
