/**
 * Logical fault placement on messages: counts what a node is about to send and stops it at the agreed moment.
 *
 * While a moment is being served, everything else for the same receiver waits behind it, so the link stays in order.
 */

import type { Moment } from "../foundation/faults.ts";
import type { NodeId } from "../foundation/units.ts";

export type MessageMoment = Extract<Moment, { kind: "message" }>;

interface Armed {
  readonly moment: MessageMoment;
  /** Called once at the moment; the message goes on when `resume` is called. */
  readonly reached: (resume: () => void) => void;
  seen: number;
  term: number;
}

export class MessageMoments {
  #armed: Armed[] = [];
  /** Links that wait for a `resume`, with what queued behind. */
  readonly #held = new Map<string, (() => void)[]>();

  /** Whether there is anything to wait for; otherwise nobody need look at what is sent. */
  get isWatching(): boolean {
    return this.#armed.length > 0 || this.#held.size > 0;
  }

  arm(moment: MessageMoment, reached: Armed["reached"]): void {
    this.#armed.push({ moment, reached, seen: 0, term: 0 });
  }

  /** Lets `proceed` send the message now, or after the moments it reaches were served. */
  before(
    from: NodeId,
    to: NodeId,
    message: { readonly kind: string; readonly term: number },
    proceed: () => void,
  ): void {
    if (!this.isWatching) return proceed();
    const link = `${from}>${to}`;
    const queue = this.#held.get(link);
    if (queue !== undefined) {
      queue.push(proceed);
      return;
    }
    const reached = this.#armed.find((armed) => this.#counts(armed, from, to, message));
    if (reached === undefined) return proceed();
    this.#armed = this.#armed.filter((armed) => armed !== reached);
    const waiting = [proceed];
    this.#held.set(link, waiting);
    reached.reached(() => {
      if (this.#held.get(link) !== waiting) return;
      this.#held.delete(link);
      for (const send of waiting) send();
    });
  }

  /** The node crashed: what it held is never sent. */
  forget(from: NodeId): void {
    for (const link of this.#held.keys()) if (link.startsWith(`${from}>`)) this.#held.delete(link);
  }

  #counts(armed: Armed, from: NodeId, to: NodeId, message: { readonly kind: string; readonly term: number }): boolean {
    const { moment } = armed;
    if (moment.from !== from || moment.to !== to || moment.message !== message.kind) return false;
    if (moment.inTerm && message.term !== armed.term) {
      armed.term = message.term;
      armed.seen = 0;
    }
    armed.seen++;
    return armed.seen >= moment.count;
  }
}
