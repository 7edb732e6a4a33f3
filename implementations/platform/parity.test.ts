/**
 * Goal: whoever is handed a clock, randomness or a transport cannot tell from the port's promises which wing it is
 * from. Method: one suite, run on the simulated wing (virtual time, stepped by the suite) and on the node wing (this
 * machine's clock, TLS through a link proxy per directed pair). What the ports do not promise is not compared: during a
 * cut the simulator drops messages, while TCP keeps them and delivers them late.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock, Random, Transport } from "../foundation/effects.ts";
import { combinedHandle } from "../foundation/fault-handle.ts";
import type { FaultHandle, Link } from "../foundation/faults.ts";
import type { NodeId } from "../foundation/units.ts";
import { FaultyClock } from "./faulty-clock.ts";
import { issueAuthority, issueCertificate } from "./node/certificates.ts";
import { nodeClock } from "./node/clock.ts";
import { LinkProxy } from "./node/link-proxy.ts";
import { nodeRandom } from "./node/random.ts";
import { TlsTransport } from "./node/transport.ts";
import { waitUntil } from "./node/wait-until.ts";
import { VirtualTime } from "./simulated/clock.ts";
import { simulatedRandom } from "./simulated/random.ts";
import { SimulatedNetwork } from "./simulated/transport.ts";

interface Network {
  transport(id: NodeId): Transport;
  cut(links: readonly Link[]): FaultHandle;
}

interface Wing {
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => Random;
  readonly network: (ids: readonly NodeId[]) => Promise<Network>;
  /** Lets time pass until `condition` holds. */
  readonly until: (what: string, condition: () => boolean) => Promise<void>;
  readonly stop: () => Promise<void>;
}

