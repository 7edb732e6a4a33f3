/**
 * The session table: the newest reply of each client, so that a retried request is executed once.
 *
 * It is part of the replicated state: every node holds the same table after the same entries, whoever restarts or was
 * restored from a snapshot. It is bounded: past the bound, the session that was applied longest ago is forgotten, and
 * with it the knowledge of what it had executed. From then on an unknown session whose sequence is past 1 may be a
 * forgotten one that retries, and is answered SESSION_EXPIRED, an indefinite error. Before anything was forgotten it
 * can only be a new one (its first requests were reads, which leave no trace here) and is let in.
 *
 * A retry of sequence 1 that comes after its session was forgotten cannot be told from a new session and is executed
 * again; the bound is many times the number of clients so that no retry is that late.
 *
 * @see Ongaro & Ousterhout 2014, section 8; Ongaro 2014, section 6.3.
 */

import type { ProcessId } from "../../foundation/units.ts";
import type { ConsensusReply } from "../contract.ts";

const expired: ConsensusReply = { kind: "error", code: "SESSION_EXPIRED" };

interface Newest {
  readonly sequence: number;
  readonly reply: ConsensusReply;
}

/** The table in a form to encode: sessions from the longest unused to the newest. */
export interface SessionsImage {
  readonly sessions: readonly (readonly [session: ProcessId, sequence: number, reply: ConsensusReply])[];
  readonly hasForgotten: boolean;
}

export class Sessions {
  readonly #maxSessions: number;
  /** In the order of their last use: a map iterates in insertion order. */
  readonly #newest = new Map<ProcessId, Newest>();
  #hasForgotten = false;

  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions;
  }

  get count(): number {
    return this.#newest.size;
  }

  /** Returns what `session` is answered without executing anything; undefined when its request is to be executed. */
  replyTo(session: ProcessId, sequence: number): ConsensusReply | undefined {
    const newest = this.#newest.get(session);
    if (newest === undefined) return this.#hasForgotten && sequence > 1 ? expired : undefined;
    if (sequence > newest.sequence) return undefined;
    return sequence === newest.sequence ? newest.reply : expired;
  }

  /** Remembers that `sequence` of `session` was executed. */
  record(session: ProcessId, sequence: number, reply: ConsensusReply): void {
    this.#newest.delete(session);
    this.#newest.set(session, { sequence, reply });
    if (this.#newest.size <= this.#maxSessions) return;
    for (const longestUnused of this.#newest.keys()) {
      this.#newest.delete(longestUnused);
      break;
    }
    this.#hasForgotten = true;
  }

  image(): SessionsImage {
    const sessions = [...this.#newest].map(([session, { sequence, reply }]) => [session, sequence, reply] as const);
    return { sessions, hasForgotten: this.#hasForgotten };
  }

  restore({ sessions, hasForgotten }: SessionsImage): void {
    this.#newest.clear();
    for (const [session, sequence, reply] of sessions) this.#newest.set(session, { sequence, reply });
    this.#hasForgotten = hasForgotten;
  }
}
