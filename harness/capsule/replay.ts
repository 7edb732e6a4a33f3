/**
 * Replays a capsule: runs its plan again, tells every step if asked, and says whether all went as recorded.
 *
 * In the simulated substrate "as recorded" is exact: the rolling hash of everything that happened must be the same. A
 * run on real processes repeats the plan only, and is judged by its verdicts.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { worstOf } from "../check/verdict.ts";
import type { Validity } from "../check/verdict.ts";
import { implementationOf, roomOf } from "../rooms/rooms.ts";
import { BlockAborted, runBlock } from "../run-block.ts";
import type { BlockRecord } from "../run-block.ts";
import type { RunEvent } from "../run-events.ts";
import { readCapsule } from "./capsule.ts";
import type { Capsule } from "./capsule.ts";
import { traceLine } from "./trace-line.ts";

export interface ReplayOptions {
  readonly capsule: string;
  /** Tells the trace up to this step, counted from 1; undefined: all of it. */
  readonly untilStep: number | undefined;
  readonly trace: boolean;
  readonly signal: AbortSignal;
}

export interface ReplaySummary {
  readonly verdict: Validity;
  /** Whether the run went as the capsule recorded it. */
  readonly matches: boolean;
  readonly text: string;
}

/** @throws UsageError when the capsule cannot be read or is damaged. */
export async function* replay(
  options: ReplayOptions,
): AsyncGenerator<RunEvent | { readonly kind: "trace"; readonly line: string }, ReplaySummary> {
  const capsule = await readCapsule(options.capsule);
  const { experiment, implementation, substrate, plan } = capsule;
  const label = `${implementation} on ${plan.nodes} ${substrate} nodes, seed ${plan.seed}`;
  yield { kind: "block-started", experiment, block: 0, blocks: 1, label };
  const directory = await mkdtemp(path.join(tmpdir(), "grey-replay-"));
  const lines: string[] = [];
  let steps = 0;
  try {
    const record = await runBlock({
      implementation: implementationOf(plan.module, implementation),
      substrate,
      plan,
      directory,
      signal: options.signal,
      onTrace: (traced) => {
        steps++;
        const wanted = options.trace && steps <= (options.untilStep ?? Infinity);
        if (wanted) lines.push(traceLine(steps, traced, roomOf(plan.module)));
      },
    });
    for (const line of lines) yield { kind: "trace", line };
    return summaryOf(capsule, record, steps);
  } catch (error) {
    if (!(error instanceof BlockAborted)) throw error;
    return { verdict: "unknown", matches: false, text: "Replay interrupted: nothing was judged" };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function summaryOf(capsule: Capsule, record: BlockRecord, steps: number): ReplaySummary {
  const verdict = worstOf(record.checks.map(({ validity }) => validity));
  const exact = capsule.expected.traceHash !== undefined && record.traceHash !== undefined;
  const sameVerdicts = capsule.expected.checks.every(
    ({ id, validity }) => record.checks.find((check) => check.id === id)?.validity === validity,
  );
  const matches = sameVerdicts && (!exact || capsule.expected.traceHash === record.traceHash);
  const judged = record.checks.map(({ id, validity, summary, counterexample }) =>
    [`${validity.padEnd(8)} ${id}: ${summary}`, ...(counterexample === undefined ? [] : [counterexample])].join("\n"),
  );
  const how = exact
    ? `trace hash ${record.traceHash}, recorded ${capsule.expected.traceHash}`
    : "real processes: the plan was repeated, not every step";
  return {
    verdict,
    matches,
    text: [`${steps} traced steps, ${how}: ${matches ? "as recorded" : "NOT as recorded"}`, ...judged].join("\n"),
  };
}
