/**
 * A state machine's state as the bytes of a snapshot, encoded slice by slice: a large state takes hundreds of
 * milliseconds, and a leader that is silent for that long loses its office.
 *
 * The state stands still meanwhile: the state machine keeps what is written since in a layer of its own. A slice is
 * bounded by entries and by length, not by time, so that equal states give equal bytes on every node.
 *
 * Format: blocks, each a length in u32 little-endian and a MessagePack value. The first is the head; then come arrays
 * of keys and values in turn until there are as many registers as the head says, then arrays of the list's values.
 */

import { assert } from "../../foundation/assert.ts";
import { decode, encode } from "../../foundation/codec.ts";
import type { SessionsImage } from "./sessions.ts";

const formatVersion = 2;
/** A slice ends with the string that reaches either. */
const sliceStrings = 8192;
const sliceLength = 1024 * 1024;
const lengthBytes = 4;

interface Head extends SessionsImage {
  readonly version: number;
  readonly registerCount: number;
  readonly listLength: number;
}

interface StateImage extends SessionsImage {
  readonly registers: ReadonlyMap<string, string>;
  /** May grow at its end meanwhile; the snapshot is of the values it has now. */
  readonly list: readonly string[];
}

export class SnapshotEncoding {
  readonly #strings: Iterator<string>;
  readonly #registerStrings: number;
  readonly #onEnd: (bytes: number) => void;
  #encodedStrings = 0;
  #bytes: Uint8Array;
  #length = 0;
  #state: "under way" | "ended" = "under way";

  /**
   * @param expectedBytes how much it will be, about: room for more must be copied.
   * @param onEnd is called once, when the state need not stand still any more; gets what was encoded, in bytes.
   */
  constructor(state: StateImage, expectedBytes: number, onEnd: (bytes: number) => void) {
    const { registers, list, sessions, hasForgotten } = state;
    const head: Head = {
      version: formatVersion,
      registerCount: registers.size,
      listLength: list.length,
      sessions,
      hasForgotten,
    };
    this.#strings = stringsOf(registers, list, list.length);
    this.#registerStrings = 2 * registers.size;
    this.#onEnd = onEnd;
    this.#bytes = new Uint8Array(expectedBytes);
    this.#add(encode(head));
  }

  /** False once it is complete or was given up. */
  get isUnderWay(): boolean {
    return this.#state === "under way";
  }

  /** Encodes the next slice. @returns the snapshot with the last one. */
  next(): Uint8Array | undefined {
    assert(this.isUnderWay, "a snapshot that is complete or given up has no next slice");
    let block: string[] = [];
    let length = 0;
    for (let count = 0; count < sliceStrings && length < sliceLength; count++) {
      const { value, done } = this.#strings.next();
      if (done === true) {
        this.#addStrings(block);
        this.end();
        return this.#bytes.subarray(0, this.#length);
      }
      block.push(value);
      length += value.length;
      if (++this.#encodedStrings !== this.#registerStrings) continue;
      this.#addStrings(block); // Registers and list do not share a block.
      block = [];
    }
    this.#addStrings(block);
    return undefined;
  }

  /** Gives the snapshot up, if it is not complete. */
  end(): void {
    if (!this.isUnderWay) return;
    this.#state = "ended";
    this.#onEnd(this.#length);
  }

  #addStrings(strings: readonly string[]): void {
    if (strings.length > 0) this.#add(encode(strings));
  }

  #add(block: Uint8Array): void {
    const end = this.#length + lengthBytes + block.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    new DataView(this.#bytes.buffer).setUint32(this.#length, block.length, true);
    this.#bytes.set(block, this.#length + lengthBytes);
    this.#length = end;
  }
}

/** @throws AssertionError when `bytes` are not a snapshot: their store checks them for damage. */
export function decodeSnapshotState(
  bytes: Uint8Array,
): SessionsImage & { readonly registers: Map<string, string>; readonly list: string[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const nextBlock = (): unknown => {
    const start = at + lengthBytes;
    at = start + view.getUint32(at, true);
    return decode(bytes.subarray(start, at));
  };
  const head = nextBlock() as Head;
  assert(head.version === formatVersion, `snapshot version ${head.version} is ${formatVersion}`);
  const registers = new Map<string, string>();
  while (registers.size < head.registerCount) {
    const pairs = nextBlock() as readonly string[];
    for (let place = 0; place < pairs.length; place += 2) registers.set(pairs[place] ?? "", pairs[place + 1] ?? "");
  }
  const list: string[] = [];
  while (list.length < head.listLength) for (const value of nextBlock() as readonly string[]) list.push(value);
  assert(at === bytes.length, `a snapshot of ${bytes.length} bytes ends at ${at}`);
  return { registers, list, sessions: head.sessions, hasForgotten: head.hasForgotten };
}

function* stringsOf(
  registers: ReadonlyMap<string, string>,
  list: readonly string[],
  listLength: number,
): Generator<string, undefined> {
  for (const [key, value] of registers) {
    yield key;
    yield value;
  }
  for (let place = 0; place < listLength; place++) yield list[place] ?? "";
  return undefined;
}
