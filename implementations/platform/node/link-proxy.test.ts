/**
 * Goal: a proxied link does to a TCP connection what its fault says, in the directions asked for, and counts it.
 * Method: plain sockets on both sides, since the proxy must not care what it carries; the proxy's clock is virtual, so
 * "late" is decided by the test, not by the machine.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterEach, test } from "node:test";
import { UsageError } from "../../foundation/errors.ts";
import type { FaultHandle } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { VirtualTime } from "../simulated/clock.ts";
import { LinkProxy } from "./link-proxy.ts";
import type { ProxyFault } from "./link-proxy.ts";
import { waitUntil } from "./wait-until.ts";

const forward = ["forward"] as const;
const both = ["forward", "backward"] as const;

/** One end of a connection, and what it saw. */
class End {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  receivedBytes = 0;
  ended = false;
  closed = false;
  errorCode: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.receivedBytes += chunk.length;
    });
    socket.on("end", () => (this.ended = true));
    socket.on("close", () => (this.closed = true));
    socket.on("error", (error: NodeJS.ErrnoException) => (this.errorCode = error.code));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString("latin1");
  }
}

interface Rig {
  readonly time: VirtualTime;
  readonly proxy: LinkProxy;
  readonly target: Server;
  /** The sides that the target has accepted. */
  readonly accepted: readonly End[];
}

let stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
  stops = [];
});

async function setUp(): Promise<Rig> {
  const time = new VirtualTime();
  const accepted: End[] = [];
  const target = createServer({ allowHalfOpen: true }, (socket) => accepted.push(new End(socket)));
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  const proxy = await LinkProxy.listen({ clock: time, random: seededRandom("link proxy") });
  proxy.setTarget({ host: "127.0.0.1", port: (target.address() as AddressInfo).port });
  stops.push(
    () => target.close(),
    () => accepted.forEach(({ socket }) => socket.destroy()),
    () => proxy.close(),
  );
  return { time, proxy, target, accepted };
}

/** Connects through the proxy and waits until both sides are there. */
async function open(rig: Rig): Promise<{ readonly client: End; readonly server: End }> {
  const before = rig.accepted.length;
  const client = new End(connect(rig.proxy.address));
  client.socket.setNoDelay(true);
  stops.push(() => client.socket.destroy());
  await waitUntil("the target has accepted", () => rig.accepted.length > before);
  const server = rig.accepted.at(-1);
  assert.ok(server !== undefined);
  return { client, server };
}

/** Sends `text` and waits until the fault has seen it. */
async function sendInto(fault: FaultHandle, end: End, text: string): Promise<void> {
  const before = fault.efficacy().count;
  end.socket.write(text);
  await waitUntil("the fault saw it", () => fault.efficacy().count > before);
}

/** Gives anything that wrongly got through the time to arrive: a whole round trip on another connection. */
async function roundTripBeside(rig: Rig, port = (rig.target.address() as AddressInfo).port): Promise<void> {
  const before = rig.accepted.length;
  const beside = new End(connect(port, "127.0.0.1"));
  beside.socket.write("ping");
  await waitUntil("the ping arrived", () => rig.accepted.length > before && rig.accepted.at(-1)?.text === "ping");
  rig.accepted.at(-1)?.socket.write("pong");
  await waitUntil("the pong arrived", () => beside.text === "pong");
  beside.socket.destroy();
}

test("without faults bytes and ends pass in both directions", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const large = "x".repeat(3_000_000);
  client.socket.end(large);
  await waitUntil("all arrived, and the end", () => server.ended);
  assert.equal(server.text, large);
  server.socket.end("reply");
  await waitUntil("the reply arrived, and its end", () => client.closed && server.closed);
  assert.equal(client.text, "reply");
  assert.deepEqual(rig.proxy.counters, { connections: 1, forwardBytes: 3_000_000, backwardBytes: 5 });
});

test("nobody listens: the connection is reset, with a target and without", async () => {
  const rig = await setUp();
  rig.proxy.setTarget(undefined);
  const first = new End(connect(rig.proxy.address));
  await waitUntil("it is reset", () => first.closed);
  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  const { port } = gone.address() as AddressInfo;
  gone.close();
  rig.proxy.setTarget({ host: "127.0.0.1", port });
  const second = new End(connect(rig.proxy.address));
  await waitUntil("it is reset", () => second.closed);
  assert.equal(second.errorCode, "ECONNRESET");
});

test("a cut holds bytes and ends while connections stay up, and delivers them when it heals; cuts overlap", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const one = rig.proxy.apply({ kind: "cut" }, both);
  const two = rig.proxy.apply({ kind: "cut" }, both);
  await sendInto(one, client, "hello");
  await sendInto(one, server, "answer");
  client.socket.end();
  await roundTripBeside(rig);
  one.heal();
  await roundTripBeside(rig);
  assert.deepEqual([server.text, server.ended, client.text, client.closed], ["", false, "", false]);
  two.heal();
  await waitUntil("it all arrived", () => server.text === "hello" && server.ended && client.text === "answer");
  assert.deepEqual(two.efficacy(), { count: 2, unit: "chunks held" });
});

test("a cut of one direction leaves the other alone", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const cut = rig.proxy.apply({ kind: "cut" }, forward);
  await sendInto(cut, client, "hello");
  server.socket.write("passes");
  await waitUntil("the other way is open", () => client.text === "passes");
  assert.equal(server.text, "");
});

