/**
 * A node's coordinator: takes clients' operations to the replicas of their keys, round by round (`round.ts`).
 *
 * One round per key at a time. What arrives meanwhile waits and is folded into the next round, so that a hot key costs
 * a round per trip, not per operation. The next ballot of keys that were changed here is usually promised already,
 * which saves the first phase. One timer looks after all rounds: those that wait for lost messages, those that back off
 * after meeting another coordinator, and requests whose time is up.
 *
 * At level one a replica answers alone: it writes under a ballot of its own, tells the others afterwards, and reads
 * what it has. A coordinator that keeps nothing of the key passes the request on.
 *
 * Everything is bounded: requests and their bytes (beyond that OVERLOADED), promises remembered, rounds whose last
 * acknowledgements are still awaited.
 */

import { assert, unreachable } from "../../foundation/assert.ts";
import type { Clock, Random, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { QuorumLevel, StorageReply } from "../contract.ts";
import type { BallotCounter } from "./ballot.ts";
import type { StorageSettings } from "./defaults.ts";
import type { ReplicaReply, ReplicaRequest } from "./messages.ts";
import type { State } from "./record.ts";
import { isWrite } from "./register.ts";
import type { Command } from "./register.ts";
import { Round } from "./round.ts";
import type { Promised, Step } from "./round.ts";
import { SecondChance } from "./second-chance.ts";
import { slotOf } from "./slots.ts";
import { neededOf } from "./topology.ts";
import type { Member, Placement, Topology } from "./topology.ts";

/** Operations that share a round; more wait for the next. */
const maxFolded = 256;
/** Attempts of one round before it gives up, whatever time is left. */
const maxAttempts = 64;
/** Rounds under way beyond which nothing is repaired or compared. */
const maxBackground = 1000;
const maxFoldedBytes = 1024 * 1024;
const tickMs = 5;
const shortestBackoffMs = 2;

const overloaded: StorageReply = { kind: "error", code: "OVERLOADED" };
const quorumNotMet: StorageReply = { kind: "error", code: "QUORUM_NOT_MET" };

export interface CoordinatorPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly ballots: BallotCounter;
  readonly self: Member;
  /** Sends to a replica, this node's own included; calls back later or at once. */
  send(to: NodeId, request: ReplicaRequest): void;
  /** Whether this node's own replica takes no further keys. */
  isFull(): boolean;
  /** `member` has not acknowledged `state` in time, a quorum has. */
  onMissed(member: Member, key: string, state: State): void;
}

interface Operation {
  readonly command: Command;
  readonly dueAtMs: Millis;
  readonly bytes: number;
  /** Undefined once it was called. */
  done: ((reply: StorageReply) => void) | undefined;
}

/** A key with operations under way or waiting, or whose next ballot is promised. */
interface Queue {
  readonly key: string;
  waiting: Operation[];
  active: Active | undefined;
  /** Of the last round: what a quorum has, and the ballot it promised with that. */
  promised: Promised | undefined;
  /** Whether it lies among those that are remembered for their promise. */
  isRemembered: boolean;
  isUsed: boolean;
  place: number;
}

/** A round and what hangs on it. */
interface Active {
  readonly queue: Queue;
  readonly round: Round;
  readonly operations: readonly Operation[];
  /** Where no operation says how long to try. */
  readonly dueAtMs: Millis;
  /** By which replies find it; another one in every phase. */
  id: number;
  /** The phase that `id` belongs to, counted by the round. */
  phases: number;
  attempts: number;
  /** When its phase takes too long, or its pause ends. */
  wakeAtMs: Millis;
  /** A quorum has accepted; what is awaited are the others. */
  isOver: boolean;
  /** Of a comparison. */
  onCompared: ((state: State | undefined) => void) | undefined;
}

