/**
 * Goal: clusters of the core keep the claims of the paper under every mix of faults, recover once the faults end,
 * execute each command once, and serve linearizable reads.
 *
 * Method: random worlds from a seed. Messages are lost, doubled, delayed and reordered, links are cut, nodes crash and
 * forget what was not durable, disks are slower than the network; small limits make windows fill, logs compact and
 * snapshots travel within a short run. A witness (`witness.fixture.ts`) judges every step. Clients append with retries
 * and read a register that one of them writes in ascending order, so that a stale read shows at once. Then the weather
 * clears, and all nodes must come to the same state. A test of its own shows that the witness does object.
 *
 * A failure prints the seed; `node --test --test-name-pattern="seed 17:" <this file>` replays that one.
 *
 * @see Ongaro & Ousterhout 2014, figure 3 and section 8; Ongaro 2014, sections 6.4, 9.6.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "../../foundation/prng.ts";
import { entry } from "./bench.fixture.ts";
import { noEffects } from "./outbox.ts";
import { TestCluster } from "./test-cluster.fixture.ts";

const clients = [1, 2, 3] as const;
const writer = 9;

describe("random worlds", () => {
  for (let seed = 1; seed <= 42; seed++) {
    const voters = [3, 5, 3, 7, 1][seed % 5] ?? 3;
    test(`seed ${seed}: ${voters} nodes`, () => new World(seed, voters).play());
  }
});

describe("recovery", () => {
  test("a cluster that loses power altogether goes on with all that was acknowledged", () => {
    const cluster = new TestCluster({ voters: 3, seed: "power", weather: { persistMs: [5, 40] } });
    const leader = cluster.elect();
    let acknowledged = 0;
    for (let sequence = 1; sequence <= 30; sequence++) {
      cluster.propose(leader.id, request(1, sequence), () => acknowledged++);
      cluster.run(4);
    }
    for (const id of cluster.ids) cluster.crash(id);
    assert.ok(acknowledged > 5 && acknowledged < 30, `${acknowledged} acknowledged: some, not all`);
    for (const id of cluster.ids) cluster.start(id);
    const { machine } = cluster.elect();
    assert.ok(machine.canonical().list.length >= acknowledged);
  });

  test("a follower that was away longer than the log reaches gets a snapshot over a lossy link", () => {
    const settings = { trailingEntries: 2, snapshotChunkBytes: 50 };
    const cluster = new TestCluster({ voters: 3, seed: "away", snapshotEveryEntries: 10, settings });
    const leader = cluster.elect();
    const away = cluster.ids.find((id) => id !== leader.id) ?? "";
    cluster.crash(away);
    for (let sequence = 1; sequence <= 40; sequence++) {
      cluster.propose(leader.id, request(1, sequence));
      cluster.run(5);
    }
    assert.ok(
      (leader.raft?.firstIndex ?? 0) > 20 && (leader.raft?.logEntryCount ?? Infinity) < 20,
      "the log is compact",
    );
    Object.assign(cluster.weather, { lossProbability: 0.3, duplicateProbability: 0.3, delayMs: [0, 10] });
    cluster.start(away);
    assert.ok(cluster.runUntil(() => cluster.node(away).appliedIndex === cluster.witness.committedIndex, 20_000));
    assert.ok(cluster.node(away).installed >= 1);
    assert.deepEqual(cluster.node(away).machine.canonical(), leader.machine.canonical());
  });

  test("a leader that dies is replaced within a few timeouts, and a lone survivor is none", () => {
    const cluster = new TestCluster({ voters: 3, seed: "dies" });
    const first = cluster.elect();
    cluster.crash(first.id);
    const killedAtMs = cluster.nowMs;
    const second = cluster.elect();
    assert.ok(second.id !== first.id && cluster.nowMs - killedAtMs < 1000);
    cluster.crash(second.id);
    cluster.run(3000);
    assert.equal(cluster.leader(), undefined);
  });
});

describe("stability (M-CON-21)", () => {
  test("a node that comes back from isolation neither raises the term nor unseats the leader", () => {
    const cluster = new TestCluster({ voters: 5, seed: "returning" });
    const leader = cluster.elect();
    const { term } = leader.raft?.view() ?? { term: 0 };
    const isolated = cluster.ids.find((id) => id !== leader.id) ?? "";
    cluster.partition(cluster.ids.filter((id) => id !== isolated));
    cluster.run(5000);
    cluster.heal();
    cluster.run(2000);
    assert.deepEqual([cluster.leader()?.id, leader.raft?.view().term], [leader.id, term]);
    assert.equal(cluster.witness.elections, 1);
  });

  test("a leader without a majority steps down, and serves no read meanwhile", () => {
    const cluster = new TestCluster({ voters: 5, seed: "minority" });
    const old = cluster.elect();
    const other = cluster.ids.find((id) => id !== old.id) ?? "";
    cluster.partition(
      [old.id, other],
      cluster.ids.filter((id) => id !== old.id && id !== other),
    );
    let answered: number | undefined | "open" = "open";
    cluster.read(old.id, (index) => (answered = index));
    assert.ok(cluster.runUntil(() => old.raft?.role !== "leader", 1000));
    assert.equal(answered, undefined);
    assert.ok(cluster.runUntil(() => cluster.leader() !== undefined, 2000));
  });

  test("without faults there is one election, and an idle step shares its effects", () => {
    const cluster = new TestCluster({ voters: 7, seed: "calm" });
    const leader = cluster.elect();
    cluster.run(10_000);
    assert.equal(cluster.witness.elections, 1);
    assert.equal(cluster.step(leader, { kind: "tick" }), noEffects);
  });
});

describe("the witness", () => {
  test("objects to a promise that its node could forget, and to a second leader of a term", () => {
    const cluster = new TestCluster({ voters: 3, seed: "witness" });
    const leader = cluster.elect();
    const { term, lastIndex } = leader.raft?.view() ?? { term: 0, lastIndex: 0 };
    const other = cluster.node(cluster.ids.find((id) => id !== leader.id) ?? "");
    const { witness } = cluster;
    const reply = { kind: "AppendReply", term, success: true, conflictIndex: 0, conflictTerm: 0, round: 0 } as const;
    assert.throws(() => witness.sent(other, leader.id, { ...reply, matchIndex: lastIndex + 1 }), /once it is durable/);
    assert.throws(
      () => witness.sent(other, leader.id, { ...reply, term: term + 1, matchIndex: 0 }),
      /is durable before/,
    );
    const vote = { kind: "VoteReply", term, preVote: false, granted: true } as const;
    assert.throws(() => witness.sent(other, other.id, vote), /votes once|is durable before/);
    const view = other.raft?.view();
    assert.ok(view !== undefined);
    const claim = { kind: "role", term, role: "leader" } as const;
    assert.throws(() => witness.stepped(other, view, { ...noEffects, trace: [claim] }), /election safety/);
    const commit = { kind: "commit", term, index: lastIndex + 5 } as const;
    assert.throws(() => witness.stepped(leader, view, { ...noEffects, trace: [commit] }), /commits by an entry/);
    assert.throws(() => witness.applied(other, entry(1, 77)), /state machine safety/);
  });
});

function request(session: number, sequence: number) {
  return { session, sequence, operation: { kind: "append", value: `${session}:${sequence}` } } as const;
}

/** One run: clients at work for a while under faults, then calm. */
class World {
  readonly #cluster: TestCluster;
  readonly #random;
  readonly #seed: number;
  /** What each client appends is acknowledged in order, since it has one request under way. */
  readonly #acknowledged = new Map<number, number>();
  #written = 0;
  #writing = 0;
  #readUpTo = 0;
  #readsServed = 0;
  #isCalm = false;