test("a cut holds a bounded amount, and the sender feels it", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const cut = rig.proxy.apply({ kind: "cut" }, both);
  const total = "y".repeat(20_000_000);
  client.socket.write(total);
  await waitUntil("the fault saw it", () => cut.efficacy().count > 10);
  await roundTripBeside(rig);
  assert.ok(client.socket.writableLength > 0, "not everything fits into the proxy and the buffers between");
  assert.equal(server.text, "");
  cut.heal();
  await waitUntil("it all arrived", () => server.receivedBytes === total.length);
});

test("connections made during a cut come alive when it heals", async () => {
  const rig = await setUp();
  const cut = rig.proxy.apply({ kind: "cut" }, both);
  const { client, server } = await open(rig);
  await sendInto(cut, client, "early");
  cut.heal();
  await waitUntil("it arrived", () => server.text === "early");
});

test("delay: bytes wait their time, in order, and their end with them", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const delay = rig.proxy.apply({ kind: "delay", distribution: { shape: "constant", ms: 100 } }, forward);
  await sendInto(delay, client, "a");
  await sendInto(delay, client, "b");
  await roundTripBeside(rig);
  assert.equal(server.text, "");
  await stepUntil(rig.time, () => server.text === "ab");
  assert.equal(rig.time.nowMs(), 100);
  await sendInto(delay, client, "c");
  delay.heal();
  await waitUntil("healing lets go of what is held", () => server.text === "abc");
  assert.deepEqual(delay.efficacy(), { count: 3, unit: "chunks delayed" });
});

test("loss: bytes and all behind them wait for retransmission, whose timeouts double", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const loss = rig.proxy.apply({ kind: "loss", probability: 1 }, forward);
  await sendInto(loss, client, "a");
  await stepUntil(rig.time, () => server.text === "a");
  assert.equal(rig.time.nowMs(), 200 + 400 + 800 + 1600 + 3200);
  assert.deepEqual(loss.efficacy(), { count: 1, unit: "chunks held for retransmission" });
});

test("bandwidth: bytes take the time the link needs for them", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const slow = rig.proxy.apply({ kind: "bandwidth", bytesPerS: 100 }, forward);
  await sendInto(slow, client, "x".repeat(50));
  await sendInto(slow, client, "y".repeat(25));
  await stepUntil(rig.time, () => server.text.length === 75);
  assert.equal(rig.time.nowMs(), 750);
  assert.deepEqual(slow.efficacy(), { count: 2, unit: "chunks slowed" });
});

test("corrupt: exactly one bit of each chunk is flipped", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const corrupt = rig.proxy.apply({ kind: "corrupt", probability: 1 }, forward);
  client.socket.write(Buffer.alloc(1000));
  await waitUntil("it arrived", () => server.receivedBytes === 1000);
  const bits = server.bytes.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  assert.deepEqual(corrupt.efficacy(), { count: bits, unit: "bits flipped" });
});

test("reset: both sides lose the connection at once; new ones are not touched", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const reset = rig.proxy.apply({ kind: "reset" }, forward);
  await waitUntil("both are gone", () => client.closed && server.closed);
  assert.deepEqual([client.errorCode, server.errorCode], ["ECONNRESET", "ECONNRESET"]);
  const next = await open(rig);
  next.client.socket.write("again");
  await waitUntil("it arrived", () => next.server.text === "again");
  assert.deepEqual(reset.efficacy(), { count: 1, unit: "connections reset" });
});

test("slow-close: the target sees the end, and what came before it, late", async () => {
  const rig = await setUp();
  const { client, server } = await open(rig);
  const slow = rig.proxy.apply({ kind: "slow-close", lingerMs: 300 }, both);
  await waitUntil("the client's side is gone", () => client.closed);
  const next = await open(rig);
  next.client.socket.end("bye");
  await waitUntil("its end is held", () => slow.efficacy().count === 2);
  await roundTripBeside(rig);
  assert.deepEqual([server.ended, next.server.text, next.server.ended], [false, "bye", false]);
  await stepUntil(rig.time, () => server.ended && next.server.ended);
  assert.equal(rig.time.nowMs(), 300);
  assert.equal(slow.efficacy().unit, "closes delayed");
});

test("half-open: bytes vanish and nobody is told; healing resets the broken connection and no other", async () => {
  const rig = await setUp();
  const idle = await open(rig);
  const { client, server } = await open(rig);
  const half = rig.proxy.apply({ kind: "half-open" }, both);
  await sendInto(half, client, "void");
  await roundTripBeside(rig);
  assert.deepEqual([server.text, client.closed, server.closed], ["", false, false]);
  half.heal();
  await waitUntil("the broken one is reset", () => client.closed && server.closed);
  idle.client.socket.write("alive");
  await waitUntil("the idle one lives", () => idle.server.text === "alive");
  assert.deepEqual(half.efficacy(), { count: 1, unit: "chunks swallowed" });
});

test("what TCP hides is refused with what is allowed", async () => {
  const rig = await setUp();
  const hidden: ProxyFault[] = [
    { kind: "duplicate", probability: 1 },
    { kind: "reorder", probability: 1, holdMs: 1 },
  ];
  for (const fault of hidden) assert.throws(() => rig.proxy.apply(fault, both), UsageError);
  assert.throws(() => rig.proxy.apply(hidden[0]!, both), /allowed are cut, delay, loss/);
});

/** Runs virtual time until `condition`, giving the sockets their turn after every step. */
async function stepUntil(time: VirtualTime, condition: () => boolean): Promise<void> {
  await waitUntil("virtual time brought it about", () => condition() || (time.step(), condition()));
}
