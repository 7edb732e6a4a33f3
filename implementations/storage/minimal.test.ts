/**
 * Goal: the minimal implementation does what its operations say, and refuses what it must, having changed nothing.
 *
 * Method: the rule on single entries; then three nodes and a network that the test cuts. Each answer is shown together
 * with its forbidden side. What quorums make of the rules, whatever the schedule, is judged in
 * `minimal-claims.test.ts`.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32c } from "../foundation/crc32c.ts";
import type { NodeId } from "../foundation/units.ts";
import { limits, quorumLevels } from "./contract.ts";
import type { QuorumLevel, StorageEvent, StorageOperation, StorageReply, StorageState } from "./contract.ts";
import { Shard, ShardedStorage, absent, applyToEntry } from "./minimal.ts";
import type { Entry, VersionedValue } from "./minimal.ts";

describe("the rule", () => {
  const live: Entry = { value: "a", version: 3 };
  const deleted: Entry = { value: null, version: 4 };

  test("get changes nothing; what was never written and what was deleted look the same", () => {
    assert.deepEqual(applyToEntry(live, get()), { entry: live, reply: found("a", 3) });
    for (const entry of [absent, deleted])
      assert.deepEqual(applyToEntry(entry, get()), { entry, reply: found(null, 0) });
  });

  test("put writes whatever was there, and goes on counting after a delete", () => {
    for (const entry of [absent, live, deleted]) {
      const version = entry.version + 1;
      assert.deepEqual(applyToEntry(entry, put("b")), { entry: { value: "b", version }, reply: done("put", version) });
    }
  });

  test("delete leaves a tombstone with a version of its own; where nothing is, NOT_FOUND", () => {
    assert.deepEqual(applyToEntry(live, remove()), { entry: { value: null, version: 4 }, reply: done("delete", 4) });
    for (const entry of [absent, deleted]) {
      assert.deepEqual(applyToEntry(entry, remove()), { entry, reply: refusal("NOT_FOUND") });
    }
  });

  test("compare-and-swap needs the value it names, null being no value; otherwise PRECONDITION_FAILED", () => {
    assert.deepEqual(applyToEntry(live, cas("a", "b")), { entry: { value: "b", version: 4 }, reply: done("cas", 4) });
    assert.deepEqual(applyToEntry(absent, cas(null, "b")), {
      entry: { value: "b", version: 1 },
      reply: done("cas", 1),
    });
    assert.deepEqual(applyToEntry(deleted, cas(null, "b")), {
      entry: { value: "b", version: 5 },
      reply: done("cas", 5),
    });
    const failing: [Entry, string | null][] = [
      [live, "b"],
      [live, null],
      [absent, "a"],
      [absent, ""],
      [deleted, "a"],
    ];
    for (const [entry, from] of failing) {
      assert.deepEqual(applyToEntry(entry, cas(from, "c")), { entry, reply: refusal("PRECONDITION_FAILED") });
    }
  });

  test("an empty value is a value", () => {
    const { entry } = applyToEntry(absent, put(""));
    assert.deepEqual(applyToEntry(entry, get()).reply, found("", 1));
    assert.deepEqual(applyToEntry(entry, remove()).reply, done("delete", 2));
  });
});

describe("a shard", () => {
  test("keeps the newest version it was offered, in whatever order they come", () => {
    const shard = new Shard(1);
    assert.deepEqual(
      [3, 1, 4, 4, 2].map((version) => shard.offer("k", versioned(version))),
      [true, false, true, false, false],
    );
    assert.equal(shard.get("k")?.version, 4);
  });

  test("of equal versions the one of the higher session and sequence wins, again in any order", () => {
    const [low, middle, high] = [versioned(2, 1, 9), versioned(2, 2, 1), versioned(2, 2, 2)];
    for (const order of [
      [low, middle, high],
      [high, middle, low],
      [middle, high, low],
    ]) {
      const shard = new Shard(1);
      for (const offered of order) shard.offer("k", offered);
      assert.equal(shard.get("k"), high);
    }
    const shard = new Shard(1);
    shard.offer("k", high);
    assert.ok(shard.offer("k", versioned(3, 1, 1)), "the version comes first");
  });

  test("has room for `maxKeys` keys, and always for those it has; to offer it more is a bug of ours", () => {
    const shard = new Shard(2);
    shard.offer("a", versioned(1));
    assert.ok(shard.hasRoomFor("b"));
    shard.offer("b", versioned(1));
    assert.deepEqual([shard.hasRoomFor("a"), shard.hasRoomFor("c"), shard.keyCount], [true, false, 2]);
    assert.throws(() => shard.offer("c", versioned(1)), /Invariant broken/);
    assert.ok(shard.offer("a", versioned(2)));
  });
});

describe("operations", () => {
  test("any node takes any operation, and every node knows the outcome", () => {
    const cluster = new Cluster();
    assert.deepEqual(cluster.at("n1", put("a")), done("put", 1));
    assert.deepEqual(cluster.at("n2", get()), found("a", 1));
    assert.deepEqual(cluster.at("n3", cas("a", "b")), done("cas", 2));
    assert.deepEqual(cluster.at("n1", cas("a", "c")), refusal("PRECONDITION_FAILED"));
    assert.deepEqual(cluster.at("n2", remove()), done("delete", 3));
    assert.deepEqual(cluster.at("n3", remove()), refusal("NOT_FOUND"));
    assert.deepEqual(cluster.at("n1", get()), found(null, 0));
    cluster.assertAll([["k", null, 3]]);
    assert.deepEqual(cluster.at("n3", put("c")), done("put", 4));
    cluster.assertAll([["k", "c", 4]]);
  });

  test("keys do not touch each other", () => {
    const cluster = new Cluster();
    cluster.at("n1", put("1", "majority", "a"));
    cluster.at("n2", put("2", "majority", "b"));
    cluster.at("n3", remove("majority", "a"));
    assert.deepEqual(cluster.at("n1", get("majority", "b")), found("2", 1));
    assert.deepEqual(cluster.at("n1", get("majority", "c")), found(null, 0));
    cluster.assertAll([
      ["a", null, 2],
      ["b", "2", 1],
    ]);
  });

  test("keys and values outside the limits are malformed, in bytes of UTF-8; at the limits they are served", () => {
    const cluster = new Cluster();
    const [keyBytes, valueBytes] = [limits.keyBytes, limits.valueBytes];
    const malformed = [
      get("one", ""),
      get("one", "k".repeat(keyBytes + 1)),
      get("one", "é".repeat(keyBytes / 2 + 1)),
      put("v", "one", ""),
      put("v".repeat(valueBytes + 1)),
      cas(null, "é".repeat(valueBytes / 2 + 1)),
      remove("one", ""),
    ];
    for (const operation of malformed) assert.deepEqual(cluster.at("n1", operation), refusal("MALFORMED_REQUEST"));
    cluster.assertAll([]);
    const [key, value] = ["é".repeat(keyBytes / 2), "é".repeat(valueBytes / 2)];
    assert.deepEqual(cluster.at("n1", put(value, "majority", key)), done("put", 1));
    assert.deepEqual(cluster.at("n2", get("majority", key)), found(value, 1));
  });

  test("a timestamp is the coordinator's time of the change; it decides nothing", () => {
    const cluster = new Cluster();
    cluster.nowMs = 2000;
    cluster.at("n1", put("a"));
    cluster.nowMs = 1000; // A clock that went back.
    cluster.at("n2", put("b"));
    assert.deepEqual(cluster.at("n3", get()), found("b", 2));
    assert.equal(cluster.node("n3").read("k")?.timestampMs, 1000);
  });
});

describe("levels", () => {
  const least: Record<QuorumLevel, number> = { one: 1, majority: 3, all: 5 };

  test("each asks for its number of replicas within reach, the coordinator included; with one less nothing is done", () => {
    for (const level of quorumLevels) {
      for (let within = 1; within <= 5; within++) {
        const cluster = new Cluster({ nodes: 5 });
        cluster.at("n1", put("before"));
        cluster.connectOnly(...cluster.ids.slice(0, within));
        const isMet = within >= least[level];
        const answers = [put("after", level), get(level), remove(level)].map((operation) =>
          cluster.at("n1", operation),
        );
        const refused = refusal("QUORUM_NOT_MET");
        const served = [done("put", 2), found("after", 2), done("delete", 3)];
        assert.deepEqual(answers, isMet ? served : [refused, refused, refused], `${level}, ${within} of 5`);
        if (!isMet) cluster.assertAll([["k", "before", 1]]);
      }
    }
  });

  test("compare-and-swap asks for a majority", () => {
    const cluster = new Cluster({ nodes: 4 });
    cluster.connectOnly("n1", "n2"); // Half of four is no majority.
    assert.deepEqual(cluster.at("n1", cas(null, "a")), refusal("QUORUM_NOT_MET"));
    cluster.assertAll([]);
    cluster.connectOnly("n1", "n2", "n3");
    assert.deepEqual(cluster.at("n1", cas(null, "a")), done("cas", 1));
  });

  test("a quorum is counted against all nodes, not against those within reach; a lone node is all three", () => {
    const cluster = new Cluster();
    cluster.connectOnly("n1");
    assert.deepEqual(cluster.at("n1", put("a", "majority")), refusal("QUORUM_NOT_MET"));
    const alone = new Cluster({ nodes: 1 });
    for (const [index, level] of quorumLevels.entries()) {
      assert.deepEqual(alone.at("n1", put("a", level)), done("put", index + 1));
    }
  });

  test("all refuses while anyone is missing, and majority goes on", () => {
    const cluster = new Cluster();
    cluster.connectOnly("n1", "n2");
    assert.deepEqual(cluster.at("n1", put("a", "all")), refusal("QUORUM_NOT_MET"));
    assert.deepEqual(cluster.at("n1", put("a", "majority")), done("put", 1));
    assert.deepEqual(cluster.at("n2", get("all")), refusal("QUORUM_NOT_MET"));
  });

  test("at one both sides of a partition write the same version, and afterwards all keep the same one", () => {
    const cluster = new Cluster();
    cluster.connectOnly("n2", "n3");
    assert.deepEqual(cluster.at("n1", put("left", "one"), { session: 1 }), done("put", 1));
    assert.deepEqual(cluster.at("n2", put("right", "one"), { session: 2 }), done("put", 1));
    cluster.heal();
    assert.deepEqual(cluster.at("n1", get("one")), found("right", 1), "that of the higher session");
    cluster.assertAll([["k", "right", 1]]);
  });
});

describe("read repair", () => {
  test("whoever missed a version gets it from the next operation that reaches them, and not before", () => {
    const touching = [get("one"), get(), remove("one", "elsewhere"), cas("wrong", "x")];
    for (const [index, operation] of touching.entries()) {
      const cluster = new Cluster();
      cluster.connectOnly("n1", "n2");
      cluster.at("n1", put("a"));
      cluster.heal();
      assert.deepEqual(cluster.stateOf("n3"), [], "nobody tells it by itself");
      cluster.at("n3", operation);
      const repaired = operation.key === "k";
      assert.deepEqual(cluster.stateOf("n3"), repaired ? [["k", "a", 1]] : [], `operation ${index}`);
    }
  });

  test("a stale coordinator answers with what the others know; cut off, at one, with what it has", () => {
    const cluster = new Cluster();
    cluster.at("n1", put("old"));
    cluster.connectOnly("n1", "n2");
    cluster.at("n1", put("new"));
    assert.deepEqual(cluster.at("n3", get("one")), found("old", 1));
    cluster.heal();
    assert.deepEqual(cluster.at("n3", get("one")), found("new", 2));
    cluster.connectOnly("n1", "n2");
    assert.deepEqual(cluster.at("n3", get("one")), found("new", 2), "it was repaired");
  });

  test("a tombstone is repaired like a value: what was deleted does not come back", () => {
    const cluster = new Cluster();
    cluster.at("n1", put("a"));
    cluster.connectOnly("n1", "n2");
    cluster.at("n1", remove());
    cluster.heal();
    assert.deepEqual(cluster.stateOf("n3"), [["k", "a", 1]], "it missed the delete");
    assert.deepEqual(cluster.at("n3", get()), found(null, 0));
    cluster.assertAll([["k", null, 2]]);
  });

  test("an operation that is refused for its quorum repairs nobody", () => {
    const cluster = new Cluster();
    cluster.connectOnly("n1", "n2");
    cluster.at("n1", put("a"));
    cluster.connectOnly("n2", "n3");
    assert.deepEqual(cluster.at("n3", get("all")), refusal("QUORUM_NOT_MET"));
    assert.deepEqual(cluster.stateOf("n3"), []);
  });
});

describe("retries", () => {
  const changes = [put("b"), put("b", "one"), put("b", "all"), remove(), cas("a", "b")];

  test("a request that made the newest version is answered with it, at any node, and not done again", () => {
    for (const operation of changes) {
      const cluster = new Cluster();
      cluster.at("n1", put("a"));
      const request = { session: 7, sequence: 3 };
      const reply = cluster.at("n2", operation, request);
      assert.deepEqual(reply, done(operation.kind as "put", 2));
      for (const id of cluster.ids) assert.deepEqual(cluster.at(id, operation, request), reply);
      cluster.assertAll([["k", operation.kind === "delete" ? null : "b", 2]]);
    }
  });

  test("the same operation of another request is done: sessions and sequences both count", () => {
    const cluster = new Cluster();
    cluster.at("n1", put("a"), { session: 7, sequence: 3 });
    assert.deepEqual(cluster.at("n1", put("a"), { session: 7, sequence: 4 }), done("put", 2));
    assert.deepEqual(cluster.at("n1", put("a"), { session: 8, sequence: 4 }), done("put", 3));
  });

  test("a retry is recognised where only a minority was out of reach of the first attempt, and repairs that", () => {
    const cluster = new Cluster();
    const request = { session: 7, sequence: 3 };
    cluster.connectOnly("n1", "n2");
    cluster.at("n1", put("a"), request);
    cluster.connectOnly("n2", "n3");
    assert.deepEqual(cluster.at("n3", put("a"), request), done("put", 1));
    assert.deepEqual(cluster.stateOf("n3"), [["k", "a", 1]]);
  });

  test("the documented limit: once somebody else has changed the key, a retry is done again", () => {
    const cluster = new Cluster();
    const request = { session: 7, sequence: 3 };
    cluster.at("n1", put("a"), request);
    cluster.at("n1", put("b"), { session: 8, sequence: 1 });
    assert.deepEqual(cluster.at("n1", put("a"), request), done("put", 3));
  });

  test("what was refused may be tried again under the same name, and succeed", () => {
    const cluster = new Cluster();
    const request = { session: 7, sequence: 3 };
    cluster.connectOnly("n1");
    assert.deepEqual(cluster.at("n1", put("a"), request), refusal("QUORUM_NOT_MET"));
    cluster.heal();
    assert.deepEqual(cluster.at("n1", put("a"), request), done("put", 1));
  });
});

describe("capacity", () => {
  test("a full shard refuses another key, changes nothing, and goes on with those it has", () => {
    const cluster = new Cluster({ maxKeysPerShard: 2 });
    cluster.at("n1", put("1", "majority", "a"));
    cluster.at("n1", put("1", "majority", "b"));
    for (const operation of [put("1", "one", "c"), put("1", "all", "c")]) {
      assert.deepEqual(cluster.at("n2", operation), refusal("CAPACITY_EXCEEDED"));
    }
    assert.deepEqual(cluster.at("n2", { ...cas(null, "1"), key: "c" }), refusal("CAPACITY_EXCEEDED"));
    cluster.assertAll([
      ["a", "1", 1],
      ["b", "1", 1],
    ]);
    assert.deepEqual(cluster.at("n2", put("2", "majority", "a")), done("put", 2));
    assert.deepEqual(cluster.at("n2", get("majority", "c")), found(null, 0));
    assert.deepEqual(cluster.at("n2", remove("majority", "c")), refusal("NOT_FOUND"));
  });

  test("a tombstone keeps its room for good: without compaction deletes do not help", () => {
    const cluster = new Cluster({ maxKeysPerShard: 1 });
    cluster.at("n1", put("1", "majority", "a"));
    assert.deepEqual(cluster.at("n1", remove("majority", "a")), done("delete", 2));
    assert.deepEqual(cluster.at("n1", put("1", "majority", "b")), refusal("CAPACITY_EXCEEDED"));
    assert.deepEqual(cluster.at("n1", put("2", "majority", "a")), done("put", 3));
  });

  test("a replica without room is as good as out of reach: it counts in no quorum, and repair passes it by", () => {
    const cluster = new Cluster({ maxKeysPerShard: 1 });
    cluster.connectOnly("n1", "n2");
    cluster.at("n3", put("1", "one", "filler"));
    cluster.heal();
    assert.deepEqual(cluster.at("n1", put("1", "all", "a")), refusal("CAPACITY_EXCEEDED"));
    assert.deepEqual(cluster.at("n1", get("one", "a")), found(null, 0), "the two with room did not take it either");
    assert.deepEqual(cluster.at("n3", put("1", "majority", "a")), done("put", 1));
    assert.deepEqual(cluster.at("n3", get("all", "a")), found("1", 1));
    assert.deepEqual(cluster.stateOf("n3"), [["filler", "1", 1]]);
  });

  test("each shard has room of its own", () => {
    const cluster = new Cluster({ nodes: 1, shards: 4, maxKeysPerShard: 5 });
    const replies = Array.from({ length: 200 }, (_, key) => cluster.at("n1", put("v", "one", `key ${key}`)));
    assert.equal(replies.filter(({ kind }) => kind === "ok").length, 4 * 5);
    assert.deepEqual(cluster.node("n1").keyCounts, [5, 5, 5, 5]);
  });
});

describe("a node", () => {
  test("spreads keys over its shards by their hash, also keys that differ in little", () => {
    const { node } = bench({ shards: 16, maxKeysPerShard: 10_000 });
    for (let key = 0; key < 8000; key++) node.accept(`user-${key * 16}`, versioned(1));
    for (const count of node.keyCounts) assert.ok(count > 400 && count < 600, `${count} of 8000 in one of 16`);
  });

  test("holds the same, and says the same, whatever the number of shards", () => {
    const states = [1, 16, 256].map((shards) => {
      const { node } = bench({ shards });
      for (const key of ["b", "c", "a"]) node.accept(key, versioned(1));
      return node.state();
    });
    const entries = ["a", "b", "c"].map((key) => [key, "v1", 1] as const);
    for (const state of states) assert.deepEqual(state, { entries, copies: undefined });
  });

  test("tells of its start and of every version it accepts, and of none twice", () => {
    const { node, events } = bench();
    for (const version of [1, 2, 2, 1]) node.accept("k", versioned(version));
    node.execute({ session: 1, sequence: 1, operation: put("é") }, 0);
    node.execute({ session: 1, sequence: 2, operation: get() }, 0);
    node.execute({ session: 1, sequence: 3, operation: remove() }, 0);
    const accept = (version: number, digest: number) => ({
      kind: "accept",
      epoch: 0,
      key: "k",
      ballot: version,
      version,
      digest,
    });
    const digest = crc32c(new TextEncoder().encode("é"));
    assert.deepEqual(events, [
      { kind: "start", life: 1, records: 0 },
      accept(1, 1),
      accept(2, 2),
      accept(3, digest),
      accept(4, 0),
    ]);
  });

  test("of no nodes or no shards is a bug of ours", () => {
    assert.throws(() => bench({ shards: 0 }), /Invariant broken/);
    assert.throws(() => bench({ nodes: 0 }), /Invariant broken/);
  });
});

interface ClusterOptions {
  readonly nodes?: number;
  readonly shards?: number;
  readonly maxKeysPerShard?: number;
}

/** A lone node. */
function bench(options: ClusterOptions = {}): { readonly node: ShardedStorage; readonly events: StorageEvent[] } {
  const events: StorageEvent[] = [];
  const node = new ShardedStorage({
    ...{ id: "n1", nodes: 1, shards: 1, maxKeysPerShard: 10, life: 1, ...options },
    peers: { reachable: () => [] },
    trace: (event) => events.push(event),
  });
  return { node, events };
}

