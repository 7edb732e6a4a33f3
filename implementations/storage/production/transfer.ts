/**
 * The moving of slots: a member that gains slots pulls them, one that has them serves, one that lost them removes them.
 *
 * A pull. Of every slot it gains, a member asks enough of the members before that every majority of them is met, and
 * takes over what each of them says. A source answers only while it follows the very same epoch, so that it accepts
 * nothing of the epoch before any more. One request at a time is under way to each source, for as many slots as it
 * likes and as many bytes as one answer may hold: small slots travel together, and nobody is sent what it did not ask
 * for. A source that is silent hands its slots to another. Requests are spaced so that bytes arrive no faster than the
 * settings allow.
 *
 * Slots that are gained are emptied before the topology is followed: what is left of an earlier ownership could be
 * a value whose tombstone has been collected since. Which slots are through is stored now and then, so that a node
 * that restarts goes on; what is pulled twice does no harm.
 *
 * Not here: when to change, and when a change is complete (change-driver.ts).
 */

import type { Timer } from "../../foundation/effects.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { RebalancePort, RebalanceSettings } from "./rebalance-port.ts";
import type { StoredPull } from "./slot-pull.ts";
import { SlotPull } from "./slot-pull.ts";
import type { AgreedTopology } from "./topologies.ts";
import { slotsWithout } from "./topologies.ts";
import type { MovedRecord, SlotFloor, TopologyMessage } from "./topology-messages.ts";

type PullMessage = Extract<TopologyMessage, { kind: "slots-pull" }>;

export class SlotTransfer {
  readonly #port: RebalancePort;
  readonly #settings: RebalanceSettings;
  #mark: StoredPull | undefined;
  #topology: AgreedTopology | undefined;
  #number = 0;
  #pull: SlotPull | undefined;
  /** Raised by every new topology: what was begun before ends where it is. */
  #generation = 0;
  #dropsUnderWay = 0;
  #afterDrop: (() => void) | undefined;
  #dropTimer: Timer | undefined;
  /** The latest request of each node; an older one is served no further. */
  readonly #serving = new Map<NodeId, number>();

  constructor(port: RebalancePort, settings: RebalanceSettings, mark: StoredPull | undefined) {
    this.#port = port;
    this.#settings = settings;
    this.#mark = mark;
  }

  /** Whether this node holds all it gains in the topology it follows. */
  get isDone(): boolean {
    return this.#pull === undefined || this.#pull.isDone;
  }

  /** Empties what member `number` gains in `topology`, unless that was done, and calls `done`. */
  prepare(topology: AgreedTopology, number: number, done: () => void): void {
    this.#generation++;
    this.#pull?.stop();
    this.#pull = undefined;
    this.#dropTimer?.cancel();
    const { epoch } = topology;
    const gained = topology.slotsGainedBy(number);
    if (gained.length === 0 || this.#mark?.epoch === epoch) return this.#whenNothingDrops(done);
    const mark = { epoch, done: [] };
    this.#whenNothingDrops(() => {
      this.#drop(gained, 0, () => this.#store(mark, done));
    });
  }

  /** Begins what `topology` asks of member `number`: to pull, or to remove what it does not keep. */
  followed(topology: AgreedTopology, number: number): void {
    this.#topology = topology;
    this.#number = number;
    this.#serving.clear();
    const pulled = [...topology.slotsGainedBy(number), ...topology.slotsRefreshedBy(number)];
    if (topology.isChanging && pulled.length > 0) {
      this.#pull = new SlotPull(this.#port, this.#settings, topology, number, pulled, this.#mark);
      this.#pull.start((mark) => (this.#mark = mark));
    }
    if (topology.isChanging) return;
    const unwanted = slotsWithout(topology, number);
    const generation = this.#generation;
    this.#drop(
      unwanted,
      0,
      () => {},
      () => generation === this.#generation,
    );
  }

  receive(from: NodeId, message: TopologyMessage): void {
    if (message.kind === "slots-pull") this.#serve(from, message);
    else if (message.kind === "slots-pulled") this.#pull?.onPulled(from, message);
  }

  // Serving.

  #serve(to: NodeId, message: PullMessage): void {
    const topology = this.#topology;
    if (topology?.isChanging !== true || topology.epoch !== message.epoch) return;
    const isSource = message.slots.every((slot) =>
      topology.sourcesOf(slot).some((source) => source.number === this.#number),
    );
    if (!isSource || this.#number === 0 || message.slots.length > this.#settings.slotsAtOnce) return;
    this.#serving.set(to, message.request);
    this.#scan(to, message, { records: [], floors: [], bytes: 0, finished: 0, from: message.from });
  }

  /** Reads on at slot `answer.finished`, and answers when the answer is full or every slot is through. */
  #scan(to: NodeId, message: PullMessage, answer: Answer): void {
    const { epoch, request, slots } = message;
    if (answer.from === undefined) answer.finished = this.#skipEmpty(slots, answer.finished);
    const maxBytes = Math.min(message.maxBytes, this.#settings.pullBytes);
    const slot = slots[answer.finished];
    if (slot === undefined || answer.bytes >= maxBytes) {
      const { from: next, ...rest } = answer;
      return this.#port.send(to, { kind: "slots-pulled", epoch, request, number: this.#number, ...rest, next });
    }
    this.#port.scanSlot(slot, answer.from, maxBytes - answer.bytes, (part) => {
      if (part === undefined || this.#topology?.epoch !== epoch || this.#serving.get(to) !== request) return;
      answer.records.push(...part.records);
      answer.bytes += part.bytes;
      answer.from = part.next;
      if (part.floor !== undefined) answer.floors.push(part.floor);
      if (part.next === undefined) answer.finished++;
      this.#scan(to, message, answer);
    });
  }

  /** Most slots are empty while there are few records: they cost no reading. */
  #skipEmpty(slots: readonly number[], start: number): number {
    let index = start;
    while (index < slots.length && !this.#port.mayHold(slots[index]!)) index++;
    return index;
  }

  // Removing, a bounded number of slots at a time.

  #drop(slots: readonly number[], start: number, done: () => void, goesOn: () => boolean = () => true): void {
    if (!goesOn()) return;
    if (start >= slots.length) return done();
    const some = slots.slice(start, start + this.#settings.slotsAtOnce);
    this.#dropsUnderWay++;
    this.#port.dropSlots(some, (isDone) => {
      this.#dropsUnderWay--;
      const next = isDone ? start + some.length : start;
      const continued = (): void => this.#drop(slots, next, done, goesOn);
      const waiting = this.#afterDrop;
      if (waiting !== undefined && this.#dropsUnderWay === 0) {
        this.#afterDrop = undefined;
        waiting();
      }
      if (isDone) continued();
      else this.#dropTimer = this.#port.clock.after(this.#settings.retryMs, continued);
    });
  }

  /** A removal that is under way could take away what is pulled next. */
  #whenNothingDrops(then: () => void): void {
    if (this.#dropsUnderWay === 0) then();
    else this.#afterDrop = then;
  }

  #store(mark: StoredPull, done: () => void): void {
    this.#port.persist("pull", mark, (isDone) => {
      if (!isDone) {
        this.#port.clock.after(this.#settings.retryMs, () => this.#store(mark, done));
        return;
      }
      this.#mark = mark;
      done();
    });
  }
}

interface Answer {
  readonly records: MovedRecord[];
  readonly floors: SlotFloor[];
  bytes: number;
  finished: number;
  from: string | undefined;
}
