/**
 * The settings of an etcd deployment, checked once at the door.
 *
 * Timers that are not set are etcd's own defaults, as its authors ship it: with shorter ones a busy machine would cost
 * it elections that we had caused. A plan that wants equal timers everywhere sets them, and etcd gets them too.
 *
 * TLS is on by default, as it always is between the nodes and clients of the production implementation.
 */

import { UsageError } from "../../foundation/errors.ts";
import type { Millis } from "../../foundation/units.ts";

export interface EtcdSettings {
  readonly electionTimeoutMs: Millis;
  readonly heartbeatIntervalMs: Millis;
  /** Between clients and members and among members; both sides authenticated. */
  readonly tls: boolean;
  /** Whether writes are remembered by session, so that they can be repeated; without, a request is sent once. */
  readonly sessions: boolean;
}

/** Defaults of etcd 3.4 to 3.6; see its "Tuning" page. */
export const etcdDefaults = { electionTimeoutMs: 1000, heartbeatIntervalMs: 100, tls: true } as const;

const ranges = { electionTimeoutMs: [10, 50_000], heartbeatIntervalMs: [1, 10_000] } as const;
/** etcd does not start otherwise. */
const leastElectionOverHeartbeat = 5;

/**
 * Returns the defaults with `overrides` in their place; settings of other implementations are passed over.
 *
 * @param repeats whether the driver may repeat requests; `sessions` unless that is set.
 * @throws UsageError naming the setting, its value and what is allowed.
 */
export function resolveEtcdSettings(
  overrides: Readonly<Record<string, number | boolean | string>>,
  repeats: boolean,
): EtcdSettings {
  const settings = {
    electionTimeoutMs: timeOf(overrides, "electionTimeoutMs"),
    heartbeatIntervalMs: timeOf(overrides, "heartbeatIntervalMs"),
    tls: switchOf(overrides, "tls", etcdDefaults.tls),
    sessions: switchOf(overrides, "sessions", repeats),
  };
  const { electionTimeoutMs, heartbeatIntervalMs, sessions } = settings;
  if (electionTimeoutMs < leastElectionOverHeartbeat * heartbeatIntervalMs) {
    const allowed = `allowed is at most a fifth of electionTimeoutMs ${electionTimeoutMs}`;
    throw new UsageError(`Cannot use heartbeatIntervalMs ${heartbeatIntervalMs} for etcd: ${allowed}`);
  }
  if (repeats && !sessions) {
    throw new UsageError("Cannot use sessions false for etcd: the workload repeats requests; allowed is true");
  }
  return settings;
}

function timeOf(overrides: Readonly<Record<string, unknown>>, name: keyof typeof ranges): Millis {
  const value = overrides[name] ?? etcdDefaults[name];
  const [low, high] = ranges[name];
  if (typeof value === "number" && Number.isInteger(value) && value >= low && value <= high) return value;
  const allowed = `allowed is a whole number in [${low}, ${high}]`;
  throw new UsageError(`Cannot use ${name} ${JSON.stringify(value)} for etcd: ${allowed}`);
}

function switchOf(overrides: Readonly<Record<string, unknown>>, name: string, otherwise: boolean): boolean {
  const value = overrides[name] ?? otherwise;
  if (typeof value === "boolean") return value;
  throw new UsageError(`Cannot use ${name} ${JSON.stringify(value)} for etcd: allowed are true and false`);
}
