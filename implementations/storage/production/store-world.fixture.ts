/**
 * A small world for a store: nodes with engines in memory on a simulated network, in virtual time from one seed,
 * clients whose values are unique, and a witness that hears what replicas accept.
 */

import { assert } from "../../foundation/assert.ts";
import type { Random } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import { SimulatedNetwork } from "../../platform/simulated/transport.ts";
import type { SimulatedEndpoint } from "../../platform/simulated/transport.ts";
import type { StorageEvent, StorageOperation, StorageReply, StorageState } from "../contract.ts";
import { storageDefaults } from "./defaults.ts";
import type { StorageSettings } from "./defaults.ts";
import type { HistoryEntry } from "./key-history.fixture.ts";
import { MemoryDisk, MemoryEngine } from "./memory-engine.fixture.ts";
import { StorageCore } from "./storage-core.ts";
import type { Member, Topology } from "./topology.ts";

/** All members as one group for every slot; the first replica goes round. */
export function wholeTopology(members: readonly Member[], epoch = 1): Topology {
  const placements = members.map((_, first) => {
    const replicas = [...members.slice(first), ...members.slice(0, first)];
    return { replicas, groups: [replicas] };
  });
  return { epoch, members, isChanging: false, placementOf: (slot) => placements[slot % members.length]! };
}

export function membersOf(count: number): readonly Member[] {
  return Array.from({ length: count }, (_, index) => ({ id: `n${index + 1}`, number: index + 1 }));
}

export interface WorldNode {
  readonly member: Member;
  readonly disk: MemoryDisk;
  /** Undefined while the node is down. */
  core: StorageCore | undefined;
  engine: MemoryEngine | undefined;
  endpoint: SimulatedEndpoint | undefined;
  life: number;
}

export interface WorldOptions {
  readonly seed: number | string;
  readonly nodes?: number;
  readonly settings?: Partial<StorageSettings>;
  readonly engineDelayMs?: readonly [Millis, Millis];
}

export class StoreWorld {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly nodes: readonly WorldNode[];
  readonly topology: Topology;
  readonly histories = new Map<string, HistoryEntry[]>();
  readonly #settings: StorageSettings;
  readonly #engineDelayMs: readonly [Millis, Millis];
  /** By key and ballot: what was accepted under it, which is one thing. */
  readonly #accepted = new Map<string, string>();
  readonly events: [NodeId, StorageEvent][] = [];

  constructor({ seed, nodes = 3, settings, engineDelayMs = [0.5, 2] }: WorldOptions) {
    this.random = seededRandom(seed);
    this.#settings = { ...storageDefaults, requestTimeoutMs: 400, roundTimeoutMs: 40, ...settings };
    this.#engineDelayMs = engineDelayMs;
    const latency = { shape: "uniform", lowMs: 0.2, highMs: 2 } as const;
    this.network = new SimulatedNetwork({ time: this.time, random: this.random.fork("network"), latency });
    const members = membersOf(nodes);
    this.topology = wholeTopology(members);
    this.nodes = members.map((member) => ({
      member,
      disk: new MemoryDisk(),
      core: undefined,
      engine: undefined,
      endpoint: undefined,
      life: 0,
    }));
    for (const node of this.nodes) this.start(node);
  }

  start(node: WorldNode): void {
    if (node.core !== undefined) return;
    node.life++;
    const { member } = node;
    const random = this.random.fork(`${member.id} life ${node.life}`);
    const endpoint = this.network.endpoint(member.id);
    const engine = new MemoryEngine({
      disk: node.disk,
      clock: this.time,
      random: random.fork("engine"),
      delayMs: this.#engineDelayMs,
    });
    const core = new StorageCore({
      member,
      topology: this.topology,
      settings: this.#settings,
      engine,
      clock: this.time,
      random,
      send: (to, bytes) => endpoint.send(to, bytes),
      defer: (flush) => void this.time.after(0, flush),
      trace: (event) => this.#heard(member.id, event),
      onStarted: () => {},
      onFatal: (error) => assert(false, `${member.id} has an engine that works: ${error.message}`),
    });
    endpoint.onMessage((from, bytes) => core.receive(from, bytes));
    Object.assign(node, { core, engine, endpoint });
    core.start();
  }

  crash(node: WorldNode): void {
    node.core?.crash();
    node.engine?.crash();
    node.endpoint?.close();
    Object.assign(node, { core: undefined, engine: undefined, endpoint: undefined });
  }

  /** Asks `node`, and notes what came of it. */
  request(
    node: WorldNode,
    request: { readonly session: number; readonly sequence: number; readonly operation: StorageOperation },
    deadlineMs: Millis,
    done: (reply: StorageReply | undefined) => void,
  ): void {
    const { operation } = request;
    const entry: HistoryEntry = {
      operation,
      beganAtMs: this.time.nowMs(),
      endedAtMs: Infinity,
      reply: undefined,
    };
    let history = this.histories.get(operation.key);
    if (history === undefined) this.histories.set(operation.key, (history = []));
    history.push(entry);
    let isOver = false;
    const end = (reply: StorageReply | undefined): void => {
      if (isOver) return;
      isOver = true;
      entry.reply = reply;
      entry.endedAtMs = this.time.nowMs();
      done(reply);
    };
    this.time.after(deadlineMs + 50, () => end(undefined));
    if (node.core === undefined) end({ kind: "error", code: "UNAVAILABLE" });
    else node.core.request(request, deadlineMs, end);
  }

  runFor(durationMs: Millis): void {
    const untilMs = this.time.nowMs() + durationMs;
    let isOver = false;
    this.time.at(untilMs, () => (isOver = true));
    while (!isOver && this.time.step());
  }

  /** Runs until `done` is called, for at most `limitMs`. @returns the value, undefined if it never came. */
  await<T>(begin: (done: (value: T) => void) => void, limitMs: Millis = 10_000): T | undefined {
    let result: T | undefined;
    let isDone = false;
    begin((value) => {
      result = value;
      isDone = true;
    });
    const untilMs = this.time.nowMs() + limitMs;
    while (!isDone && this.time.nowMs() < untilMs && this.time.step());
    return result;
  }

  stateOf(node: WorldNode): StorageState | undefined {
    return this.await<StorageState>((done) => node.core?.state(done));
  }

  #heard(node: NodeId, event: StorageEvent): void {
    if (event.kind !== "accept") {
      this.events.push([node, event]);
      return;
    }
    const place = `${event.key} ${event.ballot}`;
    const what = `version ${event.version}, digest ${event.digest}`;
    const before = this.#accepted.get(place) ?? what;
    assert(before === what, `ballot ${event.ballot} of ${event.key} stands for one value: ${before} and ${what}`);
    this.#accepted.set(place, what);
  }
}
