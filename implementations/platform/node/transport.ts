/**
 * Messages between processes: TLS 1.3 with mutual authentication, one directed connection per ordered pair of nodes.
 *
 * A node sends to its peers over its own outgoing connections only, so that a fault on a directed link hits that
 * direction and no other. Clients do not listen: a reply to one goes back over the connection on which it came. Who a
 * peer is, is what its certificate says; one without a certificate of this cluster's authority does not get past the
 * handshake. A newer connection of the same peer replaces the older, so messages of one link stay in order.
 *
 * Datagrams, not streams: nothing is sent again, and what exceeds a bound is dropped and counted.
 *
 * @see RFC 8446 (TLS 1.3).
 */

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:tls";
import type { Server, TLSSocket } from "node:tls";
import { assert } from "../../foundation/assert.ts";
import type { Clock, Random, Transport } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { identityOf } from "./identity.ts";
import type { Credentials } from "./certificates.ts";
import { FramedSocket } from "./framed-socket.ts";
import type { FramedSocketOptions } from "./framed-socket.ts";
import { OutgoingLink } from "./outgoing-link.ts";
import type { PeerAddress } from "./outgoing-link.ts";

export interface TransportLimits {
  /** Bytes that wait for one connection; a message that exceeds them is dropped. */
  readonly maxQueuedBytes: number;
  /** A larger message is dropped by its sender, and ends the connection at its receiver. */
  readonly maxFrameBytes: number;
  /** How long a handshake may take, on either side. */
  readonly connectTimeoutMs: Millis;
  /** Pauses between attempts to connect; they double from the first to the last, with jitter. */
  readonly backoff: { readonly minMs: Millis; readonly maxMs: Millis };
}

export const transportDefaults: TransportLimits = {
  maxQueuedBytes: 64 * 1024 * 1024,
  maxFrameBytes: 32 * 1024 * 1024,
  connectTimeoutMs: 1000,
  backoff: { minMs: 10, maxMs: 500 },
};

/**
 * Counted since the transport was made. Dropped messages were not sent for want of room or of a connection; refused
 * handshakes are those of peers without a certificate of the cluster, those that are not TLS, and those never finished.
 */
export type TransportCounters = Record<
  | "messages sent"
  | "bytes sent"
  | "messages received"
  | "bytes received"
  | "messages dropped"
  | "reconnects"
  | "handshakes refused",
  number
>;

export interface TlsTransportOptions {
  readonly id: NodeId;
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** For the jitter of reconnecting. */
  readonly random: Random;
  readonly limits?: Partial<TransportLimits>;
}

