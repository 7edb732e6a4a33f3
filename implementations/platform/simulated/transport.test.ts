/**
 * Goal: the simulated network does what its faults say, to the links they name and to no other, and repeats exactly.
 * Method: bursts of numbered messages between few endpoints, with each fault in turn; two lives of one node; a hash of
 * everything delivered under random faults, twice from one seed.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c } from "../../foundation/crc32c.ts";
import type { Efficacy, PacketFault } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { NodeId } from "../../foundation/units.ts";
import { VirtualTime } from "./clock.ts";
import { SimulatedNetwork } from "./transport.ts";
import type { SimulatedEndpoint } from "./transport.ts";

const there = [{ from: "n1", to: "n2" }];
const back = [{ from: "n2", to: "n1" }];

class World {
  readonly time = new VirtualTime();
  readonly network: SimulatedNetwork;
  readonly endpoints = new Map<NodeId, SimulatedEndpoint>();
  /** "n1>n2:7" with the time of arrival. */
  readonly arrived: { readonly name: string; readonly atMs: number }[] = [];

  constructor(seed: number | string = 1) {
    const latency = { shape: "uniform", lowMs: 1, highMs: 3 } as const;
    this.network = new SimulatedNetwork({ time: this.time, random: seededRandom(seed), latency });
    for (const id of ["n1", "n2", "n3"]) this.open(id);
  }

  open(id: NodeId): SimulatedEndpoint {
    const endpoint = this.network.endpoint(id);
    endpoint.onMessage((from, bytes) => {
      this.arrived.push({ name: `${from}>${id}:${new TextDecoder().decode(bytes)}`, atMs: this.time.nowMs() });
    });
    this.endpoints.set(id, endpoint);
    return endpoint;
  }

  send(from: NodeId, to: NodeId, count: number, first = 0): void {
    for (let index = first; index < first + count; index++) {
      this.endpoints.get(from)?.send(to, new TextEncoder().encode(String(index)));
    }
  }

  names(): string[] {
    return this.arrived.map(({ name }) => name);
  }

  run(): void {
    while (this.time.step());
  }

  /** Runs to `untilMs` from now. */
  advance(forMs: number): void {
    let done = false;
    this.time.after(forMs, () => (done = true));
    while (!done) this.time.step();
  }
}

function numbered(link: string, count: number, first = 0): string[] {
  return Array.from({ length: count }, (_, index) => `${link}:${first + index}`);
}

test("without faults everything arrives once, in order, within the latency of its link", () => {
  const world = new World();
  world.send("n1", "n2", 100);
  world.run();
  assert.deepEqual(world.names(), numbered("n1>n2", 100));
  assert.ok(world.arrived.every(({ atMs }) => atMs >= 1 && atMs <= 3));
  const [counters] = world.network.counters();
  assert.deepEqual(counters, {
    from: "n1",
    to: "n2",
    messagesSent: 100,
    bytesSent: 190,
    messagesDelivered: 100,
    bytesDelivered: 190,
    messagesLost: 0,
  });
});

test("sender and receiver own their bytes", () => {
  const world = new World();
  const sent = new TextEncoder().encode("kept");
  world.endpoints.get("n1")?.send("n2", sent);
  sent.fill(0);
  world.run();
  assert.deepEqual(world.names(), ["n1>n2:kept"]);
});

test("traffic and faults on one link do not change another's latencies", () => {
  const alone = new World();
  alone.send("n1", "n2", 50);
  alone.run();
  const busy = new World();
  busy.network.packet([{ from: "n1", to: "n3" }], { kind: "loss", probability: 0.5 });
  busy.send("n1", "n3", 500);
  busy.send("n1", "n2", 50);
  busy.run();
  assert.deepEqual(
    busy.arrived.filter(({ name }) => name.startsWith("n1>n2")),
    alone.arrived,
  );
});

test("a cut stops one direction, also what is in flight; overlapping cuts count each and end with the last", () => {
  const world = new World();
  world.send("n1", "n2", 3);
  const first = world.network.cut(there);
  const second = world.network.cut([...there, { from: "n1", to: "n3" }]);
  world.send("n1", "n2", 2, 3);
  world.send("n2", "n1", 1);
  world.run();
  assert.deepEqual(world.names(), ["n2>n1:0"]);
  first.heal();
  first.heal();
  world.send("n1", "n2", 1, 5);
  world.run();
  assert.deepEqual(world.names(), ["n2>n1:0"], "the second cut is still there");
  second.heal();
  world.send("n1", "n2", 1, 6);
  world.run();
  assert.deepEqual(world.names(), ["n2>n1:0", "n1>n2:6"]);
  assert.deepEqual(first.efficacy(), { count: 5, unit: "messages cut" });
  assert.deepEqual(second.efficacy(), { count: 6, unit: "messages cut" });
});

