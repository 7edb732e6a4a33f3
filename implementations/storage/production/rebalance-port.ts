/**
 * What agreement on topologies and the moving of slots need of the node they live in, and how they are set.
 *
 * The replica implements this port; it is all that is known here of records, engines and clients.
 */

import type { Clock, Random } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { StorageEvent } from "../contract.ts";
import type { AgreedTopology } from "./topologies.ts";
import type { MovedRecord, SendTopologyMessage, SlotFloor } from "./topology-messages.ts";

/** A part of a slot, its keys in the order of the engine. */
export interface SlotPart {
  readonly records: readonly MovedRecord[];
  readonly bytes: number;
  /** The key to go on with; undefined: the slot is at its end. */
  readonly next: string | undefined;
  /** With the last part, and read not before it: a record that was collected meanwhile is covered by it. */
  readonly floor: SlotFloor | undefined;
}

export interface RebalancePort {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  /** Unreliable; never to oneself. */
  readonly send: SendTopologyMessage;
  /**
   * Keeps plain data under `name`, durably, in place of what was there. `done` is called later, never within the call,
   * with false when it failed and a later attempt may succeed; it is not called any more once the node has stopped.
   * All completions of this port work like that.
   */
  persist(name: "topology" | "pull", value: unknown, done: (isDone: boolean) => void): void;
  /** Whether `slot` has records or a floor, those that are being written included: sure when false, and cheap. */
  mayHold(slot: number): boolean;
  /**
   * Reads records of `slot` from key `from` on, up to about `maxBytes`. What it returns contains everything accepted
   * before the last `onTopology`, also what was still being written then. Undefined: it could not be read.
   */
  scanSlot(slot: number, from: string | undefined, maxBytes: number, done: (part: SlotPart | undefined) => void): void;
  /**
   * Stores each record whose ballot is above that at which the key's record here was accepted, promises what the record
   * says was promised, and raises floors. Of slots that are gained, whatever this replica has promised. Of slots that
   * were kept before, only what the promise allows, as an accept message that comes late: otherwise the key is to be
   * repaired, and `done` is called with false. Called only while the topology changes.
   */
  takeOver(records: readonly MovedRecord[], floors: readonly SlotFloor[], done: (isDone: boolean) => void): void;
  /** Removes everything of `slots`, floors and promises included. Most of them will be empty. */
  dropSlots(slots: readonly number[], done: (isDone: boolean) => void): void;
  /**
   * From now on the node follows `topology`, which is durable, as member `number` of it; 0: it is not a member and
   * must not answer as a replica, nor coordinate. Slots that it gains are empty when this is called.
   */
  onTopology(topology: AgreedTopology, number: number): void;
  trace(event: StorageEvent): void;
}

export interface RebalanceSettings {
  /** What was not answered is asked again after this. */
  readonly retryMs: Millis;
  /** Another member takes over when it has not heard of whoever drives a change for one to a few times this. */
  readonly driverTimeoutMs: Millis;
  /** A change is given up when a member that gains slots does not answer for this long. */
  readonly changeTimeoutMs: Millis;
  /** A node that gains slots pulls no faster. */
  readonly pullBytesPerSecond: number;
  /** About the size of one answer to a pull. */
  readonly pullBytes: number;
  /** Slots asked for at once, or removed at once. */
  readonly slotsAtOnce: number;
}

export const rebalanceDefaults: RebalanceSettings = {
  retryMs: 250,
  driverTimeoutMs: 1500,
  changeTimeoutMs: 15_000,
  pullBytesPerSecond: 32 * 1024 * 1024,
  pullBytes: 32 * 1024,
  slotsAtOnce: 1024,
};
