/**
 * Goal: members of one cluster reach each other, by the names in their certificates, and nobody else gets in.
 * Method: real TLS on loopback: strangers, plain text, restarts, bounds; no test waits for a time, each waits for what
 * should happen.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { after, before, test } from "node:test";
import type { NodeId } from "../../foundation/units.ts";
import { issueAuthority, issueCertificate } from "./certificates.ts";
import type { Authority } from "./certificates.ts";
import { nodeClock } from "./clock.ts";
import { LinkProxy } from "./link-proxy.ts";
import { nodeRandom } from "./random.ts";
import { TlsTransport } from "./transport.ts";
import type { TransportLimits } from "./transport.ts";
import { waitUntil } from "./wait-until.ts";

let authority: Authority;
const open = new Set<{ close(): Promise<void> }>();

before(async () => {
  authority = await issueAuthority("test cluster");
});
after(() => Promise.all([...open].map((transport) => transport.close())));

interface Member {
  readonly transport: TlsTransport;
  readonly got: { readonly from: NodeId; readonly text: string }[];
}

async function member(id: NodeId, limits: Partial<TransportLimits> = {}, from = authority): Promise<Member> {
  const credentials = await issueCertificate(from, id);
  const transport = new TlsTransport({
    id,
    credentials,
    clock: nodeClock,
    random: nodeRandom(),
    limits: { connectTimeoutMs: 20_000, ...limits }, // A busy machine must not make an attempt fail.
  });
  open.add(transport);
  const got: { from: NodeId; text: string }[] = [];
  transport.onMessage((sender, bytes) => got.push({ from: sender, text: new TextDecoder().decode(bytes) }));
  return { transport, got };
}

function at(port: number): { host: string; port: number } {
  return { host: "127.0.0.1", port };
}

/** Unlike `once`, not disturbed by an error before it. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once("close", resolve));
}

function say(from: Member, to: NodeId, text: string): void {
  from.transport.send(to, new TextEncoder().encode(text));
}

test("what is sent before the connection is up arrives, in order; replies reach one who does not listen", async () => {
  const server = await member("n1");
  const client = await member("clients");
  client.transport.connect(new Map([["n1", at(await server.transport.listen())]]));
  for (let count = 0; count < 1000; count++) say(client, "n1", String(count));
  await waitUntil("all have arrived", () => server.got.length === 1000);
  assert.deepEqual(
    server.got,
    Array.from({ length: 1000 }, (_, count) => ({ from: "clients", text: String(count) })),
  );
  say(server, "clients", "reply");
  await waitUntil("the reply has arrived", () => client.got.length === 1);
  assert.deepEqual(client.got, [{ from: "n1", text: "reply" }]);
  assert.equal(client.transport.counters["messages dropped"], 0);
});

test("a peer without a certificate of this cluster is refused, on either side, and counted", async () => {
  const server = await member("n1");
  const port = await server.transport.listen();
  const stranger = await member("n2", {}, await issueAuthority("test cluster"));
  stranger.transport.connect(new Map([["n1", at(port)]]));
  say(stranger, "n1", "let me in");
  await waitUntil("the stranger refused the server", () => stranger.transport.counters["handshakes refused"] > 0);
  await stranger.transport.close();

  // One that trusts anybody still does not get in.
  const { certificatePem, keyPem } = await issueCertificate(await issueAuthority("test cluster"), "n2");
  const refusedBefore = server.transport.counters["handshakes refused"];
  const intruder = connectTls({ ...at(port), cert: certificatePem, key: keyPem, rejectUnauthorized: false });
  intruder.on("error", () => undefined);
  intruder.on("secureConnect", () => intruder.write(new Uint8Array([0, 0, 0, 1, 65])));
  await closed(intruder);
  const anonymous = connectTls({ ...at(port), rejectUnauthorized: false });
  anonymous.on("error", () => undefined);
  await closed(anonymous);
  await waitUntil("both are counted", () => server.transport.counters["handshakes refused"] >= refusedBefore + 2);
  assert.deepEqual(server.got, []);
});

test("a server that is not the one meant is refused", async () => {
  const server = await member("n2");
  const client = await member("clients");
  client.transport.connect(new Map([["n1", at(await server.transport.listen())]]));
  say(client, "n1", "for n1 only");
  await waitUntil("the wrong server is refused", () => client.transport.counters["handshakes refused"] > 0);
  assert.deepEqual(server.got, []);
});

test("TLS before 1.3 is refused", async () => {
  const server = await member("n1");
  const { authorityPem, certificatePem, keyPem } = await issueCertificate(authority, "n2");
  const old = connectTls({
    ...at(await server.transport.listen()),
    ca: authorityPem,
    cert: certificatePem,
    key: keyPem,
    maxVersion: "TLSv1.2",
    checkServerIdentity: () => undefined,
  });
  const [error] = (await once(old, "error")) as [Error];
  assert.match(error.message, /protocol version/);
});

test("plain TCP, garbage and broken-off handshakes are refused and survived", async () => {
  const server = await member("n1");
  const port = await server.transport.listen();
  for (const garbage of ["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff", "\0".repeat(10_000)]) {
    const socket = connect(at(port));
    socket.on("error", () => undefined);
    socket.end(garbage);
    await closed(socket.resume());
  }
  await waitUntil("they are counted", () => server.transport.counters["handshakes refused"] >= 3);
  const client = await member("clients");
  client.transport.connect(new Map([["n1", at(port)]]));
  say(client, "n1", "still there?");
  await waitUntil("a member is served", () => server.got.length === 1);
});

test("a member that does not speak in frames loses its connection, nobody else does", async () => {
  const server = await member("n1", { maxFrameBytes: 1000 });
  const port = await server.transport.listen();
  const client = await member("clients");
  client.transport.connect(new Map([["n1", at(port)]]));
  const { authorityPem, certificatePem, keyPem } = await issueCertificate(authority, "n2");
  const babbler = connectTls({
    ...at(port),
    ca: authorityPem,
    cert: certificatePem,
    key: keyPem,
    checkServerIdentity: () => undefined,
  });
  babbler.on("error", () => undefined);
  babbler.write("GET / HTTP/1.1\r\n\r\n");
  await closed(babbler.resume());
  say(client, "n1", "fine");
  await waitUntil("a member is served", () => server.got.length === 1);
});

test("bytes that arrive with the end of the handshake are not lost, however frames are cut", async () => {
  const server = await member("n1");
  const { authorityPem, certificatePem, keyPem } = await issueCertificate(authority, "n2");
  const socket = connectTls({
    ...at(await server.transport.listen()),
    ca: authorityPem,
    cert: certificatePem,
    key: keyPem,
    checkServerIdentity: () => undefined,
  });
  socket.setNoDelay(true);
  // Written before the handshake, so the first frames leave together with its last message; the rest byte by byte.
  const stream = Uint8Array.of(0, 0, 0, 1, 97, 0, 0, 0, 2, 98, 99, 0, 0, 0, 1, 100);
  socket.write(stream.subarray(0, 7));
  for (let index = 7; index < stream.length; index++) socket.write(stream.subarray(index, index + 1));
  await waitUntil("all frames have arrived", () => server.got.length === 3);
  assert.deepEqual(
    server.got.map(({ text }) => text),
    ["a", "bc", "d"],
  );
  socket.destroy();
});

test("a restarted peer is reached again, and what was sent meanwhile is gone", async () => {
  const first = await member("n1");
  const { n2, proxy, events } = await watched(first, {});
  await waitUntil("n2 is connected", () => events.length === 1);
  await first.transport.close();
  say(n2, "n1", "into the void");
  await waitUntil("n2 noticed", () => n2.transport.counters["messages dropped"] > 0 || events.length === 2);
  const again = await member("n1");
  proxy.setTarget(at(await again.transport.listen()));
  await waitUntil("n2 is connected again", () => events.length === 3);
  say(n2, "n1", "welcome");
  await waitUntil("n1 hears", () => again.got.some(({ text }) => text === "welcome"));
  assert.deepEqual(events, ["n1 up", "n1 down", "n1 up"]);
  assert.equal(n2.transport.counters.reconnects, 1);
});

test("a peer that calls first is reached at once, however long the pause between attempts", async () => {
  const first = await member("n1");
  const { n2, proxy, events } = await watched(first, { backoff: { minMs: 60_000, maxMs: 60_000 } });
  const port2 = await n2.transport.listen();
  await waitUntil("n2 is connected", () => events.length === 1);
  await first.transport.close();
  await waitUntil("n2 noticed", () => events.length === 2);
  const again = await member("n1");
  proxy.setTarget(at(await again.transport.listen()));
  again.transport.connect(new Map([["n2", at(port2)]]));
  await waitUntil("n2 is connected again", () => events.length === 3);
});

interface Watched {
  readonly n2: Member;
  readonly proxy: LinkProxy;
  /** What n2 tells about its connection. */
  readonly events: readonly string[];
}

