/**
 * A small world for the core's tests: nodes on disks that finish late, on a network that loses, doubles, delays and
 * reorders, in virtual time from one seed. A witness judges every step.
 *
 * Far simpler than the simulated substrate and independent of it: a disk here is an object that a finished batch
 * changes atomically, and a crash forgets the batches under way.
 */

import { assert } from "../../foundation/assert.ts";
import type { Request } from "../../foundation/deployment.ts";
import type { Random } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ConsensusOperation, ConsensusReply } from "../contract.ts";
import { isConfigurationPayload } from "./configuration.ts";
import { productionDefaults } from "./defaults.ts";
import type {
  Effects,
  Entry,
  HardState,
  PersistBatch,
  RaftInput,
  RaftMessage,
  RaftOptions,
  Snapshot,
} from "./messages.ts";
import { Raft } from "./raft.ts";
import { encodeCommand, StateMachine } from "./state-machine.ts";
import { Witness } from "./witness.fixture.ts";

/** Milliseconds, drawn uniformly from [low, high). */
type Range = readonly [lowMs: Millis, highMs: Millis];

export interface Weather {
  lossProbability: number;
  duplicateProbability: number;
  delayMs: Range;
  persistMs: Range;
}

export interface TestClusterOptions {
  readonly voters: number;
  readonly seed: number | string;
  readonly settings?: Partial<RaftOptions>;
  readonly weather?: Partial<Weather>;
  /** Nodes snapshot their state after this many entries. */
  readonly snapshotEveryEntries?: number;
}

export interface TestDisk {
  hardState: HardState;
  snapshot: Snapshot | undefined;
  entries: Entry[];
}

export class TestNode {
  readonly id: NodeId;
  readonly disk: TestDisk = { hardState: { term: 0, votedFor: null }, snapshot: undefined, entries: [] };
  /** Undefined while the node is down. */
  raft: Raft | undefined;
  machine = new StateMachine();
  appliedIndex = 0;
  appliedTerm = 0;
  life = 0;
  lastWriteDoneAtMs: Millis = 0;
  tickSetForMs: Millis = Infinity;
  isSavingSnapshot = false;
  installed = 0;
  readonly waiting = new Map<number, { readonly term: number; readonly done: (reply: ConsensusReply) => void }>();
  readonly reads = new Map<number, { index: number | undefined; readonly done: (index: number | undefined) => void }>();

  constructor(id: NodeId) {
    this.id = id;
  }

  get durableIndex(): number {
    return this.disk.entries.at(-1)?.index ?? this.disk.snapshot?.index ?? 0;
  }
}

interface Due {
  readonly atMs: Millis;
  readonly action: () => void;
}

export class TestCluster {
  nowMs: Millis = 0;
  readonly weather: Weather;
  readonly ids: readonly NodeId[];
  readonly witness: Witness;
  readonly random: Random;
  /** Every message that left, for tests that look at the traffic. */
  onSend: ((from: NodeId, to: NodeId, message: RaftMessage) => void) | undefined;
  readonly #options: TestClusterOptions;
  readonly #nodes = new Map<NodeId, TestNode>();
  readonly #due: Due[] = [];
  #cut: ReadonlySet<string> = new Set();
  #nextReadId = 1;

