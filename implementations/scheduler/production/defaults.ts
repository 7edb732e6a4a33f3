/**
 * The settings of a production scheduler: one documented object, checked once at the door.
 *
 * A value is taken as it is given or refused; nothing is clamped or converted.
 */

import { UsageError } from "../../foundation/errors.ts";
import type { Millis } from "../../foundation/units.ts";
import { parseTenants } from "./tenants.ts";

export interface SchedulerSettings {
  /** Threads of a node that execute tasks. */
  readonly workers: number;
  /** "NAME:WEIGHT[:CPU_MILLI[:MEMORY_MB]],...": shares, and quotas of the whole deployment; ";" may stand for ",". */
  readonly tenants: string;
  /** What the tasks of a node may hold together; cpuMilli 0: `workers` * 1000. */
  readonly cpuMilli: number;
  readonly memoryMb: number;
  /** Tasks that a node has accepted and that have not ended; one more is answered CAPACITY_EXCEEDED. */
  readonly queueLimit: number;
  /** A waiting task gains a level of priority in this time; 0: never. */
  readonly ageingMs: Millis;
  /** What a task may run before it makes room for a tenant that is behind; 0: nothing is ever preempted. */
  readonly quantumMs: Millis;
  /** How long an attempt may go on after its deadline or its lease; then its thread is ended. */
  readonly graceMs: Millis;
  /** How long another node may execute a task without being heard of, on the clock of the task's home. */
  readonly leaseMs: Millis;
  /** Between two messages in which a node tells the others how much waits; an idle one then asks for tasks. */
  readonly gossipMs: Millis;
  /** Between two questions about a dependency that another node has. */
  readonly watchMs: Millis;
  /** How long other nodes have to answer questions of a submission before it is refused as UNAVAILABLE. */
  readonly requestTimeoutMs: Millis;
  /** Whether an idle worker takes tasks from the lanes of others. */
  readonly stealing: boolean;
  /** Whether an idle node takes tasks of others. */
  readonly remoteStealing: boolean;
  /** Ended tasks a node remembers; a forgotten one can neither be waited for nor depended on. */
  readonly remembered: number;
  /** Requests of clients that a node holds unanswered; more are answered OVERLOADED. */
  readonly maxPendingRequests: number;
  /** What is written to the journal before it is thought of compacting it. */
  readonly compactionBytes: number;
  /** Records that a compaction encodes in one turn, at most; what goes on meanwhile waits for so long. */
  readonly compactionSlice: number;
  /** Until a thread that was ended has a successor, where threads are simulated. */
  readonly threadStartMs: Millis;
  /** Whether the events of single tasks are told. */
  readonly trace: boolean;
  /**
   * Whether a worker takes its next task only after the end of its last one was taken note of, so that what that end
   * released competes; always so where workers are simulated.
   */
  readonly strict: boolean;
}

const mebibyte = 1024 * 1024;

export const schedulerDefaults: SchedulerSettings = {
  workers: 2,
  tenants: "",
  cpuMilli: 0,
  memoryMb: 1024,
  queueLimit: 65_536,
  ageingMs: 30_000,
  quantumMs: 10,
  graceMs: 1000,
  leaseMs: 2000,
  gossipMs: 50,
  watchMs: 100,
  requestTimeoutMs: 2000,
  stealing: true,
  remoteStealing: true,
  remembered: 100_000,
  maxPendingRequests: 10_000,
  compactionBytes: 16 * mebibyte,
  compactionSlice: 256,
  threadStartMs: 0,
  trace: true,
  strict: false,
};

/** What the run queue's shared memory is laid out for, at most (`run-queue-memory.ts`). */
const maxWorkers = 31;
const maxLiveTasks = 500_000;

type NumberName = Exclude<keyof SchedulerSettings, "tenants" | "stealing" | "remoteStealing" | "trace" | "strict">;

const ranges: Readonly<Record<NumberName, readonly [least: number, most: number]>> = {
  workers: [1, maxWorkers],
  cpuMilli: [0, 2 ** 30],
  memoryMb: [0, 2 ** 30],
  queueLimit: [1, maxLiveTasks],
  ageingMs: [0, 86_400_000],
  quantumMs: [0, 3_600_000],
  graceMs: [1, 3_600_000],
  leaseMs: [10, 3_600_000],
  gossipMs: [1, 60_000],
  watchMs: [1, 60_000],
  requestTimeoutMs: [1, 600_000],
  remembered: [0, 10_000_000],
  maxPendingRequests: [1, 1_000_000],
  compactionBytes: [1000, 1024 * mebibyte],
  compactionSlice: [1, 100_000],
  threadStartMs: [0, 60_000],
};

/**
 * Returns the defaults with `overrides` in their place.
 *
 * @throws UsageError naming the setting, its value and what is allowed.
 */
export function resolveSettings(
  overrides: Readonly<Record<string, number | boolean | string>> | undefined,
): SchedulerSettings {
  for (const [name, value] of Object.entries(overrides ?? {})) check(name, value);
  const settings: SchedulerSettings = { ...schedulerDefaults, ...overrides };
  parseTenants(settings.tenants);
  return settings;
}

function check(name: string, value: unknown): void {
  const standard: unknown = Object.hasOwn(schedulerDefaults, name)
    ? schedulerDefaults[name as keyof SchedulerSettings]
    : undefined;
  if (standard === undefined) {
    const names = Object.keys(schedulerDefaults).join(", ");
    throw new UsageError(`Cannot use setting ${name}: there is none of that name; there are ${names}`);
  }
  if (typeof standard === "boolean") {
    if (typeof value !== "boolean")
      throw new UsageError(`Cannot use ${name} ${shown(value)}: allowed is true or false`);
  } else if (typeof standard === "string") {
    if (typeof value !== "string") throw new UsageError(`Cannot use ${name} ${shown(value)}: allowed is a text`);
  } else {
    checkNumber(name as NumberName, value);
  }
}

function checkNumber(name: NumberName, value: unknown): void {
  const [least, most] = ranges[name];
  const isFractional = name.endsWith("Ms");
  const fits = typeof value === "number" && value >= least && value <= most;
  if (fits && (isFractional || Number.isInteger(value))) return;
  const kind = isFractional ? "a number" : "a whole number";
  throw new UsageError(`Cannot use ${name} ${shown(value)}: allowed is ${kind} in [${least}, ${most}]`);
}

/** Text in quotes, so that "150" is not taken for the number it is not. */
function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
