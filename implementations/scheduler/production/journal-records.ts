/**
 * What stands in the journal of a scheduler, and what its records say together.
 *
 * A snapshot (`journal-snapshot.ts`) tells what was known: a `life` record, the ends and the tasks, and a `complete`
 * record. The log (`journal.ts`) tells what happened since. Applying the records in order gives the same knowledge
 * again (`JournalState`).
 *
 * A snapshot is told while tasks go on, so a task in it may have seen what the beginning of the log tells. What the log
 * says of a task that was accepted before the snapshot is therefore the same however often it is applied: a dependency
 * is not waited for any more, counts of attempts are so high at least, a task has ended so. An end says all that is
 * remembered of it, since the snapshot lacks a task that ended before its turn came; but no end is without its task
 * behind the record `through`, which was the last one when the snapshot was complete.
 */

import { assert, unreachable } from "../../foundation/assert.ts";
import { decode, encode } from "../../foundation/codec.ts";
import type { Millis } from "../../foundation/units.ts";
import type { TaskEnd } from "../contract.ts";
import type { AdmittedTask } from "./admitted-task.ts";

export type JournalRecord =
  /** Known: which life tells it, and when. */
  | {
      readonly kind: "life";
      readonly life: number;
      readonly tokensBelow: number;
      readonly orders: number;
      readonly toldBelow: number;
      readonly atMs: Millis;
    }
  /** The first record of a segment of the log. */
  | { readonly kind: "segment"; readonly life: number }
  /** Tokens below this one may be given out. */
  | { readonly kind: "tokens"; readonly below: number }
  /** That tasks of an order below this one were accepted has been told. */
  | { readonly kind: "told"; readonly below: number }
  | {
      readonly kind: "submission";
      readonly atMs: Millis;
      readonly order: number;
      readonly tasks: readonly AdmittedTask[];
    }
  | {
      readonly kind: "end";
      readonly atMs: Millis;
      readonly task: string;
      readonly digest: number;
      readonly attempts: number;
      readonly end: TaskEnd;
    }
  /** An attempt threw, or ended its thread. */
  | { readonly kind: "failure"; readonly task: string; readonly failures: number; readonly attempts: number }
  /** A task of another home completed. */
  | { readonly kind: "met"; readonly dependency: string }
  /** Known: a task that has not ended, `ageMs` after it was accepted. */
  | {
      readonly kind: "live";
      readonly task: AdmittedTask;
      readonly order: number;
      readonly ageMs: Millis;
      readonly unmet: readonly string[];
      readonly failures: number;
      readonly attempts: number;
    }
  /** Known: how a task ended. */
  | {
      readonly kind: "remembered";
      readonly task: string;
      readonly digest: number;
      readonly attempts: number;
      readonly end: TaskEnd;
    }
  /** Known: that is all, and nothing of it happened after the record `through` of the log. */
  | { readonly kind: "complete"; readonly through: number };

export type RecordOf<K extends JournalRecord["kind"]> = Extract<JournalRecord, { kind: K }>;

const types: Readonly<Record<JournalRecord["kind"], number>> = {
  life: 1,
  tokens: 2,
  submission: 3,
  end: 4,
  failure: 5,
  met: 6,
  live: 7,
  remembered: 8,
  told: 9,
  segment: 10,
  complete: 11,
};

/** They begin a file. */
const isHeader = (kind: string): boolean => kind === "life" || kind === "segment";

/** Of the records: to be raised with every change that an earlier program would misunderstand. */
const format = 2;

export const typeOf = ({ kind }: JournalRecord): number => types[kind];

/** The first record of a file tells the format of all of them. */
export function encodeRecord(record: JournalRecord): Uint8Array {
  return encode(isHeader(record.kind) ? { format, ...record } : record);
}

/** What another program has written, and this one cannot read. */
export class UnknownRecord extends Error {
  override readonly name = "UnknownRecord";
}

/** @throws UnknownRecord that says what it is, and what could be read. */
export function decodeRecord(body: Uint8Array, isFirst: boolean): JournalRecord {
  const record = decode(body) as Partial<Readonly<Record<string, unknown>>> | null;
  const { kind, format: found } = record ?? {};
  if (typeof kind !== "string" || !Object.hasOwn(types, kind)) {
    throw new UnknownRecord(`a record of kind ${JSON.stringify(kind)}; known are ${Object.keys(types).join(", ")}`);
  }
  if ((isFirst || isHeader(kind)) && found !== format) {
    const what = found === undefined ? "no format version" : `format version ${JSON.stringify(found)}`;
    throw new UnknownRecord(`${what} in its first record; known is version ${format}`);
  }
  return record as unknown as JournalRecord;
}

