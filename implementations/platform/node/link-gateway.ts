/**
 * The way out of a node that dials its peers by address and cannot be told another one per peer: a SOCKS 5 server that
 * knows, for each address, the proxy of the link that leads there.
 *
 * etcd derives the identity of a member from the address under which all members know it, so every member must be
 * given the same addresses. They lie in 192.0.2.0/24, which is reserved for documentation and leads nowhere; each
 * member dials them through its own gateway, and the connection is handed to the proxy of the link from that member to
 * the one addressed, within this process: no hop more than for nodes that dial the proxy themselves.
 *
 * Only CONNECT to IPv4 addresses and names without authentication, which is what Go's net/http sends. An address that
 * no link leads to is refused.
 *
 * @see RFC 1928 (SOCKS 5), RFC 5737 (192.0.2.0/24).
 */

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { PeerAddress } from "./outgoing-link.ts";
import { resetSocket } from "./reset-socket.ts";

const version = 5;
const noAuthentication = 0;
const connectCommand = 1;
const addressTypes = { ipv4: 1, name: 3 } as const;
const replies = { succeeded: 0, unreachable: 4 } as const;
/** Longer than any greeting and request together. */
const maxHandshakeBytes = 1024;

/** Takes a connection that was made for `host`; false when no link leads there. */
export type Route = (host: string, connection: Socket) => boolean;

export class LinkGateway {
  readonly #server: Server;
  readonly #route: Route;
  /** Connections whose destination is not known yet. */
  readonly #greeting = new Set<Socket>();

  private constructor(server: Server, route: Route) {
    this.#server = server;
    this.#route = route;
    server.on("connection", (socket) => this.#greet(socket));
  }

  /** @throws Error (of node:net) when it cannot listen. */
  static async listen(route: Route): Promise<LinkGateway> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const gateway = new LinkGateway(server, route);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return gateway;
  }

  get address(): PeerAddress {
    return { host: "127.0.0.1", port: (this.#server.address() as AddressInfo).port };
  }

  /** Stops listening; connections that were handed over belong to their links. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#greeting) resetSocket(socket);
    await closed;
  }

  #greet(socket: Socket): void {
    let received = Buffer.alloc(0);
    let isGreeted = false;
    this.#greeting.add(socket);
    socket.on("close", () => this.#greeting.delete(socket));
    socket.on("error", () => undefined); // "close" follows.
    const take = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      if (!isGreeted) {
        const length = greetingLength(received);
        if (length === "more") return this.#refuseLong(socket, received);
        if (length === "wrong") return resetSocket(socket);
        received = received.subarray(length);
        isGreeted = true;
        socket.write(Buffer.from([version, noAuthentication]));
      }
      const host = requestedHost(received);
      if (host === "more") return this.#refuseLong(socket, received);
      socket.off("data", take);
      this.#greeting.delete(socket);
      if (host === "wrong") return resetSocket(socket);
      this.#handOver(socket, host);
    };
    socket.on("data", take);
    socket.on("end", () => {
      if (this.#greeting.has(socket)) resetSocket(socket);
    });
  }

  #handOver(socket: Socket, host: string): void {
    // The link's own faults begin behind this reply, as they begin behind the accept of a proxy that is dialled.
    if (this.#route(host, socket)) socket.write(reply(replies.succeeded));
    else socket.end(reply(replies.unreachable));
  }

  #refuseLong(socket: Socket, received: Buffer): void {
    if (received.length > maxHandshakeBytes) resetSocket(socket);
  }
}

/** How many bytes the greeting takes that `bytes` begin with. */
function greetingLength(bytes: Buffer): number | "more" | "wrong" {
  const [first, methods] = bytes;
  if (first !== undefined && first !== version) return "wrong";
  if (methods === undefined || bytes.length < 2 + methods) return "more";
  return bytes.subarray(2, 2 + methods).includes(noAuthentication) ? 2 + methods : "wrong";
}

/** The host that the request asks for which `bytes` are. */
function requestedHost(bytes: Buffer): string {
  const [first, command, , type, length = 0] = bytes;
  if ((first ?? version) !== version || (command ?? connectCommand) !== connectCommand) return "wrong";
  if (bytes.length < 5) return "more";
  if (type === addressTypes.ipv4) return bytes.length < 10 ? "more" : bytes.subarray(4, 8).join(".");
  if (type !== addressTypes.name) return "wrong";
  return bytes.length < 7 + length ? "more" : bytes.toString("latin1", 5, 5 + length);
}

/** The address we are bound to is nobody's business. */
function reply(code: number): Buffer {
  return Buffer.from([version, code, 0, addressTypes.ipv4, 0, 0, 0, 0, 0, 0]);
}
