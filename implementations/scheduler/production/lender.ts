/**
 * Attempts of this home's tasks that other nodes execute under a lease.
 *
 * An idle node asks; the home takes tasks from its own run queue as a worker would, against their tenants' quotas, and
 * hands each on with a fencing token. The node renews the lease as long as it executes; one that is not heard of for
 * `leaseMs` on this node's clock has lost the attempt, and the task waits again, under a new token. A clock that is
 * wrong makes that happen early or late, and costs work, but no result of an old token is ever taken.
 *
 * @see Gray & Cheriton 1989, "Leases"; Blumofe & Leiserson 1999 on thieves that ask, rather than victims that push.
 */

import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { Attempt } from "./attempts.ts";
import type { Message } from "./messages.ts";
import type { EndedAttempt } from "./ports.ts";
import type { Task } from "./task-table.ts";

export interface LenderPorts {
  readonly clock: Clock;
  readonly leaseMs: Millis;
  readonly send: (to: NodeId, message: Message) => void;
  /** The next task that another node may have, out of the run queue; undefined: there is none to spare. */
  readonly take: () => { readonly task: Task; readonly attempt: Attempt } | undefined;
  readonly leased: (task: Task, to: NodeId) => void;
  /** The node that was given the attempt has it. */
  readonly begun: (task: Task) => void;
  /** What the attempt held is to be given back, and the task goes by how it ended. */
  readonly ended: (task: Task, attempt: Attempt, ended: EndedAttempt) => void;
}

interface Loan {
  readonly to: NodeId;
  /** Of the node that asked. */
  readonly life: number;
  readonly task: Task;
  readonly attempt: Attempt;
  readonly sinceMs: Millis;
  isTaken: boolean;
  expiry: Timer | undefined;
  repeat: Timer | undefined;
}

interface Asked {
  readonly life: number;
  readonly number: number;
}

/** What one question gets at most, whatever it asks for. */
const mostLoans = 64;
const longestRepeatMs: Millis = 100;

export class Lender {
  readonly #ports: LenderPorts;
  /** By token. */
  readonly #loans = new Map<number, Loan>();
  readonly #asked = new Map<NodeId, Asked>();
  readonly #counts = { lent: 0, expired: 0, revoked: 0, refused: 0 };

  constructor(ports: LenderPorts) {
    this.#ports = ports;
  }

  get counters(): Readonly<Record<string, number>> {
    const { lent, expired, revoked, refused } = this.#counts;
    return { "leases given": lent, "leases expired": expired, "leases revoked": revoked, "results refused": refused };
  }

  onSteal(from: NodeId, { life, number, want }: Extract<Message, { readonly kind: "steal" }>): void {
    const last = this.#asked.get(from);
    if (last !== undefined && (life < last.life || (life === last.life && number <= last.number))) return;
    this.#asked.set(from, { life, number });
    for (let count = 0; count < Math.min(want, mostLoans); count++) {
      const taken = this.#ports.take();
      if (taken === undefined) return;
      this.#lend(from, life, taken.task, taken.attempt);
    }
  }

  onRenew(from: NodeId, tokens: readonly number[]): void {
    const mine = tokens.filter((token) => this.#loanOf(from, token) !== undefined);
    for (const token of mine) {
      const loan = this.#loans.get(token);
      if (loan === undefined) continue;
      this.#taken(loan);
      this.#extend(loan);
    }
    const over = tokens.filter((token) => !mine.includes(token));
    this.#ports.send(from, { kind: "renewed", tokens: mine, over });
  }

  /** Whoever sends it stops once it is received; whether it counts is another matter. */
  onResult(from: NodeId, { token, ended }: Extract<Message, { readonly kind: "result" }>): void {
    this.#ports.send(from, { kind: "received", token });
    const loan = this.#loanOf(from, token);
    if (loan === undefined) this.#counts.refused++;
    else {
      if (ended.end !== "lost") this.#taken(loan);
      this.#end(loan, ended);
    }
  }

  /** The attempt is void: its task has ended otherwise. */
  revoke(token: number): void {
    const loan = this.#loans.get(token);
    if (loan === undefined) return;
    this.#counts.revoked++;
    this.#ports.send(loan.to, { kind: "renewed", tokens: [], over: [token] });
    this.#end(loan, lostAfter(this.#ports.clock.nowMs() - loan.sinceMs, token));
  }

  end(): void {
    for (const { expiry, repeat } of this.#loans.values()) {
      expiry?.cancel();
      repeat?.cancel();
    }
  }

  #loanOf(from: NodeId, token: number): Loan | undefined {
    const loan = this.#loans.get(token);
    return loan?.to === from ? loan : undefined;
  }

  #lend(to: NodeId, life: number, task: Task, attempt: Attempt): void {
    const sinceMs = this.#ports.clock.nowMs();
    const loan: Loan = { to, life, task, attempt, sinceMs, isTaken: false, expiry: undefined, repeat: undefined };
    this.#loans.set(attempt.token, loan);
    this.#counts.lent++;
    this.#ports.leased(task, to);
    this.#extend(loan);
    this.#offer(loan);
  }

  #offer(loan: Loan): void {
    const { to, life, task, attempt } = loan;
    const { leaseMs, clock, send } = this.#ports;
    const { failures, state } = task;
    const isFirst = task.attempts === 0;
    send(to, { kind: "lease", life, token: attempt.token, task: task.spec, failures, isFirst, state, leaseMs });
    loan.repeat = clock.after(Math.min(leaseMs / 4, longestRepeatMs), () => this.#offer(loan));
  }

  #taken(loan: Loan): void {
    loan.repeat?.cancel();
    loan.repeat = undefined;
    if (loan.isTaken) return;
    loan.isTaken = true;
    this.#ports.begun(loan.task);
  }

  #extend(loan: Loan): void {
    loan.expiry?.cancel();
    loan.expiry = this.#ports.clock.after(this.#ports.leaseMs, () => {
      this.#counts.expired++;
      this.#end(loan, lostAfter(this.#ports.clock.nowMs() - loan.sinceMs, loan.attempt.token));
    });
  }

  #end(loan: Loan, ended: EndedAttempt): void {
    this.#loans.delete(loan.attempt.token);
    loan.expiry?.cancel();
    loan.repeat?.cancel();
    this.#ports.ended(loan.task, loan.attempt, ended);
  }
}

function lostAfter(ranMs: Millis, token: number): EndedAttempt {
  return { worker: -1, token, end: "lost", ranMs: Math.max(0, ranMs) };
}
