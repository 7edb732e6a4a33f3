/**
 * A small world for changes of members: nodes with a toy store each, on a network that loses, doubles, delays and cuts,
 * in virtual time from one seed.
 *
 * The toy store is CASPaxos bare: one round of prepare and accept through the quorums of the topology, and every change
 * appends a word of its own to the value. So the values chosen for a key form a chain, and the world checks that after
 * every operation: what an operation returns must begin with everything that was known when it was called.
 *
 * A write takes effect when it completes, whole, and in order; a crash forgets those under way.
 */

import { assert } from "../../foundation/assert.ts";
import type { Clock, Random, Timer } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import type { AdminCommand, StorageEvent } from "../contract.ts";
import type { RebalancePort, RebalanceSettings } from "./rebalance-port.ts";
import type { RebalanceFiles } from "./rebalance.ts";
import { Rebalance } from "./rebalance.ts";
import { slotOf } from "./slots.ts";
import type { AgreedTopology, Founding } from "./topologies.ts";
import type { MovedRecord, SlotFloor, TopologyMessage } from "./topology-messages.ts";
import { isTopologyMessage } from "./topology-messages.ts";
import { isQuorum, memberNumbers } from "./topology.ts";

export interface TestRecord {
  readonly promised: number;
  readonly accepted: number;
  readonly words: readonly string[];
}

type MovedBody = Pick<TestRecord, "promised" | "words">;

interface DataMessage {
  readonly kind: "prepare" | "accept" | "promised" | "accepted";
  readonly epoch: number;
  readonly operation: number;
  readonly number: number;
  readonly key: string;
  readonly ballot: number;
  readonly accepted: number;
  readonly words: readonly string[];
}

type TestMessage = DataMessage | TopologyMessage;

export interface TestWeather {
  lossProbability: number;
  duplicateProbability: number;
  writeFailureProbability: number;
  delayMs: readonly [low: Millis, high: Millis];
}

const noRecord: TestRecord = { promised: 0, accepted: 0, words: [] };
const recordBytes = 20;

export const testSettings: RebalanceSettings = {
  retryMs: 40,
  driverTimeoutMs: 250,
  changeTimeoutMs: 1500,
  pullBytesPerSecond: 500,
  pullBytes: 50,
  slotsAtOnce: 2048,
};

export class TestWorld {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly founding: Founding;
  readonly settings: RebalanceSettings;
  readonly weather: TestWeather = {
    lossProbability: 0,
    duplicateProbability: 0,
    writeFailureProbability: 0,
    delayMs: [0.2, 2],
  };
  readonly nodes = new Map<NodeId, TestNode>();
  /** The longest value known to be chosen, by key. */
  readonly chosen = new Map<string, readonly string[]>();
  readonly cut = new Set<string>();
  /** Every topology followed anywhere, as text, by epoch: there must be one of each. */
  readonly followed = new Map<number, string>();
  completed = 0;
  #nextNumber = 1;

  constructor(seed: string, founding: Founding, ids: readonly NodeId[], settings: RebalanceSettings = testSettings) {
    this.random = seededRandom(seed);
    this.founding = founding;
    this.settings = settings;
    for (const id of ids) this.nodes.set(id, new TestNode(this, id));
    for (const node of this.nodes.values()) node.start();
  }

  node(id: NodeId): TestNode {
    const node = this.nodes.get(id);
    assert(node !== undefined, `${id} is a node`);
    return node;
  }

  next(): number {
    return this.#nextNumber++;
  }

  /** @returns whether `isReached` came true within `limitMs`. */
  run(limitMs: Millis, isReached: () => boolean = () => false): boolean {
    const endMs = this.time.nowMs() + limitMs;
    this.time.at(endMs, () => {});
    while (this.time.nowMs() < endMs) {
      if (isReached()) return true;
      if (!this.time.step()) break;
    }
    return isReached();
  }

