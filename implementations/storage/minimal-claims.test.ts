/**
 * Goal: the published claims about quorums, versions and compare-and-swap hold of the minimal implementation, whoever
 * is within reach of whom; and where a documented tradeoff says they do not, they do not.
 *
 * Method: random schedules of operations under random, also intransitive, reachability, judged by the rule on a single
 * entry; and all subsets of up to seven nodes, where counting is possible. Seeds are fixed: a failure prints the path
 * that replays it with its seed.
 *
 * @see Gifford 1979, "Weighted voting for replicated data", for R + W > N.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { NodeId } from "../foundation/units.ts";
import { limits, quorumLevels } from "./contract.ts";
import type { QuorumLevel, StorageOperation, StorageReply } from "./contract.ts";
import { ShardedStorage, absent, applyToEntry } from "./minimal.ts";
import type { Entry } from "./minimal.ts";

describe("C-STO-1: a write acknowledged at majority survives any minority failure", () => {
  test("whatever majority took it, whatever minority is out of reach afterwards, at any node", () => {
    for (let nodes = 1; nodes <= 5; nodes++) {
      const cluster = new Cluster(nodes);
      const majorities = subsetsOf(nodes).filter((ids) => ids.length > nodes / 2);
      for (const [index, [writers, readers]] of pairsOf(majorities).entries()) {
        const key = `key ${index}`; // Its own, for a read would repair what the next one is to find.
        cluster.connectOnly(writers);
        assert.equal(cluster.at(first(writers), put(key, "v")).kind, "ok");
        cluster.connectOnly(readers);
        const reader = readers[index % readers.length] ?? first(readers);
        assert.deepEqual(cluster.at(reader, get(key)), found("v", 1), `${writers.join()} then ${readers.join()}`);
      }
    }
  });

  test("a minority that loses its memory loses nothing of a write that all took", () => {
    const cluster = new Cluster(5);
    cluster.at("n1", put("k", "v"));
    for (const id of ["n1", "n2"]) cluster.restart(id);
    assert.deepEqual(cluster.at("n1", get("k")), found("v", 1));
    cluster.connectOnly(["n1", "n2", "n3"]);
    assert.deepEqual(cluster.at("n2", get("k")), found("v", 1), "and reading gave it back to them");
  });

  test("the tradeoff: memories are all there is, so a write is lost with those of a majority", () => {
    const cluster = new Cluster(5);
    cluster.at("n1", put("k", "v"));
    for (const id of ["n1", "n2", "n3"]) cluster.restart(id);
    cluster.connectOnly(["n1", "n2", "n3"]);
    assert.deepEqual(cluster.at("n1", get("k")), found(null, 0));
    assert.deepEqual(cluster.at("n1", put("k", "w")), done("put", 1), "and the version is given a second time");
  });

  test("the tradeoff is larger than that: one lost memory is enough where the rest of the majority is out of reach", () => {
    const cluster = new Cluster(3);
    cluster.connectOnly(["n1", "n2"]);
    cluster.at("n1", put("k", "v"));
    cluster.restart("n1");
    cluster.connectOnly(["n1", "n3"]);
    assert.deepEqual(cluster.at("n3", get("k")), found(null, 0));
  });

  test("the forbidden side: what was acknowledged at one does not survive the node that took it", () => {
    const cluster = new Cluster(3);
    cluster.connectOnly(["n1"]);
    assert.deepEqual(cluster.at("n1", put("k", "v", "one")), done("put", 1));
    cluster.connectOnly(["n2", "n3"]);
    assert.deepEqual(cluster.at("n2", get("k")), found(null, 0));
  });
});

describe("C-STO-2: of two writes to a key the newer has the higher version", () => {
  test("at majority and all, changes are counted 1, 2, 3, ... and no read goes backwards, under any reachability", () => {
    fc.assert(
      fc.property(schedule(["majority", "all"]), (steps) => {
        const cluster = new Cluster(5);
        const versions = new Map<string, number>();
        for (const { at, reach, operation } of steps) {
          cluster.connect(reach);
          const reply = cluster.at(at, operation);
          if (reply.kind === "error") continue;
          const last = versions.get(operation.key) ?? 0;
          const { kind, version } = reply.result;
          if (kind !== "get") assert.equal(version, last + 1);
          else if (reply.result.value !== null) assert.equal(version, last);
          versions.set(operation.key, Math.max(last, version));
        }
      }),
      { seed: 21, numRuns: 200 },
    );
  });

  test("at one, what a node holds of a key never goes back to an older version", () => {
    fc.assert(
      fc.property(schedule(quorumLevels), (steps) => {
        const cluster = new Cluster(5);
        const held = new Map<string, number>();
        for (const { at, reach, operation } of steps) {
          cluster.connect(reach);
          cluster.at(at, operation);
          for (const id of cluster.ids) {
            for (const [key, , version] of cluster.node(id).state().entries) {
              assert.ok(version >= (held.get(`${id} ${key}`) ?? 0));
              held.set(`${id} ${key}`, version);
            }
          }
        }
      }),
      { seed: 22, numRuns: 200 },
    );
  });

  test("the forbidden side: at one, two sides of a partition give one version twice, and one of the writes is lost", () => {
    const cluster = new Cluster(2);
    cluster.connectOnly([]);
    const replies = cluster.ids.map((id) => cluster.at(id, put("k", id, "one")));
    assert.deepEqual(replies, [done("put", 1), done("put", 1)]);
    cluster.connectOnly(cluster.ids);
    assert.deepEqual(cluster.at("n1", get("k")), found("n2", 1));
  });
});

describe("C-STO-3: compare-and-swap is atomic", () => {
  test("every schedule at majority and all is explained by the rule, one operation after the other", () => {
    fc.assert(
      fc.property(schedule(["majority", "all"]), (steps) => {
        const cluster = new Cluster(5);
        const model = new Map<string, Entry>();
        for (const { at, reach, operation } of steps) {
          cluster.connect(reach);
          const actual = cluster.at(at, operation);
          const { entry, reply } = applyToEntry(model.get(operation.key) ?? absent, operation);
          if (isRefusal(actual)) continue; // Then it must have changed nothing, which every later answer shows.
          assert.deepEqual(actual, reply);
          model.set(operation.key, entry);
        }
        cluster.heal();
        for (const [key, { value, version }] of model) {
          assert.deepEqual(cluster.at("n1", get(key)), found(value, value === null ? 0 : version));
        }
      }),
      { seed: 23, numRuns: 200 },
    );
  });

  test("of those who swap the same value exactly one succeeds, and a counter counts every success", () => {
    const attempt = fc.record({ left: node(5), right: node(5), reach: reachability() });
    const property = fc.property(fc.array(attempt, { maxLength: 50, size: "max" }), (attempts) => {
      const cluster = new Cluster(5);
      let seen: string | null = null;
      let counted = 0;
      for (const { left, right, reach } of attempts) {
        cluster.connect(reach);
        // Two clients that have seen the same: only one of them may count on from there.
        const swap = cas("counter", seen, String(counted + 1));
        const replies = [left, right].map((at) => cluster.at(at, swap));
        const wins = replies.filter(({ kind }) => kind === "ok").length;
        assert.equal(wins, replies.every(isRefusal) ? 0 : 1);
        counted += wins;
        if (wins === 1) seen = String(counted);
      }
      cluster.heal();
      assert.deepEqual(cluster.at("n1", get("counter")), found(seen, counted));
    });
    fc.assert(property, { seed: 24, numRuns: 200 });
  });

  test("the forbidden side: a write at one slips past it, and a value is swapped that had been overwritten", () => {
    const cluster = new Cluster(3);
    cluster.at("n1", put("k", "a"));
    cluster.connectOnly(["n2", "n3"]);
    cluster.at("n1", put("k", "b", "one"));
    assert.deepEqual(cluster.at("n2", cas("k", "a", "c")), done("cas", 2));
  });
});

describe("S-3: a get after a majority put returns that value, for any key and value", () => {
  test("at one as at majority, whatever the number of shards", () => {
    const key = fc.string({ unit: "binary", minLength: 1, maxLength: limits.keyBytes / 4, size: "max" });
    const keys = fc.uniqueArray(key, { minLength: 2, maxLength: 2 });
    const value = fc.string({ unit: "binary", maxLength: 2000, size: "max" });
    const shards = fc.integer({ min: 1, max: 300 });
    const property = fc.property(
      keys,
      value,
      shards,
      fc.constantFrom(...quorumLevels),
      ([k, other], v, count, level) => {
        assert.ok(k !== undefined && other !== undefined);
        const cluster = new Cluster(3, count);
        assert.deepEqual(cluster.at("n1", put(k, v)), done("put", 1));
        for (const id of cluster.ids) assert.deepEqual(cluster.at(id, get(k, level)), found(v, 1));
        assert.deepEqual(cluster.at("n2", get(other)), found(null, 0), "and of no other key");
      },
    );
    fc.assert(property, { seed: 25, numRuns: 100, examples: [[["__proto__", "constructor"], "", 16, "one"]] });
  });
});

describe("N-FV-5: any read quorum meets any write quorum when R + W > N", () => {
  test("counted out for up to seven nodes; with R + W <= N there are quorums that do not meet", () => {
    for (let nodes = 1; nodes <= 7; nodes++) {
      const subsets = subsetsOf(nodes);
      for (let reads = 1; reads <= nodes; reads++) {
        for (let writes = 1; writes <= nodes; writes++) {
          const ofReads = subsets.filter(({ length }) => length === reads);
          const ofWrites = subsets.filter(({ length }) => length === writes);
          const allMeet = ofReads.every((left) => ofWrites.every((right) => left.some((id) => right.includes(id))));
          assert.equal(allMeet, reads + writes > nodes, `R = ${reads}, W = ${writes}, N = ${nodes}`);
        }
      }
    }
  });

  test("and so the store: a read finds the write for every two sets that reach their levels, exactly then", () => {
    for (let nodes = 1; nodes <= 5; nodes++) {
      const needed = { one: 1, majority: Math.floor(nodes / 2) + 1, all: nodes };
      for (const [write, read] of pairsOf(quorumLevels)) {
        const cluster = new Cluster(nodes);
        const writers = subsetsOf(nodes).filter(({ length }) => length === needed[write]);
        const readers = subsetsOf(nodes).filter(({ length }) => length === needed[read]);
        const reads = writers.flatMap((ofWrite) => readers.map((ofRead) => [ofWrite, ofRead] as const));
        const misses = reads.filter(([ofWrite, ofRead], index) => {
          const key = `key ${index}`;
          cluster.connectOnly(ofWrite);
          assert.deepEqual(cluster.at(first(ofWrite), put(key, "v", write)), done("put", 1));
          cluster.connectOnly(ofRead);
          const reply = cluster.at(first(ofRead), get(key, read));
          return reply.kind === "ok" && reply.result.version === 0;
        });
        const meets = needed[write] + needed[read] > nodes;
        assert.equal(misses.length === 0, meets, `W = ${write}, R = ${read}, N = ${nodes}`);
      }
    }
  });
});

interface Step {
  readonly at: NodeId;
  /** Bit i: whether the i-th pair of nodes is within reach of each other. */
  readonly reach: number;
  readonly operation: StorageOperation;
}

