/**
 * What the engine's own thread and RocksDB's two threads say to each other, and how records travel: packed into one
 * buffer, which moves from thread to thread without a copy.
 *
 * A packed list holds, for each element, its length as a 32-bit integer (-1: absent) and then, after all lengths, the
 * bytes of all of them.
 */

import type { EngineErrorCode } from "../../foundation/engine-error.ts";

export interface ThreadData {
  /** The directory: this thread opens it, and writes. A handle: it reads what the other thread has opened. */
  readonly database: string | bigint;
  readonly settings: RocksSettings | undefined;
}

export interface RocksSettings {
  readonly memtableBytes: number;
  readonly cacheBytes: number;
  readonly compactionThreads: number;
}

export type WriterRequest =
  /** `writes`: keys and values in turn, an absent value for a removal. */
  | { readonly kind: "write"; readonly group: number; readonly writes: ArrayBuffer }
  | { readonly kind: "clear"; readonly group: number }
  /** Closes the database and opens it again, which recovers it from its files. */
  | { readonly kind: "reopen" }
  | { readonly kind: "close" };

export interface Failure {
  readonly code: EngineErrorCode;
  readonly message: string;
}

export type WriterReply =
  /** `group` is the last one that the database holds. */
  | { readonly kind: "opened"; readonly handle: bigint; readonly group: number }
  | { readonly kind: "written"; readonly failure: Failure | undefined }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "closed" };

export type ReaderRequest =
  | { readonly kind: "read"; readonly keys: ArrayBuffer }
  | { readonly kind: "scan"; readonly from: Uint8Array; readonly to: Uint8Array; readonly maxBytes: number }
  | { readonly kind: "isAtRest" };

export type ReaderReply =
  | { readonly kind: "values"; readonly values: ArrayBuffer }
  | { readonly kind: "entries"; readonly entries: ArrayBuffer; readonly finished: boolean }
  | { readonly kind: "rest"; readonly isAtRest: boolean }
  | { readonly kind: "failed"; readonly failure: Failure };

/** The records' keys begin with this byte; what the engine notes for itself begins with 0. */
export const recordPrefix = 1;

/** @param prefixed which elements get the records' prefix: those at even places (keys, with values between), all. */
export function pack(
  elements: readonly (Uint8Array | undefined)[],
  prefixed: "keys" | "none" | "all" = "none",
): ArrayBuffer {
  const hasPrefix = (index: number): boolean => prefixed === "all" || (prefixed === "keys" && index % 2 === 0);
  let bytes = 4 + 4 * elements.length;
  for (const [index, element] of elements.entries()) bytes += (element?.length ?? 0) + (hasPrefix(index) ? 1 : 0);
  const packed = new Uint8Array(bytes);
  const lengths = new Int32Array(packed.buffer, 0, elements.length + 1);
  lengths[0] = elements.length;
  let at = 4 * lengths.length;
  for (const [index, element] of elements.entries()) {
    const start = at;
    if (element !== undefined) {
      if (hasPrefix(index)) packed[at++] = recordPrefix;
      packed.set(element, at);
      at += element.length;
    }
    lengths[index + 1] = element === undefined ? -1 : at - start;
  }
  return packed.buffer;
}

/** The elements, as parts of `packed`. */
export function unpack(packed: ArrayBuffer): (Uint8Array | undefined)[] {
  const count = new Int32Array(packed, 0, 1)[0] ?? 0;
  const lengths = new Int32Array(packed, 4, count);
  let at = 4 + 4 * count;
  return Array.from(lengths, (length) => {
    if (length < 0) return undefined;
    at += length;
    return new Uint8Array(packed, at - length, length);
  });
}
