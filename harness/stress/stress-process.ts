/**
 * The child process of a stress: runs its share of the seeds one after the other and tells of each.
 *
 * It is a process of its own so that a planted mistake that makes threads wait for ever, or ends the process, ends this
 * one only. It stops when whoever started it is gone.
 */

import { pathToFileURL } from "node:url";
import { sendMessage } from "execa";
import { AssertionError } from "../../implementations/foundation/assert.ts";
import type { SeedRun, SweepMessage } from "../sweep/sweep-share.ts";
import type { StressFinding, StressRound, StressShare } from "./stress-share.ts";

type Stress = (round: StressRound) => Promise<StressFinding>;

async function answer(share: StressShare): Promise<void> {
  const tell = (message: SweepMessage): Promise<void> => sendMessage(message);
  try {
    const stress = await stressOf(share.stress);
    for (let index = share.first; index <= share.last; index += share.step) {
      const run = await runSeed(share, stress, `${share.seed}/${index}`);
      await tell(run.message);
      if (run.isStuck || (share.untilInvalid && run.message.failures.some(({ validity }) => validity === "invalid")))
        break;
    }
    await tell({ kind: "end" });
  } catch (error) {
    await tell({ kind: "error", message: error instanceof Error ? error.message : String(error) });
  }
}

/** "stress-skip-list": what its file exports under that name in camel case. */
async function stressOf(name: string): Promise<Stress> {
  const exportName = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  const module = (await import(`./${name}.ts`)) as Readonly<Record<string, Stress>>;
  const stress = module[exportName];
  if (stress === undefined) throw new Error(`${name}.ts exports no ${exportName}`);
  return stress;
}

async function runSeed(
  { stress: id, rounds, threads, limitMs }: StressShare,
  stress: Stress,
  seed: string,
): Promise<{ readonly message: SeedRun; readonly isStuck: boolean }> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<"stuck">((resolve) => {
    timer = setTimeout(() => resolve("stuck"), limitMs);
  });
  const finding = await Promise.race([stress({ seed, rounds, threads }).catch(brokenAssertion), limit]);
  clearTimeout(timer);
  const isStuck = finding === "stuck";
  const { validity, summary } = isStuck
    ? {
        validity: "invalid" as const,
        summary: `no end of ${rounds} rounds within ${limitMs} ms: threads wait for ever`,
      }
    : finding;
  const failures = validity === "valid" ? [] : [{ id, validity, summary }];
  return { message: { kind: "run", seed, isVoid: false, failures }, isStuck };
}

/** What is stressed asserts its own invariants: one that is broken is a finding, anything else is not. */
function brokenAssertion(error: unknown): StressFinding {
  if (!(error instanceof AssertionError)) throw error;
  return { validity: "invalid", summary: `an assertion failed: ${error.message}` };
}

const [, script, argument] = process.argv;
if (script !== undefined && argument !== undefined && import.meta.url === pathToFileURL(script).href) {
  // Threads that wait for ever would keep it alive.
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel?.unref(); // Listening alone must not keep the process alive.
  await answer(JSON.parse(argument) as StressShare);
}
