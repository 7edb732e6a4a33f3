/** `grey check`: judges a history that is already recorded, ours or another harness's. */

import { checkModels, formatChoices } from "../backends.ts";
import type { CheckModel, FormatChoice } from "../backends.ts";
import { UsageError } from "../../../implementations/foundation/errors.ts";
import type { Command, Input } from "../command.ts";
import { exitCodeOf } from "../exit-code-of.ts";
import { oneOf } from "../nearest.ts";
import { readableFile } from "../paths.ts";
import { parseDurationS } from "../quantities.ts";

const limitRangeS = { min: 0.1, max: 24 * 3600 } as const;

/** Exit codes: 0 linearizable, 1 not, 2 the search ended before it knew. */
export const checkCommand: Command = {
  name: "check",
  summary: "Judge a recorded history against a sequential model",
  positionals: [{ name: "history", describe: "The history's file", optional: false }],
  options: {
    model: { kind: "text", describe: `The sequential model: ${checkModels.join(", ")}`, example: "cas-register" },
    format: {
      kind: "text",
      describe: `The file's format: ${formatChoices.join(", ")}`,
      example: "grey",
      default: "auto",
    },
    limit: { kind: "text", describe: "Give up as unknown after this time", example: "60s" },
  },
  examples: [
    { command: "$0 check results/DIR/histories/FILE.ndjson --model cas-register", meaning: "Is it linearizable?" },
    { command: "$0 check history.ndjson --model append --json", meaning: "The same as an object" },
  ],
  async run(input, { io, backends }) {
    const { path, model, format, limitS } = checkArguments(input);
    const startedMs = io.nowMs();
    const verdict = await backends.checkFile(path, {
      model,
      format,
      onProgress: () => undefined,
      shouldStop: () => io.signal.aborted || (limitS !== undefined && io.nowMs() - startedMs > limitS * 1000),
    });
    if (input.flag("json")) {
      io.stdout.write(`${JSON.stringify({ file: path, model, ...verdict })}\n`);
    } else {
      io.stdout.write(`${verdict.validity}: ${verdict.summary}\n`);
      if (verdict.counterexample !== undefined) io.stdout.write(`${verdict.counterexample.trimEnd()}\n`);
    }
    return exitCodeOf(verdict.validity);
  },
};

interface CheckArguments {
  readonly path: string;
  readonly model: CheckModel;
  readonly format: FormatChoice;
  readonly limitS: number | undefined;
}

/**
 * Reads the arguments of `check`.
 *
 * @throws UsageError naming the argument, its value and what is allowed.
 */
export function checkArguments(input: Input): CheckArguments {
  const model = input.text("model");
  if (model === undefined) throw new UsageError(`--model: is missing; allowed: ${checkModels.join(", ")}`);
  const limit = input.text("limit");
  return {
    model: oneOf(model, checkModels, "--model", "model"),
    format: oneOf(input.text("format") ?? "auto", formatChoices, "--format", "format"),
    limitS: limit === undefined ? undefined : parseDurationS(limit, "--limit", limitRangeS),
    path: readableFile(input.text("history") ?? "", "HISTORY", "a history, one JSON event a line"),
  };
}
