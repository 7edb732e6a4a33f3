/** Looks implementations up by name in the registry, with an error that says which there are. */

import { consensusImplementations as implementations } from "../implementations/assembly/registry.ts";
import type { ConsensusImplementation } from "../implementations/consensus/contract.ts";
import { UsageError } from "../implementations/foundation/errors.ts";

/** Why some of `names` cannot run on this machine, by name; empty when all can. */
export async function missingImplementations(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const answers = await Promise.all(
    names.map(async (name) => [name, await consensusImplementation(name).available()] as const),
  );
  return new Map(answers.flatMap(([name, answer]) => (answer === true ? [] : [[name, answer] as const])));
}

/** @throws UsageError naming what is known. */
export function consensusImplementation(name: string): ConsensusImplementation {
  const found = implementations.find((each) => each.module === "consensus" && each.name === name);
  if (found !== undefined) return found;
  const known = implementations.filter(({ module }) => module === "consensus").map((each) => each.name);
  throw new UsageError(
    `Cannot run consensus ${name}: there is no such implementation; allowed are ${known.join(", ")}`,
  );
}
