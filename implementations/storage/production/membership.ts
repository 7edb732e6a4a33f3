/**
 * How a node of the store belongs to its cluster: it reads what the node knows of topologies, has `Rebalance` agree on
 * them and move slots, and tells the core which one to follow, as whom.
 *
 * What nodes say about topologies travels in the core's batches, whatever their epoch. What must not be forgotten lies
 * beside the records, as notes of the same engine, and is written with them.
 *
 * A node that starts with nothing follows no topology, so it answers nothing, until it hears of one. If that has a
 * member of its name it asks to be taken in as a new one; until that is decided it goes on answering nothing.
 */

import { decode, encode } from "../../foundation/codec.ts";
import type { Clock, Random, Timer } from "../../foundation/effects.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { AdminCommand, StorageEvent } from "../contract.ts";
import type { ChangeDone } from "./change-driver.ts";
import type { RebalancePort, RebalanceSettings, SlotPart } from "./rebalance-port.ts";
import { Rebalance } from "./rebalance.ts";
import type { RebalanceFiles } from "./rebalance.ts";
import { noFloor, recordHeadBytes, recordKey, slotAndKeyOf } from "./record.ts";
import type { Floor, KeyRecord } from "./record.ts";
import type { SlotPage, SlotRecord } from "./replica.ts";
import { slotOf } from "./slots.ts";
import type { StorageCore } from "./storage-core.ts";
import type { AgreedTopology, Founding } from "./topologies.ts";
import { isTopologyMessage } from "./topology-messages.ts";
import type { MovedRecord, SlotFloor } from "./topology-messages.ts";

export interface MembershipOptions {
  readonly id: NodeId;
  readonly founding: Founding;
  readonly settings: RebalanceSettings;
  readonly core: StorageCore;
  readonly clock: Clock;
  readonly random: Random;
  trace(event: StorageEvent): void;
  /** The core follows a topology, as a member of it or not. */
  onTopology(): void;
}

export class Membership {
  readonly #options: MembershipOptions;
  #rebalance: Rebalance | undefined;
  /** Slots that this node gains in the topology it follows. */
  #gained: ReadonlySet<number> = new Set();
  /** Whether everything that was accepted before it was followed is durable. */
  #isQuiet = false;
  #isEnded = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Call once the core has started; `done` when messages are answered. */
  start(done: () => void): void {
    const { founding, settings, core } = this.#options;
    const read = (name: string, then: (value: unknown) => void): void =>
      core.replica.readNote(name, (bytes) => then(bytes === undefined ? undefined : decode(bytes)));
    read("topology", (topology) => {
      read("pull", (pull) => {
        if (this.#isEnded) return;
        this.#rebalance = new Rebalance(this.#port(), settings, founding, { topology, pull } as RebalanceFiles);
        this.#rebalance.start();
        done();
      });
    });
  }

  /** A message of the core's `onForeign`. */
  receive(from: NodeId, body: unknown): void {
    const message = body as { readonly kind: string };
    if (isTopologyMessage(message)) this.#rebalance?.receive(from, message);
  }

  /** See the core's `onOtherEpoch`. */
  observe(from: NodeId, epoch: number): void {
    this.#rebalance?.observe(from, epoch);
  }

  change(command: AdminCommand, done: ChangeDone): void {
    if (this.#rebalance === undefined) done("UNAVAILABLE");
    else this.#rebalance.change(command, done);
  }

  end(): void {
    this.#isEnded = true;
  }

  #port(): RebalancePort {
    const { id, core, random } = this.#options;
    const { replica } = core;
    const clock = this.#clock();
    return {
      self: id,
      clock,
      random,
      send: (to, message) => core.sendForeign(to, message),
      // A write that fails is tried again by the group commit.
      persist: (name, value, done) => replica.writeNote(name, encode(value), () => done(true)),
      mayHold: (slot) => replica.mayHold(slot),
      scanSlot: (slot, from, maxBytes, done) => {
        const start = from === undefined ? undefined : recordKey(slot, from);
        const end = (page: SlotPage): void => done(partOf(slot, page));
        // What changes from now on need not be told; to wait for it slot after slot would take a busy node long.
        if (this.#isQuiet) replica.scanStored(slot, start, maxBytes, end);
        else replica.scanSlot(slot, start, maxBytes, end);
      },
      takeOver: (records, floors, done) => this.#takeOver(records, floors, later(clock, done)),
      dropSlots: (slots, done) => {
        const drop = later(clock, done);
        replica.dropSlots(slots, () => drop(true));
      },
      onTopology: (topology, number) => this.#follow(topology, number),
      trace: (event) => this.#options.trace(event),
    };
  }

  #follow(topology: AgreedTopology, number: number): void {
    if (this.#isEnded) return;
    this.#gained = new Set(topology.slotsGainedBy(number));
    const { core } = this.#options;
    core.topologyChanged(topology, number);
    this.#isQuiet = false;
    core.replica.commit.whenQuiet(() => (this.#isQuiet = core.topology === topology));
    this.#options.onTopology();
  }

  #takeOver(records: readonly MovedRecord[], floors: readonly SlotFloor[], done: (isDone: boolean) => void): void {
    const bySlot = new Map<number, { readonly records: SlotRecord[]; floor: Floor }>();
    const at = (slot: number): { readonly records: SlotRecord[]; floor: Floor } => {
      let part = bySlot.get(slot);
      if (part === undefined) bySlot.set(slot, (part = { records: [], floor: noFloor }));
      return part;
    };
    for (const { key, body } of records) at(slotOf(key)).records.push({ key, ...(body as KeyRecord) });
    for (const { slot, ballot, version } of floors) at(slot).floor = { ballot, version };
    let left = bySlot.size;
    let isWhole = true;
    if (left === 0) return done(true);
    for (const [slot, part] of bySlot) {
      const isGained = this.#gained.has(slot);
      this.#options.core.replica.takeOver(slot, part.records, part.floor, isGained, (isDone) => {
        isWhole &&= isDone;
        if (--left === 0) done(isWhole);
      });
    }
  }

  /** The node's clock, as long as it lives. */
  #clock(): Clock {
    const { clock } = this.#options;
    return {
      nowMs: () => clock.nowMs(),
      after: (delayMs, callback): Timer => clock.after(delayMs, () => this.#isEnded || callback()),
    };
  }
}

function partOf(slot: number, { records, floor, next }: SlotPage): SlotPart {
  return {
    records: records.map(({ key, promised, state }) => ({ key, ballot: state.ballot, body: { promised, state } })),
    bytes: records.reduce((sum, { key, state }) => sum + recordHeadBytes + key.length + (state.value?.length ?? 0), 0),
    next: next === undefined ? undefined : slotAndKeyOf(next)[1],
    floor: next === undefined && floor.ballot > 0 ? { slot, ...floor } : undefined,
  };
}

/** `done` is called in a turn of its own. */
function later(clock: Clock, done: (isDone: boolean) => void): (isDone: boolean) => void {
  return (isDone) => void clock.after(0, () => done(isDone));
}
