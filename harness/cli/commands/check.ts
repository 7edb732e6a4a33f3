/**
 * `grey check`: judges a history that is already recorded, ours or another harness's, draws it as a page, or writes it
 * in another format so that another checker can judge it.
 */

import { checkModels, formatChoices } from "../backends.ts";
import type { CheckModel, ConvertFileOptions, FormatChoice } from "../backends.ts";
import { historyFormats } from "../../history/format.ts";
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
    timeline: { kind: "text", describe: "Also draw the history as a page of its own", example: "timeline.html" },
    convert: {
      kind: "text",
      describe: `Judge nothing, write the history as ${historyFormats.join(", ")}`,
      example: "jepsen-edn",
    },
    out: {
      kind: "text",
      describe: "With --convert: the file to write; otherwise it is printed",
      example: "history.edn",
    },
    limit: { kind: "text", describe: "Give up as unknown after this time", example: "60s" },
  },
  examples: [
    { command: "$0 check results/DIR/histories/FILE.ndjson --model cas-register", meaning: "Is it linearizable?" },
    {
      command: "$0 check history.edn --model register --timeline timeline.html",
      meaning: "Show what cannot be placed among what happened around it",
    },
    { command: "$0 check history.ndjson --convert porcupine-kv --out history.txt", meaning: "For another checker" },
    { command: "$0 check history.ndjson --model append --json", meaning: "The same as an object" },
  ],
  async run(input, { io, backends }) {
    const conversion = input.text("convert");
    if (conversion !== undefined) {
      const { path, ...options } = conversionArguments(conversion, input);
      await backends.convertFile(path, options, (text) => io.stdout.write(text));
      if (options.out !== undefined) {
        const summary = { file: path, format: options.to, out: options.out };
        io.stdout.write(input.flag("json") ? `${JSON.stringify(summary)}\n` : `wrote ${options.out}\n`);
      }
      return 0;
    }
    const { path, model, format, limitS, timeline } = checkArguments(input);
    const startedMs = io.nowMs();
    const verdict = await backends.checkFile(path, {
      model,
      format,
      timeline,
      onProgress: () => undefined,
      shouldStop: () => io.signal.aborted || (limitS !== undefined && io.nowMs() - startedMs > limitS * 1000),
    });
    if (input.flag("json")) {
      io.stdout.write(`${JSON.stringify({ file: path, model, ...verdict })}\n`);
    } else {
      io.stdout.write(`${verdict.validity}: ${verdict.summary}\n`);
      if (timeline !== undefined) io.stdout.write(`timeline: ${timeline}\n`);
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
  readonly timeline: string | undefined;
}

function historyPath(input: Input): string {
  return readableFile(input.text("history") ?? "", "HISTORY", "a history, one event a line");
}

/** @throws UsageError naming the argument, its value and what is allowed. */
function conversionArguments(to: string, input: Input): ConvertFileOptions & { readonly path: string } {
  for (const name of ["model", "limit", "timeline"]) {
    if (input.text(name) !== undefined)
      throw new UsageError(`--${name}: goes not with --convert, which judges nothing`);
  }
  return {
    format: oneOf(input.text("format") ?? "auto", formatChoices, "--format", "format"),
    to: oneOf(to, historyFormats, "--convert", "format"),
    out: input.text("out"),
    path: historyPath(input),
  };
}

/**
 * Reads the arguments of `check`.
 *
 * @throws UsageError naming the argument, its value and what is allowed.
 */
export function checkArguments(input: Input): CheckArguments {
  const model = input.text("model");
  if (model === undefined) throw new UsageError(`--model: is missing; allowed: ${checkModels.join(", ")}`);
  if (input.text("out") !== undefined) throw new UsageError("--out: goes with --convert only");
  const limit = input.text("limit");
  return {
    model: oneOf(model, checkModels, "--model", "model"),
    format: oneOf(input.text("format") ?? "auto", formatChoices, "--format", "format"),
    limitS: limit === undefined ? undefined : parseDurationS(limit, "--limit", limitRangeS),
    timeline: input.text("timeline"),
    path: historyPath(input),
  };
}
