/**
 * The requests of clients that have not been answered.
 *
 * A client has one under way and sends it again when no answer comes: the newest copy is the one that is answered. What
 * it sent before its newest message is void, also when it arrives late or twice, for the client may have concluded from
 * a refusal that nothing happened.
 */

import type { ProcessId } from "../../foundation/units.ts";
import type { ClientRequest, SchedulerReply } from "../contract.ts";

export interface Ticket {
  readonly sequence: number;
  readonly answer: (reply: SchedulerReply) => void;
  /** The client waits for something else by now. */
  readonly isVoid: () => boolean;
  /** Called when the client gives the request up. */
  onVoid: (() => void) | undefined;
}

type Answer = (reply: SchedulerReply) => void;

interface Session {
  lastId: number;
  pending: { readonly ticket: Ticket; answer: Answer } | undefined;
}

export class ClientDesk {
  readonly #most: number;
  readonly #sessions = new Map<ProcessId, Session>();
  #pendingCount = 0;
  readonly counts = { requests: 0, repeated: 0, overloaded: 0 };

  /** @param most requests that may be unanswered at a time. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Clients that it remembers: at most twice as many as may have a request pending, and one. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  get pendingCount(): number {
    return this.#pendingCount;
  }

  /** @returns undefined when there is nothing to be done: void, a repetition, or refused for want of room. */
  admit({ id, session: client, sequence }: ClientRequest, answer: Answer): Ticket | undefined {
    const session = this.#sessions.get(client) ?? { lastId: 0, pending: undefined };
    if (id <= session.lastId) return undefined;
    session.lastId = id;
    // Put at the end: the first ones are those that were not heard of for longest.
    this.#sessions.delete(client);
    this.#sessions.set(client, session);
    if (session.pending?.ticket.sequence === sequence) {
      this.counts.repeated++;
      session.pending.answer = answer;
      return undefined;
    }
    this.#drop(session);
    if (this.#pendingCount >= this.#most) {
      this.counts.overloaded++;
      answer({ kind: "error", code: "OVERLOADED", reason: `${this.#most} requests wait for an answer already` });
      return undefined;
    }
    this.#forgetOld();
    this.counts.requests++;
    return this.#open(session, sequence, answer);
  }

  #open(session: Session, sequence: number, answer: Answer): Ticket {
    const isPending = (): boolean => session.pending?.ticket === ticket;
    const ticket: Ticket = {
      sequence,
      isVoid: () => !isPending(),
      onVoid: undefined,
      answer: (reply) => {
        if (!isPending()) return;
        const newest = session.pending?.answer;
        session.pending = undefined;
        this.#pendingCount--;
        newest?.(reply);
      },
    };
    session.pending = { ticket, answer };
    this.#pendingCount++;
    return ticket;
  }

  #drop(session: Session): void {
    const ticket = session.pending?.ticket;
    if (ticket === undefined) return;
    session.pending = undefined;
    this.#pendingCount--;
    ticket.onVoid?.();
  }

  #forgetOld(): void {
    // Looked at first: what was put at the end left a hole, and a walk begins with all of them.
    if (this.#sessions.size <= 2 * this.#most) return;
    // Of those kept at most `#most` have a request pending, so there are others, and the walk comes to an end.
    for (const [client, session] of this.#sessions) {
      if (this.#sessions.size <= 2 * this.#most) return;
      this.#sessions.delete(client);
      if (session.pending !== undefined) this.#sessions.set(client, session);
    }
  }
}
