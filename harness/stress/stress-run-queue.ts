/**
 * Stresses the scheduler's run queue with real threads and judges what they did: every task is taken exactly once, none
 * waits while somebody sleeps who could take it, no quota and no capacity is exceeded at any instant, and within a lane
 * nobody goes before who should come later.
 *
 * First come interleavings that are chosen exactly and need no second thread, then rounds of a race.
 *
 * In every third round tasks come in a flood and take no time, so that workers get at each other; in the others they
 * come in bursts, so that workers fall asleep all the time. Rounds differ in how many slots there are, in quotas and
 * capacity, in stealing, in how many tasks have a lane of their own, and whether threads are terminated in the middle.
 */

import { interleavings } from "../../implementations/assembly/scheduler/run-queue-interleavings.ts";
import { raceForTasks } from "../../implementations/assembly/scheduler/run-queue-race.ts";
import type {
  Attempt,
  RunQueueRaceOptions,
  RunQueueRaceOutcome,
} from "../../implementations/assembly/scheduler/run-queue-race.ts";
import { limitNames } from "../../implementations/assembly/scheduler/run-queue-record.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";

export interface RunQueueStressOptions {
  readonly seed: number | string;
  readonly rounds: number;
  /** Worker threads, at least 1; the thread that offers comes on top. */
  readonly threads: number;
  /** New tasks of a round, four times as many when they come in a flood; 3000 unless it is said. */
  readonly tasks?: number;
  /** Threads to terminate in each round; by default 3 in every third round, none in the others. */
  readonly deaths?: number;
}

export interface RunQueueStressVerdict {
  readonly validity: "valid" | "invalid";
  readonly summary: string;
  readonly counterexample?: string;
}

/** Runs rounds until one is invalid. The seed fixes what is offered, not how the threads interleave. */
export async function stressRunQueue(options: RunQueueStressOptions): Promise<RunQueueStressVerdict> {
  const chosen = judgeInterleavings();
  if (chosen.problem !== undefined) return invalid(chosen.problem, chosen.problem);
  const sums = { attempts: 0, deaths: 0, steals: 0, wakeups: 0, retries: 0 };
  for (let round = 0; round < options.rounds; round++) {
    const race = raceOf(options, round);
    const where = `round ${round} (${describeRace(race)})`;
    let outcome: RunQueueRaceOutcome;
    try {
      outcome = await raceForTasks(race);
    } catch (error) {
      const counterexample = error instanceof Error ? String(error.stack) : String(error);
      return invalid(`${where}: a thread threw ${String(error)}`, counterexample);
    }
    const problem = problemOf(outcome);
    if (problem !== undefined) return invalid(`${where}: ${problem}`, problem);
    sums.attempts += outcome.attempts.length;
    sums.deaths += outcome.deaths;
    sums.steals += outcome.counters.steals;
    sums.wakeups += outcome.counters.wakeups;
    sums.retries += outcome.counters.claimRetries;
  }
  const { attempts, deaths, steals, wakeups, retries } = sums;
  const summary =
    `${chosen.count} interleavings; ${options.rounds} rounds, ${attempts} tasks taken once each, in order, within their limits; ` +
    `${steals} steals, ${wakeups} wake-ups, ${retries} claims in vain, ${deaths} threads terminated`;
  return { validity: "valid", summary };
}

function invalid(summary: string, counterexample: string): RunQueueStressVerdict {
  return { validity: "invalid", summary, counterexample };
}

function judgeInterleavings(): { readonly count: number; readonly problem?: string } {
  let count = 0;
  for (const interleaving of interleavings()) {
    const problem = problemOf(interleaving);
    if (problem !== undefined) return { count, problem: `${interleaving.name}: ${problem}` };
    count++;
  }
  return { count };
}

