/**
 * The host of a minimal store: all its nodes in one thread, calling each other directly, each with its own door for
 * clients. The same host stands in the simulator and in the one process of a cluster deployment.
 *
 * A node that is down, paused, or cut off in either direction is out of reach of another one, for a whole operation. A
 * node that is killed is thrown away with its memory, and a new one starts from nothing: that a minimal store loses its
 * keys in a crash is a documented tradeoff, and this is where it shows.
 */

import { assert } from "../../foundation/assert.ts";
import { encode } from "../../foundation/codec.ts";
import type { NodeResources, NodeState } from "../../foundation/deployment.ts";
import type { Clock, Random, Transport } from "../../foundation/effects.ts";
import type { Fault, FaultHandle } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { AdminRequest, ClientReply, ClientRequest, StorageEvent, StorageState } from "../../storage/contract.ts";
import { ShardedStorage } from "../../storage/minimal.ts";
import { CallGate } from "../calls/call-gate.ts";
import type { CallingCluster } from "../calls/calling-cluster.ts";
import { injectIntoCalls } from "../calls/inject-into-calls.ts";
import type { CalledSeat } from "../calls/inject-into-calls.ts";
import { Wakefulness } from "../calls/wakefulness.ts";
import { failureOf } from "../node-failure.ts";
import type { MinimalStorageSettings } from "./minimal-settings.ts";
import { decodeRequest } from "../decode-request.ts";

export interface MinimalClusterOptions {
  readonly nodes: readonly NodeId[];
  readonly settings: MinimalStorageSettings;
  readonly clock: Clock;
  readonly random: Random;
  /** The clients' door of a node. */
  readonly transportOf: (id: NodeId) => Transport;
  readonly trace: (id: NodeId, event: StorageEvent) => void;
}

export class MinimalCluster implements CallingCluster<StorageState> {
  readonly #gate: CallGate;
  readonly #seats = new Map<NodeId, Seat>();

  constructor(options: MinimalClusterOptions) {
    this.#gate = new CallGate(options.random.fork("calls"), options.clock);
    const reachable = (from: NodeId): readonly ShardedStorage[] => this.#reachable(from);
    for (const id of options.nodes) this.#seats.set(id, new Seat(options, id, reachable));
    for (const seat of this.#seats.values()) seat.start();
  }

  inject(fault: Fault): FaultHandle {
    return injectIntoCalls(fault, this.#gate, (id) => {
      const seat = this.#seats.get(id);
      assert(seat !== undefined, `${id} is a node of the deployment`);
      return seat;
    });
  }

  states(): ReadonlyMap<NodeId, NodeState<StorageState>> {
    return new Map([...this.#seats].map(([id, seat]) => [id, seat.state()]));
  }

  resources(): readonly NodeResources[] {
    return [...this.#seats.values()].map((seat) => seat.resources());
  }

  #reachable(from: NodeId): readonly ShardedStorage[] {
    return [...this.#seats].flatMap(([id, { answering }]) =>
      id === from || answering === undefined || !this.#gate.connects(from, id) ? [] : [answering],
    );
  }
}

/** One node's place: the door stays, the node itself comes and goes. */
class Seat implements CalledSeat {
  readonly #options: MinimalClusterOptions;
  readonly #id: NodeId;
  readonly #reachable: (from: NodeId) => readonly ShardedStorage[];
  readonly #transport: Transport;
  readonly #wakefulness: Wakefulness;
  #node: ShardedStorage | undefined;
  #life = 0;
  /** Faults that hold the node down. */
  #heldDown = 0;
  #requests = 0;

  constructor(options: MinimalClusterOptions, id: NodeId, reachable: (from: NodeId) => readonly ShardedStorage[]) {
    this.#options = options;
    this.#id = id;
    this.#reachable = reachable;
    this.#wakefulness = new Wakefulness(options.clock, (act) => this.#guard(act));
    this.#transport = options.transportOf(id);
    this.#transport.onMessage((client, bytes) => this.#wakefulness.whenAwake(() => this.#serve(client, bytes)));
  }

  /** The node as its peers reach it: undefined when it is down or paused. */
  get answering(): ShardedStorage | undefined {
    return this.#wakefulness.isAwake ? this.#node : undefined;
  }

  start(): void {
    if (this.#heldDown > 0) this.#heldDown--;
    if (this.#node !== undefined || this.#heldDown > 0) return;
    const { nodes, settings, trace } = this.#options;
    this.#node = new ShardedStorage({
      ...settings,
      id: this.#id,
      nodes: nodes.length,
      life: ++this.#life,
      peers: { reachable: this.#reachable },
      trace: (event) => trace(this.#id, event),
    });
  }

  takeDown(orderly: boolean): boolean {
    this.#heldDown++;
    if (this.#node === undefined) return false;
    this.#node = undefined;
    this.#requests = 0;
    this.#options.trace(this.#id, { kind: "stop", orderly });
    return true;
  }

  pause(): FaultHandle {
    return this.#wakefulness.pause(() => undefined);
  }

  state(): NodeState<StorageState> {
    if (this.#node === undefined) return { kind: "out-of-service", reason: `${this.#id} is down` };
    return { kind: "state", state: this.#node.state() };
  }

  resources(): NodeResources {
    const keyCounts = this.#node?.keyCounts ?? [];
    const counters = {
      keys: keyCounts.reduce((sum, count) => sum + count, 0),
      "keys of the fullest shard": Math.max(0, ...keyCounts),
      requests: this.#requests,
    };
    return { node: this.#id, residentBytes: undefined, cpuMs: undefined, counters };
  }

  #serve(client: NodeId, bytes: Uint8Array): void {
    const node = this.#node;
    if (node === undefined) return; // A dead process does not answer.
    const request = decodeRequest(bytes) as ClientRequest | AdminRequest | undefined;
    if (request === undefined) return;
    this.#requests++;
    const { id } = request;
    const reply: ClientReply["reply"] =
      "command" in request
        ? { kind: "error", code: "MALFORMED_REQUEST" }
        : node.execute(request, this.#options.clock.nowMs());
    this.#transport.send(client, encode({ id, reply } satisfies ClientReply));
  }

  /** Puts the node's name to an error that comes out of it. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw failureOf(this.#id, this.#options.clock.nowMs(), error);
    }
  }
}
