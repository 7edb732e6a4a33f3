/**
 * The engine's writes to PostgreSQL: group commit, and what to do when the server is gone.
 *
 * Batches that are issued while a group is being written gather and become the next group. A group whose fate is
 * unknown is sent again, under the same number, until the server says what became of it (see
 * `postgresql-engine-sql.ts`).
 */

import type { EngineError } from "../../foundation/engine-error.ts";
import type { Clock } from "../../foundation/effects.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { Millis } from "../../foundation/units.ts";
import type { EngineCompletion, EngineWrite } from "../../storage/engine.ts";
import {
  applyGroup,
  engineCodeOf,
  groupParameters,
  isFinalRefusal,
  removeAll,
  whoseTurn,
} from "./postgresql-engine-sql.ts";
import { greetingRefused } from "./postgresql-pool.ts";
import type { PostgresqlPool, SqlEnd, SqlValue } from "./postgresql-pool.ts";

const groupBytes = 4 * 1024 * 1024;
const statementLimitMs: Millis = 30_000;
const retryPauseMs: Millis = 50;

interface Waiting {
  /** undefined: everything is to be removed. */
  readonly batch: readonly EngineWrite[] | undefined;
  readonly bytes: number;
  readonly done: EngineCompletion<void>;
}

interface Group {
  readonly members: readonly Waiting[];
  readonly parameters: readonly SqlValue[];
  /** It is sent again until then. */
  patienceEndMs: Millis | undefined;
  /** An attempt may have been applied, or may be still. */
  uncertain: boolean;
}

export interface PostgresqlWritesOptions {
  readonly pool: PostgresqlPool;
  readonly clock: Clock;
  readonly owner: string;
  /** How many groups the server has applied. */
  readonly groups: number;
  readonly patienceMs: Millis;
  readonly errorOf: (code: EngineError["code"], action: string, why: string) => EngineError;
  /** Nothing works any more. */
  readonly onFailure: (error: EngineError) => void;
}

export class PostgresqlWrites {
  readonly counts = { batches: 0, groups: 0, bytes: 0, retries: 0 };
  readonly #options: PostgresqlWritesOptions;
  readonly #waiting = new Fifo<Waiting>();
  #group: Group | undefined;
  #number: number;
  #isScheduled = false;
  #onIdle: (() => void) | undefined;

  constructor(options: PostgresqlWritesOptions) {
    this.#options = options;
    this.#number = options.groups;
  }

  write(batch: readonly EngineWrite[] | undefined, done: EngineCompletion<void>): void {
    let bytes = 0;
    for (const { key, value } of batch ?? []) bytes += key.length + (value?.length ?? 0);
    this.#waiting.push({ batch, bytes, done });
    this.#schedule();
  }

  /** Ends what waits with `error`; `idle` is called when nothing is under way. */
  close(error: EngineError, idle: () => void): void {
    this.#endWaiting(error);
    if (this.#group === undefined) return idle();
    this.#onIdle = idle;
    this.#group.patienceEndMs ??= this.#options.clock.nowMs(); // Sent once more, if at all.
  }

  /** Ends what is under way or waits with `error`. */
  fail(error: EngineError): void {
    const group = this.#group;
    this.#group = undefined;
    for (const { done } of group?.members ?? []) done(error, undefined);
    this.#endWaiting(error);
    this.#becomeIdle();
  }

  #endWaiting(error: EngineError): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { done } of waiting) done(error, undefined);
  }

  /** What is issued in one turn goes out together. */
  #schedule(): void {
    if (this.#isScheduled || this.#group !== undefined) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#group !== undefined) return;
    const members: Waiting[] = [];
    let bytes = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const isAlone = next.batch === undefined || bytes + next.bytes > groupBytes;
      if (members.length > 0 && isAlone) break;
      members.push(next);
      bytes += next.bytes;
      this.#waiting.shift();
      if (next.batch === undefined) break;
    }
    if (members.length === 0) return this.#becomeIdle();
    this.counts.bytes += bytes;
    const parameters = members[0]?.batch === undefined ? [] : groupParameters(members.map(({ batch }) => batch ?? []));
    this.#group = { members, parameters, patienceEndMs: undefined, uncertain: false };
    this.#number++;
    this.#send(this.#group);
  }

  #send(group: Group): void {
    const { pool, owner } = this.#options;
    const statement = group.parameters.length === 0 ? removeAll : applyGroup;
    pool.query(statement, [this.#number, owner, ...group.parameters], statementLimitMs, (end) => {
      if (this.#group === group) this.#ended(group, end);
    });
  }

  #ended(group: Group, end: SqlEnd): void {
    if (end.kind === "rows")
      return end.rows.length === 1 ? this.#complete(group, undefined) : this.#askWhoseTurn(group);
    if (end.kind === "error") return this.#failed(group, end.state, end.message);
    if (end.kind !== "unsent") group.uncertain = true;
    const why = end.kind === "unsent" ? end.reason : "the connection was lost";
    const state = end.kind === "unsent" ? end.state : undefined;
    this.#again(group, why, state);
  }

  #failed(group: Group, state: string, message: string): void {
    const code = engineCodeOf(state);
    if (code === "DAMAGED") return this.#options.onFailure(this.#options.errorOf(code, "write", message));
    if (group.uncertain) return this.#again(group, message, undefined);
    this.#number--; // It was not used.
    this.#complete(group, this.#options.errorOf(code, "write", message));
  }

  /** It was not the group's turn: an earlier attempt was applied, or somebody else has taken over. */
  #askWhoseTurn(group: Group): void {
    const { pool, owner, errorOf, onFailure } = this.#options;
    pool.query(whoseTurn, [], statementLimitMs, (end) => {
      if (this.#group !== group) return;
      if (end.kind !== "rows") return this.#again(group, "the connection was lost", undefined);
      const [found, groups] = end.rows[0] ?? [];
      if (found === owner && Number(groups) === this.#number && group.uncertain)
        return this.#complete(group, undefined);
      onFailure(errorOf("LOCKED", "write", "somebody else has taken it over"));
    });
  }

  #again(group: Group, why: string, state: string | undefined): void {
    const { clock, patienceMs, errorOf, onFailure } = this.#options;
    group.patienceEndMs ??= clock.nowMs() + patienceMs;
    if (clock.nowMs() < group.patienceEndMs && !isFinalRefusal(state)) {
      this.counts.retries++;
      clock.after(retryPauseMs, () => this.#group === group && this.#send(group));
      return;
    }
    if (group.uncertain) {
      const error = errorOf("CLOSED", "write", `nobody knows what became of it: ${why}; close it, and open it again`);
      return onFailure(error);
    }
    this.#number--;
    this.#complete(group, errorOf(state === greetingRefused ? "LOCKED" : "REFUSED", "write", why));
  }

  #complete(group: Group, error: EngineError | undefined): void {
    this.#group = undefined;
    if (error === undefined) {
      this.counts.groups++;
      this.counts.batches += group.members.length;
    }
    for (const { done } of group.members) done(error, undefined);
    this.#flush();
  }

  #becomeIdle(): void {
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle?.();
  }
}
