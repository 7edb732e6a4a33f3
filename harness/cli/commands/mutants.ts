/** `grey mutants`: plants known mistakes, one at a time, and sees whether the checks find them. */

import { UsageError } from "../../../implementations/foundation/errors.ts";
import type { HuntSummary } from "../../mutants/hunt.ts";
import type { ListedMutant, MutantsOptions, Registries } from "../backends.ts";
import type { Command, Input } from "../command.ts";
import { exitCodeOf } from "../exit-code-of.ts";
import { followRun } from "../follow-run.ts";
import { oneOf } from "../nearest.ts";
import { parseCount, parseSeed } from "../quantities.ts";
import { textTable } from "../text-table.ts";

const ranges = { runs: { min: 1, max: 100_000 }, workers: { min: 1, max: 64 } } as const;

/** Exit codes: 0 all found, 1 one survived or the sources as they are fail a check, 2 stopped before the end. */
export const mutantsCommand: Command = {
  name: "mutants",
  summary: "Plant known mistakes, one at a time, and see whether the checks find them",
  positionals: [],
  options: {
    module: { kind: "text", describe: "Only those of this module", example: "consensus" },
    only: { kind: "words", describe: "Only these mutants", example: "M-CON-01,M-CON-08" },
    runs: { kind: "text", describe: "Seeds until a mutant has survived", example: "1000", default: "400" },
    workers: { kind: "text", describe: "Processes at a time", example: "8", default: "2" },
    seed: { kind: "text", describe: "Seed of the first run's plan and all others", example: "7", default: "1" },
  },
  examples: [
    { command: "$0 mutants", meaning: "All of them" },
    { command: "$0 mutants --only M-CON-01 M-CON-08 --seed 7", meaning: "Two of them, under other faults" },
  ],
  async run(input, { io, backends }) {
    const options = mutantsOptions(input, await backends.registries());
    const json = input.flag("json");
    const run = backends.mutants({ ...options, signal: io.signal, nowMs: () => io.nowMs() });
    const summary = await followRun(run, io, {
      json,
      stopping: () => "Stopping: copies are removed, what is found is shown. Again to stop at once.",
    });
    io.stdout.write(json ? `${JSON.stringify(summary)}\n` : `\n${described(summary)}\n`);
    return exitCodeOf(summary.verdict);
  },
};

/**
 * Reads the options of `mutants`.
 *
 * @throws UsageError naming the argument, its value and what is allowed.
 */
export function mutantsOptions(input: Input, registries: Registries): Omit<MutantsOptions, "signal" | "nowMs"> {
  return {
    ids: chosen(input, registries.mutants).map(({ id }) => id),
    runs: parseCount(input.text("runs") ?? "400", "--runs", ranges.runs),
    workers: parseCount(input.text("workers") ?? "2", "--workers", ranges.workers),
    seed: parseSeed(input.text("seed") ?? "1", "--seed"),
  };
}

function chosen(input: Input, mutants: readonly ListedMutant[]): readonly ListedMutant[] {
  const wanted = input.text("module");
  const modules = [...new Set(mutants.map(({ module }) => module))];
  const module = wanted === undefined ? undefined : oneOf(wanted, modules, "--module", "module with mutants");
  const ofModule = mutants.filter((mutant) => module === undefined || mutant.module === module);
  const ids = input.list("only").map((id) =>
    oneOf(
      id,
      ofModule.map((mutant) => mutant.id),
      "--only",
      "mutant",
    ),
  );
  if (ofModule.length === 0) throw new UsageError("grey mutants: there are none");
  return ids.length === 0 ? ofModule : ofModule.filter(({ id }) => ids.includes(id));
}

function described({ control, mutants, verdict }: HuntSummary): string {
  const rows = mutants.map(({ id, outcome, runs, durationS, checks, seed, mistake }) => [
    id,
    outcome,
    String(runs),
    `${durationS.toFixed(1)} s`,
    checks.join(" "),
    seed ?? "",
    mistake,
  ]);
  const found = mutants.filter(({ outcome }) => outcome === "found").length;
  const first = `without a mutant: ${control.validity}, ${control.summary}`;
  if (mutants.length === 0) return `${first}\nno mutant was planted: ${verdict}`;
  const table = textTable(["mutant", "outcome", "runs", "time", "found by", "seed", "mistake"], rows);
  return `${first}\n\n${table}\n${found} of ${mutants.length} found: ${verdict}`;
}