  constructor(options: TestClusterOptions) {
    this.#options = options;
    this.weather = {
      lossProbability: 0,
      duplicateProbability: 0,
      delayMs: [0.5, 1],
      persistMs: [1, 2],
      ...options.weather,
    };
    this.random = seededRandom(options.seed);
    this.ids = Array.from({ length: options.voters }, (_, index) => `n${index + 1}`);
    for (const id of this.ids) this.#nodes.set(id, new TestNode(id));
    this.witness = new Witness([...this.#nodes.values()]);
    for (const id of this.ids) this.start(id);
  }

  node(id: NodeId): TestNode {
    const node = this.#nodes.get(id);
    assert(node !== undefined, `${id} is a node`);
    return node;
  }

  /** The up-to-date leader: of those who think so, the one of the highest term. */
  leader(): TestNode | undefined {
    let newest: TestNode | undefined;
    for (const node of this.#nodes.values()) {
      if (node.raft?.role !== "leader") continue;
      if (newest?.raft === undefined || node.raft.view().term > newest.raft.view().term) newest = node;
    }
    return newest;
  }

  start(id: NodeId): void {
    const node = this.node(id);
    if (node.raft !== undefined) return;
    const { snapshot, hardState, entries } = node.disk;
    node.life++;
    node.machine = new StateMachine();
    if (snapshot !== undefined) node.machine.restore(snapshot.data);
    node.appliedIndex = snapshot?.index ?? 0;
    node.appliedTerm = snapshot?.term ?? 0;
    node.tickSetForMs = Infinity;
    node.lastWriteDoneAtMs = this.nowMs;
    const options = { id, voters: this.ids, ...productionDefaults, ...this.#options.settings };
    const recovered = { hardState, snapshot, entries: [...entries] };
    node.raft = new Raft(options, recovered, this.random.fork(`${id} life ${node.life}`), this.nowMs);
    this.witness.started(node);
    this.#arm(node);
  }

  /** What is not durable is lost, and so is everybody waiting. */
  crash(id: NodeId): void {
    const node = this.node(id);
    node.raft = undefined;
    node.life++;
    node.isSavingSnapshot = false;
    node.waiting.clear();
    node.reads.clear();
  }

  /** Nothing passes between different groups; nodes that are not named are alone. */
  partition(...groups: readonly (readonly NodeId[])[]): void {
    const cut = new Set<string>();
    for (const from of this.ids) {
      for (const to of this.ids) {
        const together = groups.some((group) => group.includes(from) && group.includes(to));
        if (from !== to && !together) cut.add(`${from}>${to}`);
      }
    }
    this.#cut = cut;
  }

  heal(): void {
    this.#cut = new Set();
  }

  /** Proposes `request` at `id`; `done` is called when it is applied there, never when it is refused or lost. */
  propose(id: NodeId, request: Request<ConsensusOperation>, done: (reply: ConsensusReply) => void = () => {}): boolean {
    const node = this.node(id);
    const effects = this.step(node, { kind: "propose", payloads: [encodeCommand(request)] });
    const proposed = effects?.proposed;
    if (proposed === undefined) return false;
    // Nothing is applied in the step that proposes, so it is not too late to wait.
    node.waiting.set(proposed.firstIndex, { term: proposed.term, done });
    return true;
  }

  /** Reads at `id`; `done` gets the index at which the read was served, undefined when it was refused. */
  read(id: NodeId, done: (index: number | undefined) => void): void {
    const node = this.node(id);
    const readId = this.#nextReadId++;
    node.reads.set(readId, { index: undefined, done });
    this.step(node, { kind: "read", readId });
  }

  run(forMs: Millis): void {
    this.runUntil(() => false, forMs);
  }

  /** @returns whether `isReached` came true within `limitMs`. */
  runUntil(isReached: () => boolean, limitMs: Millis): boolean {
    const endMs = this.nowMs + limitMs;
    while (!isReached()) {
      const next = this.#due[0];
      if (next === undefined || next.atMs > endMs) {
        this.nowMs = endMs;
        return false;
      }
      this.#due.shift();
      this.nowMs = next.atMs;
      next.action();
    }
    return true;
  }

  /** Runs until there is a leader that committed an entry of its term. */
  elect(): TestNode {
    const isReady = (): boolean => {
      const leader = this.leader();
      const view = leader?.raft?.view();
      return leader !== undefined && view !== undefined && this.witness.committedTermAt(view.commitIndex) === view.term;
    };
    assert(this.runUntil(isReady, 10_000), `a leader is elected within 10 s; seed ${this.#options.seed}`);
    const leader = this.leader();
    assert(leader !== undefined, "there is a leader");
    return leader;
  }

  after(delayMs: Millis, action: () => void): void {
    const atMs = this.nowMs + delayMs;
    let place = this.#due.length;
    while (place > 0 && (this.#due[place - 1]?.atMs ?? 0) > atMs) place--;
    this.#due.splice(place, 0, { atMs, action });
  }

  step(node: TestNode, input: RaftInput): Effects | undefined {
    const { raft } = node;
    if (raft === undefined) return undefined;
    const before = raft.view();
    const effects = raft.step(input, this.nowMs);
    this.witness.stepped(node, before, effects);
    for (const { to, message } of effects.messages) this.#send(node, to, message);
    if (effects.persist !== undefined) this.#persist(node, effects.persist);
    if (effects.restore !== undefined) {
      node.machine.restore(effects.restore.data);
      node.appliedIndex = effects.restore.index;
      node.appliedTerm = effects.restore.term;
      node.installed++;
    }
    for (const entry of effects.apply) this.#apply(node, entry);
    for (const { readId, index } of effects.reads) this.#onReadAnswer(node, readId, index);
    this.#maybeSnapshot(node);
    this.#arm(node);
    return effects;
  }

  #apply(node: TestNode, entry: Entry): void {
    assert(entry.index === node.appliedIndex + 1, `${node.id} applies in order`);
    node.appliedIndex = entry.index;
    node.appliedTerm = entry.term;
    this.witness.applied(node, entry);
    const isCommand = entry.payload.length > 0 && !isConfigurationPayload(entry.payload);
    const reply = isCommand ? node.machine.apply(entry.payload).reply : undefined;
    const waiting = node.waiting.get(entry.index);
    node.waiting.delete(entry.index);
    if (waiting?.term === entry.term && reply !== undefined) waiting.done(reply);
    for (const [readId, read] of node.reads) {
      if (read.index !== undefined && read.index <= node.appliedIndex) this.#serveRead(node, readId, read.index);
    }
  }

  #onReadAnswer(node: TestNode, readId: number, index: number | undefined): void {
    const read = node.reads.get(readId);
    if (read === undefined) return;
    if (index === undefined || index <= node.appliedIndex) this.#serveRead(node, readId, index);
    else read.index = index;
  }

  #serveRead(node: TestNode, readId: number, index: number | undefined): void {
    const read = node.reads.get(readId);
    node.reads.delete(readId);
    read?.done(index);
  }

  #send(from: TestNode, to: NodeId, message: RaftMessage): void {
    this.witness.sent(from, to, message);
    this.onSend?.(from.id, to, message);
    const { lossProbability, duplicateProbability, delayMs } = this.weather;
    if (this.#cut.has(`${from.id}>${to}`)) return;
    const copies = this.random.float() < duplicateProbability ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.float() < lossProbability) continue;
      this.after(this.#draw(delayMs), () => {
        if (this.#cut.has(`${from.id}>${to}`)) return;
        this.step(this.node(to), { kind: "message", from: from.id, message });
      });
    }
  }