test("a paused node gets everything on resume, in order, each as an event of its own", () => {
  const world = new World();
  world.network.pause("n2");
  world.network.pause("n2");
  world.send("n1", "n2", 3);
  world.advance(100);
  world.network.resume("n2");
  world.advance(100);
  assert.deepEqual(world.names(), []);
  world.network.resume("n2");
  world.send("n1", "n2", 2, 3);
  const steps = world.time.steps;
  world.run();
  assert.deepEqual(world.names(), numbered("n1>n2", 5));
  assert.ok(world.time.steps - steps >= 5);
});

test("a new life receives nothing that was meant for the earlier one; a crashed sender's messages still arrive", () => {
  const world = new World();
  world.send("n1", "n2", 3);
  world.send("n2", "n1", 2);
  world.endpoints.get("n2")?.close();
  world.send("n1", "n2", 1, 3);
  world.send("n2", "n1", 1, 2);
  world.open("n2");
  world.send("n1", "n2", 1, 4);
  world.run();
  assert.deepEqual(world.names().toSorted(), ["n1>n2:4", "n2>n1:0", "n2>n1:1"]);
  assert.throws(() => world.network.endpoint("n2"), /open once/);
});

test("a pause belongs to a life: the next one is not paused", () => {
  const world = new World();
  world.network.pause("n2");
  world.endpoints.get("n2")?.close();
  world.open("n2");
  world.send("n1", "n2", 1);
  world.run();
  assert.deepEqual(world.names(), ["n1>n2:0"]);
  world.network.resume("n2");
});

test("delay: later, in order; heal lets go of what is held", () => {
  const { world, efficacy } = burst({ kind: "delay", distribution: { shape: "exponential", meanMs: 50 } });
  assert.deepEqual(world.names(), numbered("n1>n2", 200));
  assert.ok(world.time.nowMs() > 50);
  assert.deepEqual(efficacy, { count: 200, unit: "messages delayed" });

  const healed = new World();
  const delay = healed.network.packet(there, { kind: "delay", distribution: { shape: "constant", ms: 60_000 } });
  healed.send("n1", "n2", 5);
  healed.advance(10);
  delay.heal();
  healed.send("n1", "n2", 5, 5);
  healed.advance(3);
  assert.deepEqual(healed.names(), numbered("n1>n2", 10));
});

test("loss: some are gone, the rest in order", () => {
  const { world, efficacy } = burst({ kind: "loss", probability: 0.3 });
  assert.equal(world.arrived.length + efficacy.count, 200);
  assert.ok(efficacy.count > 30 && efficacy.count < 90);
  assert.equal(efficacy.unit, "messages lost");
  assert.deepEqual(world.names(), inOrder(world.names()));
});

test("duplicate: some arrive twice", () => {
  const { world, efficacy } = burst({ kind: "duplicate", probability: 0.3 });
  assert.equal(world.arrived.length, 200 + efficacy.count);
  assert.ok(efficacy.count > 30 && efficacy.count < 90);
  assert.equal(new Set(world.names()).size, 200);
});

test("reorder: some are overtaken, none is lost", () => {
  const { world, efficacy } = burst({ kind: "reorder", probability: 0.3, holdMs: 20 });
  assert.deepEqual(inOrder(world.names()), numbered("n1>n2", 200));
  assert.notDeepEqual(world.names(), numbered("n1>n2", 200));
  assert.ok(efficacy.count > 30 && efficacy.count < 90);
});

test("corrupt: no damaged message arrives, and noticing one costs the connection", () => {
  const { world, efficacy } = burst({ kind: "corrupt", probability: 0.02 });
  assert.ok(efficacy.count > 0);
  assert.ok(world.arrived.length < 200 - efficacy.count, "what was in flight behind it is lost too");
  const sent = new Set(numbered("n1>n2", 200));
  assert.ok(world.names().every((name) => sent.has(name)));
});