export class Coordinator {
  readonly #ports: CoordinatorPorts;
  readonly #settings: StorageSettings;
  #topology: Topology;
  readonly #queues = new Map<string, Queue>();
  /** By the id of the phase under way. */
  readonly #rounds = new Map<number, Active>();
  readonly #paused = new Set<Active>();
  readonly #remembered = new SecondChance<Queue>();
  #nextId = 1;
  #timer: Timer | undefined;
  #isEnded = false;
  pending = 0;
  pendingBytes = 0;
  readonly counters = {
    rounds: 0,
    attempts: 0,
    "one-trip rounds": 0,
    folded: 0,
    uncertain: 0,
    "operations answered": 0,
    /** Of those, by how many replicas each: 2 of 3 at majority, this node included. */
    "acknowledgements awaited": 0,
  };

  constructor(ports: CoordinatorPorts, settings: StorageSettings, topology: Topology) {
    this.#ports = ports;
    this.#settings = settings;
    this.#topology = topology;
  }

  /** Answers OVERLOADED at once, or takes the operation on; `done` is called once, by `dueAtMs`. */
  request(command: Command, dueAtMs: Millis, done: (reply: StorageReply) => void): void {
    const bytes = command.key.length + (command.value?.length ?? 0) + (command.from?.length ?? 0);
    const { maxPendingRequests, maxPendingBytes } = this.#settings;
    if (this.pending >= maxPendingRequests || this.pendingBytes + bytes > maxPendingBytes) return done(overloaded);
    this.pending++;
    this.pendingBytes += bytes;
    const queue = this.#queueOf(command.key);
    this.#interruptComparison(queue);
    queue.waiting.push({ command, dueAtMs, bytes, done });
    if (queue.active === undefined) this.#begin(queue);
  }

  /** Runs a round that writes back what is chosen, at `level`; nothing if the key is busy, which does as much. */
  repair(key: string, level: QuorumLevel): void {
    const queue = this.#queueOf(key);
    if (queue.active !== undefined || this.#rounds.size >= maxBackground) return this.#release(queue);
    this.#start(queue, level, []);
  }

  /**
   * Asks all replicas of `key`, and brings them to one mind where they differ. `done` with what they have accepted, all
   * of them under one ballot; undefined where that was not so, or the key is busy.
   */
  compare(key: string, done: (state: State | undefined) => void = () => {}): void {
    const queue = this.#queueOf(key);
    if (queue.active !== undefined || this.#rounds.size >= maxBackground) return this.#skip(queue, done);
    const round = new Round({ key, placement: this.#placementOf(key, "all"), level: "all", commands: [] });
    const active = this.#activeOf(queue, round, []);
    active.onCompared = done;
    queue.active = active;
    this.#setTimer();
    this.#follow(active, round.read());
  }

  receive(from: NodeId, reply: ReplicaReply): void {
    const active = this.#rounds.get(reply.id);
    if (active === undefined) return;
    const step = active.round.receive(from, reply);
    if (!active.isOver) return this.#follow(active, step);
    if (active.round.isAnswered) this.#close(active);
  }

  /** Every round begins anew among the replicas of now; what was promised was promised to the quorums of before. */
  topologyChanged(topology: Topology): void {
    this.#topology = topology;
    for (const queue of this.#queues.values()) {
      queue.promised = undefined;
      this.#release(queue);
    }
    for (const active of [...this.#rounds.values()]) {
      if (active.isOver) this.#close(active);
      else this.#pause(active, 0);
    }
    for (const { round } of this.#paused) round.relocate(this.#placementOf(round.key, round.level));
  }

  end(): void {
    this.#isEnded = true;
    this.#timer?.cancel();
  }

  /** Nobody waits for a comparison that has written nothing yet: an operation need not wait for it either. */
  #interruptComparison(queue: Queue): void {
    const { active } = queue;
    if (active?.onCompared === undefined || active.round.phase !== "read") return;
    this.#rounds.delete(active.id);
    active.isOver = true;
    queue.active = undefined;
    active.onCompared(undefined);
  }

  #skip(queue: Queue, done: (state: State | undefined) => void): void {
    this.#release(queue);
    done(undefined);
  }

  #queueOf(key: string): Queue {
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = {
        key,
        waiting: [],
        active: undefined,
        promised: undefined,
        isRemembered: false,
        isUsed: true,
        place: 0,
      };
      this.#queues.set(key, queue);
    }
    return queue;
  }

  /** At level one this node alone is the quorum. */
  #placementOf(key: string, level: QuorumLevel): Placement {
    const { self } = this.#ports;
    return level === "one" ? { replicas: [self], groups: [[self]] } : this.#topology.placementOf(slotOf(key));
  }

  /** Takes what can share a round from the front of the queue: operations of one level. */
  #begin(queue: Queue): void {
    const level = queue.waiting[0]?.command.level;
    if (level === undefined) return this.#release(queue);
    let count = 1;
    let bytes = queue.waiting[0]!.bytes;
    while (count < Math.min(queue.waiting.length, maxFolded) && queue.waiting[count]!.command.level === level) {
      bytes += queue.waiting[count]!.bytes;
      if (bytes > maxFoldedBytes) break;
      count++;
    }
    const operations = count === queue.waiting.length ? queue.waiting : queue.waiting.splice(0, count);
    if (operations === queue.waiting) queue.waiting = [];
    this.#start(queue, level, operations);
  }

