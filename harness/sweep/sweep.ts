/**
 * `grey sweep`: a range of seeds through the simulator, each with the cluster, load, settings and faults drawn from it.
 *
 * The seeds are dealt out to processes. Every seed whose checks are not all valid leaves a capsule that replays it.
 */

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Module } from "../../implementations/foundation/deployment.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import { worstOf } from "../check/verdict.ts";
import type { Validity } from "../check/verdict.ts";
import type { RunEvent } from "../run-events.ts";
import { inParallel } from "./in-parallel.ts";
import { runShare } from "./run-share.ts";
import type { SweepStyle } from "../rooms/room.ts";
import type { SeedRun } from "./sweep-share.ts";

export interface SweepOptions {
  readonly root: string;
  readonly module: Module;
  readonly implementation: string;
  readonly kinds: readonly FaultKind[];
  readonly style: SweepStyle;
  readonly seed: string;
  /** Seeds `<seed>/<first>` to `<seed>/<last>`. */
  readonly first: number;
  readonly last: number;
  readonly workers: number;
  /** Where capsules of runs that are not valid go; made when there is one. */
  readonly out: string;
  readonly signal: AbortSignal;
  nowMs(): number;
}

export interface SweepSummary {
  readonly implementation: string;
  readonly seed: string;
  readonly runs: number;
  /** Runs none of whose faults did anything. */
  readonly voids: number;
  readonly verdict: Validity;
  /** At most `keptFailures`; the others are counted. */
  readonly failures: readonly SweepFailure[];
  readonly failed: number;
}

export interface SweepFailure {
  readonly seed: string;
  readonly checks: readonly { readonly id: string; readonly validity: Validity; readonly summary: string }[];
  readonly capsule: string;
}

/** A broken implementation fails every run; the first ones tell all there is to know. */
const keptFailures = 20;
/** About: one simulated run. */
const runS = { swarm: 0.08, siege: 2.5 } as const;
const underWhat = { swarm: "under random faults", siege: "of half an hour under every kind of fault" } as const;

/** Runs the seeds; stops early, keeping what is known, when the signal fires. */
export async function* sweep(options: SweepOptions): AsyncGenerator<RunEvent, SweepSummary> {
  const { module, implementation, kinds, style, seed, first, last, workers, root, signal, out } = options;
  const wanted = last - first + 1;
  const title = `${implementation}, ${wanted} simulated runs ${underWhat[style]}`;
  const beganMs = options.nowMs();
  const experiments = [{ id: "sweep", title, blocks: 1, estimateS: (wanted * runS[style]) / workers }];
  yield { kind: "planned", directory: undefined, experiments };
  yield { kind: "experiment-started", id: "sweep", title, blocks: 1 };
  yield { kind: "block-started", experiment: "sweep", block: 0, blocks: 1, label: `seeds ${seed}/${first} to ${last}` };
  const validities: Validity[] = [];
  const failures: SweepFailure[] = [];
  let voids = 0;
  let failed = 0;
  const keep = async (run: SeedRun): Promise<SweepFailure> => {
    const capsule = path.join(out, `sweep-${module}-${implementation}-${run.seed.replaceAll("/", "-")}.json`);
    await mkdir(out, { recursive: true });
    await writeFile(capsule, run.capsule ?? "");
    return { seed: run.seed, checks: run.failures, capsule };
  };
  yield* inParallel<RunEvent, void>(workers, workers, async (worker, tell) => {
    const common = { module, implementation, kinds, style, seed, last, step: workers, untilInvalid: false };
    for await (const run of runShare({ root, share: { ...common, first: first + worker }, signal })) {
      validities.push(worstOf(run.failures.map(({ validity }) => validity)));
      if (run.isVoid) voids++;
      const text = `${validities.length} of ${wanted} seeds`;
      tell({ kind: "block-progress", experiment: "sweep", block: 0, fraction: validities.length / wanted, text });
      if (run.failures.length === 0 || ++failed > keptFailures) continue;
      const failure = await keep(run);
      failures.push(failure);
      const what = failure.checks.map(({ id, validity, summary }) => `${id} ${validity}: ${summary}`).join("; ");
      tell({ kind: "note", level: "warning", text: `seed ${run.seed}: ${what}` });
      tell({ kind: "written", path: failure.capsule });
    }
  });
  const runs = validities.length;
  const verdict = worstOf([...validities, ...(runs < wanted ? (["unknown"] as const) : [])]);
  const voidText = voids === 0 ? "" : `, ${voids} without an effective fault`;
  const summary = `${failed} of ${runs} runs not valid${voidText}`;
  const durationS = (options.nowMs() - beganMs) / 1000;
  yield { kind: "block-finished", experiment: "sweep", block: 0, validity: verdict, summary, durationS };
  yield { kind: "experiment-finished", id: "sweep", validity: verdict, summary };
  return { implementation, seed, runs, voids, verdict, failures, failed };
}
