/**
 * What a process that runs seeds is asked to do, and what it answers: the two sides of the channel between
 * `sweep-process.ts` and `run-share.ts`.
 *
 * The share goes to a process of its own so that seeds run on several cores, and so that another copy of the sources
 * can be swept without its modules mixing with ours.
 */

import { z } from "zod";
import type { Module } from "../../implementations/foundation/deployment.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import type { SweepStyle } from "../rooms/room.ts";

/** Seeds `<seed>/<first>`, `<seed>/<first + step>`, ... up to `<seed>/<last>`. */
export interface SweepShare {
  readonly module: Module;
  /** One of its implementations, in the simulated substrate. */
  readonly implementation: string;
  readonly kinds: readonly FaultKind[];
  readonly style: SweepStyle;
  readonly seed: string;
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** End at the first seed with an invalid check. */
  readonly untilInvalid: boolean;
}

const seedRun = z.object({
  kind: z.literal("run"),
  /** The whole seed: "1/17". */
  seed: z.string(),
  /** Every scheduled fault was inert: the run proves little. */
  isVoid: z.boolean(),
  /** The checks that are not valid. */
  failures: z.array(z.object({ id: z.string(), validity: z.enum(["invalid", "unknown"]), summary: z.string() })),
  /** Replays the run; present when a check failed. */
  capsule: z.string().optional(),
});
export const sweepMessage = z.union([
  seedRun,
  z.object({ kind: z.literal("error"), message: z.string() }),
  z.object({ kind: z.literal("end") }),
]);

/** One seed's run. */
export type SeedRun = z.infer<typeof seedRun>;
export type SweepMessage = z.infer<typeof sweepMessage>;
