/** The rooms by module, and implementations by name, with errors that say which there are. */

import type { Module } from "../../implementations/foundation/deployment.ts";
import { UsageError } from "../../implementations/foundation/errors.ts";
import { consensusRoom } from "./consensus/room.ts";
import type { AnyImplementation, AnyRoom } from "./room.ts";
import { schedulerRoom } from "./scheduler/room.ts";
import { storageRoom } from "./storage/room.ts";

export const rooms: readonly AnyRoom[] = [consensusRoom, schedulerRoom, storageRoom];

/** @throws UsageError naming the modules that have a room. */
export function roomOf(module: Module): AnyRoom {
  const found = rooms.find((room) => room.module === module);
  if (found !== undefined) return found;
  const known = rooms.map((room) => room.module).join(", ");
  throw new UsageError(`Cannot run ${module}: it has no implementation yet; allowed are ${known}`);
}

/** @throws UsageError naming what is known. */
export function implementationOf(module: Module, name: string): AnyImplementation {
  const { implementations } = roomOf(module);
  const found = implementations.find((each) => each.name === name);
  if (found !== undefined) return found;
  const known = implementations.map((each) => each.name).join(", ");
  throw new UsageError(`Cannot run ${module} ${name}: there is no such implementation; allowed are ${known}`);
}

/** Why some of `names` cannot run on this machine, by name; empty when all can. */
export async function missingImplementations(
  module: Module,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const answers = await Promise.all(
    names.map(async (name) => [name, await implementationOf(module, name).available()] as const),
  );
  return new Map(answers.flatMap(([name, answer]) => (answer === true ? [] : [[name, answer] as const])));
}