/** A member n2 whose way to n1 leads through a proxy, so that n1 can restart behind it. */
async function watched(n1: Member, limits: Partial<TransportLimits>): Promise<Watched> {
  const n2 = await member("n2", limits);
  const events: string[] = [];
  n2.transport.onConnection((peer, up) => events.push(`${peer} ${up ? "up" : "down"}`));
  const proxy = await LinkProxy.listen({ clock: nodeClock, random: nodeRandom() });
  open.add(proxy);
  proxy.setTarget(at(await n1.transport.listen()));
  n2.transport.connect(new Map([["n1", proxy.address]]));
  return { n2, proxy, events };
}

test("large messages pass; too large ones, and those beyond the queue's bound, are dropped and counted", async () => {
  const server = await member("n1", { maxFrameBytes: 8_000_000 });
  const client = await member("clients", { maxFrameBytes: 5_000_000, maxQueuedBytes: 6_000_000 });
  client.transport.connect(new Map([["n1", at(await server.transport.listen())]]));
  const large = "x".repeat(5_000_000);
  say(client, "n1", `${large}!`);
  say(client, "n1", large);
  say(client, "n1", large);
  say(client, "n1", "small");
  say(client, "nobody", "small");
  await waitUntil("what was taken has arrived", () => server.got.length === 2);
  assert.deepEqual(
    server.got.map(({ text }) => text.length),
    [5_000_000, 5],
  );
  assert.equal(client.transport.counters["messages dropped"], 3);
  assert.equal(client.transport.counters["messages sent"], 2);
});

