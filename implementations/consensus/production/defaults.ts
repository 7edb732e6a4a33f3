/**
 * The settings of a production node: one documented object, checked once at the door.
 *
 * A value is taken as it is given or refused; nothing is clamped or converted.
 */

import { z } from "zod";
import { UsageError } from "../../foundation/errors.ts";
import type { Millis } from "../../foundation/units.ts";
import { entryOverheadBytes } from "./raft-log.ts";

export interface ProductionSettings {
  /** An election starts after [T, 2T) without a leader; a leader steps down after T without a majority. */
  readonly electionTimeoutMs: Millis;
  /** At most half the election timeout, so that one lost heartbeat unseats nobody. */
  readonly heartbeatIntervalMs: Millis;
  /** Bounds of one AppendEntries; a single entry may exceed the bytes. */
  readonly maxEntriesPerMessage: number;
  readonly maxBytesPerMessage: number;
  /** AppendEntries under way to one follower; what comes while the window is full goes together in the next one. */
  readonly maxInFlight: number;
  /** One chunk of InstallSnapshot. */
  readonly snapshotChunkBytes: number;
  /** The largest snapshot a follower takes. */
  readonly maxSnapshotBytes: number;
  /** Entries kept behind a snapshot, for followers that are a little late; bounded in bytes too. */
  readonly trailingEntries: number;
  readonly trailingBytes: number;
  /** The applied state is snapshot after this many entries, or bytes of payload, whichever comes first. */
  readonly snapshotEveryEntries: number;
  readonly snapshotEveryBytes: number;
  /** A new log segment begins after this many bytes. */
  readonly segmentBytes: number;
  /** Client requests a node holds unanswered, and the bytes of the writes among them; more are answered OVERLOADED. */
  readonly maxPendingProposals: number;
  readonly maxPendingBytes: number;
  readonly maxPendingReads: number;
  /**
   * Whether leaders answer reads under a lease instead of asking the others first. Off by default: a lease trusts
   * clocks.
   */
  readonly leaseReads: boolean;
  /**
   * The highest ratio of the rates of two nodes' clocks under which lease reads are linearizable. Within it no read is
   * stale; beyond it, or where a clock jumps forward, a leader that was replaced may answer with old values for as long
   * as its lease lasts: at most one election timeout on its own clock.
   */
  readonly maxClockSkew: number;
  /**
   * What the log may take in a node's memory, about. It grows past a snapshot's trailing part while snapshots, the disk
   * or a majority cannot keep up; then a leader answers writes OVERLOADED, and a follower takes no more entries.
   */
  readonly maxLogBytes: number;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

export const productionDefaults: ProductionSettings = {
  electionTimeoutMs: 150,
  heartbeatIntervalMs: 30,
  maxEntriesPerMessage: 1024,
  maxBytesPerMessage: mebibyte,
  maxInFlight: 16,
  snapshotChunkBytes: 256 * kibibyte,
  maxSnapshotBytes: 1024 * mebibyte,
  trailingEntries: 5000,
  trailingBytes: 16 * mebibyte,
  snapshotEveryEntries: 50_000,
  snapshotEveryBytes: 64 * mebibyte,
  segmentBytes: 16 * mebibyte,
  maxPendingProposals: 10_000,
  maxPendingBytes: 64 * mebibyte,
  maxPendingReads: 10_000,
  leaseReads: false,
  maxClockSkew: 1.1,
  maxLogBytes: 256 * mebibyte,
};

const ranges = {
  electionTimeoutMs: [10, 60_000],
  heartbeatIntervalMs: [1, 30_000],
  maxEntriesPerMessage: [1, 65_536],
  maxBytesPerMessage: [1, 8 * mebibyte],
  maxInFlight: [1, 1024],
  snapshotChunkBytes: [1, 8 * mebibyte],
  maxSnapshotBytes: [1, 2047 * mebibyte],
  trailingEntries: [0, 1_000_000],
  trailingBytes: [0, 1024 * mebibyte],
  snapshotEveryEntries: [1, 10_000_000],
  snapshotEveryBytes: [1, 1024 * mebibyte],
  segmentBytes: [kibibyte, 1024 * mebibyte],
  maxPendingProposals: [1, 1_000_000],
  maxPendingBytes: [4 * mebibyte, 1024 * mebibyte],
  maxPendingReads: [1, 1_000_000],
  maxClockSkew: [1, 10],
  maxLogBytes: [8 * mebibyte, 8192 * mebibyte],
} as const satisfies Record<Exclude<keyof ProductionSettings, "leaseReads">, readonly [least: number, most: number]>;

/** Times and ratios may have fractions; everything else is counted. */
const fractional: ReadonlySet<string> = new Set([
  "electionTimeoutMs",
  "heartbeatIntervalMs",
  "maxClockSkew",
] satisfies (keyof ProductionSettings)[]);

const schema = z.strictObject({
  ...Object.fromEntries(
    Object.entries(ranges).map(([name, [least, most]]) => {
      const number = fractional.has(name) ? z.number() : z.int();
      return [name, number.min(least).max(most).optional()];
    }),
  ),
  leaseReads: z.boolean().optional(),
});

/**
 * Returns the defaults with `overrides` in their place.
 *
 * @throws UsageError naming the setting, its value and what is allowed.
 */
export function resolveSettings(
  overrides: Readonly<Record<string, number | boolean | string>> | undefined,
): ProductionSettings {
  const checked = schema.safeParse(overrides ?? {});
  if (!checked.success) throw new UsageError(complaint(overrides ?? {}, checked.error.issues[0]));
  const { leaseReads = productionDefaults.leaseReads, ...numbers } = checked.data;
  const settings: ProductionSettings = { ...productionDefaults, ...numbers, leaseReads };
  const { electionTimeoutMs, heartbeatIntervalMs } = settings;
  if (heartbeatIntervalMs > electionTimeoutMs / 2) {
    const allowed = `allowed is at most ${electionTimeoutMs / 2}, half of electionTimeoutMs ${electionTimeoutMs}`;
    throw new UsageError(`Cannot use heartbeatIntervalMs ${heartbeatIntervalMs}: ${allowed}`);
  }
  const { maxLogBytes, trailingEntries, trailingBytes } = settings;
  const leastLogBytes = 2 * (trailingBytes + trailingEntries * entryOverheadBytes);
  if (maxLogBytes < leastLogBytes) {
    const allowed = `allowed is at least ${leastLogBytes}, twice what trailingEntries and trailingBytes keep`;
    throw new UsageError(`Cannot use maxLogBytes ${maxLogBytes}: ${allowed}`);
  }
  return settings;
}

function complaint(
  overrides: Readonly<Record<string, unknown>>,
  issue:
    { readonly code: string; readonly path: readonly PropertyKey[]; readonly keys?: readonly string[] } | undefined,
): string {
  if (issue?.code === "unrecognized_keys") {
    return `Cannot use setting ${issue.keys?.[0]}: there is none of that name; there are ${Object.keys(productionDefaults).join(", ")}`;
  }
  const name = String(issue?.path[0]);
  if (!(name in ranges)) return `Cannot use ${name} ${shown(overrides[name])}: allowed is true or false`;
  const [least, most] = ranges[name as keyof typeof ranges];
  const kind = fractional.has(name) ? "a number" : "a whole number";
  return `Cannot use ${name} ${shown(overrides[name])}: allowed is ${kind} in [${least}, ${most}]`;
}

/** Text in quotes, so that "150" is not taken for the number it is not. */
function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
