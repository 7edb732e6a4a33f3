/** The settings of the peers, checked once at the door. */

import type { DeployOptions } from "../../../foundation/deployment.ts";
import { UsageError } from "../../../foundation/errors.ts";
import type { Millis } from "../../../foundation/units.ts";
import { redisDurabilities } from "../../../platform/node/redis-server.ts";
import type { RedisDurability } from "../../../platform/node/redis-server.ts";
import { bullmqProcessors } from "../../../scheduler/peers/bullmq-job.ts";
import type { BullmqProcessor } from "../../../scheduler/peers/bullmq-job.ts";
import { resolveNumbers } from "../../resolve-numbers.ts";
import type { AllowedRange } from "../../resolve-numbers.ts";

export interface PeerSettings {
  /** Tasks at a time; threads, where the peer has any. */
  readonly workers: number;
  /** Tasks that have not ended; one more is CAPACITY_EXCEEDED. */
  readonly queueLimit: number;
  /** Ended tasks that are still known. */
  readonly remembered: number;
}

export interface BullmqSettings extends PeerSettings {
  /**
   * A worker's lock on a job. Renewed at half of it; a job without one is run again after one to two times as long. Its
   * own default is 30 s; here it is as long as production's lease.
   */
  readonly lockMs: Millis;
  /** When Redis has a change on disk. Its documentation: "usually, 1 second per write is enough". */
  readonly durability: RedisDurability;
  /** See `scheduler/peers/bullmq.ts`. */
  readonly processor: BullmqProcessor;
}

const defaults = { workers: 2, queueLimit: 65_536, remembered: 100_000 } as const;
const ranges: Readonly<Record<keyof PeerSettings, AllowedRange>> = {
  workers: { low: 1, high: 256, isWhole: true },
  queueLimit: { low: 1, high: 2 ** 20, isWhole: true },
  remembered: { low: 1, high: 1_000_000, isWhole: true },
};

/** @throws UsageError naming the setting, its value and what is allowed. Settings of others are passed over. */
export function resolvePeerSettings(overrides: DeployOptions["settings"]): PeerSettings {
  return resolveNumbers<keyof PeerSettings>(defaults, ranges, overrides);
}

/** As `resolvePeerSettings`. */
export function resolveBullmqSettings(overrides: DeployOptions["settings"]): BullmqSettings {
  return {
    ...resolvePeerSettings(overrides),
    ...resolveNumbers<"lockMs">({ lockMs: 2000 }, { lockMs: { low: 100, high: 3_600_000, isWhole: true } }, overrides),
    durability: oneOf("durability", redisDurabilities, "everysec", overrides),
    processor: oneOf("processor", bullmqProcessors, "threads", overrides),
  };
}

function oneOf<Value extends string>(
  name: string,
  allowed: readonly Value[],
  otherwise: Value,
  overrides: DeployOptions["settings"],
): Value {
  const value = overrides?.[name];
  if (value === undefined) return otherwise;
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new UsageError(`Cannot use ${name} ${value}: allowed are ${allowed.join(", ")}`);
  return found;
}

/** Where the process of BullMQ's host finds its Redis: the driver's affair, no setting of a person's. */
export const redisSettings = { port: "bullmqRedisPort", password: "bullmqRedisPassword" } as const;