function simulatedWing(): Wing {
  const time = new VirtualTime();
  return {
    name: "simulated",
    clock: time,
    random: () => simulatedRandom("parity"),
    network: (ids) => {
      const latency = { shape: "exponential", meanMs: 1 } as const;
      const network = new SimulatedNetwork({ time, random: simulatedRandom("parity network"), latency });
      const transports = new Map(ids.map((id) => [id, network.endpoint(id)]));
      return Promise.resolve({ transport: (id) => found(transports, id), cut: (links) => network.cut(links) });
    },
    until: (what, condition) => {
      while (!condition()) assert.ok(time.step(), `nothing is left to happen until ${what}`);
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  };
}

function nodeWing(): Wing {
  const open: { close(): Promise<void> }[] = [];
  return {
    name: "node",
    clock: nodeClock,
    random: nodeRandom,
    network: async (ids) => {
      const authority = await issueAuthority("parity");
      const random = nodeRandom();
      const transports = new Map<NodeId, TlsTransport>();
      const proxies = new Map<string, LinkProxy>();
      for (const id of ids) {
        const credentials = await issueCertificate(authority, id);
        const transport = new TlsTransport({
          id,
          credentials,
          clock: nodeClock,
          random: random.fork(id),
          limits: { connectTimeoutMs: 20_000 }, // A busy machine must not make an attempt fail.
        });
        transports.set(id, transport);
        open.push(transport);
        const port = await transport.listen();
        for (const from of ids) {
          if (from === id) continue;
          const proxy = await LinkProxy.listen({ clock: nodeClock, random: random.fork(`${from}>${id}`) });
          proxy.setTarget({ host: "127.0.0.1", port });
          proxies.set(`${from}>${id}`, proxy);
          open.push(proxy);
        }
      }
      for (const [id, transport] of transports) {
        const peers = ids.filter((peer) => peer !== id);
        transport.connect(new Map(peers.map((peer) => [peer, found(proxies, `${id}>${peer}`).address])));
      }
      return {
        transport: (id) => found(transports, id),
        cut: (links) =>
          combinedHandle(
            links.map(({ from, to }) =>
              found(proxies, `${from}>${to}`).apply({ kind: "cut" }, ["forward", "backward"]),
            ),
          ),
      };
    },
    until: (what, condition) => waitUntil(what, condition),
    stop: async () => {
      await Promise.all(open.map((each) => each.close()));
    },
  };
}

for (const makeWing of [simulatedWing, nodeWing]) {
  const parity = (name: string, run: (wing: Wing) => Promise<void>): void => {
    const wing = makeWing();
    void test(`${wing.name}: ${name}`, async () => {
      try {
        await run(wing);
      } finally {
        await wing.stop();
      }
    });
  };

  parity("timers fire once, in the order in which they are due, never early", async ({ clock, until }) => {
    const fired: number[] = [];
    /** When each was due, as the caller can know it: the clock was read before and after. */
    const due: { readonly soonestMs: number; readonly latestMs: number }[] = [];
    const delays = [7, 3, 3, 0, 5, 0, 1, 3, 10, 2];
    delays.forEach((delayMs, index) => {
      const soonestMs = clock.nowMs() + delayMs;
      clock.after(delayMs, () => {
        assert.ok(clock.nowMs() >= soonestMs);
        fired.push(index);
      });
      due.push({ soonestMs, latestMs: clock.nowMs() + delayMs });
    });
    assert.deepEqual(fired, [], "never before `after` returned");
    await until("all have fired", () => fired.length === delays.length);
    assert.deepEqual(
      fired.toSorted((a, b) => a - b),
      delays.map((_, index) => index),
      "once",
    );
    const isBefore = (one: number, other: number): boolean => {
      const [latestMs, soonestMs] = [due[one]!.latestMs, due[other]!.soonestMs];
      return latestMs < soonestMs || (latestMs === soonestMs && one < other);
    };
    const inversions = fired.flatMap((one, place) =>
      fired.slice(place + 1).flatMap((later) => (isBefore(later, one) ? [[one, later]] : [])),
    );
    assert.deepEqual(inversions, []);
  });

  parity("a cancelled timer does not fire, and cancelling late is harmless", async ({ clock, until }) => {
    const fired: string[] = [];
    clock.after(1, () => fired.push("never")).cancel();
    const kept = clock.after(2, () => fired.push("kept"));
    // Each is set after those that are due before it: that order holds on a busy machine too.
    clock.after(3, () => inTime.cancel());
    const inTime = clock.after(4, () => fired.push("in time"));
    clock.after(5, () => fired.push("last"));
    await until("the last has fired", () => fired.includes("last"));
    kept.cancel();
    kept.cancel();
    assert.deepEqual(fired, ["kept", "last"]);
  });

  parity("timers set by timers fire, at once or later", async ({ clock, until }) => {
    let depth = 0;
    const deeper = (): void => {
      if (++depth < 20) clock.after(depth % 2, deeper);
    };
    clock.after(0, deeper);
    await until("all have fired", () => depth === 20);
  });

  parity("a faulty clock takes its timers along", async ({ clock, until }) => {
    const faulty = new FaultyClock(clock);
    const fired: string[] = [];
    faulty.after(1e9, () => fired.push("after the jump"));
    faulty.inject({ kind: "jump", byMs: 1e9 });
    await until("the clock has jumped past it", () => fired.length === 1);
    const skew = faulty.inject({ kind: "skew", rate: 1e6 });
    const dueMs = faulty.nowMs() + 5e6;
    faulty.after(5e6, () => fired.push("in fast time"));
    await until("fast time has passed", () => fired.length === 2);
    assert.ok(faulty.nowMs() >= dueMs);
    assert.ok(skew.efficacy().count > 0);
    faulty.after(1, () => fired.push("never"));
    faulty.cancelAll();
    clock.after(3, () => fired.push("end"));
    await until("the end", () => fired.includes("end"));
    assert.deepEqual(fired, ["after the jump", "in fast time", "end"]);
  });

  parity("randomness keeps to its ranges, and forks depend on their label only", ({ random }) => {
    const stream = random();
    const first = stream.fork("a").uint32();
    const counts = new Map<number, number>();
    for (let draw = 0; draw < 10_000; draw++) {
      const drawn = stream.below(10);
      counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
      const float = stream.float();
      assert.ok(float >= 0 && float < 1);
    }
    assert.deepEqual(
      [...counts.keys()].sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    // Ten standard deviations: this cannot fail by chance.
    for (const count of counts.values()) assert.ok(Math.abs(count - 1000) < 300);
    assert.equal(stream.fork("a").uint32(), first, "drawing does not change what a fork is");
    assert.notEqual(stream.fork("b").uint32() + 2 ** 32 * stream.fork("b").float(), first);
    return Promise.resolve();
  });

  parity("every message arrives once, in order, from whom it is, on every link", async ({ network, until }) => {
    const ids = ["n1", "n2", "n3"];
    const net = await network(ids);
    const got = new Map<string, number[]>();
    let count = 0;
    for (const id of ids) {
      net.transport(id).onMessage((from, bytes) => {
        count++;
        const link = `${from}>${id}`;
        got.set(link, [...(got.get(link) ?? []), new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)]);
      });
    }
    const buffer = new Uint8Array(40);
    for (let number = 0; number < 300; number++) {
      for (const from of ids) {
        for (const to of ids) {
          if (from === to) continue;
          new DataView(buffer.buffer).setUint32(0, number);
          net.transport(from).send(to, buffer); // The sender goes on to use its bytes for something else.
        }
      }
    }
    await until("all have arrived", () => count === 6 * 300);
    const expected = Array.from({ length: 300 }, (_, number) => number);
    assert.equal(got.size, 6);
    for (const numbers of got.values()) assert.deepEqual(numbers, expected);
  });

  parity("empty and large messages arrive whole; the receiver owns them", async ({ network, until }) => {
    const net = await network(["n1", "n2"]);
    const got: Uint8Array[] = [];
    net.transport("n2").onMessage((_from, bytes) => {
      got.push(bytes.slice());
      bytes.fill(0);
    });
    const large = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 31) % 251);
    for (const body of [new Uint8Array(0), large, Uint8Array.of(1), large]) net.transport("n1").send("n2", body);
    await until("all have arrived", () => got.length === 4);
    assert.deepEqual(
      got.map(({ length }) => length),
      [0, large.length, 1, large.length],
    );
    assert.ok(Buffer.compare(got[3] ?? new Uint8Array(0), large) === 0);
  });

  parity("a message to nobody is dropped without a word", async ({ network, until }) => {
    const net = await network(["n1", "n2"]);
    let arrived = false;
    net.transport("n2").onMessage(() => (arrived = true));
    net.transport("n1").send("n9", Uint8Array.of(1));
    net.transport("n1").send("n2", Uint8Array.of(1));
    await until("the other has arrived", () => arrived);
  });

  parity("a cut lets nothing through until it heals, and leaves the way back open", async ({ network, until }) => {
    const net = await network(["n1", "n2"]);
    const atN2: number[] = [];
    const atN1: number[] = [];
    net.transport("n2").onMessage((_from, [number = 0]) => atN2.push(number));
    net.transport("n1").onMessage((_from, [number = 0]) => atN1.push(number));
    net.transport("n1").send("n2", Uint8Array.of(1));
    await until("it has arrived", () => atN2.length === 1);

    const cut = net.cut([{ from: "n1", to: "n2" }]);
    const again = net.cut([{ from: "n1", to: "n2" }]);
    net.transport("n1").send("n2", Uint8Array.of(2));
    await until("the cut has done something", () => cut.efficacy().count > 0);
    net.transport("n2").send("n1", Uint8Array.of(3));
    await until("the way back is open", () => atN1.length === 1);
    cut.heal();
    net.transport("n2").send("n1", Uint8Array.of(4));
    await until("the way back is open", () => atN1.length === 2);
    assert.deepEqual(atN2, [1], "the second cut still holds");

    again.heal();
    net.transport("n1").send("n2", Uint8Array.of(5));
    await until("what was sent after the cut has arrived", () => atN2.includes(5));
    assert.deepEqual(
      atN2.filter((number) => number !== 2),
      [1, 5],
    );
    assert.deepEqual(atN1, [3, 4]);
    assert.ok(again.efficacy().count > 0);
  });
}

function found<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key);
  assert.ok(value !== undefined, `${String(key)} is there`);
  return value;
}
