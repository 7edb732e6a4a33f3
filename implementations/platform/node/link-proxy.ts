/**
 * Stands in the way of one directed link: a TCP forwarder that knows nothing of what it forwards, with the faults that
 * a network does to TCP connections.
 *
 * The bytes are encrypted and the proxy has no key, so it can only do what a network could: hold, slow, damage, cut. A
 * flipped bit is noticed by TLS and ends the connection. Duplicated and reordered packets are not here: TCP removes
 * both before an application sees them.
 *
 * "forward" is from the side that connected to the side that listens. Each direction has faults of its own; `reset` and
 * `slow-close` are done to connections, whichever direction they are asked for.
 */

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { assert } from "../../foundation/assert.ts";
import type { Clock, Random } from "../../foundation/effects.ts";
import { UsageError } from "../../foundation/errors.ts";
import { faultHandle } from "../../foundation/fault-handle.ts";
import type { FaultHandle, PacketFault } from "../../foundation/faults.ts";
import { ByteLane } from "./byte-lane.ts";
import type { LaneFault, StreamFault } from "./byte-lane.ts";
import type { PeerAddress } from "./outgoing-link.ts";
import { resetSocket } from "./reset-socket.ts";

export type LaneDirection = "forward" | "backward";

/** What each fault counts on a proxied link. */
const unitOf = {
  cut: "chunks held",
  delay: "chunks delayed",
  loss: "chunks held for retransmission",
  corrupt: "bits flipped",
  bandwidth: "chunks slowed",
  reset: "connections reset",
  "slow-close": "closes delayed",
  "half-open": "chunks swallowed",
} as const satisfies Record<StreamFault["kind"], string>;

/** What a proxy can be asked for; some of it is refused. */
export type ProxyFault = PacketFault | { readonly kind: "cut" };

/**
 * Returns what `fault` counts on a proxied link.
 *
 * @throws UsageError for a fault that TCP hides.
 */
export function proxyUnitOf(fault: ProxyFault): string {
  if (isStreamFault(fault)) return unitOf[fault.kind];
  throw new UsageError(
    `Cannot inject ${fault.kind} into a TCP connection: TCP hides it; allowed are ${Object.keys(unitOf).join(", ")}`,
  );
}

export interface ProxyCounters {
  connections: number;
  forwardBytes: number;
  backwardBytes: number;
}

export interface LinkProxyOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Where both ends are; the loopback address. */
  readonly host?: string;
}

export class LinkProxy {
  readonly counters: ProxyCounters = { connections: 0, forwardBytes: 0, backwardBytes: 0 };
  readonly #options: LinkProxyOptions;
  readonly #host: string;
  readonly #server: Server;
  readonly #faults: Record<LaneDirection, Set<LaneFault>> = { forward: new Set(), backward: new Set() };
  readonly #connections = new Set<Connection>();
  #target: PeerAddress | undefined;

  private constructor(options: LinkProxyOptions, server: Server) {
    this.#options = options;
    this.#host = options.host ?? "127.0.0.1";
    this.#server = server;
    server.on("connection", (client) => this.accept(client));
  }

  /** Starts a proxy on a port of the system's choice. @throws Error (of node:net) when it cannot listen. */
  static async listen(options: LinkProxyOptions): Promise<LinkProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const proxy = new LinkProxy(options, server);
    server.listen(0, proxy.#host);
    await once(server, "listening");
    return proxy;
  }

  get address(): PeerAddress {
    return { host: this.#host, port: (this.#server.address() as AddressInfo).port };
  }

  /** Where connections go from now on; without a target they are reset, as by a machine on which nobody listens. */
  setTarget(target: PeerAddress | undefined): void {
    this.#target = target;
  }

  /**
   * Begins a fault in `directions`.
   *
   * @throws UsageError for a fault that TCP hides.
   */
  apply(fault: ProxyFault, directions: readonly LaneDirection[]): FaultHandle {
    const unit = proxyUnitOf(fault);
    assert(isStreamFault(fault), "a fault with a unit is one of a stream");
    const lane: LaneFault = { fault, count: 0 };
    // A reset is over at once: nothing that comes later needs to know of it.
    if (fault.kind !== "reset") for (const direction of directions) this.#faults[direction].add(lane);
    for (const connection of [...this.#connections]) {
      if (fault.kind === "reset") lane.count += connection.reset();
      else if (fault.kind === "slow-close") lane.count += connection.closeSlowly(fault.lingerMs);
      else connection.faultsChanged();
    }
    return faultHandle(
      unit,
      () => lane.count,
      () => {
        for (const direction of directions) this.#faults[direction].delete(lane);
        for (const connection of [...this.#connections]) connection.healed(fault);
      },
    );
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of [...this.#connections]) connection.reset();
    await closed;
  }

  /** Takes a connection as if it had been made to this proxy. */
  accept(client: Socket): void {
    if (this.#target === undefined) {
      client.on("error", () => undefined);
      resetSocket(client);
      return;
    }
    this.counters.connections++;
    const { clock, random } = this.#options;
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const label = String(this.counters.connections);
    const { forward, backward } = this.#faults;
    const connection: Connection = new Connection(client, server, () => this.#connections.delete(connection), {
      forward: new ByteLane({
        source: client,
        sink: server,
        clock,
        random: random.fork(`forward ${label}`),
        faults: forward,
        onForwarded: (bytes) => (this.counters.forwardBytes += bytes),
      }),
      backward: new ByteLane({
        source: server,
        sink: client,
        clock,
        random: random.fork(`backward ${label}`),
        faults: backward,
        onForwarded: (bytes) => (this.counters.backwardBytes += bytes),
      }),
    });
    this.#connections.add(connection);
  }
}

/** A client's connection, the one made for it to the target, and the two lanes between them. */
class Connection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #lanes: Readonly<Record<LaneDirection, ByteLane>>;

  constructor(client: Socket, server: Socket, onGone: () => void, lanes: Readonly<Record<LaneDirection, ByteLane>>) {
    this.#client = client;
    this.#server = server;
    this.#lanes = lanes;
    let open = 2;
    for (const socket of [client, server]) {
      socket.on("error", () => undefined); // "close" follows, and the lanes pass it on.
      socket.on("close", () => {
        if (--open === 0) onGone();
      });
    }
  }

  faultsChanged(): void {
    this.#lanes.forward.faultsChanged();
    this.#lanes.backward.faultsChanged();
  }

  /** A stream that misses bytes cannot go on when its half-open fault heals. */
  healed(fault: ProxyFault): void {
    if (fault.kind === "half-open" && (this.#lanes.forward.swallowed || this.#lanes.backward.swallowed)) this.reset();
    else this.faultsChanged();
  }

  /** Resets both sides now. @returns how many connections that were. */
  reset(): 1 {
    this.#lanes.forward.close();
    this.#lanes.backward.close();
    resetSocket(this.#client);
    resetSocket(this.#server);
    return 1;
  }

  /** The client's side ends now, the target's side after `lingerMs`. @returns how many connections that were. */
  closeSlowly(lingerMs: number): 1 {
    this.#lanes.forward.endSlowly(lingerMs);
    this.#lanes.backward.close();
    resetSocket(this.#client);
    return 1;
  }
}

function isStreamFault(fault: ProxyFault): fault is StreamFault {
  return fault.kind !== "duplicate" && fault.kind !== "reorder";
}
