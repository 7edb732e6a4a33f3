/**
 * A ring of frames in shared memory: one thread writes requests, another reads them in place.
 *
 * | word        | written by             | says                                                               |
 * |-------------|------------------------|--------------------------------------------------------------------|
 * | 0 to 2      | both, atomically       | the lock (`shared-lock.ts`): its state, acquisitions, contentions  |
 * | 3 head      | reader, under the lock | frames before it were read: their room is the writer's             |
 * | 4 tail      | writer, under the lock | frames before it are complete: the reader may take them            |
 * | 5 published | writer, atomically     | counts publications; the reader sleeps on it                       |
 * | data        | writer                 | [head, tail) belongs to the reader, the rest to the writer         |
 *
 * Positions count bytes from the beginning and are stored modulo 2^32; their difference never exceeds the capacity.
 * Each side owns its part of the data, so bytes are copied outside the lock, which is held for a handful of
 * instructions: to store one's own position and load the other's. Frames and positions are plain memory. What orders
 * them is the lock: its operations are Atomics, which are sequentially consistent, so whoever takes it sees everything
 * that was written before it was last released; bytes written before `tail` moved are seen by who reads `tail`, and
 * reads of a frame are over before the writer sees `head` pass it.
 *
 * The writer never waits: what does not fit, or cannot be published because the lock is taken, it tries again later.
 * The reader sleeps until something is published, never with the lock in its hands. No wake-up is lost: it loads
 * `published` before it looks at `tail`, the writer moves `tail` before it adds to `published`, so a publication in
 * between makes Atomics.wait return at once.
 *
 * A frame is contiguous; where the ring's end is too near, padding fills it. Little-endian machines only, as everything
 * Node runs on in practice is; typed arrays share the machine's order.
 */

import { SharedLock, lockCells } from "./shared-lock.ts";

const headCell = lockCells;
const tailCell = lockCells + 1;
const publishedCell = lockCells + 2;
const controlBytes = 64;
const alignment = 8;
const lengthBytes = 8;

/** Allocates a ring. @param capacityBytes a power of two. */
export function allocateRing(capacityBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(controlBytes + capacityBytes);
}

class RingView {
  readonly lock: SharedLock;
  readonly control: Int32Array;
  readonly data: Uint8Array;
  readonly words: Uint32Array;
  readonly capacity: number;

  constructor(shared: SharedArrayBuffer) {
    this.control = new Int32Array(shared, 0, controlBytes / 4);
    this.lock = new SharedLock(this.control, 0);
    this.data = new Uint8Array(shared, controlBytes);
    this.words = new Uint32Array(shared, controlBytes);
    this.capacity = this.data.length;
  }
}

export class RingWriter {
  readonly #ring: RingView;
  /** The reader's position when it was last looked at: too little room at worst. */
  #head = 0;
  #tail = 0;
  #published = 0;

  constructor(shared: SharedArrayBuffer) {
    this.#ring = new RingView(shared);
  }

  get lockCounts(): SharedLock["counts"] {
    return this.#ring.lock.counts;
  }

  /** The largest frame that always fits into an empty ring, wherever its end is. */
  get maxFrameBytes(): number {
    return this.#ring.capacity / 2 - lengthBytes;
  }

  /**
   * Adds a frame; the reader sees it after `publish`.
   *
   * @param write fills exactly `byteLength` bytes of `data` from `at` on; `at` is a multiple of 8.
   * @returns false when there is no room now.
   */
  push(byteLength: number, write: (data: Uint8Array, at: number) => void): boolean {
    const { capacity, words, data } = this.#ring;
    const frameBytes = lengthBytes + Math.ceil(byteLength / alignment) * alignment;
    const position = this.#tail % capacity;
    const toEnd = capacity - position;
    const padding = toEnd < frameBytes ? toEnd : 0;
    if (this.#tail + padding + frameBytes - this.#head > capacity) return false;
    if (padding > 0) {
      words[position / 4] = padding;
      words[position / 4 + 1] = 1;
    }
    const start = (position + padding) % capacity;
    words[start / 4] = frameBytes;
    words[start / 4 + 1] = 0;
    write(data, start + lengthBytes);
    this.#tail += padding + frameBytes;
    return true;
  }

  /** Shows the reader all frames pushed so far, and learns how far it has come. @returns false: try again later. */
  publish(): boolean {
    const { lock, control } = this.#ring;
    if (!lock.tryLock()) return false;
    this.#head = advanced(this.#head, control[headCell] ?? 0);
    control[tailCell] = this.#tail | 0;
    lock.unlock();
    if (this.#published === this.#tail) return true;
    this.#published = this.#tail;
    Atomics.add(control, publishedCell, 1);
    Atomics.notify(control, publishedCell);
    return true;
  }
}

export class RingReader {
  readonly #ring: RingView;
  #head = 0;
  #tail = 0;

  constructor(shared: SharedArrayBuffer) {
    this.#ring = new RingView(shared);
  }

  get data(): Uint8Array {
    return this.#ring.data;
  }

  /** Gives the room of all frames read so far back to the writer, and sleeps until there are more. */
  waitForFrames(): void {
    const { lock, control } = this.#ring;
    for (;;) {
      const seen = Atomics.load(control, publishedCell);
      this.release();
      if (this.#tail !== this.#head) return;
      Atomics.wait(control, publishedCell, seen);
      lock.lock();
      this.#tail = advanced(this.#tail, control[tailCell] ?? 0);
      lock.unlock();
      if (this.#tail !== this.#head) return;
    }
  }

  /** Gives the room of all frames read so far back to the writer, and learns of new ones. */
  release(): void {
    const { lock, control } = this.#ring;
    lock.lock();
    control[headCell] = this.#head | 0;
    this.#tail = advanced(this.#tail, control[tailCell] ?? 0);
    lock.unlock();
  }

  /** @returns where the next frame's bytes begin in `data`, or undefined. They stay valid until `release`. */
  next(): number | undefined {
    const { words, capacity } = this.#ring;
    while (this.#head !== this.#tail) {
      const position = this.#head % capacity;
      this.#head += words[position / 4] ?? 0;
      if (words[position / 4 + 1] === 0) return position + lengthBytes;
    }
    return undefined;
  }
}

/** Returns `position`, which only grows, moved on to where its lower 32 bits are `low`. */
function advanced(position: number, low: number): number {
  return position + ((low - (position | 0)) >>> 0);
}