export class TlsTransport implements Transport {
  readonly #options: TlsTransportOptions;
  readonly #limits: TransportLimits;
  readonly #counters: TransportCounters = {
    "messages sent": 0,
    "bytes sent": 0,
    "messages received": 0,
    "bytes received": 0,
    "messages dropped": 0,
    reconnects: 0,
    "handshakes refused": 0,
  };
  readonly #outgoing = new Map<NodeId, OutgoingLink>();
  /** The newest connection from each peer that has one. */
  readonly #incoming = new Map<NodeId, FramedSocket>();
  #receive: (from: NodeId, bytes: Uint8Array) => void = () => undefined;
  #connectionListener: (peer: NodeId, up: boolean) => void = () => undefined;
  #server: Server | undefined;
  /** Every accepted connection, also one whose handshake is not over. */
  readonly #accepted = new Set<Socket>();
  #closing: Promise<void> | undefined;

  constructor(options: TlsTransportOptions) {
    this.#options = options;
    this.#limits = { ...transportDefaults, ...options.limits };
  }

  get counters(): Readonly<TransportCounters> {
    return this.#counters;
  }

  /**
   * Accepts connections of peers on a port of the system's choice.
   *
   * @returns the port.
   * @throws Error (of node:net) when `host` cannot be listened on.
   */
  async listen(host = "127.0.0.1"): Promise<number> {
    assert(this.#server === undefined && this.#closing === undefined, `${this.#options.id} listens once`);
    const { authorityPem, certificatePem, keyPem } = this.#options.credentials;
    const server = createServer({
      ca: authorityPem,
      cert: certificatePem,
      key: keyPem,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
      handshakeTimeout: this.#limits.connectTimeoutMs,
    });
    this.#server = server;
    server.on("connection", (socket) => {
      this.#accepted.add(socket);
      socket.on("close", () => this.#accepted.delete(socket));
    });
    server.on("secureConnection", (socket) => this.#accept(socket));
    server.on("tlsClientError", (_error, socket) => {
      this.#counters["handshakes refused"]++;
      socket.destroy();
    });
    server.listen(0, host);
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  /** Keeps an outgoing connection to each of `peers`; a second call changes, adds and removes peers. */
  connect(peers: ReadonlyMap<NodeId, PeerAddress>): void {
    assert(this.#closing === undefined, `${this.#options.id} is open when it connects`);
    for (const [peer, link] of this.#outgoing) {
      const wanted = peers.get(peer);
      if (wanted?.host === link.address.host && wanted.port === link.address.port) continue;
      link.close();
      this.#outgoing.delete(peer);
    }
    for (const [peer, address] of peers) {
      if (!this.#outgoing.has(peer)) this.#outgoing.set(peer, this.#open(peer, address));
    }
  }

  send(to: NodeId, bytes: Uint8Array): void {
    const way = this.#outgoing.get(to) ?? this.#incoming.get(to);
    if (way === undefined || bytes.length > this.#limits.maxFrameBytes || !way.send(bytes)) {
      this.#counters["messages dropped"]++;
      return;
    }
    this.#counters["messages sent"]++;
    this.#counters["bytes sent"] += bytes.length;
  }

  onMessage(receive: (from: NodeId, bytes: Uint8Array) => void): void {
    this.#receive = receive;
  }

  /** Tells `listener` when the outgoing connection to a peer comes up or is lost. */
  onConnection(listener: (peer: NodeId, up: boolean) => void): void {
    this.#connectionListener = listener;
  }

  /** Ends all connections; idempotent. Resolves when the port is free. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (const link of this.#outgoing.values()) link.close();
    this.#outgoing.clear();
    const server = this.#server;
    const closed = server === undefined ? undefined : new Promise((resolve) => server.close(resolve));
    for (const socket of this.#accepted) socket.destroy();
    this.#incoming.clear();
    await closed;
  }

  #open(peer: NodeId, address: PeerAddress): OutgoingLink {
    const { clock, credentials, random } = this.#options;
    const { backoff, connectTimeoutMs } = this.#limits;
    const link: OutgoingLink = new OutgoingLink({
      peer,
      address,
      credentials,
      clock,
      random: random.fork(peer),
      connectTimeoutMs,
      backoff,
      socket: this.#socketOptions(peer),
      onUp: () => {
        if (link.connections > 1) this.#counters.reconnects++;
        this.#connectionListener(peer, true);
      },
      onDown: () => this.#connectionListener(peer, false),
      onDropped: (count) => (this.#counters["messages dropped"] += count),
      onRefused: () => this.#counters["handshakes refused"]++,
    });
    return link;
  }

  #accept(socket: TLSSocket): void {
    const peer = identityOf(socket.getPeerCertificate());
    if (peer === undefined || this.#closing !== undefined) {
      this.#counters["handshakes refused"]++;
      socket.destroy();
      return;
    }
    const framed: FramedSocket = new FramedSocket(socket, {
      ...this.#socketOptions(peer),
      onClose: () => {
        if (this.#incoming.get(peer) === framed) this.#incoming.delete(peer);
      },
    });
    this.#incoming.get(peer)?.destroy();
    this.#incoming.set(peer, framed);
    this.#outgoing.get(peer)?.hurry();
  }

  #socketOptions(peer: NodeId): Omit<FramedSocketOptions, "onClose"> {
    return {
      maxFrameBytes: this.#limits.maxFrameBytes,
      maxQueuedBytes: this.#limits.maxQueuedBytes,
      onBytes: (received) => (this.#counters["bytes received"] += received),
      onMessage: (bytes) => {
        this.#counters["messages received"]++;
        this.#receive(peer, bytes);
      },
    };
  }
}
