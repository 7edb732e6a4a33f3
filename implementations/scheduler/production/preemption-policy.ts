/**
 * Whom to ask for its worker: the policy of cooperative preemption, as a pure function.
 *
 * It is asked now and then while all workers are busy and tasks wait. Two things justify taking a worker away:
 * - order: a task waits whose rank is better than that of a running one of the same tenant, by half a level of priority
 *   or more. Ranks never change, so nobody is chased away in turn; the margin keeps tasks of one priority from making
 *   room for each other because one is a moment older. A whole level would be too much: with ageing, a task of the next
 *   higher priority that comes later is always a little less than a level better;
 * - shares: a tenant waits that has used less of its share than the tenant of a running task which has had its quantum.
 *
 * One request is under way at a time: the next question is asked in a few milliseconds, and a decision on old virtual
 * times would take too many. A task that has not reacted for long is deaf and does not count, or it would shield
 * others.
 *
 * @see Demers, Keshav & Shenker 1989, "Analysis and simulation of a fair queueing algorithm" (virtual time).
 */

import type { Millis } from "../../foundation/units.ts";

export interface RunningAttempt {
  readonly slot: number;
  readonly tenant: number;
  readonly rank: number;
  readonly startedMs: Millis;
  /** When it was asked to yield; undefined: it was not. */
  readonly askedMs: Millis | undefined;
}

/** A tenant of which a task waits that its quota would let run. */
export interface WaitingTenant {
  readonly tenant: number;
  /** Of its first waiting task; lower is first. */
  readonly rank: number;
}

export interface PreemptionQuestion {
  readonly nowMs: Millis;
  /** How long an attempt keeps its worker although a poorer tenant waits; 0: nobody is ever asked. */
  readonly quantumMs: Millis;
  /** One per worker, all of them busy. */
  readonly running: readonly RunningAttempt[];
  readonly waiting: readonly WaitingTenant[];
  /** Time used by weight, that of running attempts included. */
  readonly virtualMsOf: (tenant: number) => Millis;
}

/** A task that has not come to a checkpoint by then may have none. */
const deafAfterMs: Millis = 100;
export const outrankedBy = 0.5;

/** Returns the slot of the attempt to be asked to yield, or undefined. */
export function chooseVictim(question: PreemptionQuestion): number | undefined {
  const { nowMs, quantumMs, running, waiting } = question;
  if (quantumMs === 0 || waiting.length === 0) return undefined;
  if (running.some(({ askedMs }) => askedMs !== undefined && nowMs - askedMs < deafAfterMs)) return undefined;
  const candidates = running.filter(({ askedMs }) => askedMs === undefined);
  return outranked(candidates, waiting) ?? overdrawn(candidates, question);
}

/** The worst-ranked attempt of a tenant that has a better one waiting. */
function outranked(running: readonly RunningAttempt[], waiting: readonly WaitingTenant[]): number | undefined {
  const victims = running.filter(({ tenant, rank }) =>
    waiting.some((each) => each.tenant === tenant && each.rank + outrankedBy <= rank),
  );
  return worst(victims)?.slot;
}

/** The worst-ranked attempt of the tenant that has used most, if one that has used less waits. */
function overdrawn(
  running: readonly RunningAttempt[],
  { nowMs, quantumMs, waiting, virtualMsOf }: PreemptionQuestion,
): number | undefined {
  const poorestMs = Math.min(...waiting.map(({ tenant }) => virtualMsOf(tenant)));
  const due = running.filter(
    ({ startedMs, tenant }) => nowMs - startedMs >= quantumMs && virtualMsOf(tenant) > poorestMs,
  );
  const richestMs = Math.max(...due.map(({ tenant }) => virtualMsOf(tenant)));
  return worst(due.filter(({ tenant }) => virtualMsOf(tenant) === richestMs))?.slot;
}

function worst(attempts: readonly RunningAttempt[]): RunningAttempt | undefined {
  return attempts.reduce<RunningAttempt | undefined>(
    (found, each) => (found === undefined || each.rank > found.rank ? each : found),
    undefined,
  );
}
