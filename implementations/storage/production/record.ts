/**
 * What a replica keeps of one key, and its bytes on disk.
 *
 * A record is one value of the engine, so that whatever an acceptor decides about a key becomes durable as a whole. The
 * layout is fixed and hand-made: six numbers and the value's UTF-8. In memory a value is text: a small byte array costs
 * several times its size, and a copy whenever it must not pin the message it came in.
 *
 * Keys of the engine begin with the slot (two bytes, big endian), so that a slot is one range. What is not a record
 * begins with a byte above all slots: `0xfd` hints, `0xfe` floors, `0xff` the node's own notes.
 */

import { assert } from "../../foundation/assert.ts";

/** A value of a key, as a ballot proposed it. */
export interface State {
  /** The ballot under which it was accepted; 0: nothing was. */
  readonly ballot: number;
  /** How many writes the key has seen; of a key without record, how many it may have seen. */
  readonly version: number;
  /** When it was written, on the clock of the node that coordinated; informative. */
  readonly timestampMs: number;
  /** The request that wrote it. */
  readonly session: number;
  readonly sequence: number;
  /** null: deleted, or never written. */
  readonly value: string | null;
}

export interface KeyRecord {
  /** No ballot below it is accepted any more, and none up to it is promised. */
  readonly promised: number;
  readonly state: State;
}

/** What a slot remembers of the keys whose tombstones were collected: their highest ballot and version. */
export interface Floor {
  readonly ballot: number;
  readonly version: number;
}

export const noFloor: Floor = { ballot: 0, version: 0 };
const noState: State = { ballot: 0, version: 0, timestampMs: 0, session: 0, sequence: 0, value: null };
const noRecord: KeyRecord = { promised: 0, state: noState };

/** Bytes of a record besides its value. */
export const recordHeadBytes = 49;
const hintsPrefix = 0xfd;
const floorsPrefix = 0xfe;
const notesPrefix = 0xff;

/** Returns what a replica holds of a key that it has no record of: nothing up to the floor can come back. */
export function absentRecord(floor: Floor): KeyRecord {
  if (floor.ballot === 0) return noRecord;
  return { promised: floor.ballot + 1, state: { ...noState, version: floor.version } };
}

const head = new DataView(new ArrayBuffer(recordHeadBytes));
const headBytes = new Uint8Array(head.buffer);
const smallestSlab = 4096;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Encodes the records of one write into few large arrays, which live as long as the write. */
export class RecordEncoder {
  #slab = new Uint8Array(0);
  #used = 0;

  encode(record: KeyRecord): Uint8Array {
    fillHead(record);
    const { value } = record.state;
    const room = recordHeadBytes + (value?.length ?? 0);
    if (this.#used + room > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(smallestSlab, 2 * this.#slab.length, room));
      this.#used = 0;
    }
    const bytes = this.#slab.subarray(this.#used, this.#used + room);
    bytes.set(headBytes);
    // Text takes as many bytes as it has code units, or it does not fit and is measured.
    if (value !== null && encoder.encodeInto(value, bytes.subarray(recordHeadBytes)).read < value.length) {
      return encodeAlone(value);
    }
    this.#used += room;
    return bytes;
  }
}

function encodeAlone(value: string): Uint8Array {
  const text = encoder.encode(value);
  const bytes = new Uint8Array(recordHeadBytes + text.length);
  bytes.set(headBytes);
  bytes.set(text, recordHeadBytes);
  return bytes;
}

function fillHead({ promised, state }: KeyRecord): void {
  head.setUint8(0, state.value === null ? 0 : 1);
  head.setFloat64(1, promised);
  head.setFloat64(9, state.ballot);
  head.setFloat64(17, state.version);
  head.setFloat64(25, state.timestampMs);
  head.setFloat64(33, state.session);
  head.setFloat64(41, state.sequence);
}

export function decodeRecord(bytes: Uint8Array): KeyRecord {
  assert(bytes.length >= recordHeadBytes && bytes[0]! <= 1, "an engine returns the records it was given");
  headBytes.set(bytes.subarray(0, recordHeadBytes));
  return {
    promised: head.getFloat64(1),
    state: {
      ballot: head.getFloat64(9),
      version: head.getFloat64(17),
      timestampMs: head.getFloat64(25),
      session: head.getFloat64(33),
      sequence: head.getFloat64(41),
      value: bytes[0] === 0 ? null : decodeText(bytes.subarray(recordHeadBytes)),
    },
  };
}

export function encodeFloor(floor: Floor): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, floor.ballot);
  view.setFloat64(8, floor.version);
  return bytes;
}

export function decodeFloor(bytes: Uint8Array): Floor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { ballot: view.getFloat64(0), version: view.getFloat64(8) };
}

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function recordKey(slot: number, key: string): Uint8Array {
  return keyOf([slot >>> 8, slot & 0xff], key);
}

/** Where a slot's records begin; that of the next slot is where they end. */
export function slotStart(slot: number): Uint8Array {
  return Uint8Array.of(slot >>> 8, slot & 0xff);
}

export function slotAndKeyOf(bytes: Uint8Array): readonly [slot: number, key: string] {
  return [(bytes[0]! << 8) | bytes[1]!, decodeText(bytes.subarray(2))];
}

export function floorKey(slot: number): Uint8Array {
  return Uint8Array.of(floorsPrefix, slot >>> 8, slot & 0xff);
}

export function slotOfFloorKey(bytes: Uint8Array): number {
  return (bytes[1]! << 8) | bytes[2]!;
}

/** `number`: of the member that is to have what the hint holds. */
export function hintKey(number: number, key: string): Uint8Array {
  return keyOf([hintsPrefix, number >>> 8, number & 0xff], key);
}

export function memberAndKeyOfHint(bytes: Uint8Array): readonly [number: number, key: string] {
  return [(bytes[1]! << 8) | bytes[2]!, decodeText(bytes.subarray(3))];
}

export function noteKey(name: string): Uint8Array {
  return keyOf([notesPrefix], name);
}

/** Where hints, floors and notes begin, which is where the kind before them ends. */
export const hintsStart: Uint8Array = Uint8Array.of(hintsPrefix);
export const floorsStart: Uint8Array = Uint8Array.of(floorsPrefix);
export const notesStart: Uint8Array = Uint8Array.of(notesPrefix);

function keyOf(prefix: readonly number[], text: string): Uint8Array {
  const tail = encoder.encode(text);
  const bytes = new Uint8Array(prefix.length + tail.length);
  bytes.set(prefix);
  bytes.set(tail, prefix.length);
  return bytes;
}
