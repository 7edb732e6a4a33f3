/**
 * Trials of the machine for the doctor: a connection over loopback, a mutual TLS 1.3 handshake, the step of the clock.
 * Each returns what it measured, or throws what went wrong.
 */

import { connect as connectTcp, createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { issueTrialCredentials } from "../../implementations/assembly/cluster/trial-credentials.ts";

const limitMs = 3000;

/** Connects over 127.0.0.1, sends one byte and waits for it to come back; says how long the round trip took. */
export async function loopback(): Promise<string> {
  const server = createTcpServer((socket) => echo(socket));
  const tookMs = await roundTrip(server, (port) => connectTcp(port, "127.0.0.1"), "connect");
  return `a connection and one round trip take ${tookMs.toFixed(2)} ms`;
}

/** The same under TLS 1.3 with mutual authentication, with certificates as a cluster's launch issues them. */
export async function secureLoopback(): Promise<string> {
  const beforeMs = performance.now();
  const { authorityPem: ca, certificatePem: cert, keyPem: key } = await issueTrialCredentials();
  const issuedMs = performance.now() - beforeMs;
  const shared = { ca, cert, key, minVersion: "TLSv1.3" } as const;
  const server = createTlsServer({ ...shared, requestCert: true, rejectUnauthorized: true }, (socket) => echo(socket));
  const tookMs = await roundTrip(
    server,
    (port) => connectTls({ ...shared, port, host: "127.0.0.1", servername: "n1" }),
    "secureConnect",
  );
  return `issuing certificates takes ${issuedMs.toFixed(1)} ms, a handshake and one round trip ${tookMs.toFixed(1)} ms`;
}

/** Returns the smallest step seen between readings of the monotonic clock, in nanoseconds. */
export function clockResolution(): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < 1000; sample++) {
    const before = process.hrtime.bigint();
    let after = before;
    while (after === before) after = process.hrtime.bigint();
    smallest = Math.min(smallest, Number(after - before));
  }
  return smallest;
}

function echo(socket: Socket): void {
  socket.on("error", () => socket.destroy()); // The client's side reports what went wrong.
  socket.on("data", (bytes) => socket.write(bytes));
}

async function roundTrip(server: Server, connect: (port: number) => Socket, ready: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let socket: Socket | undefined;
  server.on("error", reject);
  server.on("tlsClientError", reject);
  const limit = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  const startedMs = performance.now();
  server.listen(0, "127.0.0.1", () => {
    socket = connect((server.address() as AddressInfo).port);
    socket.on("error", reject);
    socket.on(ready, () => socket?.write("?"));
    socket.on("data", () => resolve(performance.now() - startedMs));
  });
  try {
    return await promise;
  } finally {
    clearTimeout(limit);
    socket?.destroy();
    server.close();
  }
}