  #start(queue: Queue, level: QuorumLevel, operations: readonly Operation[]): void {
    const { key } = queue;
    const commands = operations.map(({ command }) => command);
    const round = new Round({ key, placement: this.#placementOf(key, level), level, commands });
    const active = this.#activeOf(queue, round, operations);
    queue.active = active;
    this.counters.rounds++;
    this.counters.folded += Math.max(0, operations.length - 1);
    this.#setTimer();
    if (level === "one") {
      queue.promised = undefined;
      return this.#follow(active, round.read());
    }
    const isWriting = commands.length === 0 || commands.some(isWrite);
    if (!isWriting) return this.#follow(active, round.read());
    // At all everyone is asked first, so that a replica that is out of reach is found before anything is written.
    const promised = level === "majority" ? queue.promised : undefined;
    queue.promised = undefined;
    if (promised === undefined || commands.length === 0) return this.#attempt(active);
    this.counters["one-trip rounds"]++;
    const next = this.#ports.ballots.after(promised.next, this.#ports.self.number);
    this.#follow(active, round.proceed(promised, next, this.#ports.clock.nowMs()));
  }

  #activeOf(queue: Queue, round: Round, operations: readonly Operation[]): Active {
    const dueAtMs = this.#ports.clock.nowMs() + this.#settings.requestTimeoutMs;
    return {
      queue,
      round,
      operations,
      dueAtMs,
      id: 0,
      phases: 0,
      attempts: 0,
      wakeAtMs: 0,
      isOver: false,
      onCompared: undefined,
    };
  }