  deliver(from: NodeId, to: NodeId, message: TestMessage): void {
    const { lossProbability, duplicateProbability, delayMs } = this.weather;
    const copies = this.random.float() < duplicateProbability ? 2 : 1;
    const text = JSON.stringify(message);
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.float() < lossProbability || this.cut.has(`${from}>${to}`)) continue;
      const delay = delayMs[0] + this.random.float() * (delayMs[1] - delayMs[0]);
      this.time.after(delay, () => this.nodes.get(to)?.receive(from, JSON.parse(text) as TestMessage));
    }
  }

  /** Cuts every link between `ids` and the others, in both directions. */
  isolate(...ids: readonly NodeId[]): void {
    for (const inside of ids) {
      for (const outside of this.nodes.keys()) {
        if (ids.includes(outside)) continue;
        this.cut.add(`${inside}>${outside}`);
        this.cut.add(`${outside}>${inside}`);
      }
    }
  }

  heal(): void {
    this.cut.clear();
    Object.assign(this.weather, { lossProbability: 0, duplicateProbability: 0, writeFailureProbability: 0 });
  }

  /** The stable topology that all of `ids`, and only they, follow as members. */
  isSettledOn(ids: readonly NodeId[]): boolean {
    const epochs = new Set<number>();
    for (const id of ids) {
      const { rebalance } = this.node(id);
      const topology = rebalance?.topology;
      if (rebalance?.isSettled !== true || topology?.members.length !== ids.length) return false;
      epochs.add(topology.epoch);
    }
    return epochs.size === 1;
  }

  /** Asks members in turn until the change is done. */
  changeUntilDone(command: AdminCommand, limitMs: Millis): boolean {
    let isDone = false;
    const asked = [...this.nodes.values()];
    const ask = (turn: number): void => {
      if (isDone) return;
      asked[turn % asked.length]?.rebalance?.change(command, (error) => (isDone ||= error === undefined));
      this.time.after(this.settings.changeTimeoutMs / 2, () => ask(turn + 1));
    };
    ask(0);
    return this.run(limitMs, () => isDone);
  }

  complete(key: string, known: readonly string[], words: readonly string[]): void {
    const isPrefix = known.every((word, index) => words[index] === word);
    assert(isPrefix, `${key} holds [${words.join()}] and held [${known.join()}] before`);
    if (words.length > (this.chosen.get(key) ?? []).length) this.chosen.set(key, words);
    this.completed++;
  }

  onFollow(topology: AgreedTopology): void {
    const text = JSON.stringify(topology.data);
    const known = this.followed.get(topology.epoch) ?? text;
    assert(known === text, `epoch ${topology.epoch} is ${known} and ${text}`);
    this.followed.set(topology.epoch, text);
  }
}

interface Operation {
  readonly key: string;
  readonly known: readonly string[];
  readonly topology: AgreedTopology;
  readonly ballot: number;
  phase: "prepare" | "accept";
  readonly answered: Set<number>;
  highest: number;
  words: readonly string[];
  readonly word: string | undefined;
  readonly done: (() => void) | undefined;
}

export class TestNode {
  readonly id: NodeId;
  readonly world: TestWorld;
  records = new Map<number, Map<string, TestRecord>>();
  floors = new Map<number, SlotFloor>();
  files = new Map<string, string>();
  /** Undefined while it is down. */
  rebalance: Rebalance | undefined;
  topology: AgreedTopology | undefined;
  number = 0;
  readonly events: StorageEvent[] = [];
  #life = 0;
  #writtenAtMs: Millis = 0;
  readonly #operations = new Map<number, Operation>();

  constructor(world: TestWorld, id: NodeId) {
    this.world = world;
    this.id = id;
  }