/** Operations on two keys at any of five nodes, each under a reachability of its own. */
function schedule(levels: readonly QuorumLevel[]): fc.Arbitrary<readonly Step[]> {
  const key = fc.constantFrom("a", "b");
  const value = fc.constantFrom("1", "2", "3");
  const level = fc.constantFrom(...levels);
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("get" as const), key, level }),
    fc.record({ kind: fc.constant("put" as const), key, value, level }),
    fc.record({ kind: fc.constant("delete" as const), key, level }),
    fc.record({ kind: fc.constant("cas" as const), key, from: fc.option(value), to: value }),
  );
  return fc.array(fc.record({ at: node(5), reach: reachability(), operation }), { maxLength: 40, size: "max" });
}

function node(nodes: number): fc.Arbitrary<NodeId> {
  return fc.integer({ min: 1, max: nodes }).map((number) => `n${number}`);
}

/** Of five nodes; every third time all are within reach, or `all` would hardly ever be served. */
function reachability(): fc.Arbitrary<number> {
  return fc.oneof({ weight: 1, arbitrary: fc.constant(0x3ff) }, { weight: 2, arbitrary: fc.nat(0x3ff) });
}

function isRefusal(reply: StorageReply | undefined): boolean {
  return reply?.kind === "error" && reply.code === "QUORUM_NOT_MET";
}

