/** The child process of one pool: runs its scenarios one after the other, sends what they measured, ends. */

import { pathToFileURL } from "node:url";
import { sendMessage } from "execa";
import { z } from "zod";
import { scenarios } from "./scenarios.ts";
import type { ScenarioName } from "./scenarios.ts";

const question = z.object({
  implementation: z.string(),
  scenarios: z.array(z.enum(Object.keys(scenarios) as [ScenarioName, ...ScenarioName[]])),
  scale: z.number().positive(),
  directory: z.string(),
});
export type PoolQuestion = z.infer<typeof question>;

async function answer(argument: string): Promise<void> {
  try {
    const { scenarios: wanted, ...options } = question.parse(JSON.parse(argument));
    const measurements = [];
    for (const name of wanted) measurements.push(...(await scenarios[name](options)));
    await sendMessage({ measurements });
  } catch (error) {
    await sendMessage({ error: error instanceof Error ? error.message : String(error) });
  }
}

const [, script, argument] = process.argv;
if (script !== undefined && argument !== undefined && import.meta.url === pathToFileURL(script).href) {
  await answer(argument);
}
