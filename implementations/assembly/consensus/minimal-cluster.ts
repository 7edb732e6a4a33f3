/**
 * The host of a minimal deployment: all its nodes in one thread, calling each other directly, each with its own door
 * for clients. The same host stands in the simulator and in the one process of a cluster deployment.
 *
 * A node that is killed is thrown away with its memory, and a new one starts from nothing: that minimal loses its log
 * in a crash is a documented tradeoff, and this is where it shows.
 */

import type { Clock, Random, Timer, Transport } from "../../foundation/effects.ts";
import type { NodeResources, NodeState } from "../../foundation/deployment.ts";
import type { Fault, FaultHandle } from "../../foundation/faults.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { assert, unreachable } from "../../foundation/assert.ts";
import { encode } from "../../foundation/codec.ts";
import type {
  ClientReply,
  ClientRequest,
  ConsensusEvent,
  ConsensusReply,
  ConsensusState,
  ConsensusView,
} from "../../consensus/contract.ts";
import { RaftNode } from "../../consensus/minimal.ts";
import { FaultyClock } from "../../platform/faulty-clock.ts";
import { CallGate } from "../calls/call-gate.ts";
import type { CallingCluster } from "../calls/calling-cluster.ts";
import { injectIntoCalls } from "../calls/inject-into-calls.ts";
import type { CalledSeat } from "../calls/inject-into-calls.ts";
import { Wakefulness } from "../calls/wakefulness.ts";
import { MessageMoments } from "../moments.ts";
import type { MessageMoment } from "../moments.ts";
import { failureOf } from "../node-failure.ts";
import { decodeRequest } from "../decode-request.ts";

export interface MinimalSettings {
  readonly electionTimeoutMs: Millis;
  readonly heartbeatIntervalMs: Millis;
  /** Bound of the in-memory log; a full log answers OVERLOADED. */
  readonly maxLogEntries: number;
}

export const minimalDefaults: MinimalSettings = {
  electionTimeoutMs: 150,
  heartbeatIntervalMs: 30,
  maxLogEntries: 2_000_000,
};

export interface MinimalClusterOptions {
  readonly nodes: readonly NodeId[];
  readonly settings: MinimalSettings;
  readonly clock: Clock;
  readonly random: Random;
  /** The clients' door of a node. */
  readonly transportOf: (id: NodeId) => Transport;
  readonly trace: (id: NodeId, event: ConsensusEvent) => void;
  /** Called after a node did something. */
  readonly onStep?: (id: NodeId) => void;
}

export class MinimalCluster implements CallingCluster<ConsensusState> {
  readonly gate: CallGate;
  readonly moments = new MessageMoments();
  readonly #seats = new Map<NodeId, Seat>();

