/**
 * Tasks of other homes that this node executes under a lease.
 *
 * The lease is renewed as long as the attempt is not over. It runs on this node's clock too: when the home has not
 * answered for so long, or says that the lease is over, the attempt is given up, for its result would be refused
 * anyway. The home goes by its own clock and its own token; nothing here is needed for safety.
 *
 * An attempt's end is told until the home has received it, or the lease has been over for long.
 */

import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { Attempt } from "./attempts.ts";
import type { Message } from "./messages.ts";
import type { EndedAttempt } from "./ports.ts";

type Lease = Extract<Message, { readonly kind: "lease" }>;

export interface Guest {
  readonly home: NodeId;
  readonly lease: Lease;
  attempt: Attempt | undefined;
  leaseUntilMs: Millis;
  /** How it ended, until the home has been told. */
  ended: EndedAttempt | undefined;
  /** Given up; its worker is not through with it yet. */
  isGivenUp: boolean;
}

export interface GuestPorts {
  readonly clock: Clock;
  readonly leaseMs: Millis;
  /** Of this node. */
  readonly life: number;
  readonly most: number;
  readonly send: (to: NodeId, message: Message) => void;
  /** @returns undefined when there is no room. */
  readonly offer: (guest: Guest) => Attempt | undefined;
  readonly withdraw: (attempt: Attempt) => boolean;
  /** Nobody waits for it any more. */
  readonly abandon: (attempt: Attempt) => void;
}

export class Guests {
  readonly #ports: GuestPorts;
  readonly #guests = new Map<string, Guest>();
  /** Of each home: a lease that is not newer came twice, or late. */
  readonly #newestTokens = new Map<NodeId, number>();
  #timer: Timer | undefined;
  readonly #counts = { taken: 0, givenUp: 0, told: 0 };

  constructor(ports: GuestPorts) {
    this.#ports = ports;
  }

  get counters(): Readonly<Record<string, number>> {
    const { taken, givenUp, told } = this.#counts;
    return { "leases taken": taken, "leases given up": givenUp, "results told": told };
  }

  /** Those that wait for a worker. */
  get waitingCount(): number {
    let count = 0;
    for (const { attempt } of this.#guests.values()) if (attempt !== undefined && attempt.worker < 0) count++;
    return count;
  }

  onLease(home: NodeId, lease: Lease): void {
    const key = keyOf(home, lease.token);
    if (this.#guests.has(key)) return this.#ports.send(home, { kind: "renew", tokens: [lease.token] });
    if (lease.life !== this.#ports.life || lease.token <= (this.#newestTokens.get(home) ?? 0)) return;
    if (this.#guests.size >= this.#ports.most) return this.#decline(home, lease.token);
    const leaseUntilMs = this.#ports.clock.nowMs() + this.#ports.leaseMs;
    const guest: Guest = { home, lease, attempt: undefined, leaseUntilMs, ended: undefined, isGivenUp: false };
    guest.attempt = this.#ports.offer(guest);
    if (guest.attempt === undefined) return this.#decline(home, lease.token);
    this.#newestTokens.set(home, lease.token);
    this.#guests.set(key, guest);
    this.#counts.taken++;
    this.#ports.send(home, { kind: "renew", tokens: [lease.token] });
    this.#arm();
  }

  onRenewed(home: NodeId, { tokens, over }: Extract<Message, { readonly kind: "renewed" }>): void {
    for (const token of tokens) {
      const guest = this.#guests.get(keyOf(home, token));
      if (guest !== undefined) guest.leaseUntilMs = this.#ports.clock.nowMs() + this.#ports.leaseMs;
    }
    for (const token of over) {
      const guest = this.#guests.get(keyOf(home, token));
      if (guest !== undefined) this.#giveUp(guest);
    }
  }

  onReceived(home: NodeId, token: number): void {
    const guest = this.#guests.get(keyOf(home, token));
    if (guest?.ended !== undefined) this.#forget(guest);
  }

  /** Its worker is through with it. */
  ended(guest: Guest, ended: EndedAttempt): void {
    guest.attempt = undefined;
    if (guest.isGivenUp) return this.#forget(guest);
    guest.ended = ended;
    this.#tell(guest, ended);
  }

  end(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer ??= this.#ports.clock.after(this.#ports.leaseMs / 4, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    const nowMs = this.#ports.clock.nowMs();
    const renewed = new Map<NodeId, number[]>();
    for (const guest of this.#guests.values()) {
      const { home, lease, ended, leaseUntilMs } = guest;
      if (guest.isGivenUp) continue;
      if (ended !== undefined) {
        if (nowMs > leaseUntilMs + this.#ports.leaseMs) this.#forget(guest);
        else this.#tell(guest, ended);
      } else if (nowMs > leaseUntilMs) this.#giveUp(guest);
      else renewed.set(home, [...(renewed.get(home) ?? []), lease.token]);
    }
    for (const [home, tokens] of renewed) this.#ports.send(home, { kind: "renew", tokens });
    if (this.#guests.size > 0) this.#arm();
  }

  #tell({ home, lease }: Guest, ended: EndedAttempt): void {
    this.#counts.told++;
    this.#ports.send(home, { kind: "result", token: lease.token, ended });
  }

  /** The home need not wait for the end of the lease; should it not hear this, it will. */
  #decline(home: NodeId, token: number): void {
    this.#ports.send(home, { kind: "result", token, ended: { worker: -1, token, end: "lost", ranMs: 0 } });
  }

  #giveUp(guest: Guest): void {
    if (guest.isGivenUp) return;
    const { attempt, home, lease } = guest;
    this.#decline(home, lease.token);
    this.#counts.givenUp++;
    if (attempt === undefined || this.#ports.withdraw(attempt)) return this.#forget(guest);
    guest.isGivenUp = true;
    this.#ports.abandon(attempt);
  }

  #forget({ home, lease }: Guest): void {
    this.#guests.delete(keyOf(home, lease.token));
  }
}

const keyOf = (home: NodeId, token: number): string => `${home}/${token}`;