  start(): void {
    if (this.rebalance !== undefined) return;
    this.#life++;
    const files = {
      topology: JSON.parse(this.files.get("topology") ?? "null") ?? undefined,
      pull: JSON.parse(this.files.get("pull") ?? "null") ?? undefined,
    } as RebalanceFiles;
    this.rebalance = new Rebalance(this.#port(), this.world.settings, this.world.founding, files);
    this.rebalance.start();
  }

  crash(): void {
    this.#life++;
    this.rebalance = undefined;
    this.topology = undefined;
    this.number = 0;
    this.#writtenAtMs = 0;
    this.#operations.clear();
  }

  /** It loses its disk. */
  wipe(): void {
    this.crash();
    this.records = new Map();
    this.floors = new Map();
    this.files = new Map();
  }

  receive(from: NodeId, message: TestMessage): void {
    if (this.rebalance === undefined) return;
    if (isTopologyMessage(message)) return this.rebalance.receive(from, message);
    if (message.epoch !== this.topology?.epoch) return this.rebalance.observe(from, message.epoch);
    if (message.kind === "prepare" || message.kind === "accept") return this.#write(() => this.#vote(from, message));
    this.#onAnswer(from, message);
  }

  /** Appends `word` to `key`, or only reads; `done` when a quorum has it, never otherwise. */
  operate(key: string, word?: string, done?: () => void): void {
    if (this.topology === undefined || this.number === 0) return;
    const number = this.world.next();
    const operation: Operation = {
      key,
      known: this.world.chosen.get(key) ?? [],
      topology: this.topology,
      ballot: number * memberNumbers + this.number,
      phase: "prepare",
      answered: new Set(),
      highest: 0,
      words: [],
      word,
      done,
    };
    this.#operations.set(number, operation);
    this.#send(number, operation);
  }

  #send(number: number, { topology, key, phase, ballot, words }: Operation): void {
    const ids = new Set(topology.placementOf(slotOf(key)).replicas.map(({ id }) => id));
    const { epoch } = topology;
    for (const id of ids) {
      const message = { kind: phase, epoch, operation: number, number: 0, key, ballot, accepted: 0, words } as const;
      if (id === this.id) this.receive(id, message);
      else this.world.deliver(this.id, id, message);
    }
  }

