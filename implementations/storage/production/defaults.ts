/**
 * The settings of a production node: one documented object, checked once at the door.
 *
 * A value is taken as it is given or refused; nothing is clamped or converted.
 */

import { z } from "zod";
import { UsageError } from "../../foundation/errors.ts";
import type { Millis } from "../../foundation/units.ts";
import { ringDefaults } from "./ring.ts";

export const engineNames = ["rocksdb", "postgresql", "simulated"] as const;
export type EngineName = (typeof engineNames)[number];

export interface StorageSettings {
  /** On how many members a key belongs; where there are fewer, on all. */
  readonly replicationFactor: number;
  /** Places of each member on the ring: more of them share the load more evenly. */
  readonly virtualNodes: number;
  /** How long a coordinator tries; a client that waits longer gains nothing. */
  readonly requestTimeoutMs: Millis;
  /** How long a round waits for replicas before it goes on without them, or asks again. */
  readonly roundTimeoutMs: Millis;
  /** Client requests a node holds unanswered, and their bytes; more are answered OVERLOADED. */
  readonly maxPendingRequests: number;
  readonly maxPendingBytes: number;
  /** What recently used records may take in memory. */
  readonly recordCacheBytes: number;
  /** Keys whose next ballot is promised to this coordinator, so that their next change takes one round trip. */
  readonly promiseCacheEntries: number;
  /** What is kept on disk for replicas that did not acknowledge; what does not fit is left to anti-entropy. */
  readonly hintBytes: number;
  /** Between two comparisons with another replica. */
  readonly antiEntropyIntervalMs: Millis;
  /** How long a deleted key is remembered at least. */
  readonly tombstoneGraceMs: Millis;
  /** Bytes written since the last compaction before another one is thought of. */
  readonly compactionBytes: number;
  /** The fraction of reads at level one after which the replicas are compared, in the background. */
  readonly readRepairFraction: number;
  /** How fast slots are streamed when members change. */
  readonly rebalanceBytesPerS: number;
  /** What one node may hold; a write beyond it is answered CAPACITY_EXCEEDED. */
  readonly maxKeys: number;
  readonly maxBytes: number;
  readonly engine: EngineName;
  /**
   * Where engine postgresql finds a server, on which each node makes a database of its own:
   * "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"; empty: one is started for the nodes.
   */
  readonly postgresqlUrl: string;
}

const mebibyte = 1024 * 1024;

export const storageDefaults: StorageSettings = {
  replicationFactor: ringDefaults.replicationFactor,
  virtualNodes: ringDefaults.virtualNodes,
  requestTimeoutMs: 2000,
  roundTimeoutMs: 250,
  maxPendingRequests: 10_000,
  maxPendingBytes: 64 * mebibyte,
  recordCacheBytes: 64 * mebibyte,
  promiseCacheEntries: 50_000,
  hintBytes: 16 * mebibyte,
  antiEntropyIntervalMs: 1000,
  tombstoneGraceMs: 10_000,
  compactionBytes: 64 * mebibyte,
  readRepairFraction: 0.1,
  rebalanceBytesPerS: 4 * mebibyte,
  maxKeys: 10_000_000,
  maxBytes: 16 * 1024 * mebibyte,
  engine: "rocksdb",
  postgresqlUrl: "",
};

const ranges = {
  replicationFactor: [1, 15],
  virtualNodes: [1, 8192],
  requestTimeoutMs: [1, 600_000],
  roundTimeoutMs: [1, 60_000],
  maxPendingRequests: [1, 1_000_000],
  maxPendingBytes: [4 * mebibyte, 1024 * mebibyte],
  // A cache this small keeps next to nothing: whatever is asked comes from the engine.
  recordCacheBytes: [1000, 8192 * mebibyte],
  promiseCacheEntries: [0, 10_000_000],
  hintBytes: [0, 1024 * mebibyte],
  antiEntropyIntervalMs: [1, 3_600_000],
  tombstoneGraceMs: [0, 86_400_000],
  compactionBytes: [1000, 1024 * 1024 * mebibyte],
  readRepairFraction: [0, 1],
  rebalanceBytesPerS: [1024, 1024 * mebibyte],
  maxKeys: [1, 1_000_000_000],
  maxBytes: [1024, 1024 * 1024 * mebibyte],
} as const satisfies Record<
  Exclude<keyof StorageSettings, "engine" | "postgresqlUrl">,
  readonly [least: number, most: number]
>;

/** Times and ratios may have fractions; everything else is counted. */
const fractional: ReadonlySet<string> = new Set([
  "requestTimeoutMs",
  "roundTimeoutMs",
  "antiEntropyIntervalMs",
  "tombstoneGraceMs",
  "readRepairFraction",
] satisfies (keyof StorageSettings)[]);

const schema = z.strictObject({
  ...Object.fromEntries(
    Object.entries(ranges).map(([name, [least, most]]) => {
      const number = fractional.has(name) ? z.number() : z.int();
      return [name, number.min(least).max(most).optional()];
    }),
  ),
  engine: z.enum(engineNames).optional(),
  postgresqlUrl: z
    .string()
    .regex(/^$|^postgres(ql)?:\/\/./)
    .optional(),
});

/**
 * Returns the defaults with `overrides` in their place.
 *
 * @throws UsageError naming the setting, its value and what is allowed.
 */
export function resolveSettings(
  overrides: Readonly<Record<string, number | boolean | string>> | undefined,
): StorageSettings {
  const checked = schema.safeParse(overrides ?? {});
  if (!checked.success) throw new UsageError(complaint(overrides ?? {}, checked.error.issues[0]));
  const { engine = storageDefaults.engine, postgresqlUrl = storageDefaults.postgresqlUrl, ...numbers } = checked.data;
  const settings: StorageSettings = { ...storageDefaults, ...numbers, engine, postgresqlUrl };
  if (settings.roundTimeoutMs > settings.requestTimeoutMs) {
    const allowed = `allowed is at most requestTimeoutMs ${settings.requestTimeoutMs}`;
    throw new UsageError(`Cannot use roundTimeoutMs ${settings.roundTimeoutMs}: ${allowed}`);
  }
  return settings;
}

function complaint(
  overrides: Readonly<Record<string, unknown>>,
  issue:
    { readonly code: string; readonly path: readonly PropertyKey[]; readonly keys?: readonly string[] } | undefined,
): string {
  if (issue?.code === "unrecognized_keys") {
    return `Cannot use setting ${issue.keys?.[0]}: there is none of that name; there are ${Object.keys(storageDefaults).join(", ")}`;
  }
  const name = String(issue?.path[0]);
  // What was given may hold a password.
  if (name === "postgresqlUrl") {
    return "Cannot use postgresqlUrl: allowed is postgresql://USER:PASSWORD@HOST:PORT/DATABASE";
  }
  if (!(name in ranges)) return `Cannot use ${name} ${shown(overrides[name])}: allowed is ${engineNames.join(", ")}`;
  const [least, most] = ranges[name as keyof typeof ranges];
  const kind = fractional.has(name) ? "a number" : "a whole number";
  return `Cannot use ${name} ${shown(overrides[name])}: allowed is ${kind} in [${least}, ${most}]`;
}

/** Text in quotes, so that "150" is not taken for the number it is not. */
function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