/** All sets of one node or more. */
function subsetsOf(nodes: number): readonly (readonly NodeId[])[] {
  const ids = idsOf(nodes);
  return Array.from({ length: 2 ** nodes - 1 }, (_, index) => ids.filter((_id, bit) => ((index + 1) >> bit) % 2 === 1));
}

function pairsOf<T>(items: readonly T[]): readonly (readonly [T, T])[] {
  return items.flatMap((left) => items.map((right) => [left, right] as const));
}

function idsOf(nodes: number): readonly NodeId[] {
  return Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
}

function first(ids: readonly NodeId[]): NodeId {
  const [id] = ids;
  assert.ok(id !== undefined, "a quorum is not empty");
  return id;
}

/** Nodes that call each other directly, any two of which can be out of reach of each other. */
class Cluster {
  readonly ids: readonly NodeId[];
  readonly #shards: number;
  readonly #nodes = new Map<NodeId, ShardedStorage>();
  #areLinked: (left: NodeId, right: NodeId) => boolean = () => true;
  #requests = 0;

  constructor(nodes: number, shards = 1) {
    this.ids = idsOf(nodes);
    this.#shards = shards;
    for (const id of this.ids) this.restart(id);
  }

  node(id: NodeId): ShardedStorage {
    const storage = this.#nodes.get(id);
    assert.ok(storage !== undefined, `${id} is a node`);
    return storage;
  }

