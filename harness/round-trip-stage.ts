/**
 * A stage that puts keys and values of every kind of text into a store at majority, and gets each back at every level.
 *
 * Without faults and with one client, so that what comes back can only be what was put.
 */

import type { Outcome, Substrate } from "../implementations/foundation/deployment.ts";
import type { Random } from "../implementations/foundation/effects.ts";
import { seededRandom } from "../implementations/foundation/prng.ts";
import { storageImplementations } from "../implementations/assembly/registry.ts";
import { limits, quorumLevels } from "../implementations/storage/contract.ts";
import type {
  StorageDeployment,
  StorageImplementation,
  StorageOperation,
  StorageResult,
} from "../implementations/storage/contract.ts";
import { measurementRows } from "./block-rows.ts";
import type { Measurement } from "./measure/probes.ts";
import type { Stage, StageContext, StageResult } from "./plan/experiment.ts";

export interface RoundTripStageOptions {
  readonly experiment: string;
  readonly block: number;
  readonly implementations: readonly string[];
  readonly substrate: Substrate;
  readonly nodes: number;
  /** Puts; each is read back once at every level. */
  readonly puts: number;
  readonly seed: string;
  readonly estimateS: number;
}

/** Returns the stage; it measures `round-trips` and `round-trip-counterexamples`. */
export function roundTripStage(options: RoundTripStageOptions): Stage {
  const { puts, nodes, substrate, seed, estimateS } = options;
  const label = `${puts} puts of random texts on ${nodes} ${substrate} nodes, each got back`;
  return { label, seed, estimateS, run: (context) => runStage(options, context) };
}

async function runStage(options: RoundTripStageOptions, context: StageContext): Promise<StageResult> {
  const { experiment, block, substrate, nodes, seed } = options;
  const chosen = storageImplementations.filter(({ name }) => options.implementations.includes(name));
  const results: { readonly name: string; readonly measurements: readonly Measurement[]; readonly first: string }[] =
    [];
  for (const [position, implementation] of chosen.entries()) {
    results.push({ name: implementation.name, ...(await roundTrips(implementation, options, context)) });
    context.onProgress((position + 1) / chosen.length, implementation.name);
  }
  const rows = results.flatMap(({ name, measurements }) =>
    measurementRows({ experiment, block, implementation: name, substrate, nodes, seed }, measurements),
  );
  const failed = results.find(({ first }) => first !== "");
  const implementations = results.map(({ name }) => ({ name, status: "sound", voids: [] }) as const);
  const summary = failed === undefined ? "every value came back" : `${failed.name}: ${failed.first}`;
  const validity = failed === undefined ? "valid" : "invalid";
  return { rows: { measurements: rows }, files: [], implementations, validity, summary };
}

async function roundTrips(
  implementation: StorageImplementation,
  { substrate, nodes, seed, puts }: RoundTripStageOptions,
  { workDirectory, signal }: StageContext,
): Promise<{ readonly measurements: readonly Measurement[]; readonly first: string }> {
  const random = seededRandom(seed).fork("texts");
  const directory = `${workDirectory}/${implementation.name}`;
  const deployment = await implementation.deploy({ substrate, nodes, seed, directory });
  let counterexamples = 0;
  let trips = 0;
  let first = "";
  let sequence = 0;
  const ask = (operation: StorageOperation): Promise<Outcome<StorageResult>> =>
    answerOf(deployment, { session: 0, sequence: ++sequence, operation });
  try {
    for (let put = 0; put < puts; put++) {
      signal.throwIfAborted();
      const key = textOf(1 + random.below(limits.keyBytes / 4), random);
      const value = textOf(random.below(random.below(20) === 0 ? 20_000 : 100), random);
      const written = await ask({ kind: "put", key, value, level: "majority" });
      for (const level of quorumLevels) {
        trips++;
        const got = await ask({ kind: "get", key, level });
        const isRight =
          written.kind === "ok" && got.kind === "ok" && got.result.kind === "get" && got.result.value === value;
        if (isRight) continue;
        counterexamples++;
        first ||= `put of ${JSON.stringify(key.slice(0, 40))} ended ${written.kind}, get at ${level} gave ${JSON.stringify(got).slice(0, 200)}`;
      }
    }
  } finally {
    await deployment.stop();
  }
  const measurements = [
    { metric: "round-trips", value: trips, unit: "count" },
    { metric: "round-trip-counterexamples", value: counterexamples, unit: "count" },
  ];
  return { measurements, first };
}

const deadlineMs = 10_000;

async function answerOf(
  deployment: StorageDeployment,
  request: Parameters<StorageDeployment["invoke"]>[0],
): Promise<Outcome<StorageResult>> {
  let answer: Outcome<StorageResult> = { kind: "info", code: "REPLY_TIMEOUT" };
  await deployment.run(2 * deadlineMs, (finish) =>
    deployment.invoke(request, deadlineMs, (outcome) => {
      answer = outcome;
      finish();
    }),
  );
  return answer;
}

/**
 * Where code points are drawn from: controls, ASCII, the multilingual plane and what lies beyond; no half surrogates.
 */
const ranges = [
  [0x00, 0x1f],
  [0x20, 0x7e],
  [0x20, 0x7e],
  [0xa0, 0xd7ff],
  [0xe000, 0xffff],
  [0x1_0000, 0x10_ffff],
] as const;

/** At most four bytes each in UTF-8. */
function textOf(codePoints: number, random: Random): string {
  let text = "";
  for (let count = 0; count < codePoints; count++) {
    const [low, high] = ranges[random.below(ranges.length)] ?? ranges[1];
    text += String.fromCodePoint(low + random.below(high - low + 1));
  }
  return text;
}
