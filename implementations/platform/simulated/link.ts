/**
 * One direction of one simulated link: what it delivers, when, and what its faults do to that.
 *
 * Messages in flight wait in a queue, and only the oldest has a timer, so a message costs one event and no closure.
 * Order is kept by never letting a message arrive before its predecessor; a reordered message leaves the queue and
 * travels alone. Base latencies and faults draw from streams of their own: a fault does not shift the latencies of the
 * messages it spares.
 *
 * A flipped bit does not reach the receiver. Links stand for TLS connections, whose authentication of every record
 * notices it: the message is lost and so is the connection with what is in flight, exactly as in a cluster. A lost
 * connection takes `reconnectMs` to come back.
 *
 * @see RFC 8446 (TLS 1.3), section 5.2: a record that fails authentication ends the connection.
 */

import { unreachable } from "../../foundation/assert.ts";
import type { Random, Timer } from "../../foundation/effects.ts";
import type { DelayDistribution, Link, PacketFault } from "../../foundation/faults.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { Millis } from "../../foundation/units.ts";
import { drawDelayMs } from "../draw-delay.ts";
import type { VirtualTime } from "./clock.ts";
import type { SimulatedEndpoint } from "./transport.ts";

/** How long messages wait for a connection after it was lost. */
const reconnectMs = 10;
/** Beyond these a link drops what it is asked to send. */
const maxInFlightMessages = 100_000;
const maxInFlightBytes = 64 * 1024 * 1024;

/** What a fault did so far. */
export interface Tally {
  count: number;
}

/** A packet fault at work on one or more links. */
export interface Disturbance extends Tally {
  readonly fault: PacketFault;
}

export interface LinkCounters {
  messagesSent: number;
  bytesSent: number;
  messagesDelivered: number;
  bytesDelivered: number;
  /** Messages that will never arrive; a duplicate that is lost counts too. */
  messagesLost: number;
}

/** The place of an id on the network: its endpoint comes and goes. */
export interface Seat {
  endpoint: SimulatedEndpoint | undefined;
}

interface InFlight {
  readonly bytes: Uint8Array;
  readonly target: SimulatedEndpoint;
  readonly damagedBy: Disturbance | undefined;
  dueMs: Millis;
}

export class SimulatedLink {
  readonly link: Link;
  readonly counters: LinkCounters = {
    messagesSent: 0,
    bytesSent: 0,
    messagesDelivered: 0,
    bytesDelivered: 0,
    messagesLost: 0,
  };
  readonly #time: VirtualTime;
  readonly #latency: DelayDistribution;
  readonly #latencyRandom: Random;
  readonly #faultRandom: Random;
  readonly #from: Seat;
  readonly #to: Seat;
  readonly #queue = new Fifo<InFlight>();
  #queuedBytes = 0;
  #cuts: readonly Tally[] = [];
  #disturbances: readonly Disturbance[] = [];
  #lastDueMs: Millis = 0;
  /** Until when a slow link is busy with what it was given. */
  #busyUntilMs: Millis = 0;
  #armed: Timer | undefined;

  constructor(options: {
    readonly link: Link;
    readonly time: VirtualTime;
    readonly random: Random;
    readonly latency: DelayDistribution;
    readonly from: Seat;
    readonly to: Seat;
  }) {
    this.link = options.link;
    this.#time = options.time;
    this.#latency = options.latency;
    this.#latencyRandom = options.random.fork("latency");
    this.#faultRandom = options.random.fork("faults");
    this.#from = options.from;
    this.#to = options.to;
  }