  #follow(active: Active, step: Step): void {
    switch (step) {
      case "wait":
        return;
      case "send":
        return this.#send(active);
      case "retry":
        // A read that found no quorum of one mind has met nobody; it goes on at once.
        return active.round.phase === "read" ? this.#attempt(active) : this.#pause(active, this.#backoffMs(active));
      case "elect":
        return this.#elect(active);
      case "done":
        return this.#finish(active);
      default:
        return unreachable(step);
    }
  }

  /**
   * Sends what the phase asks to everyone who has not answered it, to this node's own replica last: it may answer now.
   */
  #send(active: Active): void {
    const { round } = active;
    if (active.phases !== round.phases) {
      this.#rounds.delete(active.id);
      active.id = this.#nextId++;
      active.phases = round.phases;
      this.#rounds.set(active.id, active);
    }
    const { self, clock } = this.#ports;
    const request = requestOf(round, active.id);
    const { roundTimeoutMs } = this.#settings;
    active.wakeAtMs = clock.nowMs() + (round.phase === "read" ? roundTimeoutMs / 4 : roundTimeoutMs);
    let isLocal = false;
    const { replicas } = round.placement;
    for (let index = 0; index < replicas.length; index++) {
      if (round.hasAnswered(index)) continue;
      if (replicas[index]!.id === self.id) isLocal = true;
      else this.#ports.send(replicas[index]!.id, request);
    }
    if (isLocal) this.#ports.send(self.id, request);
  }

  /** Begins an attempt under a ballot above everything this node has seen. */
  #attempt(active: Active): void {
    const { ballots, self, clock } = this.#ports;
    const { round } = active;
    // Whoever is no member has no ballots of its own.
    if (++active.attempts > maxAttempts || self.number === 0) return this.#follow(active, round.giveUp());
    this.counters.attempts++;
    active.queue.promised = undefined;
    if (round.level === "one") return this.#follow(active, round.read());
    ballots.observe(round.highestRefusal);
    const ballot = ballots.take(self.number);
    if (ballot === 0) return this.#pause(active, this.#backoffMs(active));
    this.#follow(active, round.prepare(ballot, ballots.after(ballot, self.number), clock.nowMs()));
  }

  /** The replica's own record is known, at level one: the write goes above it. */
  #elect(active: Active): void {
    const { ballots, self, clock } = this.#ports;
    if (self.number === 0) return this.#follow(active, active.round.giveUp());
    ballots.observe(active.round.highestRefusal);
    const ballot = ballots.take(self.number);
    if (ballot === 0) return this.#pause(active, this.#backoffMs(active));
    this.#follow(active, active.round.writeAlone(ballot, clock.nowMs(), this.#ports.isFull()));
  }

  #backoffMs({ attempts }: Active): Millis {
    return shortestBackoffMs * 2 ** Math.min(attempts, 6) * (0.5 + this.#ports.random.float());
  }

  #pause(active: Active, pauseMs: Millis): void {
    this.#rounds.delete(active.id);
    active.wakeAtMs = this.#ports.clock.nowMs() + pauseMs;
    this.#paused.add(active);
  }

  #finish(active: Active): void {
    const { round, operations } = active;
    operations.forEach((operation, index) =>
      this.#answer(operation, round.replies[index] ?? quorumNotMet, awaitedBy(round)),
    );
    if (round.isAccepted) this.#keepPromise(active);
    if (round.isAccepted && round.level === "one") this.#spread(active);
    active.onCompared?.(round.found);
    this.#leave(active);
  }

  /** Gives the key free; acknowledgements that are still on their way are waited for a while. */
  #leave(active: Active): void {
    const { queue, round } = active;
    active.isOver = true;
    const isAwaited =
      round.isAccepted && !round.isAnswered && this.#rounds.size < 2 * this.#settings.maxPendingRequests;
    if (!isAwaited) this.#close(active);
    queue.active = undefined;
    this.#begin(queue);
  }

  /** Whoever has not acknowledged what a quorum has accepted is to hear of it again. */
  #close({ id, round }: Active): void {
    this.#rounds.delete(id);
    const { proposal } = round;
    if (!round.isAccepted || proposal === undefined) return;
    round.placement.replicas.forEach((member, index) => {
      if (!round.hasAccepted(index)) this.#ports.onMissed(member, round.key, proposal);
    });
  }

  /** Sends what was written at level one to the other replicas. */
  #spread({ queue, round: { key, proposal } }: Active): void {
    if (proposal === undefined) return;
    const placement = this.#topology.placementOf(slotOf(key));
    const round = new Round({ key, placement, level: "one", commands: [] });
    const active = this.#activeOf(queue, round, []);
    active.isOver = true;
    round.spread(proposal, this.#ports.self);
    if (round.isAnswered) return;
    this.#send(active);
  }

  /** @param awaited how many replicas it waited for. */
  #answer(operation: Operation, reply: StorageReply, awaited = 0): void {
    const { done } = operation;
    if (done === undefined) return;
    operation.done = undefined;
    this.pending--;
    this.pendingBytes -= operation.bytes;
    if (reply.kind === "ok") {
      this.counters["operations answered"]++;
      this.counters["acknowledgements awaited"] += awaited;
    } else if (reply.code === "WRITE_UNCERTAIN") this.counters.uncertain++;
    done(reply);
  }

  #keepPromise({ queue, round }: Active): void {
    const { isNextPromised, proposal, next } = round;
    const { promiseCacheEntries } = this.#settings;
    if (!isNextPromised || proposal === undefined || promiseCacheEntries === 0) return;
    this.#ports.ballots.observe(next);
    queue.promised = { state: proposal, next };
    queue.isUsed = true;
    if (queue.isRemembered) return;
    queue.isRemembered = true;
    this.#remembered.add(queue);
    if (this.#remembered.size <= promiseCacheEntries) return;
    const evicted = this.#remembered.evict(() => true);
    if (evicted === undefined) return;
    evicted.promised = undefined;
    evicted.isRemembered = false;
    this.#release(evicted);
  }

  /** Forgets a key that nothing is to be known of. */
  #release(queue: Queue): void {
    if (queue.active !== undefined || queue.waiting.length > 0 || queue.promised !== undefined) return;
    if (queue.isRemembered) this.#remembered.remove(queue);
    queue.isRemembered = false;
    this.#queues.delete(queue.key);
  }

  /** One timer for everything, as long as there is anything. */
  #setTimer(): void {
    if (this.#timer !== undefined || this.#isEnded) return;
    this.#timer = this.#ports.clock.after(tickMs, () => {
      this.#timer = undefined;
      if (this.#isEnded) return;
      this.#tick(this.#ports.clock.nowMs());
      if (this.#rounds.size + this.#paused.size > 0) this.#setTimer();
    });
  }

  #tick(nowMs: Millis): void {
    for (const active of this.#rounds.values()) {
      const isDue = active.wakeAtMs <= nowMs;
      if (active.isOver) {
        if (isDue) this.#close(active);
      } else if (!this.#endOverdue(active, nowMs) && isDue) this.#follow(active, active.round.expire());
    }
    for (const active of this.#paused) {
      if (this.#endOverdue(active, nowMs) || active.wakeAtMs > nowMs) continue;
      this.#paused.delete(active);
      this.#attempt(active);
    }
  }

  /** Answers operations whose time is up; @returns whether that ended the round, because nobody waits any more. */
  #endOverdue(active: Active, nowMs: Millis): boolean {
    const { queue, round, operations } = active;
    let waiting = operations.length === 0 && active.dueAtMs > nowMs ? 1 : 0;
    operations.forEach((operation, index) => {
      if (operation.done === undefined) return;
      if (operation.dueAtMs <= nowMs) this.#answer(operation, round.withdraw(index));
      else waiting++;
    });
    for (const operation of queue.waiting) if (operation.dueAtMs <= nowMs) this.#answer(operation, quorumNotMet);
    if (queue.waiting.some(isAnswered)) queue.waiting = queue.waiting.filter((operation) => !isAnswered(operation));
    if (waiting > 0) return false;
    this.#paused.delete(active);
    this.#rounds.delete(active.id);
    this.#follow(active, round.giveUp());
    return true;
  }
}

/** How many replicas had to answer; while the topology changes, of the larger group. */
function awaitedBy({ placement, level }: Round): number {
  return placement.groups.reduce((most, group) => Math.max(most, neededOf(group.length, level)), 0);
}

function isAnswered({ done }: Operation): boolean {
  return done === undefined;
}

function requestOf(round: Round, id: number): ReplicaRequest {
  const { key, phase, ballot, proposal, next } = round;
  if (phase === "read") return { kind: "read", id, key };
  if (phase === "prepare") return { kind: "prepare", id, key, ballot };
  assert(proposal !== undefined, "what is to be accepted is known");
  if (phase === "spread") return { kind: "install", id, key, state: proposal };
  return { kind: "accept", id, key, state: proposal, next };
}