  constructor(seed: number, voters: number) {
    this.#seed = seed;
    this.#random = seededRandom(`world ${seed}`);
    const random = this.#random;
    const slowDiskMs = random.below(3) === 0 ? 80 : 10;
    this.#cluster = new TestCluster({
      voters,
      seed,
      snapshotEveryEntries: 10 + random.below(40),
      settings: {
        maxEntriesPerMessage: 1 + random.below(6),
        maxInFlight: 1 + random.below(4),
        trailingEntries: random.below(6),
        snapshotChunkBytes: 64 + random.below(400),
      },
      weather: {
        lossProbability: random.float() * 0.25,
        duplicateProbability: random.float() * 0.25,
        delayMs: [0, 1 + random.below(40)],
        persistMs: [0, 1 + random.below(slowDiskMs)],
      },
    });
  }

  play(): void {
    const cluster = this.#cluster;
    for (const client of clients) this.#append(client, 1);
    this.#write(1);
    this.#fault();
    cluster.run(6000);
    this.#isCalm = true;
    cluster.heal();
    for (const id of cluster.ids) cluster.start(id);
    Object.assign(cluster.weather, { lossProbability: 0, duplicateProbability: 0, delayMs: [0, 2], persistMs: [0, 2] });
    cluster.run(1500);
    this.#judge();
  }

  /** The cluster lives on, agrees with itself, and every acknowledged append is in it once. */
  #judge(): void {
    const cluster = this.#cluster;
    const before = [...this.#acknowledged.values(), this.#written];
    cluster.run(1000);
    for (const [place, count] of [...this.#acknowledged.values(), this.#written].entries()) {
      assert.ok(count > (before[place] ?? 0), `every client goes on in calm weather; seed ${this.#seed}`);
    }
    const isSettled = (): boolean => {
      return cluster.ids.every((id) => cluster.node(id).appliedIndex === cluster.witness.committedIndex);
    };
    assert.ok(cluster.runUntil(isSettled, 1000), `all nodes apply what is committed; seed ${this.#seed}`);
    const list = cluster.node("n1").machine.canonical().list;
    for (const id of cluster.ids) assert.deepEqual(cluster.node(id).machine.canonical().list, list);
    assert.equal(new Set(list).size, list.length, "no append was executed twice");
    for (const [client, count] of this.#acknowledged) {
      const own = list.filter((value) => value.startsWith(`${client}:`));
      assert.ok(own.length >= count, "what was acknowledged is there");
      assert.deepEqual(
        own,
        own.map((_, place) => `${client}:${place + 1}`),
        "in the order of its client",
      );
    }
    assert.ok(this.#readsServed > 0, "some reads were served");
  }

  /** Sends until there is an answer, to whichever node may be the leader. */
  #append(client: number, sequence: number): void {
    let isDone = false;
    const attempt = (): void => {
      if (isDone) return;
      this.#cluster.propose(this.#target(), request(client, sequence), () => {
        if (isDone) return;
        isDone = true;
        this.#acknowledged.set(client, sequence);
        this.#cluster.after(this.#random.below(10), () => this.#append(client, sequence + 1));
      });
      this.#cluster.after(20 + this.#random.below(100), attempt);
    };
    attempt();
  }

  /** One client writes 1, 2, 3, ... to a register; every attempt is followed by a read at any node. */
  #write(value: number): void {
    this.#writing = value;
    const operation = { kind: "write", key: "k", value: String(value) } as const;
    let isDone = false;
    const attempt = (): void => {
      if (isDone) return;
      this.#cluster.propose(this.#target(), { session: writer, sequence: value, operation }, () => {
        if (isDone) return;
        isDone = true;
        this.#written = value;
        this.#cluster.after(this.#random.below(10), () => this.#write(value + 1));
      });
      this.#read();
      this.#cluster.after(20 + this.#random.below(100), attempt);
    };
    attempt();
  }

  /** A read is at least as new as whatever was acknowledged or read before it began. */
  #read(): void {
    const atLeast = Math.max(this.#written, this.#readUpTo);
    const id = this.#target();
    const node = this.#cluster.node(id);
    this.#cluster.read(id, (index) => {
      if (index === undefined) return;
      const reply = node.machine.read("k");
      const value = reply.kind === "ok" && reply.result.kind === "read" ? Number(reply.result.value ?? 0) : NaN;
      const isFresh = value >= atLeast && value <= this.#writing;
      assert.ok(isFresh, `read ${value}, wanted ${atLeast} to ${this.#writing}; seed ${this.#seed}`);
      this.#readUpTo = Math.max(this.#readUpTo, value);
      this.#readsServed++;
    });
  }

  /** Whoever believes to lead, mostly; also a leader of the past. */
  #target(): string {
    const { ids } = this.#cluster;
    const believers = ids.filter((id) => this.#cluster.node(id).raft?.role === "leader");
    const candidates = believers.length > 0 && this.#random.below(8) > 0 ? believers : ids;
    return candidates[this.#random.below(candidates.length)] ?? "n1";
  }

  /** Every now and then something breaks and, some time later, is mended. */
  #fault(): void {
    if (this.#isCalm) return;
    const cluster = this.#cluster;
    const { ids } = cluster;
    const random = this.#random;
    const victim = random.below(2) === 0 ? this.#target() : (ids[random.below(ids.length)] ?? "n1");
    switch (random.below(4)) {
      case 0:
        cluster.crash(victim);
        cluster.after(random.below(600), () => cluster.start(victim));
        break;
      case 1:
        cluster.partition(ids.filter((id) => id !== victim));
        cluster.after(random.below(800), () => cluster.heal());
        break;
      case 2: {
        const side = ids.filter(() => random.below(2) === 0);
        cluster.partition(
          side,
          ids.filter((id) => !side.includes(id)),
        );
        cluster.after(random.below(800), () => cluster.heal());
        break;
      }
      default:
        for (const id of ids) {
          cluster.crash(id);
          cluster.after(random.below(100), () => cluster.start(id));
        }
    }
    cluster.after(200 + random.below(700), () => this.#fault());
  }
}
