/**
 * Stresses the skip list with real threads and judges what they did as a linearizable priority queue.
 *
 * Rounds differ in how many slots there are (few: every slot is reused all the time), how many lists, how long they
 * are, and whether threads are terminated in the middle. Each history is judged whole by the polynomial judge, and its
 * beginning by the exact search besides.
 */

import { raceOnSkipLists } from "../../implementations/assembly/scheduler/skip-list-race.ts";
import type { RaceOptions, RaceOutcome } from "../../implementations/assembly/scheduler/skip-list-race.ts";
import type { LogEntry } from "../../implementations/assembly/scheduler/skip-list-log.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import { checkLinearizability } from "../check/linearizability.ts";
import { priorityQueueModel } from "../check/priority-queue-model.ts";
import { checkPriorityQueue } from "../check/priority-queue.ts";
import type { Validity } from "../check/verdict.ts";
import type { HistoryEvent } from "../history/event.ts";

export interface StressOptions {
  readonly seed: number | string;
  readonly rounds: number;
  /** At least 1. */
  readonly threads: number;
  /** Of each thread in a round; 3000 unless it is said. */
  readonly operations?: number;
  /** Threads to terminate in each round; by default 3 in every third round, none in the others. */
  readonly deaths?: number;
  /** To see that this mistake is found: racers read what they took when it may be reused. */
  readonly readsLate?: boolean;
}

export interface StressVerdict {
  readonly validity: Validity;
  readonly summary: string;
  readonly counterexample?: string;
}

/** Events at the beginning of a history that the exact search judges too. */
const searchedEvents = 160;

/** Runs rounds until one is invalid. The seed fixes what each thread does, not how they interleave. */
export async function stressSkipList(options: StressOptions): Promise<StressVerdict> {
  let operations = 0;
  let deaths = 0;
  let undecided: string | undefined;
  for (let round = 0; round < options.rounds; round++) {
    const race = raceOf(options, round);
    let outcome: RaceOutcome;
    try {
      outcome = await raceOnSkipLists(race);
    } catch (error) {
      const summary = `round ${round} (${describeRace(race)}): a thread threw ${String(error)}`;
      return { validity: "invalid", summary, counterexample: error instanceof Error ? String(error.stack) : summary };
    }
    operations += outcome.entries.length;
    deaths += outcome.deaths;
    const verdict = judgeRace(outcome);
    if (verdict.validity === "unknown") undecided = verdict.summary;
    if (verdict.validity !== "invalid") continue;
    return { ...verdict, summary: `round ${round} (${describeRace(race)}): ${verdict.summary}` };
  }
  const summary = `${options.rounds} rounds, ${operations} operations, ${deaths} threads terminated`;
  if (undecided !== undefined) return { validity: "unknown", summary: `${summary}; ${undecided}` };
  return { validity: "valid", summary: `${summary}: linearizable as priority-queue, nothing lost, nothing twice` };
}

function raceOf(options: StressOptions, round: number): RaceOptions {
  const { seed, threads, operations = 3000, readsLate = false } = options;
  const random = seededRandom(`${seed}/stress/${round}`);
  return {
    seed: `${seed}/${round}`,
    threads,
    operations,
    slots: [6, 12, 40, 200][random.below(4)]!,
    lists: 1 + random.below(2),
    deaths: options.deaths ?? (round % 3 === 2 ? 3 : 0),
    readsLate,
  };
}

function describeRace({ threads, operations, slots, lists, deaths }: RaceOptions): string {
  return `${threads} threads of ${operations} operations and ${slots} slots, ${lists} lists, ${deaths} deaths`;
}

/** Judges one race. */
function judgeRace({ entries, problems }: RaceOutcome): StressVerdict {
  const events = eventsOf(entries);
  const verdict = checkPriorityQueue(events);
  if (verdict.validity === "invalid") return verdict;
  if (problems.length > 0) {
    return { validity: "invalid", summary: problems.join("; "), counterexample: problems.join("\n") };
  }
  return checkLinearizability(events.slice(0, searchedEvents), priorityQueueModel(), { maxStates: 200_000 });
}

/** The log as a history: stamps are the order of events; each list is a key, each thread a client. */
function eventsOf(entries: readonly LogEntry[]): readonly HistoryEvent[] {
  const stamped = entries.flatMap((entry) => [
    { at: entry.call, event: invocationOf(entry) },
    { at: entry.return, event: completionOf(entry) },
  ]);
  stamped.sort((a, b) => a.at - b.at);
  return stamped.map(({ event, at }, index) => ({ ...event, index, timeNs: at }));
}

type Unplaced = Omit<HistoryEvent, "index" | "timeNs">;

function invocationOf({ thread, kind, list, element }: LogEntry): Unplaced {
  const f = kind === "remove" ? "delete" : kind;
  return { type: "invoke", process: thread, f, key: `list ${list}`, value: kind === "popMin" ? null : element };
}

function completionOf({ thread, kind, list, result, element }: LogEntry): Unplaced {
  const common = { process: thread, key: `list ${list}` };
  if (kind === "insert") return { ...common, type: "ok", f: kind, value: null };
  if (kind === "popMin") return { ...common, type: "ok", f: kind, value: result < 0 ? null : result };
  if (result < 0) return { ...common, type: "fail", f: "delete", value: element, error: "NOT_FOUND" };
  return { ...common, type: "ok", f: "delete", value: null };
}