  /** Happens when the write completes, so the epoch is looked at then. */
  #vote(from: NodeId, message: DataMessage): void {
    const { key, ballot } = message;
    if (message.epoch !== this.topology?.epoch || this.number === 0) return;
    const slot = slotOf(key);
    if (this.topology.placementOf(slot).replicas.every(({ number }) => number !== this.number)) return;
    const record = this.records.get(slot)?.get(key) ?? noRecord;
    if (ballot < record.promised) return;
    const isPrepare = message.kind === "prepare";
    const next = isPrepare
      ? { ...record, promised: ballot }
      : { promised: ballot, accepted: ballot, words: message.words };
    this.#set(slot, key, next);
    const answer: DataMessage = {
      ...message,
      kind: isPrepare ? "promised" : "accepted",
      number: this.number,
      accepted: record.accepted,
      words: record.words,
    };
    if (from === this.id) this.#onAnswer(from, answer);
    else this.world.deliver(this.id, from, answer);
  }

  #onAnswer(from: NodeId, answer: DataMessage): void {
    const operation = this.#operations.get(answer.operation);
    if (operation === undefined || operation.topology !== this.topology) return;
    if ((answer.kind === "promised") !== (operation.phase === "prepare")) return;
    const placement = operation.topology.placementOf(slotOf(operation.key));
    assert(
      placement.replicas.every(({ id, number }) => number !== answer.number || id === from),
      "a member answers under its own number",
    );
    operation.answered.add(answer.number);
    if (answer.kind === "promised" && answer.accepted > operation.highest) {
      operation.highest = answer.accepted;
      operation.words = answer.words;
    }
    if (!isQuorum(placement, "majority", ({ number }) => operation.answered.has(number))) return;
    if (operation.phase === "accept") {
      this.#operations.delete(answer.operation);
      this.world.complete(operation.key, operation.known, operation.words);
      operation.done?.();
      return;
    }
    operation.phase = "accept";
    operation.answered.clear();
    if (operation.word !== undefined) operation.words = [...operation.words, operation.word];
    this.#send(answer.operation, operation);
  }

  #set(slot: number, key: string, record: TestRecord): void {
    const records = this.records.get(slot) ?? new Map<string, TestRecord>();
    records.set(key, record);
    this.records.set(slot, records);
  }

  /** `apply` happens a little later, after what was written before, unless the node crashes. */
  #write(apply: () => void): void {
    const nowMs = this.world.time.nowMs();
    this.#writtenAtMs = Math.max(this.#writtenAtMs, nowMs + 0.05 + this.world.random.float());
    this.#later(this.#writtenAtMs, apply);
  }

  #later(timeMs: Millis, callback: () => void): Timer {
    const life = this.#life;
    return this.world.time.at(timeMs, () => {
      if (life === this.#life) callback();
    });
  }

  #port(): RebalancePort {
    const { world } = this;
    const clock: Clock = {
      nowMs: () => world.time.nowMs(),
      after: (delayMs, callback) => this.#later(world.time.nowMs() + delayMs, callback),
    };
    const fails = (): boolean => world.random.float() < world.weather.writeFailureProbability;
    const attempt = (done: (isDone: boolean) => void, apply: () => void): void => {
      this.#write(() => {
        const isDone = !fails();
        if (isDone) apply();
        done(isDone);
      });
    };
    return {
      self: this.id,
      clock,
      random: world.random.fork(`${this.id} ${this.#life}`),
      send: (to, message) => world.deliver(this.id, to, message),
      persist: (name, value, done) => {
        const text = JSON.stringify(value);
        attempt(done, () => this.files.set(name, text));
      },
      mayHold: (slot) => this.records.has(slot) || this.floors.has(slot),
      scanSlot: (slot, from, maxBytes, done) =>
        this.#write(() => done(fails() ? undefined : this.#scan(slot, from, maxBytes))),
      takeOver: (records, floors, done) => {
        let isWhole = false;
        const end = (isDone: boolean): void => done(isDone && isWhole);
        attempt(end, () => (isWhole = this.#takeOver(records, floors)));
      },
      dropSlots: (slots, done) => {
        attempt(done, () => {
          for (const slot of slots) this.records.delete(slot);
          for (const slot of slots) this.floors.delete(slot);
        });
      },
      onTopology: (topology, number) => {
        this.topology = topology;
        this.number = number;
        this.#operations.clear();
        world.onFollow(topology);
      },
      trace: (event) => this.events.push(event),
    };
  }

  #scan(slot: number, from: string | undefined, maxBytes: number): ReturnType<typeof partOf> {
    const records = [...(this.records.get(slot) ?? [])].filter(([key]) => from === undefined || key >= from);
    return partOf(
      records.sort(([a], [b]) => (a < b ? -1 : 1)),
      this.floors.get(slot),
      Math.max(1, Math.floor(maxBytes / recordBytes)),
    );
  }

  /** @returns whether a promise stood in the way nowhere; where it did, a round repairs the key. */
  #takeOver(records: readonly MovedRecord[], floors: readonly SlotFloor[]): boolean {
    let isWhole = true;
    for (const { key, ballot, body } of records) {
      const slot = slotOf(key);
      const own = this.records.get(slot)?.get(key) ?? noRecord;
      const isKept = this.topology?.placementOf(slot).groups[0]?.some(({ number }) => number === this.number);
      if (isKept === true && ballot > own.accepted && ballot < own.promised) {
        isWhole = false;
        this.operate(key);
      } else if (ballot > own.accepted) {
        const { promised, words } = body as MovedBody;
        this.#set(slot, key, { promised: Math.max(own.promised, promised, ballot), accepted: ballot, words });
      } else {
        const { promised } = body as MovedBody;
        this.#set(slot, key, { ...own, promised: Math.max(own.promised, promised) });
      }
    }
    for (const floor of floors) this.floors.set(floor.slot, floor);
    return isWhole;
  }
}

function partOf(records: readonly (readonly [string, TestRecord])[], floor: SlotFloor | undefined, count: number) {
  const some = records.slice(0, count);
  const next = records[count]?.[0];
  return {
    records: some.map(([key, { promised, accepted, words }]) => ({
      key,
      ballot: accepted,
      body: { promised, words } satisfies MovedBody,
    })),
    bytes: some.length * recordBytes,
    next,
    floor: next === undefined ? floor : undefined,
  };
}