export interface RecoveredTask {
  readonly spec: AdmittedTask;
  readonly order: number;
  /** On the clock of the life that wrote it, or as if it had been accepted so long ago. */
  readonly acceptedMs: Millis;
  readonly unmet: Set<string>;
  failures: number;
  attempts: number;
}

export interface RecoveredEnd {
  readonly digest: number;
  readonly attempts: number;
  readonly end: TaskEnd;
}

/** What the records so far say. */
export class JournalState {
  life = 0;
  tokensBelow = 0;
  orders = 0;
  toldBelow = 0;
  /** The latest moment that a record tells of, on the clock of its life. */
  lastMs: Millis = 0;
  /** The record of the log whose doing the snapshot may show, and none behind it; undefined: it is not complete. */
  through: number | undefined;
  readonly live = new Map<string, RecoveredTask>();
  readonly ended = new Map<string, RecoveredEnd>();
  readonly #dependants = new Map<string, string[]>();

  /** @param sequence the place of a record of the log in it. */
  apply(record: JournalRecord, sequence: number): void {
    switch (record.kind) {
      case "life":
        this.life = record.life;
        this.tokensBelow = record.tokensBelow;
        this.orders = record.orders;
        this.toldBelow = record.toldBelow;
        this.lastMs = record.atMs;
        return;
      case "segment":
        return;
      case "tokens":
        this.tokensBelow = record.below;
        return;
      case "told":
        this.toldBelow = record.below;
        return;
      case "submission":
        this.lastMs = Math.max(this.lastMs, record.atMs);
        for (const [index, spec] of record.tasks.entries()) this.#accept(spec, record.order + index, record.atMs);
        return;
      case "end":
        this.lastMs = Math.max(this.lastMs, record.atMs);
        return this.#end(record, sequence);
      case "failure":
        return this.#fail(record);
      case "met":
        return this.#meet(record.dependency);
      case "live":
        return this.#know(record);
      case "remembered":
        this.ended.set(record.task, { digest: record.digest, attempts: record.attempts, end: record.end });
        return;
      case "complete":
        this.through = record.through;
        return;
      default:
        unreachable(record);
    }
  }

  /** How long ago, of what the records tell, the task was accepted: the time while the node was down does not count. */
  ageMsOf({ acceptedMs }: RecoveredTask): Millis {
    return Math.max(0, this.lastMs - acceptedMs);
  }

  #accept(spec: AdmittedTask, order: number, acceptedMs: Millis): void {
    const unmet = new Set(
      spec.dependencies.filter((dependency) => this.ended.get(dependency)?.end.state !== "completed"),
    );
    this.orders = Math.max(this.orders, order + 1);
    this.#add(spec.id, { spec, order, acceptedMs, unmet, failures: 0, attempts: 0 });
  }

  #know({ task, order, ageMs, unmet, failures, attempts }: RecordOf<"live">): void {
    this.#add(task.id, {
      spec: task,
      order,
      acceptedMs: this.lastMs - ageMs,
      unmet: new Set(unmet),
      failures,
      attempts,
    });
  }

  #add(id: string, task: RecoveredTask): void {
    assert(!this.live.has(id), `${id} is accepted once`);
    this.ended.delete(id); // Of an earlier task that was forgotten, or its id would not have been taken again.
    this.live.set(id, task);
    for (const dependency of task.unmet) {
      this.#dependants.set(dependency, [...(this.#dependants.get(dependency) ?? []), id]);
    }
  }

  #fail({ task: id, failures, attempts }: RecordOf<"failure">): void {
    const task = this.live.get(id);
    if (task === undefined) return;
    task.failures = Math.max(task.failures, failures);
    task.attempts = Math.max(task.attempts, attempts);
  }

  #end({ task: id, digest, attempts, end }: RecordOf<"end">, sequence: number): void {
    const wasLive = this.live.delete(id);
    const wasLeftOut = sequence <= (this.through ?? 0) && !this.ended.has(id);
    assert(wasLive || wasLeftOut, `${id} ends once, after it was accepted`);
    this.ended.set(id, { digest, attempts, end });
    if (end.state === "completed") this.#meet(id);
  }

  #meet(dependency: string): void {
    for (const id of this.#dependants.get(dependency) ?? []) this.live.get(id)?.unmet.delete(dependency);
    this.#dependants.delete(dependency);
  }
}
