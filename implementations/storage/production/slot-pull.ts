/**
 * One pull: how a member comes to hold the slots it gains in one changing topology. See transfer.ts for the whole.
 *
 * Every slot is assigned to a majority of the members before, the member itself counted where it is one of them. Each
 * source has a queue of slots and at most one request under way. Fewer sources were not enough: they would meet every
 * majority, but not everyone by whom a value is known that was chosen under an earlier topology and not touched since.
 */

import { assert } from "../../foundation/assert.ts";
import type { Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { RebalancePort, RebalanceSettings } from "./rebalance-port.ts";
import type { ChangingTopology, TopologyMember } from "./topologies.ts";
import type { TopologyMessage } from "./topology-messages.ts";
import { neededOf } from "./topology.ts";

/** What a node stores under "pull": which of the slots it gains in `epoch` it holds. */
export interface StoredPull {
  readonly epoch: number;
  /** Ascending runs of slots, first and last. */
  readonly done: readonly (readonly [first: number, last: number])[];
}

type PulledMessage = Extract<TopologyMessage, { kind: "slots-pulled" }>;

interface Source {
  readonly member: TopologyMember;
  /** Slots to pull from it, the one under way first. */
  queue: number[];
  /** Where the first slot goes on. */
  from: string | undefined;
  /** Number of the request under way; undefined: none. */
  request: number | undefined;
  /** What it sent is being stored. */
  isTaking: boolean;
  timer: Timer | undefined;
  /** Requests in a row that were not answered. */
  unanswered: number;
}

interface SlotProgress {
  readonly candidates: readonly TopologyMember[];
  readonly needed: number;
  readonly assigned: Set<number>;
  readonly doneBy: Set<number>;
}

/** A source that left so many requests unanswered hands its slots to others. */
const maxUnanswered = 2;
const markEveryMs = 1000;

export class SlotPull {
  readonly #port: RebalancePort;
  readonly #settings: RebalanceSettings;
  readonly #topology: ChangingTopology;
  readonly #number: number;
  readonly #slots = new Map<number, SlotProgress>();
  readonly #sources = new Map<number, Source>();
  readonly #through: boolean[] = [];
  readonly #pacer: Pacer;
  readonly #lost: ReadonlySet<number>;
  #remaining = 0;
  #nextRequest: number;
  #isStopped = false;
  #isDone = false;
  #onMark: (mark: StoredPull) => void = () => {};
  #isMarking = false;
  #markedAtMs: Millis = 0;
  #records = 0;
  #bytes = 0;

  /** @param mark what was stored last; it counts when it is of this epoch. */
  constructor(
    port: RebalancePort,
    settings: RebalanceSettings,
    topology: ChangingTopology,
    number: number,
    pulled: readonly number[],
    mark: StoredPull | undefined,
  ) {
    this.#port = port;
    this.#settings = settings;
    this.#topology = topology;
    this.#number = number;
    this.#pacer = new Pacer(settings.pullBytesPerSecond);
    // An answer to an earlier life of this node must not be taken for one to this.
    this.#nextRequest = port.random.uint32() * 2 ** 20;
    // Somebody who is taken in again with an empty disk is not there any more as the member it was.
    const { members, before } = topology.data;
    const isLost = (old: TopologyMember): boolean =>
      members.some((member) => member.id === old.id && member.number !== old.number);
    this.#lost = new Set(before.filter(isLost).map((member) => member.number));
    const marked = mark?.epoch === topology.epoch ? mark.done : [];
    for (const [first, last] of marked) for (let slot = first; slot <= last; slot++) this.#through[slot] = true;
    for (const slot of pulled) if (this.#through[slot] !== true) this.#add(slot);
  }

  /** Whether all slots are here, and that is stored. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** @param onMark gets what is stored whenever it is. */
  start(onMark: (mark: StoredPull) => void): void {
    this.#onMark = onMark;
    this.#trace("begin");
    this.#advance();
  }

  stop(): void {
    if (!this.#isDone) this.#trace("end");
    this.#isStopped = true;
    for (const source of this.#sources.values()) source.timer?.cancel();
  }

  onPulled(from: NodeId, message: PulledMessage): void {
    const source = this.#sources.get(message.number);
    if (this.#isStopped || source === undefined || source.member.id !== from) return;
    if (message.epoch !== this.#topology.epoch || message.request !== source.request) return;
    source.timer?.cancel();
    source.timer = undefined;
    source.request = undefined;
    source.unanswered = 0;
    const { records, floors, bytes } = message;
    if (records.length === 0 && floors.length === 0) return this.#onTaken(source, message);
    source.isTaking = true;
    this.#port.takeOver(records, floors, (isDone) => {
      source.isTaking = false;
      if (this.#isStopped) return;
      if (!isDone) return this.#askLater(source, this.#settings.retryMs);
      this.#records += records.length;
      this.#bytes += bytes;
      this.#onTaken(source, message);
    });
  }

  /** What `source` sent is durable. */
  #onTaken(source: Source, { finished, next, bytes }: PulledMessage): void {
    const through = source.queue.slice(0, finished);
    source.queue = source.queue.slice(finished);
    source.from = next;
    for (const slot of through) this.#onThrough(slot, source.member.number);
    this.#askLater(source, this.#pacer.delayMs(bytes, this.#port.clock.nowMs()));
    this.#advance();
  }

  #onThrough(slot: number, number: number): void {
    const progress = this.#slots.get(slot);
    if (progress === undefined) return;
    progress.doneBy.add(number);
    if (progress.doneBy.size < progress.needed) return;
    this.#slots.delete(slot);
    this.#through[slot] = true;
    this.#remaining--;
  }

  #advance(): void {
    if (this.#isStopped) return;
    const nowMs = this.#port.clock.nowMs();
    if (this.#remaining === 0 || nowMs - this.#markedAtMs >= markEveryMs) this.#mark(nowMs);
    for (const source of this.#sources.values()) {
      const isIdle = source.request === undefined && source.timer === undefined && !source.isTaking;
      if (isIdle && source.queue.length > 0) this.#askLater(source, 0);
    }
  }

  #add(slot: number): void {
    const before = this.#topology.sourcesOf(slot);
    const others = before.filter((member) => member.number !== this.#number);
    const candidates = others.filter(({ number }) => !this.#lost.has(number));
    const needed = neededOf(before.length, "majority") - (before.length - others.length);
    if (needed === 0) {
      this.#through[slot] = true;
      return;
    }
    const progress = { candidates, needed, assigned: new Set<number>(), doneBy: new Set<number>() };
    this.#slots.set(slot, progress);
    this.#remaining++;
    for (let count = 0; count < needed; count++) this.#assign(slot, progress);
  }

  /** Gives `slot` to one more source. @returns false when nobody is left. */
  #assign(slot: number, { candidates, assigned }: SlotProgress): boolean {
    const free = candidates.filter(({ number }) => !assigned.has(number));
    if (free.length === 0) return false;
    // Drawn, which spreads the work and tries everybody in the end: who was silent may answer by now.
    const member = free[this.#port.random.below(free.length)]!;
    assigned.add(member.number);
    this.#sourceOf(member).queue.push(slot);
    return true;
  }

  #sourceOf(member: TopologyMember): Source {
    let source = this.#sources.get(member.number);
    if (source === undefined) {
      source = {
        member,
        queue: [],
        from: undefined,
        request: undefined,
        isTaking: false,
        timer: undefined,
        unanswered: 0,
      };
      this.#sources.set(member.number, source);
    }
    return source;
  }

  #askLater(source: Source, delayMs: Millis): void {
    source.timer?.cancel();
    source.timer = this.#port.clock.after(delayMs, () => this.#ask(source));
  }

  #ask(source: Source): void {
    source.timer = undefined;
    if (source.queue.length === 0) return;
    source.request = this.#nextRequest++;
    source.timer = this.#port.clock.after(this.#settings.retryMs, () => this.#onSilence(source));
    this.#port.send(source.member.id, {
      kind: "slots-pull",
      epoch: this.#topology.epoch,
      request: source.request,
      slots: source.queue.slice(0, this.#settings.slotsAtOnce),
      from: source.from,
      maxBytes: this.#settings.pullBytes,
    });
  }

  #onSilence(source: Source): void {
    source.request = undefined;
    source.timer = undefined;
    source.unanswered++;
    if (source.unanswered >= maxUnanswered) this.#handOver(source);
    this.#askLater(source, this.#settings.retryMs);
    this.#advance();
  }

  /** What `source` has not delivered goes to others; what nobody else has stays with it. */
  #handOver(source: Source): void {
    const first = source.queue[0];
    const kept: number[] = [];
    for (const slot of source.queue) {
      const progress = this.#slots.get(slot);
      if (progress === undefined) continue;
      if (this.#assign(slot, progress)) progress.assigned.delete(source.member.number);
      else kept.push(slot);
    }
    if (kept[0] !== first) source.from = undefined;
    source.queue = kept;
    source.unanswered = 0;
  }

  /** Stores what is through; the pull is done when that includes everything. */
  #mark(nowMs: Millis): void {
    if (this.#isMarking || this.#isDone) return;
    const isLast = this.#remaining === 0;
    const mark = { epoch: this.#topology.epoch, done: runsOf(this.#through) };
    this.#isMarking = true;
    this.#markedAtMs = nowMs;
    this.#port.persist("pull", mark, (isStored) => {
      this.#isMarking = false;
      if (this.#isStopped) return;
      if (isStored) this.#onMark(mark);
      if (isStored && isLast) return this.#finish();
      if (this.#remaining === 0) this.#port.clock.after(isStored ? 0 : this.#settings.retryMs, () => this.#advance());
    });
  }

  #finish(): void {
    assert(this.#slots.size === 0, "a pull is done when no slot is left");
    this.#isDone = true;
    for (const source of this.#sources.values()) source.timer?.cancel();
    this.#trace("end");
  }

  #trace(phase: "begin" | "end"): void {
    this.#port.trace({ kind: "background", work: "rebalance", phase, records: this.#records, bytes: this.#bytes });
  }
}

/** Returns the runs of indexes that are true. */
function runsOf(flags: readonly (boolean | undefined)[]): (readonly [first: number, last: number])[] {
  const runs: (readonly [number, number])[] = [];
  let first: number | undefined;
  for (let index = 0; index <= flags.length; index++) {
    if (flags[index] === true) first ??= index;
    else if (first !== undefined) {
      runs.push([first, index - 1]);
      first = undefined;
    }
  }
  return runs;
}

/** Spaces what costs bytes so that they flow no faster than a rate. */
class Pacer {
  readonly #bytesPerMs: number;
  #freeAtMs: Millis = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** Returns how long to wait after `bytes` came at `nowMs`. */
  delayMs(bytes: number, nowMs: Millis): Millis {
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + bytes / this.#bytesPerMs;
    return this.#freeAtMs - nowMs;
  }
}