  constructor(options: MinimalClusterOptions) {
    this.gate = new CallGate(options.random.fork("calls"), options.clock);
    for (const id of options.nodes) this.#seats.set(id, new Seat(options, id, this));
    for (const seat of this.#seats.values()) seat.start();
  }

  /** Faults between and of the nodes; those on client links are the substrate's. */
  inject(fault: Fault): FaultHandle {
    return injectIntoCalls(fault, this.gate, (id) => this.seat(id));
  }

  arm(moment: MessageMoment, reached: () => void): void {
    this.moments.arm(moment, (resume) => {
      reached();
      resume();
    });
  }

  seat(id: NodeId): Seat {
    const seat = this.#seats.get(id);
    assert(seat !== undefined, `${id} is a node of the deployment`);
    return seat;
  }

  states(): ReadonlyMap<NodeId, NodeState<ConsensusState>> {
    return new Map([...this.#seats].map(([id, seat]) => [id, seat.state()]));
  }

  resources(): readonly NodeResources[] {
    return [...this.#seats.values()].map((seat) => seat.resources());
  }

  view(id: NodeId): ConsensusView | undefined {
    return this.seat(id).node?.view();
  }
}

/** A clock that drifts can wake us a rounding error early; waiting no time at all would then never end. */
const shortestDelayMs = 0.01;

interface Waiting {
  readonly client: NodeId;
  readonly requestId: number;
  readonly term: number;
}

/** One node's place: the door and the clock stay, the node itself comes and goes. */
class Seat implements CalledSeat {
  readonly clock: FaultyClock;
  readonly #options: MinimalClusterOptions;
  readonly #cluster: MinimalCluster;
  readonly #id: NodeId;
  readonly #transport: Transport;
  #node: RaftNode | undefined;
  #life = 0;
  #heldDown = 0;
  readonly #wakefulness: Wakefulness;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  readonly #waiting = new Map<number, Waiting>();

  constructor(options: MinimalClusterOptions, id: NodeId, cluster: MinimalCluster) {
    this.#options = options;
    this.#cluster = cluster;
    this.#id = id;
    this.clock = new FaultyClock(options.clock);
    this.#wakefulness = new Wakefulness(options.clock, (act) => this.#guard(act));
    this.#transport = options.transportOf(id);
    this.#transport.onMessage((client, bytes) => this.#wakefulness.whenAwake(() => this.#serve(client, bytes)));
  }

  get node(): RaftNode | undefined {
    return this.#node;
  }

  /** The node as its peers reach it: undefined when it is down or paused. */
  get answering(): RaftNode | undefined {
    return this.#wakefulness.isAwake ? this.#node : undefined;
  }

  start(): void {
    if (this.#heldDown > 0) this.#heldDown--;
    if (this.#node !== undefined || this.#heldDown > 0) return;
    const life = ++this.#life;
    let born = false;
    const { nodes, settings, random, trace } = this.#options;
    // A node that is thrown away in the middle of a call must not act on when the call returns: it is dead.
    const alive = (): boolean => !born || (this.#life === life && this.#node !== undefined);
    this.#node = new RaftNode({
      ...settings,
      id: this.#id,
      voters: nodes,
      life,
      random: random.fork(`${this.#id} life ${life}`),
      nowMs: this.clock.nowMs(),
      peers: {
        requestVote: (to, request) =>
          alive()
            ? this.#call(to, "VoteRequest", request.term, (peer, nowMs) => peer.handleVoteRequest(request, nowMs))
            : undefined,
        appendEntries: (to, request) =>
          alive()
            ? this.#call(to, "AppendEntries", request.term, (peer, nowMs) => peer.handleAppendEntries(request, nowMs))
            : undefined,
      },
      trace: (event) => {
        if (alive()) trace(this.#id, event);
      },
      onApplied: (index, term, reply) => {
        if (alive()) this.#onApplied(index, term, reply);
      },
    });
    born = true;
    this.touched();
  }

  /** @returns whether the node was up. */
  takeDown(orderly: boolean): boolean {
    this.#heldDown++;
    if (this.#node === undefined) return false;
    this.#node = undefined;
    this.#timer?.cancel();
    this.#timerAtMs = Infinity;
    this.#waiting.clear();
    this.#cluster.moments.forget(this.#id);
    this.#options.trace(this.#id, { kind: "stop", orderly });
    return true;
  }

  pause(): FaultHandle {
    return this.#wakefulness.pause(() => this.touched());
  }

  /** After anything the node did: its next deadline is kept, watchers see its state. */
  touched(): void {
    const node = this.#node;
    if (node === undefined) return;
    if (node.view().role !== "leader") this.#dropWaiting();
    this.#options.onStep?.(this.#id);
    if (node.wakeAtMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = node.wakeAtMs;
    this.#timer = this.clock.after(Math.max(shortestDelayMs, node.wakeAtMs - this.clock.nowMs()), () =>
      this.#wakefulness.whenAwake(() => {
        this.#timerAtMs = Infinity;
        if (this.#node !== node) return;
        if (node.wakeAtMs <= this.clock.nowMs()) node.tick(this.clock.nowMs());
        this.touched();
      }),
    );
  }

  state(): NodeState<ConsensusState> {
    if (this.#node === undefined) return { kind: "out-of-service", reason: `${this.#id} is down` };
    return { kind: "state", state: this.#node.canonical() };
  }

  resources(): NodeResources {
    const counters = { "log entries": this.#node?.logLength ?? 0 };
    return { node: this.#id, residentBytes: undefined, cpuMs: undefined, counters };
  }

  /** Puts the node's name to an error that comes out of it. */
  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw failureOf(this.#id, this.#options.clock.nowMs(), error);
    }
  }

  #call<T>(to: NodeId, kind: string, term: number, call: (peer: RaftNode, nowMs: Millis) => T): T | undefined {
    let answer: T | undefined;
    this.#cluster.moments.before(this.#id, to, { kind, term }, () => {
      answer = this.#cluster.gate.pass(this.#id, to, () => {
        const seat = this.#cluster.seat(to);
        const peer = seat.answering;
        if (peer === undefined) return undefined;
        const reply = seat.#guard(() => call(peer, seat.clock.nowMs()));
        seat.touched();
        return reply;
      });
    });
    return answer;
  }

  #serve(client: NodeId, bytes: Uint8Array): void {
    const node = this.#node;
    if (node === undefined) return; // A dead process does not answer.
    const request = decodeRequest(bytes) as ClientRequest | undefined;
    if (request === undefined) return;
    const proposed = node.propose(request, this.clock.nowMs());
    if (this.#node !== node) return; // It was killed while it was proposing.
    switch (proposed.kind) {
      case "done":
        this.#reply(client, { id: request.id, reply: proposed.reply });
        break;
      case "pending":
        this.#waiting.set(proposed.index, { client, requestId: request.id, term: proposed.term });
        break;
      case "refused": {
        const reply: ConsensusReply = { kind: "error", code: proposed.code };
        this.#reply(client, {
          id: request.id,
          reply,
          ...(proposed.leader === null ? {} : { leader: proposed.leader }),
        });
        break;
      }
      default:
        unreachable(proposed);
    }
    this.touched();
  }

  #onApplied(index: number, term: number, reply: ConsensusReply): void {
    const waiting = this.#waiting.get(index);
    if (waiting === undefined) return;
    this.#waiting.delete(index);
    this.#reply(waiting.client, {
      id: waiting.requestId,
      reply: waiting.term === term ? reply : { kind: "error", code: "PROPOSAL_DROPPED" },
    });
  }

  /** A leader that lost its office cannot promise anything about what it had proposed. */
  #dropWaiting(): void {
    for (const { client, requestId } of this.#waiting.values()) {
      this.#reply(client, { id: requestId, reply: { kind: "error", code: "PROPOSAL_DROPPED" } });
    }
    this.#waiting.clear();
  }

  #reply(client: NodeId, reply: ClientReply): void {
    this.#transport.send(client, encode(reply));
  }
}
