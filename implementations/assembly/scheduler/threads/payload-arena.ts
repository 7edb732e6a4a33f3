/**
 * Room for payloads in shared memory: the main thread allocates, fills and frees, the others only read.
 *
 * Blocks are powers of two, each size with a stack of free blocks; a block that was never used is cut from the end of a
 * buffer that grows in place, so views of it stay good in all threads and nobody has to be told. Blocks are never split
 * or joined: with few sizes, and payloads that are short-lived, that wastes at most half and takes constant time. Only
 * one thread allocates, so there is nothing to synchronise: who reads a block learnt of it through the run queue.
 */

import { assert } from "../../../foundation/assert.ts";

/** Addresses count units of this size, so that they fit 32 bits whatever the arena's size. */
export const unitBytes = 64;
const growthBytes = 1024 * 1024;
export const largestBlockBytes = 64 * 1024;

export class PayloadArena {
  readonly shared: SharedArrayBuffer;
  readonly #bytes: Uint8Array;
  /** Free blocks, by the logarithm of their size in units. */
  readonly #free: number[][] = [];
  #unusedAt = 0;

  /** @param maxBytes what it may grow to: reserved address space, memory only once it is used. */
  constructor(maxBytes: number) {
    const initialBytes = Math.min(growthBytes, maxBytes);
    this.shared = new SharedArrayBuffer(initialBytes, { maxByteLength: maxBytes });
    this.#bytes = new Uint8Array(this.shared);
    for (let size = 0; unitBytes << size <= largestBlockBytes; size++) this.#free.push([]);
  }

  /** Stores `bytes`. @returns its address in units, or -1: the arena is full. */
  store(bytes: Uint8Array): number {
    const size = sizeOf(bytes.length);
    const at = this.#free[size]?.pop() ?? this.#cut(size);
    if (at >= 0) this.#bytes.set(bytes, at * unitBytes);
    return at;
  }

  /** Gives the block at `at`, where `length` bytes were stored, back. */
  free(at: number, length: number): void {
    this.#free[sizeOf(length)]?.push(at);
  }

  #cut(size: number): number {
    const endBytes = (this.#unusedAt + (1 << size)) * unitBytes;
    if (endBytes > this.shared.byteLength) {
      if (endBytes > this.shared.maxByteLength) return -1;
      this.shared.grow(Math.min(this.shared.maxByteLength, Math.max(endBytes, this.shared.byteLength + growthBytes)));
    }
    const at = this.#unusedAt;
    this.#unusedAt += 1 << size;
    return at;
  }
}

/** Returns the logarithm of the units of the smallest block that holds `length` bytes. */
function sizeOf(length: number): number {
  assert(length <= largestBlockBytes, `a payload has at most ${largestBlockBytes} bytes, not ${length}`);
  return 32 - Math.clz32(Math.max(0, Math.ceil(length / unitBytes) - 1));
}
