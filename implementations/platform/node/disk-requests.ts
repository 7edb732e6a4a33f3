/** What goes to the disk thread through the ring, and what comes back. */

import type { DiskErrorCode } from "../../foundation/effects.ts";

export const diskOperations = [
  "list",
  "read",
  "append",
  "sync",
  "truncate",
  "rename",
  "remove",
  "syncDirectory",
  "corrupt",
  "overwrite",
  "close",
] as const;
export type DiskOperation = (typeof diskOperations)[number];

export interface DiskRequest {
  readonly operation: DiskOperation;
  readonly id: number;
  /** More frames of this request follow; only the last one is answered. */
  readonly continues: boolean;
  readonly name: string;
  /** A length, an offset, or a bit mask beside an offset in `payload`'s place. */
  readonly argument: number;
  /** Valid until the ring's frame is released. */
  readonly payload: Uint8Array;
}

/** A frame: operation, id, continues, name length, argument f64, payload length, zero; then name, then payload. */
export const requestHeaderBytes = 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeName(name: string): Uint8Array {
  return encoder.encode(name);
}

export function writeRequest(
  data: Uint8Array,
  at: number,
  request: Omit<DiskRequest, "name" | "payload">,
  name: Uint8Array,
  payload: readonly Uint8Array[],
): void {
  const view = new DataView(data.buffer, data.byteOffset + at);
  view.setUint32(0, diskOperations.indexOf(request.operation), true);
  view.setUint32(4, request.id, true);
  view.setUint32(8, request.continues ? 1 : 0, true);
  view.setUint32(12, name.length, true);
  view.setFloat64(16, request.argument, true);
  data.set(name, at + requestHeaderBytes);
  let end = at + requestHeaderBytes + name.length;
  for (const part of payload) {
    data.set(part, end);
    end += part.length;
  }
  view.setUint32(24, end - at - requestHeaderBytes - name.length, true);
}

export function readRequest(data: Uint8Array, at: number): DiskRequest {
  const view = new DataView(data.buffer, data.byteOffset + at);
  const nameAt = at + requestHeaderBytes;
  const payloadAt = nameAt + view.getUint32(12, true);
  const operation = diskOperations[view.getUint32(0, true)];
  if (operation === undefined) throw new Error("Cannot read a disk request: unknown operation");
  return {
    operation,
    id: view.getUint32(4, true),
    continues: view.getUint32(8, true) === 1,
    name: decoder.decode(data.slice(nameAt, payloadAt)), // A copy: decoders refuse shared memory.
    argument: view.getFloat64(16, true),
    payload: data.subarray(payloadAt, payloadAt + view.getUint32(24, true)),
  };
}

/** An answer that says more than "done". */
export type DiskAnswer =
  | { readonly id: number; readonly kind: "value"; readonly value: readonly string[] | ArrayBuffer }
  | { readonly id: number; readonly kind: "error"; readonly code: DiskErrorCode; readonly cause: unknown };

/** All requests up to `through` are done; those in `answers` with more than success, in order. */
export interface DiskReply {
  readonly through: number;
  readonly answers: readonly DiskAnswer[];
}
