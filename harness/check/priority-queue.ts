/**
 * Judges whether a long history of a priority queue is linearizable, in O(n log n): insert of elements that are each
 * inserted once, popMin, and delete of a named element. Lower elements come first.
 *
 * Time is cut by the events into gaps; every operation takes effect in a gap of its interval, several in one gap in any
 * order. Elements are taken in ascending order, for only lesser ones can forbid what is done with an element:
 *
 * - A pop of x needs a gap, not before the insertion of x was called, in which no lesser element is queued throughout.
 *   It is put into the first such gap; if there is none, the history is not linearizable.
 * - A delete of x is put into the first gap of its interval in which x can have been inserted.
 * - The insertion of x is put as late as possible: into its last gap, or into that of the removal if that is earlier.
 *
 * So x is queued throughout the gaps between its insertion and its removal, and these are as few as they can be: of two
 * ways to place the operations of x, the one with fewer forbids less to all others. In the end a popMin that found
 * nothing needs a gap in which nothing is queued throughout, and a delete that failed one in which its element is not.
 * Within a gap, what was queued before it and is removed in it goes first, in ascending order, elements inserted and
 * removed in that gap among it; then come those that found nothing; then the insertions of elements that stay.
 *
 * Hence this is complete, not only sound: `valid` means that a linearization exists, `invalid` that none does. It holds
 * under what `refuse` and the assertions below demand: each element inserted once; no read, which would need an
 * element to stay queued for longer than it must; no popMin of unknown outcome, which could have removed anything. What
 * a popMin in flight has taken has to be found out before (the skip list records it). An insertion or a delete may be
 * of unknown outcome.
 *
 * @see Gibbons, Bruno & Phillips 2002, "Black-box correctness tests for basic parallel data structures"; Bouajjani,
 *   Enea & Wang 2017, "Checking linearizability of concurrent priority queues".
 */

import { assert } from "../../implementations/foundation/assert.ts";
import { UsageError } from "../../implementations/foundation/errors.ts";
import type { HistoryEvent } from "../history/event.ts";
import { pairOperations } from "../history/operations.ts";
import type { Operation } from "../history/operations.ts";
import { describeOperation } from "./counterexample.ts";
import type { CheckResult } from "./verdict.ts";

/** What happened to one element; removal by popMin or by delete. */
interface Life {
  readonly element: number;
  readonly insertion: Operation | undefined;
  readonly removals: readonly Operation[];
}

/** Gaps in which an element is queued throughout: from, and before `until`. */
interface Presence {
  readonly from: number;
  readonly until: number;
}

/** In a counterexample. */
const shownBlockers = 8;

/**
 * Judges a well-formed history; of several queues (the events' keys) each alone.
 *
 * @throws UsageError when the history has operations that this cannot judge: see above.
 */
export function checkPriorityQueue(events: readonly HistoryEvent[]): CheckResult {
  const operations = pairOperations(events);
  refuse(operations);
  const queues = [...Map.groupBy(operations, ({ key }) => key ?? "").values()];
  const problem = queues.map((queue) => new Placement(queue, events.length).problem()).find(Array.isArray);
  const common = { id: "linearizable", count: operations.length, unit: "operations" } as const;
  if (problem === undefined) {
    const summary = `${operations.length} operations are linearizable as priority-queue`;
    return { ...common, validity: "valid", summary };
  }
  const summary = `not linearizable as priority-queue: ${problem[0]}`;
  return { ...common, validity: "invalid", summary, counterexample: problem.join("\n") };
}

function refuse(operations: readonly Operation[]): void {
  for (const { f, outcome, call } of operations) {
    const isKnown = f === "insert" || f === "delete" || (f === "popMin" && outcome !== "info");
    if (isKnown) continue;
    throw new UsageError(
      `Cannot judge the history as priority-queue: event ${call} is a ${f} of outcome ${outcome}, not an insert, ` +
        "a delete or a popMin of known outcome",
    );
  }
}

class Placement {
  readonly #operations: readonly Operation[];
  readonly #gaps: number;
  /** By gap: itself if nothing looked at so far is queued throughout it, otherwise a later gap; union-find. */
  readonly #free: Int32Array;
  readonly #presences = new Map<number, Presence>();

  constructor(operations: readonly Operation[], gaps: number) {
    this.#operations = operations;
    this.#gaps = gaps;
    this.#free = Int32Array.from({ length: gaps + 1 }, (_, gap) => gap);
  }