/** Nodes that call each other directly, within reach of each other unless the test says otherwise. */
class Cluster {
  readonly ids: readonly NodeId[];
  nowMs = 0;
  readonly #nodes: ReadonlyMap<NodeId, ShardedStorage>;
  #connected: ReadonlySet<NodeId>;
  #sequence = 0;

  constructor({ nodes = 3, shards = 1, maxKeysPerShard = 100 }: ClusterOptions = {}) {
    this.ids = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
    this.#connected = new Set(this.ids);
    const peers = { reachable: (from: NodeId) => this.#within(from) };
    const shared = { nodes, shards, maxKeysPerShard, life: 1, peers, trace: () => undefined };
    this.#nodes = new Map(this.ids.map((id) => [id, new ShardedStorage({ ...shared, id })]));
  }

  node(id: NodeId): ShardedStorage {
    const node = this.#nodes.get(id);
    assert.ok(node !== undefined, `${id} is a node`);
    return node;
  }

  at(
    id: NodeId,
    operation: StorageOperation,
    { session = 1, sequence = ++this.#sequence }: { session?: number; sequence?: number } = {},
  ): StorageReply {
    return this.node(id).execute({ session, sequence, operation }, this.nowMs);
  }

  /** `ids` are within reach of each other, and the rest of nobody. */
  connectOnly(...ids: readonly NodeId[]): void {
    this.#connected = new Set(ids);
  }

  heal(): void {
    this.connectOnly(...this.ids);
  }

  stateOf(id: NodeId): StorageState["entries"] {
    return this.node(id).state().entries;
  }

  assertAll(entries: StorageState["entries"]): void {
    for (const id of this.ids) assert.deepEqual(this.stateOf(id), entries, id);
  }

  #within(from: NodeId): ShardedStorage[] {
    if (!this.#connected.has(from)) return [];
    return this.ids.filter((id) => id !== from && this.#connected.has(id)).map((id) => this.node(id));
  }
}

function get(level: QuorumLevel = "majority", key = "k"): StorageOperation {
  return { kind: "get", key, level };
}

function put(value: string, level: QuorumLevel = "majority", key = "k"): StorageOperation {
  return { kind: "put", key, value, level };
}

function remove(level: QuorumLevel = "majority", key = "k"): StorageOperation {
  return { kind: "delete", key, level };
}

function cas(from: string | null, to: string): StorageOperation {
  return { kind: "cas", key: "k", from, to };
}

function found(value: string | null, version: number): StorageReply {
  return { kind: "ok", result: { kind: "get", value, version } };
}

function done(kind: "put" | "delete" | "cas", version: number): StorageReply {
  return { kind: "ok", result: { kind, version } };
}

function refusal(code: (StorageReply & { readonly kind: "error" })["code"]): StorageReply {
  return { kind: "error", code };
}

function versioned(version: number, session = 1, sequence = version): VersionedValue {
  return { value: `v${version}`, version, timestampMs: 0, writer: { session, sequence }, digest: version };
}