  /** Every request is another client's: of equal versions the later one wins. */
  at(id: NodeId, operation: StorageOperation): StorageReply {
    return this.node(id).execute({ session: ++this.#requests, sequence: 1, operation }, 0);
  }

  /** A crash: memory is lost. */
  restart(id: NodeId): void {
    const reachable = (from: NodeId): ShardedStorage[] =>
      this.ids.filter((to) => to !== from && this.#areLinked(from, to)).map((to) => this.node(to));
    const bounds = { nodes: this.ids.length, shards: this.#shards, maxKeysPerShard: 10_000 };
    const options = { ...bounds, id, life: 1, peers: { reachable }, trace: () => undefined };
    this.#nodes.set(id, new ShardedStorage(options));
  }

  connectOnly(ids: readonly NodeId[]): void {
    this.#areLinked = (left, right) => ids.includes(left) && ids.includes(right);
  }

  heal(): void {
    this.#areLinked = () => true;
  }

  /** The i-th pair of nodes is linked when bit i of `reach` is set: n1 may reach n2 and n3 where these do not meet. */
  connect(reach: number): void {
    const pairs = pairsOf(this.ids).filter(([left, right]) => left < right);
    const linked = new Set(pairs.filter((_, bit) => (reach >> bit) % 2 === 1).map((pair) => pair.join()));
    this.#areLinked = (...pair) => linked.has(pair.toSorted().join());
  }
}

function get(key: string, level: QuorumLevel = "majority"): StorageOperation {
  return { kind: "get", key, level };
}

function put(key: string, value: string, level: QuorumLevel = "majority"): StorageOperation {
  return { kind: "put", key, value, level };
}

function cas(key: string, from: string | null, to: string): StorageOperation {
  return { kind: "cas", key, from, to };
}

function found(value: string | null, version: number): StorageReply {
  return { kind: "ok", result: { kind: "get", value, version } };
}

function done(kind: "put" | "cas", version: number): StorageReply {
  return { kind: "ok", result: { kind, version } };
}
