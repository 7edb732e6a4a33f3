/** `grey repro`: runs the experiments behind the published claims and gives each claim its verdict. */

import { oneOf } from "../nearest.ts";
import { UsageError } from "../../../implementations/foundation/errors.ts";
import { profiles } from "../../plan/experiment.ts";
import type { Registries, ReproOptions, ReproSummary } from "../backends.ts";
import type { Command, Input } from "../command.ts";
import { followRun } from "../follow-run.ts";
import { directoryWith, writableDirectory } from "../paths.ts";
import { parseDurationS, parseSeed } from "../quantities.ts";
import { textTable } from "../text-table.ts";

const defaults = { profile: "quick", seed: "1" } as const;
const budgetRangeS = { min: 10, max: 24 * 3600 } as const;

/** Exit codes: 0 every claim reproduced, 1 one was not, 2 one is open or the run was stopped. */
export const reproCommand: Command = {
  name: "repro",
  summary: "Run the experiments behind the published claims and give each claim a verdict",
  positionals: [],
  options: {
    profile: {
      kind: "text",
      describe: "How much to run: smoke (under 1 minute), quick (under 10), full (over 60)",
      example: "smoke",
      default: defaults.profile,
    },
    only: { kind: "words", describe: "Only these experiments, or the experiments of these claims", example: "C-CON-1" },
    budget: { kind: "text", describe: "Stop starting blocks after this time", example: "20m" },
    resume: { kind: "text", describe: "Go on with the run in this results directory", example: "DIR" },
    seed: { kind: "text", describe: "Seed of every plan", example: "7", default: defaults.seed },
    out: { kind: "text", describe: "Results directory; a new one under results/ by default", example: "DIR" },
  },
  examples: [
    { command: "$0 repro --profile smoke", meaning: "The shortest complete run" },
    { command: "$0 repro --only C-CON-1 N-ST-2 --seed 7", meaning: "Two claims, another seed" },
    { command: "$0 repro --resume results/DIR", meaning: "Go on after Ctrl-C" },
  ],
  async run(input, { io, backends, commandLine }) {
    const options = reproOptions(input, await backends.registries());
    const json = input.flag("json");
    const summary = await followRun(backends.repro({ ...options, signal: io.signal, commandLine }), io, {
      json,
      stopping: (directory) =>
        `Stopping: what is measured is kept.${directory === undefined ? "" : ` ${resumeHint(directory)}`} Again to stop at once.`,
    });
    io.stdout.write(json ? `${JSON.stringify(summary)}\n` : described(summary));
    return summary.interrupted && summary.exitCode === 0 ? 2 : summary.exitCode;
  },
};

/**
 * Reads the options of `repro`.
 *
 * @throws UsageError naming the option, its value and what is allowed.
 */
export function reproOptions(input: Input, registries: Registries): Omit<ReproOptions, "signal" | "commandLine"> {
  const ids = [...registries.experiments.map(({ id }) => id), ...registries.claims.map(({ id }) => id)];
  const budget = input.text("budget");
  const resume = input.text("resume");
  const out = input.text("out");
  if (resume !== undefined && out !== undefined) {
    throw new UsageError("--resume and --out: both are given; allowed: one, since a resumed run writes where it began");
  }
  if (resume !== undefined) directoryWith(resume, "manifest.json", "--resume", "the results directory of a run");
  if (out !== undefined) writableDirectory(out, "--out");
  return {
    profile: oneOf(input.text("profile") ?? defaults.profile, profiles, "--profile", "profile"),
    only: input.list("only").map((id) => oneOf(id, ids, "--only", "experiment or claim")),
    budgetS: budget === undefined ? undefined : parseDurationS(budget, "--budget", budgetRangeS),
    resume,
    seed: parseSeed(input.text("seed") ?? defaults.seed, "--seed"),
    out,
  };
}

function resumeHint(directory: string): string {
  return `Resume with: npm run repro -- --resume ${directory}`;
}

function described(summary: ReproSummary): string {
  const rows = summary.claims.map(({ id, verdict, published, measured, statement }) => [
    id,
    verdict,
    published,
    measured,
    statement,
  ]);
  const counts = Object.entries(summary.counts).filter(([, count]) => count > 0);
  return [
    `\n${textTable(["claim", "verdict", "published", "measured", "statement"], rows)}\n`,
    `${counts.map(([verdict, count]) => `${count} ${verdict}`).join(", ")}\n`,
    `Results: ${summary.directory}\n`,
    summary.interrupted ? `Stopped before the end. ${resumeHint(summary.directory)}\n` : "",
  ].join("");
}
