/**
 * The outgoing connection to one peer: opened at once, and opened again whenever it is lost.
 *
 * The first attempt after a loss comes almost at once, for a peer that restarts is wanted back within an election; then
 * the pauses double up to a bound, with jitter so that a cluster does not knock in step. A connection must last for a
 * while before it counts as a success: one that is refused right after the handshake must not reset the pauses.
 *
 * Messages wait for an attempt that is under way or about to begin, but only that long: when it fails they are dropped,
 * as is everything unsent when a connection is lost. A peer that comes back does not want the news of last minute.
 */

import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import type { Clock, Random, Timer } from "../../foundation/effects.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { identityOf } from "./identity.ts";
import type { Credentials } from "./certificates.ts";
import { FramedSocket } from "./framed-socket.ts";
import type { FramedSocketOptions } from "./framed-socket.ts";

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

export interface OutgoingLinkOptions {
  readonly peer: NodeId;
  readonly address: PeerAddress;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly connectTimeoutMs: Millis;
  /** The pause before the first new attempt, and the longest. */
  readonly backoff: { readonly minMs: Millis; readonly maxMs: Millis };
  readonly socket: Omit<FramedSocketOptions, "onClose">;
  readonly onUp: () => void;
  readonly onDown: () => void;
  /** `count` messages that were accepted will not be sent. */
  readonly onDropped: (count: number) => void;
  /** The peer is not who it should be. */
  readonly onRefused: () => void;
}

export class OutgoingLink {
  readonly #options: OutgoingLinkOptions;
  #state: "waiting" | "connecting" | "up" | "closed" = "waiting";
  #connecting: TLSSocket | undefined;
  #socket: FramedSocket | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  /** Messages for the connection that is being made. */
  readonly #queue = new Fifo<Uint8Array>();
  #queuedBytes = 0;
  #connections = 0;

  constructor(options: OutgoingLinkOptions) {
    this.#options = options;
    this.#connect();
  }

  get address(): PeerAddress {
    return this.#options.address;
  }

  /** Connections made so far. */
  get connections(): number {
    return this.#connections;
  }

  /** @returns whether the message was taken; otherwise it is dropped. */
  send(bytes: Uint8Array): boolean {
    if (this.#socket !== undefined) return this.#socket.send(bytes);
    if (this.#state === "closed" || this.#queuedBytes + bytes.length > this.#options.socket.maxQueuedBytes)
      return false;
    this.#queue.push(new Uint8Array(bytes));
    this.#queuedBytes += bytes.length;
    return true;
  }

  /** There is a sign that the peer is up: a pause between attempts ends now. */
  hurry(): void {
    if (this.#state !== "waiting") return;
    this.#timer?.cancel();
    this.#connect();
  }

  close(): void {
    this.#state = "closed";
    this.#timer?.cancel();
    this.#connecting?.destroy();
    this.#socket?.destroy();
    this.#dropQueue();
  }

  #connect(): void {
    const { address, credentials, peer } = this.#options;
    this.#state = "connecting";
    const socket = connectTls({
      host: address.host,
      port: address.port,
      ca: credentials.authorityPem,
      cert: credentials.certificatePem,
      key: credentials.keyPem,
      minVersion: "TLSv1.3",
      // The certificate must be the peer's own: its name there, not the address, is what we want to reach.
      checkServerIdentity: (_host, certificate) =>
        identityOf(certificate) === peer ? undefined : new Error(`the certificate is not that of ${peer}`),
    });
    this.#connecting = socket;
    socket.on("error", () => undefined); // "close" follows.
    socket.on("close", () => {
      if (this.#connecting !== socket) return;
      // Set when the peer's certificate was refused; null, against its type, when the attempt did not come that far.
      if ((socket.authorizationError as Error | null) !== null) this.#options.onRefused();
      this.#failed();
    });
    socket.once("secureConnect", () => this.#connected(socket));
    this.#timer = this.#options.clock.after(this.#options.connectTimeoutMs, () => socket.destroy());
  }

  #connected(socket: TLSSocket): void {
    this.#timer?.cancel();
    if (this.#state === "closed") return;
    this.#connecting = undefined;
    this.#state = "up";
    this.#connections++;
    const framed = new FramedSocket(socket, { ...this.#options.socket, onClose: () => this.#lost() });
    this.#socket = framed;
    this.#timer = this.#options.clock.after(this.#options.backoff.maxMs, () => (this.#failures = 0));
    for (let bytes = this.#queue.shift(); bytes !== undefined; bytes = this.#queue.shift()) framed.send(bytes);
    this.#queuedBytes = 0;
    this.#options.onUp();
  }

  #lost(): void {
    this.#socket = undefined;
    this.#timer?.cancel();
    if (this.#state === "closed") return;
    this.#options.onDown();
    this.#retryLater();
  }

  #failed(): void {
    this.#connecting = undefined;
    this.#timer?.cancel();
    if (this.#state === "closed") return;
    this.#dropQueue();
    this.#retryLater();
  }

  #retryLater(): void {
    const { backoff, clock, random } = this.#options;
    const pauseMs = Math.min(backoff.maxMs, backoff.minMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    this.#state = "waiting";
    this.#timer = clock.after(pauseMs * (0.5 + random.float() / 2), () => this.#connect());
  }

  #dropQueue(): void {
    if (this.#queue.length > 0) this.#options.onDropped(this.#queue.length);
    this.#queue.clear();
    this.#queuedBytes = 0;
  }
}
