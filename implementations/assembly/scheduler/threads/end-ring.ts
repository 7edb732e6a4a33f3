/**
 * What a worker thread tells the main thread: starts and ends of attempts, through a ring in shared memory without
 * locks. One writer, one reader.
 *
 * | cell     | written by | says                                                              |
 * |----------|------------|-------------------------------------------------------------------|
 * | head     | reader     | records before it were read: their room is the writer's           |
 * | byteHead | reader     | bytes before it were read                                         |
 * | waiting  | writer     | 1: it sleeps until head moves                                     |
 * | tail     | writer     | counts half records: 2n + 1 says that attempt n has started,      |
 * |          |            | 2n + 2 that it has ended                                          |
 *
 * A worker executes one attempt at a time, so starts and ends alternate, and one record holds both: its first half is
 * published at the start, the second at the end. An empty task costs one record, and if its worker dies the last record
 * says exactly what it was at: an odd tail, and this slot. All positions count from the beginning modulo 2^32.
 *
 * Results, messages and states travel as bytes in a second ring beside the records, each in one piece; the record says
 * where. Records and bytes are plain memory, published by the sequentially consistent store of `tail`, given back by
 * that of `head` (Lamport 1983, "Specifying concurrent program modules": a queue of one producer and one consumer needs
 * no lock). A ring that is full makes the worker wait: ends that the main thread has not seen are bounded.
 */

const headCell = 0;
const byteHeadCell = 1;
/** Apart from what the reader writes, so that the two do not fight for a cache line. */
const waitingCell = 16;
const tailCell = 17;
const controlBytes = 128;

/** At most this many attempts are ahead of the main thread. A power of two. */
export const ringRecords = 1024;
/** A power of two, and several times the largest piece, for a piece is never cut. */
export const ringBytes = 256 * 1024;

/** Fields of a record, in float64 words. */
const slotField = 0;
const tokenField = 1;
const laneField = 2;
const waitField = 3;
const startedField = 4;
const endField = 5;
const ranField = 6;
const yieldField = 7;
const bytesField = 8;
const byteEndField = 9;
const recordFields = 10;

export function allocateEndRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(controlBytes + ringRecords * recordFields * 8 + ringBytes);
}

class RingView {
  readonly control: Int32Array;
  readonly records: Float64Array;
  readonly bytes: Uint8Array;

  constructor(shared: SharedArrayBuffer) {
    this.control = new Int32Array(shared, 0, controlBytes / 4);
    this.records = new Float64Array(shared, controlBytes, ringRecords * recordFields);
    this.bytes = new Uint8Array(shared, controlBytes + this.records.byteLength, ringBytes);
  }
}

export class EndWriter {
  readonly #ring: RingView;
  #tail = 0;
  #byteTail = 0;

  constructor(shared: SharedArrayBuffer) {
    this.#ring = new RingView(shared);
  }

  /** Publishes that an attempt starts; waits for room first. */
  start(slot: number, token: number, lane: number, waitMs: number, startedMs: number): void {
    this.#waitUntil(() => (this.#tail - (Atomics.load(this.#ring.control, headCell) & ~1)) >>> 0 < 2 * ringRecords);
    const { records } = this.#ring;
    const at = ((this.#tail >>> 1) % ringRecords) * recordFields;
    records[at + slotField] = slot;
    records[at + tokenField] = token;
    records[at + laneField] = lane;
    records[at + waitField] = waitMs;
    records[at + startedField] = startedMs;
    this.#publish();
  }

  /**
   * Stores the bytes that the end will point to; waits for room first.
   *
   * @param bytes at most half of `ringBytes`, so that it fits wherever the ring's end is.
   */
  put(bytes: Uint8Array): void {
    const position = this.#byteTail % ringBytes;
    const start = position + bytes.length > ringBytes ? this.#byteTail + ringBytes - position : this.#byteTail;
    const end = start + bytes.length;
    this.#waitUntil(() => (end - Atomics.load(this.#ring.control, byteHeadCell)) >>> 0 <= ringBytes);
    this.#ring.bytes.set(bytes, start % ringBytes);
    this.#byteTail = end >>> 0;
  }

  /** Publishes the end of the attempt that started last. @param bytes how many were `put` for it. */
  end(end: number, ranMs: number, yieldMs: number, bytes: number): void {
    const { records } = this.#ring;
    const at = ((this.#tail >>> 1) % ringRecords) * recordFields;
    records[at + endField] = end;
    records[at + ranField] = ranMs;
    records[at + yieldField] = yieldMs;
    records[at + bytesField] = bytes;
    records[at + byteEndField] = this.#byteTail;
    this.#publish();
  }

  #publish(): void {
    this.#tail = (this.#tail + 1) >>> 0;
    Atomics.store(this.#ring.control, tailCell, this.#tail | 0);
  }

  /** Sleeps until the reader has given enough room back. It has been told of all that was published before. */
  #waitUntil(hasRoom: () => boolean): void {
    const { control } = this.#ring;
    while (!hasRoom()) {
      Atomics.store(control, waitingCell, 1);
      if (!hasRoom()) Atomics.wait(control, waitingCell, 1); // The reader clears the cell after it has moved its head.
    }
  }
}

/** Reads what the writer has published, half record by half record; getters speak of the current one. */
export class EndReader {
  readonly #ring: RingView;
  #head = 0;
  #tail = 0;
  #at = 0;
  #byteHead = 0;

  constructor(shared: SharedArrayBuffer) {
    this.#ring = new RingView(shared);
  }

  /** Whether anything is there that was not read. */
  get hasMore(): boolean {
    return this.#head !== Atomics.load(this.#ring.control, tailCell) >>> 0;
  }

  /** The attempt of the current record has started, and its end has not been read. */
  get isOpen(): boolean {
    return (this.#head & 1) === 1;
  }

  /** Moves to the next half record. @returns false: there is none. */
  next(): boolean {
    if (this.#head === this.#tail) {
      this.#tail = Atomics.load(this.#ring.control, tailCell) >>> 0;
      if (this.#head === this.#tail) return false;
    }
    this.#at = ((this.#head >>> 1) % ringRecords) * recordFields;
    this.#head = (this.#head + 1) >>> 0;
    if (!this.isOpen) this.#byteHead = this.#field(byteEndField);
    return true;
  }

  /** Gives the room of all ends that were read back to the writer; their bytes were copied by then. */
  release(): void {
    const { control } = this.#ring;
    Atomics.store(control, byteHeadCell, this.#byteHead | 0);
    Atomics.store(control, headCell, this.#head | 0);
    if (Atomics.load(control, waitingCell) === 0) return;
    Atomics.store(control, waitingCell, 0);
    Atomics.notify(control, waitingCell);
  }

  get slot(): number {
    return this.#field(slotField);
  }
  get token(): number {
    return this.#field(tokenField);
  }
  get lane(): number {
    return this.#field(laneField);
  }
  get waitMs(): number {
    return this.#field(waitField);
  }
  get startedMs(): number {
    return this.#field(startedField);
  }
  get end(): number {
    return this.#field(endField);
  }
  get ranMs(): number {
    return this.#field(ranField);
  }
  get yieldMs(): number {
    return this.#field(yieldField);
  }

  /** A copy of the bytes of the current end. */
  bytes(): Uint8Array {
    const end = this.#field(byteEndField);
    const length = this.#field(bytesField);
    const start = ((end - length) >>> 0) % ringBytes;
    return this.#ring.bytes.slice(start, start + length);
  }

  #field(field: number): number {
    return this.#ring.records[this.#at + field] ?? 0;
  }
}