  /** Batches finish in order, each some time after it was handed over. */
  #persist(node: TestNode, batch: PersistBatch): void {
    const { life, disk } = node;
    node.lastWriteDoneAtMs = Math.max(node.lastWriteDoneAtMs, this.nowMs + this.#draw(this.weather.persistMs));
    this.after(node.lastWriteDoneAtMs - this.nowMs, () => {
      if (node.life !== life) return;
      if (batch.hardState !== undefined) disk.hardState = batch.hardState;
      if (batch.snapshot !== undefined) {
        disk.snapshot = batch.snapshot.snapshot;
        disk.entries = [];
      }
      const first = batch.entries[0];
      if (first !== undefined) {
        const base = disk.snapshot?.index ?? 0;
        disk.entries.length = Math.min(disk.entries.length, Math.max(0, first.index - 1 - base));
        disk.entries.push(...batch.entries.filter((entry) => entry.index > base));
      }
      for (const { to, message } of batch.messages) this.#send(node, to, message);
      this.step(node, { kind: "persisted", sequence: batch.sequence });
    });
  }

  #maybeSnapshot(node: TestNode): void {
    const every = this.#options.snapshotEveryEntries;
    const { life, disk } = node;
    const isDue = every !== undefined && node.appliedIndex - (disk.snapshot?.index ?? 0) >= every;
    if (!isDue || node.isSavingSnapshot || node.appliedIndex > node.durableIndex) return;
    node.isSavingSnapshot = true;
    const snapshot = { index: node.appliedIndex, term: node.appliedTerm, data: node.machine.snapshot() };
    this.after(this.#draw(this.weather.persistMs), () => {
      if (node.life !== life) return;
      node.isSavingSnapshot = false;
      if (snapshot.index <= (disk.snapshot?.index ?? 0)) return;
      disk.snapshot = snapshot;
      disk.entries = disk.entries.filter((entry) => entry.index > snapshot.index);
      this.step(node, { kind: "snapshot-saved", snapshot });
    });
  }

  #arm(node: TestNode): void {
    const { raft, life } = node;
    if (raft === undefined || raft.wakeAtMs >= node.tickSetForMs) return;
    const setForMs = raft.wakeAtMs;
    node.tickSetForMs = setForMs;
    this.after(Math.max(0, setForMs - this.nowMs), () => {
      if (node.life !== life || node.tickSetForMs !== setForMs) return;
      node.tickSetForMs = Infinity;
      if (raft.wakeAtMs <= this.nowMs) this.step(node, { kind: "tick" });
      else this.#arm(node);
    });
  }

  #draw([lowMs, highMs]: Range): Millis {
    return lowMs + this.random.float() * (highMs - lowMs);
  }
}