/** What was sent is garbage by now, and how much of it still lies about is the collector's affair. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

test("a peer that is dead, or takes nothing, costs no more memory than the queue's bound", async () => {
  const maxQueuedBytes = 1_000_000;
  const reader = await member("n1");
  const address = at(await reader.transport.listen());
  const proxy = await LinkProxy.listen({ clock: nodeClock, random: nodeRandom() });
  open.add(proxy);
  proxy.setTarget(address);
  const dead = createServer().listen(0, "127.0.0.1");
  await once(dead, "listening");
  const { port } = dead.address() as AddressInfo;
  dead.close();
  await once(dead, "close");
  const sender = await member("n2", { maxQueuedBytes, backoff: { minMs: 60_000, maxMs: 60_000 } });
  sender.transport.connect(
    new Map([
      ["n1", proxy.address],
      ["n3", at(port)],
    ]),
  );
  say(sender, "n1", "hello");
  await waitUntil("n1 hears", () => reader.got.length === 1);
  const stuck = proxy.apply({ kind: "cut" }, ["forward", "backward"]);
  const message = "x".repeat(100_000);
  collectGarbage();
  const bytesBefore = process.memoryUsage().arrayBuffers;
  let rounds = 0;
  for (; rounds < 1000; rounds++) {
    say(sender, "n1", message);
    say(sender, "n3", message);
    await new Promise(setImmediate);
  }
  collectGarbage();
  const grown = process.memoryUsage().arrayBuffers - bytesBefore;
  // The sockets and the proxy on the way to n1 have buffers of their own, and freed memory is given back late.
  const dropped = sender.transport.counters["messages dropped"];
  assert.ok(dropped >= 2 * rounds - 400 && dropped <= 2 * rounds, `${dropped} dropped`);
  assert.ok(grown < 100_000_000, `${grown} bytes for ${2 * rounds * message.length} bytes sent`);
  stuck.heal();
});

test("the newest connection of a peer replaces the older: replies go to who is there now", async () => {
  const server = await member("n1");
  const port = await server.transport.listen();
  const old = await member("clients");
  old.transport.connect(new Map([["n1", at(port)]]));
  say(old, "n1", "old");
  await waitUntil("the old one is heard", () => server.got.length === 1);
  const fresh = await member("clients", { backoff: { minMs: 60_000, maxMs: 60_000 } });
  await old.transport.close();
  fresh.transport.connect(new Map([["n1", at(port)]]));
  say(fresh, "n1", "new");
  await waitUntil("the new one is heard", () => server.got.length === 2);
  say(server, "clients", "hello");
  await waitUntil("the new one hears", () => fresh.got.length === 1);
});

test("close frees the port, ends connections and is idempotent", async () => {
  const server = await member("n1");
  const client = await member("clients");
  const port = await server.transport.listen();
  client.transport.connect(new Map([["n1", at(port)]]));
  say(client, "n1", "hello");
  await waitUntil("they are connected", () => server.got.length === 1);
  const silent = connect(at(port)); // Never begins its handshake.
  silent.on("error", () => undefined);
  await once(silent, "connect");
  await Promise.all([server.transport.close(), server.transport.close()]);
  const late = connect(at(port));
  const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
  say(server, "clients", "nobody hears this");
});