  /** What contradicts what, in lines, the first being the whole in short; undefined when all can be placed. */
  problem(): readonly string[] | undefined {
    for (const life of this.#lives()) {
      const problem = this.#place(life);
      if (problem !== undefined) return problem;
    }
    for (const operation of this.#operations) {
      const problem = this.#placeObservation(operation);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #lives(): readonly Life[] {
    const insertions = new Map<number, Operation>();
    const removals = new Map<number, Operation[]>();
    for (const operation of this.#operations) {
      const element = elementOf(operation);
      if (element === undefined || operation.outcome === "fail") continue;
      if (operation.f === "insert") {
        assert(!insertions.has(element), `element ${element} is inserted once`);
        insertions.set(element, operation);
      } else {
        const others = removals.get(element);
        if (others === undefined) removals.set(element, [operation]);
        else others.push(operation);
      }
    }
    return [...new Set([...insertions.keys(), ...removals.keys()])]
      .sort((a, b) => a - b)
      .map((element) => ({
        element,
        insertion: insertions.get(element),
        removals: removals.get(element) ?? [],
      }));
  }

  #place({ element, insertion, removals }: Life): readonly string[] | undefined {
    const certain = removals.filter(({ outcome }) => outcome === "ok");
    const [removal] = certain;
    if (certain.length > 1) return [`${element} was removed ${certain.length} times`, ...certain.map(lineOf)];
    if (insertion === undefined) {
      return removal && [`${element} was removed and never inserted`, lineOf(removal)];
    }
    // A delete of unknown outcome need not have happened, unless that helps: it may be put as early as its call.
    const earliest = removal ?? removals.reduce<Operation | undefined>(earlier, undefined);
    const removed = earliest === undefined ? this.#gaps : this.#gapOf(earliest, insertion.call);
    if (removal !== undefined && removed >= endOf(removal, this.#gaps)) return this.#explain(removal, insertion);
    const inserted = Math.min(endOf(insertion, this.#gaps) - 1, removed);
    this.#presences.set(element, { from: inserted + 1, until: removed });
    for (let gap = this.#firstFree(inserted + 1); gap < removed; gap = this.#firstFree(gap)) this.#free[gap] = gap + 1;
    return undefined;
  }

  #gapOf(removal: Operation, notBefore: number): number {
    const from = Math.max(removal.call, notBefore);
    return removal.f === "popMin" ? this.#firstFree(from) : from;
  }

  #placeObservation(operation: Operation): readonly string[] | undefined {
    const { f, outcome, result, call } = operation;
    if (f === "popMin" && outcome === "ok" && result === null) {
      return this.#firstFree(call) < endOf(operation, this.#gaps) ? undefined : this.#explain(operation, undefined);
    }
    if (f !== "delete" || outcome !== "fail" || operation.error !== "NOT_FOUND") return undefined;
    const presence = this.#presences.get(elementOf(operation)!);
    if (presence === undefined || call < presence.from || endOf(operation, this.#gaps) > presence.until) {
      return undefined;
    }
    return [`${describeOperation(operation)}, but it was queued all the time`, lineOf(operation)];
  }

  /** Who was queued, gap after gap, while `operation` looked for the least or for nothing. */
  #explain(operation: Operation, insertion: Operation | undefined): readonly string[] {
    if (insertion !== undefined && insertion.call >= operation.return) {
      return [`${describeOperation(operation)} before it was inserted`, lineOf(operation), lineOf(insertion)];
    }
    const bound = operation.result === null ? Infinity : Number(operation.result);
    const end = endOf(operation, this.#gaps);
    const blockers: string[] = [];
    for (let gap = Math.max(operation.call, insertion?.call ?? 0); gap < end && blockers.length < shownBlockers;) {
      const [element, presence] = this.#blockerOf(gap, bound);
      const until = presence.until >= this.#gaps ? "the end" : `event ${presence.until}`;
      blockers.push(`  ${element} was queued from event ${presence.from - 1} to ${until} at least`);
      gap = presence.until;
    }
    const what = `${describeOperation(operation)} by client ${operation.process}`;
    return [`${what}, although lesser elements were queued all the time`, lineOf(operation), ...blockers];
  }

  /** The element less than `bound` that is queued for longest of those that are in `gap`. */
  #blockerOf(gap: number, bound: number): readonly [number, Presence] {
    let best: readonly [number, Presence] | undefined;
    for (const entry of this.#presences) {
      const [element, { from, until }] = entry;
      if (element < bound && from <= gap && gap < until && (best === undefined || until > best[1].until)) best = entry;
    }
    assert(best !== undefined, "a gap is taken by some lesser element");
    return best;
  }

  #firstFree(from: number): number {
    let root = from;
    while (this.#free[root] !== root) root = this.#free[root]!;
    for (let gap = from; gap !== root;) {
      const next = this.#free[gap]!;
      this.#free[gap] = root;
      gap = next;
    }
    return root;
  }
}

/** The element that the operation is about; undefined of a popMin that found none. */
function elementOf({ f, argument, result }: Operation): number | undefined {
  const element = f === "popMin" ? result : argument;
  return element === null ? undefined : Number(element);
}

function earlier(one: Operation | undefined, other: Operation): Operation {
  return one === undefined || other.call < one.call ? other : one;
}

/** The first gap after the operation. */
function endOf({ return: end }: Operation, gaps: number): number {
  return Math.min(end, gaps);
}

function lineOf(operation: Operation): string {
  const { process, call, return: end } = operation;
  const until = end === Infinity ? "open" : `event ${end}`;
  return `  client ${process}: ${describeOperation(operation)}, event ${call} to ${until}`;
}