function raceOf(options: RunQueueStressOptions, round: number): RunQueueRaceOptions {
  const { seed, threads, tasks = 3000 } = options;
  const random = seededRandom(`${seed}/run queue/${round}`);
  const pick = <T>(...values: readonly T[]): T => values[random.below(values.length)]!;
  const isFlood = round % 3 === 1;
  // In a flood one limit at a time is what everybody runs up against.
  const isByQuota = isFlood && random.below(2) === 0;
  const shares = Array.from({ length: pick(1, 2, 3) }, () => ({
    weight: pick(1, 1, 2),
    cpuMilli: isFlood ? (isByQuota ? 1000 : Infinity) : pick(1000, 2000, Infinity),
    memoryMb: isFlood ? Infinity : pick(500, Infinity),
  }));
  return {
    seed: `${seed}/${round}`,
    threads,
    slots: isFlood ? 256 : pick(4, 12, 64),
    tasks: isFlood ? 4 * tasks : tasks,
    burst: isFlood ? 256 : pick(1, 4, 24),
    isFlood,
    shares,
    capacity: isFlood
      ? { cpuMilli: isByQuota ? Infinity : 1000, memoryMb: Infinity }
      : { cpuMilli: pick(1000, 1500, 1000 * threads), memoryMb: pick(700, 4000) },
    stealing: random.below(4) > 0,
    inLanes: pick(0, 40, 100),
    deaths: options.deaths ?? (round % 3 === 2 ? 3 : 0),
  };
}

function describeRace(race: RunQueueRaceOptions): string {
  const { threads, slots, tasks, burst, isFlood, shares, stealing, inLanes, deaths } = race;
  return (
    `${threads} threads, ${slots} slots, ${tasks} tasks ${isFlood ? "in floods" : `in bursts of up to ${burst}`}, ` +
    `${shares.length} tenants, ` +
    `${inLanes} % in lanes, ${stealing ? "stealing" : "no stealing"}, ${deaths} deaths`
  );
}

function problemOf(outcome: Pick<RunQueueRaceOutcome, "attempts" | "excess" | "problems">): string | undefined {
  const { excess, problems, attempts } = outcome;
  if (excess !== undefined) {
    const { token, limit, held } = excess;
    return `limits: with attempt ${token} of tenant ${attempts[token]?.tenant} ${held} of ${limitNames[limit]} were held`;
  }
  const twice = attempts.find(({ fates }) => fates.length > 1);
  if (twice !== undefined) return `exactly once: attempt ${twice.token} was ${twice.fates.join(", then ")}`;
  if (problems.length > 0) return problems.join("\n");
  const lost = attempts.find(({ fates }) => fates.length === 0);
  if (lost !== undefined) return `exactly once: attempt ${lost.token} was lost`;
  return inversionsOf(attempts).next().value;
}

/**
 * Tells of every y that was taken although some x was there and came first: x had been offered before the taker of y
 * looked, was looked for (by whoever got it) only after y was claimed, and stood where the taker of y had to look
 * first. What a thief has moved to its own lane is left out: nobody knows when.
 */
export function* inversionsOf(attempts: readonly Attempt[]): Generator<string, undefined> {
  const ended = attempts.flatMap((attempt) =>
    attempt.ended === undefined ? [] : [{ ...attempt, how: attempt.ended }],
  );
  const stayed = ended.filter(({ how }) => !how.isMoved).sort((x, other) => x.offered - other.offered);
  const takes = ended.sort((y, other) => y.how.since - other.how.since);
  let waiting: typeof ended = [];
  let next = 0;
  for (const y of takes) {
    const { lane, worker, since, ticket } = y.how;
    for (; next < stayed.length && stayed[next]!.offered < since; next++) waiting.push(stayed[next]!);
    waiting = waiting.filter(({ how }) => how.since > since);
    const isOwn = lane === -1 || lane === worker;
    for (const x of waiting) {
      if (x.tenant !== y.tenant || x.how.since <= ticket) continue;
      const isWhereFirstLooked = x.lane === -1 || x.lane === worker;
      const comesFirst = x.rank < y.rank || (x.rank === y.rank && x.order < y.order);
      const isWrong = isOwn ? isWhereFirstLooked && comesFirst : isWhereFirstLooked || (x.lane === lane && comesFirst);
      if (!isWrong) continue;
      yield (
        `order: worker ${worker} took attempt ${y.token} (rank ${y.rank}, lane ${lane}) ` +
        `although attempt ${x.token} (rank ${x.rank}, lane ${x.lane}) of the same tenant was there: ` +
        `offered at ticket ${x.offered}, looked for from ${since}, claimed at ${ticket}; the other was left until ` +
        `after ${x.how.since}`
      );
      break;
    }
  }
  return undefined;
}
