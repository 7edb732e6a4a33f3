/** `grey sweep`: many seeds through the simulator, each with its own random mix of faults. */

import { faultKinds } from "../../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { UsageError } from "../../../implementations/foundation/errors.ts";
import { sweepStyles } from "../../rooms/room.ts";
import type { SweepSummary } from "../../sweep/sweep.ts";
import type { ListedImplementation, Registries, SweepRequest } from "../backends.ts";
import type { Command, Input } from "../command.ts";
import { exitCodeOf } from "../exit-code-of.ts";
import { followRun } from "../follow-run.ts";
import { oneOf } from "../nearest.ts";
import { writableDirectory } from "../paths.ts";
import { parseCount, parseSeed } from "../quantities.ts";

const seedRange = { min: 0, max: 1_000_000_000 } as const;
const workerRange = { min: 1, max: 64 } as const;

/** Exit codes: 0 all runs valid, 1 one is not, 2 a check could not tell, or stopped before the end. */
export const sweepCommand: Command = {
  name: "sweep",
  summary: "Run many seeds in the simulator, each with its own random mix of faults",
  positionals: [{ name: "module", describe: "What to sweep, such as consensus", optional: false }],
  options: {
    seeds: { kind: "text", describe: "The first and the last seed", example: "0..999" },
    implementation: { kind: "text", describe: "Which", example: "minimal", default: "production" },
    faults: { kind: "list", describe: "swarm (all it supports) or faults to draw from", example: "kill,halves" },
    style: {
      kind: "text",
      describe: "swarm (seconds under a random mix) or siege (half an hour under every kind, simulated)",
      example: "siege",
      default: "swarm",
    },
    workers: { kind: "text", describe: "Processes at a time", example: "8", default: "2" },
    seed: { kind: "text", describe: "Seed that all others are derived from", example: "7", default: "1" },
    out: { kind: "text", describe: "Where capsules of failed runs go", example: "DIR", default: "results/sweep" },
  },
  examples: [
    { command: "$0 sweep consensus --seeds 0..999", meaning: "A thousand runs under every kind of fault" },
    { command: "$0 sweep consensus --seeds 0..9 --style siege", meaning: "Ten times half an hour under all of them" },
    { command: "$0 sweep consensus --seeds 17..17 --faults kill,halves", meaning: "One run, under two kinds" },
  ],
  async run(input, { io, backends }) {
    const options = sweepOptions(input, await backends.registries());
    const json = input.flag("json");
    const run = backends.sweep({ ...options, signal: io.signal, nowMs: () => io.nowMs() });
    const summary = await followRun(run, io, {
      json,
      stopping: () => "Stopping: what is known is shown. Again to stop at once.",
    });
    io.stdout.write(json ? `${JSON.stringify(summary)}\n` : `\n${described(summary)}\n`);
    return exitCodeOf(summary.verdict);
  },
};

/**
 * Reads the options of `sweep`.
 *
 * @throws UsageError naming the argument, its value and what is allowed.
 */
export function sweepOptions(input: Input, registries: Registries): Omit<SweepRequest, "signal" | "nowMs"> {
  const simulated = registries.implementations.filter(({ faults }) => faults.simulated !== undefined);
  const modules = [...new Set(simulated.map(({ module }) => module))];
  const module = oneOf(input.text("module") ?? "", modules, "MODULE", "module");
  const names = simulated.filter((each) => each.module === module).map(({ name }) => name);
  const name = oneOf(input.text("implementation") ?? "production", names, "--implementation", "implementation");
  const implementation = simulated.find((each) => each.module === module && each.name === name)!;
  const [first, last] = seedsOf(input.text("seeds"));
  return {
    module,
    implementation: name,
    kinds: kindsOf(input.list("faults"), implementation),
    first,
    last,
    style: oneOf(input.text("style") ?? "swarm", sweepStyles, "--style", "style"),
    workers: parseCount(input.text("workers") ?? "2", "--workers", workerRange),
    seed: parseSeed(input.text("seed") ?? "1", "--seed"),
    out: writableDirectory(input.text("out") ?? "results/sweep", "--out"),
  };
}

function seedsOf(text: string | undefined): readonly [first: number, last: number] {
  const allowed = "wanted: --seeds FIRST..LAST, such as 0..999";
  if (text === undefined) throw new UsageError(`grey sweep: --seeds is missing; ${allowed}`);
  const [from, to, ...rest] = text.split("..");
  if (from === undefined || to === undefined || rest.length > 0) {
    throw new UsageError(`--seeds: "${text}" is not a range; ${allowed}`);
  }
  const first = parseCount(from, "--seeds", seedRange);
  const last = parseCount(to, "--seeds", seedRange);
  if (last < first) throw new UsageError(`--seeds: "${text}" ends before it begins; ${allowed}`);
  return [first, last];
}

/** Asking for a fault that the implementation cannot be subjected to is an error, never a silent skip. */
function kindsOf(words: readonly string[], { name, faults }: ListedImplementation): readonly FaultKind[] {
  const supported = [...(faults.simulated ?? [])];
  if (words.length === 0 || (words.length === 1 && words[0] === "swarm")) return supported;
  const known = ["swarm", ...Object.values(faultKinds).flat()] as const;
  return words.map((word) => {
    const kind = oneOf(word, known, "--faults", "fault");
    if (kind !== "swarm" && supported.includes(kind)) return kind;
    const why = kind === "swarm" ? "stands alone" : `is not one that ${name} can be given (simulated)`;
    throw new UsageError(`--faults: "${word}" ${why}; allowed: swarm, or some of ${supported.join(", ")}`);
  });
}

function described({ runs, failed, voids, verdict, failures }: SweepSummary): string {
  const lines = failures.flatMap(({ seed, checks, capsule }) => [
    `seed ${seed}: grey replay ${capsule}`,
    ...checks.map(({ id, validity, summary }) => `  ${id} ${validity}: ${summary}`),
  ]);
  const voidText = voids === 0 ? "" : `, ${voids} without an effective fault`;
  return [...lines, `${runs} runs, ${failed} not valid${voidText}: ${verdict}`].join("\n");
}