  /** Sends a copy of `bytes`, so that sender and receiver may do with theirs what they like. */
  send(bytes: Uint8Array): void {
    this.counters.messagesSent++;
    this.counters.bytesSent += bytes.length;
    const target = this.#to.endpoint;
    // Drawn for lost messages too: which ones are lost must not change the latencies of the others.
    const latencyMs = drawDelayMs(this.#latency, this.#latencyRandom);
    if (target === undefined || this.#countCuts()) this.counters.messagesLost++;
    else if (this.#disturbances.length === 0)
      this.#enqueue(new Uint8Array(bytes), target, this.#time.nowMs() + latencyMs);
    else this.#sendDisturbed(bytes, target, latencyMs);
  }

  addCut(tally: Tally): void {
    this.#cuts = [...this.#cuts, tally];
  }

  removeCut(tally: Tally): void {
    this.#cuts = this.#cuts.filter((cut) => cut !== tally);
  }

  /** Puts a packet fault to work; `reset` and `slow-close` act at once on the connection that is up. */
  addDisturbance(disturbance: Disturbance): void {
    this.#disturbances = [...this.#disturbances, disturbance];
    if (this.#from.endpoint === undefined || this.#to.endpoint === undefined) return;
    if (disturbance.fault.kind === "reset") {
      disturbance.count++;
      this.#breakConnection();
    } else if (disturbance.fault.kind === "slow-close") this.#closeSlowly(disturbance, disturbance.fault.lingerMs);
  }

  /** Ends a packet fault. Once the last one is gone, what it delayed or queued up is no longer held back. */
  removeDisturbance(disturbance: Disturbance): void {
    this.#disturbances = this.#disturbances.filter((other) => other !== disturbance);
    if (this.#disturbances.length === 0) this.#expedite();
  }

  /** The sender is gone: what it has sent still arrives, late where closing is slow. */
  senderClosed(): void {
    for (const disturbance of this.#disturbances) {
      if (disturbance.fault.kind === "slow-close") this.#closeSlowly(disturbance, disturbance.fault.lingerMs);
    }
  }

  /** The receiver is gone, and everything on its way to it. */
  receiverClosed(): void {
    this.#dropInFlight();
    this.#busyUntilMs = 0;
    this.#lastDueMs = this.#time.nowMs();
  }

  /** Whether the link is cut; every cut at work counts the message it would have stopped. */
  #countCuts(): boolean {
    for (const cut of this.#cuts) cut.count++;
    return this.#cuts.length > 0;
  }

  #sendDisturbed(bytes: Uint8Array, target: SimulatedEndpoint, latencyMs: Millis): void {
    const random = this.#faultRandom;
    let departMs = this.#time.nowMs();
    let delayMs = latencyMs;
    let holdMs = 0;
    let copies = 1;
    const lateMs: Millis[] = [];
    let damagedBy: Disturbance | undefined;
    for (const disturbance of this.#disturbances) {
      const { fault } = disturbance;
      switch (fault.kind) {
        case "delay":
          delayMs += drawDelayMs(fault.distribution, random);
          break;
        case "loss":
          if (random.float() >= fault.probability) continue;
          disturbance.count++;
          this.counters.messagesLost++;
          return;
        case "half-open":
          disturbance.count++;
          this.counters.messagesLost++;
          return;
        case "duplicate":
          if (random.float() >= fault.probability) continue;
          if ((fault.holdMs ?? 0) > 0) lateMs.push(random.float() * (fault.holdMs ?? 0));
          else copies++;
          break;
        case "reorder":
          if (random.float() >= fault.probability) continue;
          holdMs = Math.max(holdMs, fault.holdMs);
          break;
        case "corrupt":
          if (random.float() < fault.probability) damagedBy = disturbance;
          continue; // Counted when it is noticed.
        case "bandwidth":
          this.#busyUntilMs = Math.max(departMs, this.#busyUntilMs) + (bytes.length * 1000) / fault.bytesPerS;
          departMs = this.#busyUntilMs;
          break;
        case "reset":
        case "slow-close":
          continue;
        default:
          return unreachable(fault);
      }
      disturbance.count++;
    }
    for (const extraMs of lateMs) {
      this.#travelAlone({ bytes: new Uint8Array(bytes), target, damagedBy, dueMs: departMs + delayMs + extraMs });
    }
    for (let copy = 0; copy < copies; copy++) {
      const dueMs = departMs + delayMs + holdMs;
      if (holdMs > 0) this.#travelAlone({ bytes: new Uint8Array(bytes), target, damagedBy, dueMs });
      else this.#enqueue(new Uint8Array(bytes), target, dueMs, damagedBy);
      delayMs += drawDelayMs(this.#latency, random);
    }
  }

  #enqueue(bytes: Uint8Array, target: SimulatedEndpoint, earliestMs: Millis, damagedBy?: Disturbance): void {
    if (this.#queue.length >= maxInFlightMessages || this.#queuedBytes + bytes.length > maxInFlightBytes) {
      this.counters.messagesLost++;
      return;
    }
    const dueMs = Math.max(this.#lastDueMs, earliestMs);
    this.#lastDueMs = dueMs;
    this.#queuedBytes += bytes.length;
    this.#queue.push({ bytes, target, damagedBy, dueMs });
    if (this.#armed === undefined) this.#arm(dueMs);
  }

  #travelAlone(message: InFlight): void {
    this.#time.at(message.dueMs, () => this.#arrive(message));
  }

  #arm(dueMs: Millis): void {
    this.#armed = this.#time.at(dueMs, this.#deliverOldest);
  }

  readonly #deliverOldest = (): void => {
    const message = this.#queue.shift();
    const next = this.#queue.peek();
    this.#armed = undefined;
    if (next !== undefined) this.#arm(next.dueMs);
    if (message === undefined) return;
    this.#queuedBytes -= message.bytes.length;
    this.#arrive(message);
  };

  #arrive(message: InFlight): void {
    if (message.target.closed || this.#countCuts()) {
      this.counters.messagesLost++;
    } else if (message.damagedBy !== undefined) {
      message.damagedBy.count++;
      this.counters.messagesLost++;
      this.#breakConnection();
    } else {
      this.counters.messagesDelivered++;
      this.counters.bytesDelivered += message.bytes.length;
      message.target.accept(this.link.from, message.bytes);
    }
  }

  #breakConnection(): void {
    this.#dropInFlight();
    this.#lastDueMs = this.#time.nowMs() + reconnectMs;
  }

  /** What is in flight stays on the closing connection and arrives `lingerMs` late, behind younger messages. */
  #closeSlowly(tally: Tally, lingerMs: Millis): void {
    tally.count++;
    const lateMs = this.#time.nowMs() + lingerMs;
    for (const message of this.#queue) {
      message.dueMs = Math.max(message.dueMs, lateMs);
      this.#travelAlone(message);
    }
    this.#forgetInFlight();
    this.#lastDueMs = this.#time.nowMs() + reconnectMs;
  }

  #expedite(): void {
    if (this.#queue.length === 0) return;
    const nowMs = this.#time.nowMs();
    let dueMs = nowMs;
    for (const message of this.#queue) {
      dueMs = Math.max(dueMs, Math.min(message.dueMs, nowMs + drawDelayMs(this.#latency, this.#faultRandom)));
      message.dueMs = dueMs;
    }
    this.#lastDueMs = dueMs;
    this.#busyUntilMs = 0;
    this.#armed?.cancel();
    this.#arm(this.#queue.peek()!.dueMs);
  }

  #dropInFlight(): void {
    this.counters.messagesLost += this.#queue.length;
    this.#forgetInFlight();
  }

  #forgetInFlight(): void {
    this.#queue.clear();
    this.#queuedBytes = 0;
    this.#armed?.cancel();
    this.#armed = undefined;
  }
}
