/**
 * Work between nodes: attempts of this home that others execute, and attempts of other homes that this node executes.
 *
 * Each node tells the others how much waits (load-exchange.ts); an idle one asks for tasks, and gets them under a lease
 * that has two ends: the home's (lender.ts) and the executing node's (guests.ts). A guest holds this node's capacity,
 * under a tenant of its own, and its home's quota.
 */

import { unreachable } from "../../foundation/assert.ts";
import type { Clock } from "../../foundation/effects.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { SchedulerEvent } from "../contract.ts";
import type { Attempt, Attempts } from "./attempts.ts";
import type { SchedulerSettings } from "./defaults.ts";
import { Guests } from "./guests.ts";
import type { Guest } from "./guests.ts";
import type { Home } from "./home.ts";
import { Lender } from "./lender.ts";
import { LoadExchange } from "./load-exchange.ts";
import type { Message } from "./messages.ts";
import type { EndedAttempt, QueuePort, StartedAttempt } from "./ports.ts";
import { capacityOf, tenantNumbersOf } from "./shares.ts";
import type { Task } from "./task-table.ts";

/** What nodes say to each other about leases. */
type LeaseMessage = Exclude<Message, { readonly kind: "watch" | "watched" }>;

export interface LendingPorts {
  /** Of the node's peers. */
  readonly others: readonly NodeId[];
  readonly clock: Clock;
  readonly settings: SchedulerSettings;
  readonly queue: QueuePort;
  readonly attempts: Attempts;
  readonly home: Home;
  readonly send: (to: NodeId, message: Message) => void;
  /** Something was offered, or room was made. */
  readonly offered: () => void;
  /** A task's first attempt begins on this node. */
  readonly firstStart: (task: string) => void;
  /** undefined: nobody wants to know of single tasks. */
  readonly trace: ((event: SchedulerEvent) => void) | undefined;
}

export class Lending {
  readonly #ports: LendingPorts;
  readonly #lender: Lender;
  readonly #exchange: LoadExchange;
  #guests: Guests | undefined;
  #life = 0;

  constructor(ports: LendingPorts) {
    const { others, clock, settings, queue, attempts, home, send } = ports;
    this.#ports = ports;
    this.#lender = new Lender({
      clock,
      leaseMs: settings.leaseMs,
      send,
      take: () => (this.#exchange.hasToSpare() ? home.lend() : undefined),
      leased: (task, to) => home.leased(task, to),
      begun: (task) => home.begunElsewhere(task),
      ended: (task, attempt, ended) => this.#loanEnded(task, attempt, ended),
    });
    this.#exchange = new LoadExchange({
      others,
      isOn: settings.remoteStealing,
      queue,
      idleWorkers: () => attempts.idleWorkers,
      waitingGuests: () => this.#guests?.waitingCount ?? 0,
      life: () => this.#life,
      send,
    });
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#lender.counters, ...this.#guests?.counters };
  }

  /** A life of this node has begun: from now on it takes guests. */
  begin(life: number): void {
    this.#life = life;
    this.#guests = this.#createGuests(life);
  }

  /** Tells the others from now on what waits here, and asks them if there is nothing. */
  gossip(): void {
    if (!this.#exchange.isOn) return;
    this.#exchange.tell();
    this.#ports.clock.after(this.#ports.settings.gossipMs, () => this.gossip());
  }

  receive(from: NodeId, message: LeaseMessage): void {
    switch (message.kind) {
      case "load":
        return this.#exchange.onLoad(from, message.waiting);
      case "steal":
        return this.#lender.onSteal(from, message);
      case "lease":
        return this.#guests?.onLease(from, message);
      case "renew":
        return this.#lender.onRenew(from, message.tokens);
      case "renewed":
        return this.#guests?.onRenewed(from, message);
      case "result":
        return this.#lender.onResult(from, message);
      case "received":
        return this.#guests?.onReceived(from, message.token);
      default:
        unreachable(message);
    }
  }

  /** A worker of this node has begun an attempt of another home. */
  guestStarted({ lease }: Guest, { worker, token, lane, waitMs }: StartedAttempt): void {
    const task = lease.task.id;
    if (lease.isFirst) this.#ports.firstStart(task);
    this.#ports.trace?.({ kind: "started", task, token, worker, lane, waitMs });
  }

  guestEnded(guest: Guest, ended: EndedAttempt): void {
    this.#guests?.ended(guest, ended);
  }

  /** An attempt that another node executes has become void. */
  revoke(token: number): void {
    this.#lender.revoke(token);
  }

  end(): void {
    this.#lender.end();
    this.#guests?.end();
  }

  #createGuests(life: number): Guests {
    const { leaseMs, workers } = this.#ports.settings;
    return new Guests({
      clock: this.#ports.clock,
      leaseMs,
      life,
      most: 2 * workers,
      send: (to, message) => this.#ports.send(to, message),
      offer: (guest) => this.#offerGuest(guest),
      withdraw: (attempt) => this.#ports.attempts.withdraw(attempt),
      abandon: (attempt) => this.#ports.attempts.giveUp(attempt),
    });
  }

  #offerGuest(guest: Guest): Attempt | undefined {
    const { token, task, failures, state } = guest.lease;
    const { id, body, resources: needed } = task;
    const capacity = capacityOf(this.#ports.settings);
    const resources = {
      cpuMilli: Math.min(needed.cpuMilli, capacity.cpuMilli),
      memoryMb: Math.min(needed.memoryMb, capacity.memoryMb),
    };
    const tenant = tenantNumbersOf(this.#ports.settings).size;
    const offer = {
      token,
      rank: -task.priority,
      order: 0,
      tenant,
      lane: -1,
      resources,
      id,
      body,
      failures,
      state,
      guest,
    };
    const attempt = this.#ports.attempts.offer(offer, this.#ports.clock.nowMs());
    if (attempt !== undefined) this.#ports.offered();
    return attempt;
  }

  #loanEnded(task: Task, attempt: Attempt, ended: EndedAttempt): void {
    this.#ports.queue.release(attempt.slot, ended.ranMs);
    this.#ports.attempts.finish(attempt);
    if (task.phase === "leased") this.#ports.home.ended(task, attempt.token, -1, ended);
    this.#ports.offered(); // What it held may be what another task waits for.
  }
}
