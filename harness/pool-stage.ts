/**
 * A stage that measures pools on real threads: every contender in a fresh process, in an order drawn for the stage.
 *
 * A pool that is not installed is left out with the reason. A task that does not complete ends its scenario with an
 * error, and the stage with it: no number without correctness.
 */

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { z } from "zod";
import { poolAvailable } from "../implementations/assembly/scheduler/open-pool.ts";
import { HarnessError } from "../implementations/foundation/errors.ts";
import { measurementRows } from "./block-rows.ts";
import { blockOrder } from "./measure/abba.ts";
import type { Measurement } from "./measure/probes.ts";
import type { Stage, StageContext, StageResult } from "./plan/experiment.ts";
import type { PoolQuestion } from "./pools/pool-process.ts";
import type { ScenarioName } from "./pools/scenarios.ts";
import type { ImplementationRecord } from "./record/manifest.ts";
import type { Row } from "./record/tables.ts";

export interface PoolStageOptions {
  readonly experiment: string;
  readonly block: number;
  readonly label: string;
  readonly seed: string;
  readonly estimateS: number;
  /** What each is measured by. */
  readonly contenders: Readonly<Record<string, readonly ScenarioName[]>>;
  /** How much of each scenario is done: 1 is what a full run does. */
  readonly scale: number;
}

const reply = z.union([
  z.object({
    measurements: z.array(z.object({ metric: z.string(), value: z.number(), unit: z.string() })),
  }),
  z.object({ error: z.string() }),
]);
const limitMs = 300_000;

export function poolStage(options: PoolStageOptions): Stage {
  const { label, seed, estimateS } = options;
  return { label, seed, estimateS, run: (context) => measurePools(options, context) };
}

async function measurePools(options: PoolStageOptions, context: StageContext): Promise<StageResult> {
  const { experiment, block, seed, contenders } = options;
  const names = blockOrder(seed, block, Object.keys(contenders));
  const rows: Row<"measurements">[] = [];
  const implementations: ImplementationRecord[] = [];
  const troubles: string[] = [];
  for (const [position, implementation] of names.entries()) {
    const available = await poolAvailable(implementation);
    if (available !== true) {
      implementations.push({
        name: implementation,
        status: "void",
        voids: [{ kind: "not-installed", reason: available }],
      });
      troubles.push(`${implementation} left out: ${available}`);
      continue;
    }
    const measurements = await measurePool(options, implementation, context);
    rows.push(
      ...measurementRows({ experiment, block, implementation, substrate: "cluster", nodes: 1, seed }, measurements),
    );
    implementations.push({ name: implementation, status: "sound", voids: [] });
    context.onProgress((position + 1) / names.length, implementation);
  }
  const summary = troubles.join("; ") || `${rows.length} values of ${implementations.length} pools`;
  const validity = rows.length === 0 ? "void" : "valid";
  return { rows: { measurements: rows }, files: [], implementations, validity, summary };
}

/** @throws HarnessError when a scenario fails, or the process ends without an answer. */
async function measurePool(
  { contenders, scale }: PoolStageOptions,
  implementation: string,
  { workDirectory, signal }: StageContext,
): Promise<readonly Measurement[]> {
  const directory = path.join(workDirectory, implementation);
  await mkdir(directory, { recursive: true });
  const question: PoolQuestion = {
    implementation,
    scenarios: [...(contenders[implementation] ?? [])],
    scale,
    directory,
  };
  const ended = await execa({
    ...{ node: true, ipc: true, nodePath: process.execPath, timeout: limitMs, reject: false, cancelSignal: signal },
  })`${[fileURLToPath(new URL("pools/pool-process.ts", import.meta.url)), JSON.stringify(question)]}`;
  signal.throwIfAborted();
  const answer = reply.safeParse(ended.ipcOutput[0]);
  if (answer.success && "measurements" in answer.data) return answer.data.measurements;
  const why = answer.success && "error" in answer.data ? answer.data.error : ended.stderr.trim().slice(0, 500);
  throw new HarnessError(
    `Cannot measure the pool of ${implementation}: ${ended.timedOut ? "it ran out of time" : why}`,
  );
}
