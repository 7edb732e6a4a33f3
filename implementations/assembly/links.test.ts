/**
 * Goal: the links process carries a deployment's links, does faults to the right ones, and outlives neither its driver
 * nor what its driver had under watch, not even under SIGKILL.
 * Method: real processes; a driver of a few lines is killed, and the test waits until everything it started is gone.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { afterEach, test } from "node:test";
import { UsageError } from "../foundation/errors.ts";
import { clientsEndpoint } from "../foundation/faults.ts";
import { waitUntil } from "../platform/node/wait-until.ts";
import { Links } from "./links.ts";

const links = [
  { from: "n1", to: "n2" },
  { from: "n2", to: "n1" },
  { from: clientsEndpoint, to: "n2" },
];

let stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
  stops = [];
});

async function launch(): Promise<Links> {
  const launched = await Links.launch({ links, directory: tmpdir() });
  stops.push(() => launched.stop());
  return launched;
}

/** A server that answers every chunk with the same bytes, as node `n2`. */
async function echo(to: Links): Promise<void> {
  const server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(() => server.close());
  to.setTarget("n2", (server.address() as AddressInfo).port);
  await to.settled();
}

interface Caller {
  readonly socket: Socket;
  heard: string;
  closed: boolean;
}

function call(to: Links, from: string): Caller {
  const caller: Caller = { socket: connect(to.address({ from, to: "n2" })), heard: "", closed: false };
  caller.socket.on("data", (chunk: Buffer) => (caller.heard += chunk.toString()));
  caller.socket.on("error", () => undefined);
  caller.socket.on("close", () => (caller.closed = true));
  stops.push(() => caller.socket.destroy());
  return caller;
}

test("links carry bytes, and a cut holds those of its link only", async () => {
  const process = await launch();
  await echo(process);
  const node = call(process, "n1");
  const client = call(process, clientsEndpoint);
  node.socket.write("a");
  client.socket.write("b");
  await waitUntil("both are answered", () => node.heard === "a" && client.heard === "b");

  const cut = process.cut([{ from: "n1", to: "n2" }]);
  await process.settled();
  node.socket.write("c");
  client.socket.write("d");
  await waitUntil("the client is answered", () => client.heard === "bd");
  await refreshUntil(process, () => cut.efficacy().count > 0);
  assert.equal(node.heard, "a");
  cut.heal();
  await waitUntil("the node is answered", () => node.heard === "ac");
  assert.deepEqual(cut.efficacy(), { count: 1, unit: "chunks held" });
  const counters = process.counters();
  assert.deepEqual(
    counters.map(({ from, to, connections }) => ({ from, to, connections })),
    [
      { from: "n1", to: "n2", connections: 1 },
      { from: "n2", to: "n1", connections: 0 },
      { from: clientsEndpoint, to: "n2", connections: 1 },
    ],
  );
  assert.equal(process.address({ from: "n2", to: clientsEndpoint }).port, process.address(links[2]!).port);
});

test("the two directions of a client link are cut apart", async () => {
  const process = await launch();
  await echo(process);
  const client = call(process, clientsEndpoint);
  const cut = process.cut([{ from: "n2", to: clientsEndpoint }]);
  await process.settled();
  client.socket.write("request");
  await refreshUntil(process, () => cut.efficacy().count > 0);
  assert.ok((process.counters()[2]?.forwardBytes ?? 0) > 0, "the request passed");
  assert.equal(client.heard, "", "the reply did not");
  cut.heal();
  await waitUntil("the reply arrives", () => client.heard === "request");
});

test("a connection is reset once, also when both of its directions are named", async () => {
  const process = await launch();
  await echo(process);
  const client = call(process, clientsEndpoint);
  client.socket.write("a");
  await waitUntil("it is connected", () => client.heard === "a");
  const ends = { from: clientsEndpoint, to: "n2" };
  const reset = process.packet([ends, { from: ends.to, to: ends.from }], { kind: "reset" });
  await waitUntil("it is reset", () => client.closed);
  await process.refreshEfficacy();
  assert.deepEqual(reset.efficacy(), { count: 1, unit: "connections reset" });
  assert.throws(() => process.packet([ends], { kind: "duplicate", probability: 1 }), UsageError);
});

test("a links process that ends by itself is told; one that was stopped is not; both leave nothing waiting", async () => {
  const killed = await launch();
  const { promise, resolve } = Promise.withResolvers<string>();
  killed.onExit(resolve);
  assert.ok(killed.pid !== undefined);
  process.kill(killed.pid, "SIGKILL");
  assert.match(await promise, /SIGKILL/);
  await killed.settled();
  await killed.refreshEfficacy();
  killed.cut([links[0]!]).heal();
  await killed.stop();

  const stopped = await launch();
  stopped.onExit((description) => assert.fail(description));
  await Promise.all([stopped.stop(), stopped.stop()]);
  assert.equal(isRunning(stopped.pid), false);
});

