/**
 * Goal: a node that dials an address gets the link that leads there, with nothing lost on the way, and no other.
 * Method: a client that speaks SOCKS 5 byte by byte, as RFC 1928 has it.
 */

import assert from "node:assert/strict";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, test } from "node:test";
import { LinkGateway } from "./link-gateway.ts";
import { waitUntil } from "./wait-until.ts";

let stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
  stops = [];
});

interface Dialled {
  readonly socket: Socket;
  heard: Buffer;
  closed: boolean;
}

const greeting = [5, 1, 0];
const toAddress = [5, 1, 0, 1, 192, 0, 2, 3, 0x09, 0x4c];
const toName = [5, 1, 0, 3, 2, 0x6e, 0x33, 0x09, 0x4c];
const succeeded = Buffer.from([5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);

/** Dials a gateway that knows `hosts`; what arrives there is sent back. */
async function dial(hosts: readonly string[]): Promise<Dialled & { readonly routed: string[] }> {
  const routed: string[] = [];
  const gateway = await LinkGateway.listen((host, connection) => {
    routed.push(host);
    if (!hosts.includes(host)) return false;
    connection.pipe(connection);
    return true;
  });
  const dialled = { socket: connect(gateway.address), heard: Buffer.alloc(0), closed: false, routed };
  dialled.socket.setNoDelay(true);
  dialled.socket.on("data", (chunk: Buffer) => (dialled.heard = Buffer.concat([dialled.heard, chunk])));
  dialled.socket.on("error", () => undefined);
  dialled.socket.on("close", () => (dialled.closed = true));
  stops.push(async () => {
    dialled.socket.destroy();
    await gateway.close();
  });
  return dialled;
}

for (const [how, request, host] of [
  ["an address", toAddress, "192.0.2.3"],
  ["a name", toName, "n3"],
] as const) {
  test(`a connection to ${how} is handed over`, async () => {
    const dialled = await dial([host]);
    dialled.socket.write(Buffer.from([...greeting, ...request]));
    await waitUntil("it is told so", () => dialled.heard.equals(succeeded));
    dialled.socket.write("hello");
    await waitUntil("the link answers", () => dialled.heard.toString().endsWith("hello"));
    assert.deepEqual(dialled.routed, [host]);
  });
}

test("the handshake may come in any pieces", async () => {
  const dialled = await dial(["192.0.2.3"]);
  for (const byte of [...greeting, ...toAddress]) {
    dialled.socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await waitUntil("it is told so", () => dialled.heard.equals(succeeded));
});

test("an address to which no link leads is refused", async () => {
  const dialled = await dial(["192.0.2.4"]);
  dialled.socket.write(Buffer.from([...greeting, ...toAddress]));
  await waitUntil("it ends", () => dialled.closed);
  assert.deepEqual([...dialled.heard.subarray(0, 4)], [5, 0, 5, 4]);
  assert.deepEqual(dialled.routed, ["192.0.2.3"]);
});

for (const [what, bytes] of [
  ["another version", [4, 1, 0]],
  ["authentication only", [5, 1, 2]],
  ["a request to listen", [...greeting, 5, 2, 0, 1, 127, 0, 0, 1, 0, 80]],
  ["an address of version 6", [...greeting, 5, 1, 0, 4, ...Array.from({ length: 18 }, () => 0)]],
] as const) {
  test(`${what} is refused`, async () => {
    const dialled = await dial(["192.0.2.3"]);
    dialled.socket.write(Buffer.from(bytes));
    await waitUntil("it ends", () => dialled.closed);
    assert.deepEqual(dialled.routed, []);
  });
}
