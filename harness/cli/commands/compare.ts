/** `grey compare`: one workload, one fault schedule, one seed, several implementations, side by side. */

import { faultKinds } from "../../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { substrates } from "../../../implementations/foundation/deployment.ts";
import { UsageError } from "../../../implementations/foundation/errors.ts";
import type { CompareOptions } from "../../compare.ts";
import type { ListedImplementation, Registries } from "../backends.ts";
import type { Command, Input } from "../command.ts";
import { exitCodeOf } from "../exit-code-of.ts";
import { followRun } from "../follow-run.ts";
import { oneOf } from "../nearest.ts";
import { writableDirectory } from "../paths.ts";
import { parseCount, parseDurationS, parseRatePerS, parseSeed, parseSettings, parseSizeBytes } from "../quantities.ts";

const defaults = {
  implementations: "minimal,production",
  substrate: "cluster",
  nodes: "3",
  clients: "8",
  duration: "10s",
  size: "256",
  seed: "1",
} as const;

const ranges = {
  nodes: { min: 1, max: 15 },
  clients: { min: 1, max: 1000 },
  ratePerS: { min: 1, max: 1_000_000 },
  durationS: { min: 0.1, max: 24 * 3600 },
  sizeBytes: { min: 16, max: 1024 * 1024 },
} as const;

export const compareCommand: Command = {
  name: "compare",
  summary: "Run one plan on several implementations and show them side by side",
  positionals: [{ name: "module", describe: "What to compare, such as consensus", optional: false }],
  options: {
    implementations: {
      kind: "list",
      describe: "Which, separated by commas",
      example: defaults.implementations,
      default: defaults.implementations,
    },
    substrate: {
      kind: "text",
      describe: "simulated (virtual time, counts only) or cluster (real processes)",
      example: "simulated",
      default: defaults.substrate,
    },
    workload: {
      kind: "text",
      describe: "What clients do; by default the first that the module has (see grey list workloads)",
      example: "append",
    },
    faults: {
      kind: "list",
      describe: "Faults to inject, separated by commas; none by default",
      example: "kill,halves",
    },
    nodes: { kind: "text", describe: "Nodes of each cluster", example: "5", default: defaults.nodes },
    clients: { kind: "text", describe: "Logical clients", example: "64", default: defaults.clients },
    rate: {
      kind: "text",
      describe: "Operations per second, open loop; without it the loop is closed",
      example: "2000",
    },
    duration: {
      kind: "text",
      describe: "Length of the load; bare numbers are seconds",
      example: "20s",
      default: "10s",
    },
    size: { kind: "text", describe: "Bytes of a written value", example: "64KiB", default: defaults.size },
    settings: {
      kind: "list",
      describe: "Settings of the implementations, NAME=VALUE separated by commas; etcd.tls=false is for etcd alone",
      example: "electionTimeoutMs=300",
    },
    seed: { kind: "text", describe: "Seed of the plan", example: "7", default: defaults.seed },
    out: { kind: "text", describe: "Results directory; a new one under results/ by default", example: "DIR" },
  },
  examples: [
    { command: "$0 compare consensus", meaning: "Minimal against production, no faults" },
    { command: "$0 compare consensus --faults kill,majorities-ring --seed 7", meaning: "The same under faults" },
    {
      command: '$0 compare scheduler --settings "production.tenants=a:2:1000;b:1,workers=4"',
      meaning: "Two tenants: weights, and a quota for one",
    },
    { command: "$0 compare consensus --substrate simulated --workload append --json", meaning: "Exact, for a script" },
  ],
  async run(input, { io, backends, commandLine }) {
    const options = compareOptions(input, await backends.registries());
    const json = input.flag("json");
    const summary = await followRun(backends.compare({ ...options, signal: io.signal, commandLine }), io, {
      json,
      stopping: () => "Stopping: what is measured is kept. Again to stop at once.",
    });
    const { table, ...object } = summary;
    io.stdout.write(json ? `${JSON.stringify(object)}\n` : `\n${table.trimEnd()}\n`);
    const exitCode = exitCodeOf(summary.verdict);
    return io.signal.aborted && exitCode === 0 ? 2 : exitCode;
  },
};

/**
 * Reads the options of `compare`.
 *
 * @throws UsageError naming the argument, its value and what is allowed.
 */
export function compareOptions(input: Input, registries: Registries): Omit<CompareOptions, "signal" | "commandLine"> {
  const modules = [...new Set(registries.implementations.map(({ module }) => module))];
  const module = oneOf(input.text("module") ?? "", modules, "MODULE", "module");
  const substrate = oneOf(input.text("substrate") ?? defaults.substrate, substrates, "--substrate", "substrate");
  const ofModule = registries.implementations.filter((implementation) => implementation.module === module);
  const names = ofModule.map(({ name }) => name);
  const chosen = input
    .list("implementations")
    .map((name) => oneOf(name, names, "--implementations", `${module} implementation`));
  const implementations = ofModule.filter(({ name }) => chosen.includes(name));
  const workloads = registries.workloads.filter((workload) => workload.module === module).map(({ name }) => name);
  const rate = input.text("rate");
  const out = input.text("out");
  if (out !== undefined) writableDirectory(out, "--out");
  return {
    module,
    implementations: chosen,
    substrate,
    workload: oneOf(input.text("workload") ?? workloads[0] ?? "", workloads, "--workload", "workload"),
    faults: faultsOf(input.list("faults"), implementations, substrate),
    nodes: parseCount(input.text("nodes") ?? defaults.nodes, "--nodes", ranges.nodes),
    clients: parseCount(input.text("clients") ?? defaults.clients, "--clients", ranges.clients),
    rate: rate === undefined ? undefined : parseRatePerS(rate, "--rate", ranges.ratePerS),
    durationS: parseDurationS(input.text("duration") ?? defaults.duration, "--duration", ranges.durationS),
    settings: parseSettings(input.list("settings"), "--settings"),
    sizeBytes: parseSizeBytes(input.text("size") ?? defaults.size, "--size", ranges.sizeBytes),
    seed: parseSeed(input.text("seed") ?? defaults.seed, "--seed"),
    out,
  };
}

/** Asking for a fault that one of the implementations cannot be subjected to is an error, never a silent skip. */
function faultsOf(
  words: readonly string[],
  implementations: readonly ListedImplementation[],
  substrate: CompareOptions["substrate"],
): readonly FaultKind[] {
  const known = Object.values(faultKinds).flat();
  for (const { module, name, faults } of implementations) {
    if (faults[substrate] !== undefined) continue;
    throw new UsageError(
      `--substrate: ${module} ${name} does not run on "${substrate}"; allowed: ${Object.keys(faults).join(", ")}`,
    );
  }
  return words.map((word) => {
    const fault = oneOf(word, known, "--faults", "fault");
    for (const { module, name, faults } of implementations) {
      const supported = faults[substrate];
      if (supported === undefined || supported.has(fault)) continue;
      const allowed = supported.size === 0 ? "none" : [...supported].join(", ");
      throw new UsageError(
        `--faults: ${module} ${name} cannot be given "${fault}" (${substrate}); allowed: ${allowed}`,
      );
    }
    return fault;
  });
}