test("when the driver is killed, the links process and every process under watch end, stopped ones too", async () => {
  const ward = bystander();
  const paused = bystander();
  const released = bystander();
  const driver = spawn(process.execPath, ["--input-type=module-typescript", "--eval", driverSource], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  stops.push(() => driver.kill("SIGKILL"));
  driver.stdin.end(JSON.stringify({ wards: [ward.pid, paused.pid, released.pid], released: released.pid }));
  const [chunk] = (await once(driver.stdout, "data")) as [Buffer];
  const linksPid = Number(chunk.toString());
  assert.ok(isRunning(linksPid));
  paused.kill("SIGSTOP");
  driver.kill("SIGKILL");
  await Promise.all([ended(ward), ended(paused)]);
  await waitUntil("the links process is gone", () => !isRunning(linksPid));
  assert.equal(isRunning(released.pid), true, "one that was taken off the list is left alone");
});

/** Starts the links process, puts the given processes under watch, prints its id, and waits to be killed. */
const driverSource = `
  import { text } from "node:stream/consumers";
  import { Links } from ${JSON.stringify(new URL("links.ts", import.meta.url).href)};
  const { wards, released } = JSON.parse(await text(process.stdin));
  const links = await Links.launch({ links: [{ from: "n1", to: "n2" }], directory: ${JSON.stringify(tmpdir())} });
  for (const pid of wards) links.ward(pid);
  links.unward(released);
  await links.settled();
  process.stdout.write(String(links.pid));
`;

/** A process that does nothing until it is ended. */
function bystander(): ChildProcess {
  const child = spawn(process.execPath, ["--eval", "setInterval(() => undefined, 1e6)"], { stdio: "ignore" });
  stops.push(() => child.kill("SIGKILL"));
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.equal(child.signalCode, "SIGKILL");
}

/** Whether the process can still do anything: one that nobody has waited for yet ("zombie") cannot. */
function isRunning(pid: number | undefined): boolean {
  assert.ok(pid !== undefined);
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return true; // A system without /proc, whose word above must do.
  }
}

async function refreshUntil(process: Links, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  for (;;) {
    await process.refreshEfficacy();
    if (condition()) return;
    assert.ok(performance.now() < endMs, "the fault did something within 20 s");
  }
}

test("nodes that answer each other: a cut stops all that one says to the other, and nothing else", async () => {
  const process = await Links.launch({ links, directory: tmpdir(), twoWay: true });
  stops.push(() => process.stop());
  await echo(process);
  const node = call(process, "n1");
  node.socket.write("a");
  await waitUntil("it is answered", () => node.heard === "a");

  const back = process.cut([{ from: "n2", to: "n1" }]);
  await process.settled();
  node.socket.write("b");
  await refreshUntil(process, () => back.efficacy().count > 0);
  assert.equal(process.counters()[0]?.forwardBytes, 2, "what n1 says on its own connection still arrives");
  assert.equal(node.heard, "a", "what n2 says on it does not");
  back.heal();
  await waitUntil("it is answered", () => node.heard === "ab");

  const forth = process.cut([{ from: "n1", to: "n2" }]);
  await process.settled();
  node.socket.write("c");
  await refreshUntil(process, () => forth.efficacy().count > 0);
  assert.equal(process.counters()[0]?.forwardBytes, 2);
  forth.heal();
  await waitUntil("it is answered", () => node.heard === "abc");
});

test("a gateway leads to the link of its own node, and its faults", async () => {
  const hosts = new Map([
    ["n1", "192.0.2.1"],
    ["n2", "192.0.2.2"],
  ]);
  const process = await Links.launch({ links, directory: tmpdir(), twoWay: true, hosts });
  stops.push(() => process.stop());
  await echo(process);
  const socket = connect(process.gateway("n1"));
  let heard = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => (heard = Buffer.concat([heard, chunk])));
  socket.on("error", () => undefined);
  stops.push(() => socket.destroy());
  socket.write(Buffer.from([5, 1, 0, 5, 1, 0, 1, 192, 0, 2, 2, 0, 80]));
  await waitUntil("it is connected", () => heard.length === 12);
  socket.write("a");
  await waitUntil("n2 answers", () => heard.toString().endsWith("a"));
  const cut = process.cut([{ from: "n1", to: "n2" }]);
  await process.settled();
  socket.write("b");
  await refreshUntil(process, () => cut.efficacy().count > 0);
  assert.equal(process.counters()[0]?.connections, 1, "it went through the link from n1 to n2");
  assert.throws(() => process.gateway("n3"), /n3 has a gateway/);
});
