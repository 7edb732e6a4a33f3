/**
 * The simulated network: one endpoint per id, one link per ordered pair, in virtual time from one seed.
 *
 * An endpoint is one life of its node. Closing it loses what is on its way to it, and the next endpoint of the same id
 * is a new life that receives nothing meant for the earlier one, as a restarted process does not inherit connections.
 * Each link draws from its own fork of the seed, so that traffic on one does not disturb another.
 */

import { assert } from "../../foundation/assert.ts";
import type { Random, Transport } from "../../foundation/effects.ts";
import { faultHandle } from "../../foundation/fault-handle.ts";
import type { DelayDistribution, FaultHandle, Link, PacketFault } from "../../foundation/faults.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { VirtualTime } from "./clock.ts";
import { SimulatedLink } from "./link.ts";
import type { Disturbance, LinkCounters, Seat, Tally } from "./link.ts";

/** Messages that wait for a paused node; more are lost, as a receive buffer that is full loses them. */
const maxHeldMessages = 100_000;

/** What each packet fault counts. */
const unitOf = {
  delay: "messages delayed",
  loss: "messages lost",
  duplicate: "messages duplicated",
  reorder: "messages held back",
  corrupt: "messages damaged",
  bandwidth: "messages slowed",
  reset: "connections reset",
  "slow-close": "closes delayed",
  "half-open": "messages swallowed",
} as const satisfies Record<PacketFault["kind"], string>;

export interface SimulatedNetworkOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  /** Drawn anew for every message. */
  readonly latency: DelayDistribution;
}

export class SimulatedNetwork {
  readonly #options: SimulatedNetworkOptions;
  readonly #seats = new Map<NodeId, Seat>();
  /** By sender, then by receiver: a nested look-up is cheaper per message than building a joint key. */
  readonly #links = new Map<NodeId, Map<NodeId, SimulatedLink>>();

  constructor(options: SimulatedNetworkOptions) {
    this.#options = options;
  }

  /** Opens the endpoint of `id`; an earlier one of the same id must have been closed. */
  endpoint(id: NodeId): SimulatedEndpoint {
    const seat = this.#seat(id);
    assert(seat.endpoint === undefined, `the endpoint of ${id} is open once`);
    const endpoint = new SimulatedEndpoint({
      time: this.#options.time,
      send: (to, bytes) => this.#link(id, to).send(bytes),
      onClose: () => this.#closed(id),
    });
    seat.endpoint = endpoint;
    return endpoint;
  }

  /** Lets nothing arrive on `links`, neither new messages nor those in flight, until healed. Cuts may overlap. */
  cut(links: readonly Link[]): FaultHandle {
    const tally: Tally = { count: 0 };
    const cut = links.map(({ from, to }) => this.#link(from, to));
    for (const link of cut) link.addCut(tally);
    return faultHandle(
      "messages cut",
      () => tally.count,
      () => cut.forEach((link) => link.removeCut(tally)),
    );
  }

  packet(links: readonly Link[], fault: PacketFault): FaultHandle {
    const disturbance: Disturbance = { fault, count: 0 };
    const disturbed = links.map(({ from, to }) => this.#link(from, to));
    for (const link of disturbed) link.addDisturbance(disturbance);
    return faultHandle(
      unitOf[fault.kind],
      () => disturbance.count,
      () => disturbed.forEach((link) => link.removeDisturbance(disturbance)),
    );
  }

  /** What arrives at the present life of `id` waits until `resume` was called as often as `pause`. */
  pause(id: NodeId): void {
    this.#seat(id).endpoint?.pause();
  }

  resume(id: NodeId): void {
    this.#seat(id).endpoint?.resume();
  }

  /** What every link that was ever used has carried. */
  counters(): readonly (Link & Readonly<LinkCounters>)[] {
    return [...this.#links.values()].flatMap((byReceiver) =>
      [...byReceiver.values()].map(({ link, counters }) => ({ ...link, ...counters })),
    );
  }

  #seat(id: NodeId): Seat {
    let seat = this.#seats.get(id);
    if (seat === undefined) {
      seat = { endpoint: undefined };
      this.#seats.set(id, seat);
    }
    return seat;
  }

  #link(from: NodeId, to: NodeId): SimulatedLink {
    let byReceiver = this.#links.get(from);
    if (byReceiver === undefined) {
      byReceiver = new Map();
      this.#links.set(from, byReceiver);
    }
    let link = byReceiver.get(to);
    if (link === undefined) {
      const { time, latency } = this.#options;
      const random = this.#options.random.fork(`${from}>${to}`);
      link = new SimulatedLink({
        link: { from, to },
        time,
        random,
        latency,
        from: this.#seat(from),
        to: this.#seat(to),
      });
      byReceiver.set(to, link);
    }
    return link;
  }

  #closed(id: NodeId): void {
    this.#seat(id).endpoint = undefined;
    for (const [from, byReceiver] of this.#links) {
      byReceiver.get(id)?.receiverClosed();
      if (from === id) for (const link of byReceiver.values()) link.senderClosed();
    }
  }
}

/** One life of a node on the simulated network. */
export class SimulatedEndpoint implements Transport {
  readonly #options: {
    readonly time: VirtualTime;
    readonly send: (to: NodeId, bytes: Uint8Array) => void;
    readonly onClose: () => void;
  };
  #receive: (from: NodeId, bytes: Uint8Array) => void = () => undefined;
  #closed = false;
  #pauses = 0;
  /** Arrived while paused, or behind something that did. */
  readonly #held = new Fifo<{ readonly from: NodeId; readonly bytes: Uint8Array }>();
  #draining = false;

  constructor(options: {
    readonly time: VirtualTime;
    readonly send: (to: NodeId, bytes: Uint8Array) => void;
    readonly onClose: () => void;
  }) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(to: NodeId, bytes: Uint8Array): void {
    if (!this.#closed) this.#options.send(to, bytes);
  }

  onMessage(receive: (from: NodeId, bytes: Uint8Array) => void): void {
    this.#receive = receive;
  }

  /** Ends this life; idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#held.clear();
    this.#options.onClose();
  }

  /** A link delivers a message; called by the network only, and not after `close`. */
  accept(from: NodeId, bytes: Uint8Array): void {
    if (this.#pauses === 0 && this.#held.length === 0) this.#receive(from, bytes);
    else if (this.#held.length < maxHeldMessages) this.#held.push({ from, bytes });
  }

  /** @see SimulatedNetwork.pause */
  pause(): void {
    this.#pauses++;
  }

  /** Delivers what was held, each message as an event of its own. Harmless when nothing is paused. */
  resume(): void {
    this.#pauses = Math.max(0, this.#pauses - 1);
    if (this.#draining || this.#held.length === 0) return;
    this.#draining = true;
    this.#options.time.after(0, this.#drain);
  }

  readonly #drain = (): void => {
    this.#draining = false;
    if (this.#pauses > 0) return;
    const message = this.#held.shift();
    if (message === undefined) return;
    this.#receive(message.from, message.bytes);
    if (this.#held.length === 0) return;
    this.#draining = true;
    this.#options.time.after(0, this.#drain);
  };
}