test("bandwidth: a burst takes as long as its bytes", () => {
  const { world, efficacy } = burst({ kind: "bandwidth", bytesPerS: 1000 }); // 490 bytes
  assert.deepEqual(world.names(), numbered("n1>n2", 200));
  assert.ok(world.time.nowMs() >= 490 && world.time.nowMs() <= 493);
  assert.deepEqual(efficacy, { count: 200, unit: "messages slowed" });
});

test("reset: what is in flight is lost, what follows waits for a new connection", () => {
  const world = new World();
  world.send("n1", "n2", 3);
  const reset = world.network.packet(there, { kind: "reset" });
  world.send("n1", "n2", 1, 3);
  world.run();
  assert.deepEqual(world.names(), ["n1>n2:3"]);
  assert.equal(world.time.nowMs(), 10);
  assert.deepEqual(reset.efficacy(), { count: 1, unit: "connections reset" });
});

test("slow-close: a crashed sender's messages arrive late, behind those of its next life", () => {
  const world = new World();
  const slow = world.network.packet(back, { kind: "slow-close", lingerMs: 500 });
  world.advance(20);
  world.send("n2", "n1", 2);
  world.endpoints.get("n2")?.close();
  world.open("n2");
  world.send("n2", "n1", 1, 2);
  world.run();
  assert.deepEqual(world.names(), ["n2>n1:2", "n2>n1:0", "n2>n1:1"]);
  assert.equal(world.arrived.at(-1)?.atMs, 520);
  assert.deepEqual(slow.efficacy(), { count: 2, unit: "closes delayed" }, "at injection, and at the crash");
});

test("half-open: nothing arrives and nothing says so, until healed", () => {
  const world = new World();
  const half = world.network.packet(there, { kind: "half-open" });
  world.send("n1", "n2", 3);
  world.send("n2", "n1", 1);
  world.run();
  half.heal();
  world.send("n1", "n2", 1, 3);
  world.run();
  assert.deepEqual(world.names(), ["n2>n1:0", "n1>n2:3"]);
  assert.deepEqual(half.efficacy(), { count: 3, unit: "messages swallowed" });
});

test("the same seed gives the same hash of everything delivered, another seed another", () => {
  assert.equal(hashOfRun("a"), hashOfRun("a"));
  assert.notEqual(hashOfRun("a"), hashOfRun("b"));
});

/** Sends 200 messages from n1 to n2 with `fault` on that link, and checks that the way back is left alone. */
function burst(fault: PacketFault): { readonly world: World; readonly efficacy: Efficacy } {
  const world = new World();
  const handle = world.network.packet(there, fault);
  world.send("n1", "n2", 200);
  world.run();
  const undisturbed = new World();
  undisturbed.network.packet(there, fault);
  undisturbed.send("n2", "n1", 20);
  undisturbed.run();
  assert.deepEqual(undisturbed.names(), numbered("n2>n1", 20));
  assert.ok(undisturbed.time.nowMs() <= 3);
  return { world, efficacy: handle.efficacy() };
}

function inOrder(names: readonly string[]): string[] {
  return names.toSorted((a, b) => Number(a.split(":")[1]) - Number(b.split(":")[1]));
}

/** Three nodes that pass messages on while random faults come and go. */
function hashOfRun(seed: string): number {
  const world = new World(seed);
  const random = seededRandom(seed).fork("faults");
  const ids = ["n1", "n2", "n3"];
  const pick = (): NodeId => ids[random.below(3)] ?? "n1";
  const faults: PacketFault[] = [
    { kind: "loss", probability: 0.1 },
    { kind: "duplicate", probability: 0.1 },
    { kind: "reorder", probability: 0.2, holdMs: 5 },
    { kind: "corrupt", probability: 0.05 },
    { kind: "delay", distribution: { shape: "exponential", meanMs: 10 } },
    { kind: "reset" },
  ];
  for (let round = 0; round < 200; round++) {
    for (let count = 0; count < 10; count++) world.send(pick(), pick(), 1, count);
    const fault = faults[random.below(faults.length)] ?? { kind: "reset" };
    const handle = world.network.packet([{ from: pick(), to: pick() }], fault);
    world.advance(random.below(10));
    if (random.below(2) === 0) handle.heal();
  }
  world.run();
  assert.ok(world.arrived.length > 500);
  return crc32c(new TextEncoder().encode(JSON.stringify(world.arrived)));
}
