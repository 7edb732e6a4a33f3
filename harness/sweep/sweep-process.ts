/**
 * The child process of a sweep: runs its share of the seeds one after the other and tells of each.
 *
 * It stops when whoever started it is gone, also when that was killed: nothing would read what it says.
 */

import { pathToFileURL } from "node:url";
import { sendMessage } from "execa";
import { worstOf } from "../check/verdict.ts";
import { encodeCapsule } from "../capsule/capsule.ts";
import { BlockAborted, runBlock } from "../run-block.ts";
import { implementationOf, roomOf } from "../rooms/rooms.ts";
import type { SeedRun, SweepMessage, SweepShare } from "./sweep-share.ts";

async function answer(share: SweepShare, signal: AbortSignal): Promise<void> {
  const tell = (message: SweepMessage): Promise<void> => sendMessage(message);
  try {
    for (let index = share.first; index <= share.last; index += share.step) {
      const run = await runSeed(share, `${share.seed}/${index}`, signal);
      await tell(run);
      if (share.untilInvalid && run.failures.some(({ validity }) => validity === "invalid")) break;
    }
    await tell({ kind: "end" });
  } catch (error) {
    if (error instanceof BlockAborted) return;
    await tell({ kind: "error", message: error instanceof Error ? error.message : String(error) });
  }
}

async function runSeed(
  { module, implementation, kinds, style }: SweepShare,
  seed: string,
  signal: AbortSignal,
): Promise<SeedRun> {
  const swept = implementationOf(module, implementation);
  const record = await runBlock({
    implementation: swept,
    substrate: "simulated",
    plan: roomOf(module).sweepPlans[style](seed, kinds, swept),
    directory: "", // The simulated substrate writes nothing.
    signal,
  });
  const failures = record.checks.flatMap(({ id, validity, summary }) =>
    validity === "valid" ? [] : [{ id, validity, summary }],
  );
  const isVoid = record.voidReason !== undefined;
  if (worstOf(record.checks.map(({ validity }) => validity)) === "valid")
    return { kind: "run", seed, isVoid, failures };
  return { kind: "run", seed, isVoid, failures, capsule: encodeCapsule("sweep", record) };
}

const [, script, argument] = process.argv;
if (script !== undefined && argument !== undefined && import.meta.url === pathToFileURL(script).href) {
  const controller = new AbortController();
  process.once("disconnect", () => controller.abort());
  process.channel?.unref(); // Listening alone must not keep the process alive.
  await answer(JSON.parse(argument) as SweepShare, controller.signal);
}
