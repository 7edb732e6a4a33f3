/**
 * The simulated engine's files: their names, and how batches and entries lie in them.
 *
 * The log's segments are those of `foundation/wal-format.ts`, a record for each batch. A base holds all entries as of
 * some record of the log, in the same format, its records numbered in a range of their own; its last record counts
 * them.
 */

import { recordHeaderBytes } from "../../foundation/wal-format.ts";
import type { RecordWriter } from "../../foundation/wal-format.ts";
import type { EngineWrite } from "../../storage/engine.ts";

export const batchType = 1;
export const baseEndType = 2;
export const temporarySuffix = ".tmp";
/** What the records of a base are numbered from, so that none is ever taken for one of the log. */
const baseNumbers = 2 ** 47;
const removed = 0xffff;
const sequenceDigits = 15;
const attemptDigits = 7;

/** A segment of the log; of two that begin with the same record, the one of the later attempt counts. */
export interface SegmentName {
  readonly name: string;
  readonly firstSequence: number;
  readonly attempt: number;
}

export function segmentName(firstSequence: number, attempt: number): SegmentName {
  const name = `log-${padded(firstSequence, sequenceDigits)}-${padded(attempt, attemptDigits)}`;
  return { name, firstSequence, attempt };
}

export function parseSegmentName(name: string): SegmentName | undefined {
  const found = /^log-(\d+)-(\d+)$/.exec(name);
  return found === null ? undefined : { name, firstSequence: Number(found[1]), attempt: Number(found[2]) };
}

/** The base that replaces all records before `sequence`. */
export function baseName(sequence: number): string {
  return `base-${padded(sequence, sequenceDigits)}`;
}

export function parseBaseName(name: string): number | undefined {
  const found = /^base-(\d+)$/.exec(name);
  return found === null ? undefined : Number(found[1]);
}

export function firstBaseSequence(sequence: number): number {
  return baseNumbers + sequence;
}

export function writeBatch(writer: RecordWriter, batch: readonly EngineWrite[]): void {
  writer.begin(batchType);
  for (const { key, value } of batch) {
    writeLength(writer, key.length, value?.length);
    writer.raw(key);
    if (value !== undefined) writer.raw(value);
  }
  writer.end();
}

/** The bytes that `writeBatch` writes. */
export function batchBytes(batch: readonly EngineWrite[]): number {
  let bytes = recordHeaderBytes;
  for (const { key, value } of batch) bytes += lengthBytes + key.length + (value?.length ?? 0);
  return bytes;
}

/** Calls `apply` for each write of a batch's body; keys and values are parts of `view`'s buffer. */
export function readBatch(
  view: DataView,
  start: number,
  end: number,
  apply: (key: Uint8Array, value: Uint8Array | undefined) => void,
): void {
  let at = start;
  while (at < end) {
    const keyBytes = view.getUint16(at, true);
    const high = view.getUint16(at + 2, true);
    const valueBytes = high === removed ? 0 : high * 0x10000 + view.getUint16(at + 4, true);
    const keyEnd = at + lengthBytes + keyBytes;
    const key = partOf(view, at + lengthBytes, keyEnd);
    apply(key, high === removed ? undefined : partOf(view, keyEnd, keyEnd + valueBytes));
    at = keyEnd + valueBytes;
  }
}

/** Key u16, value u32; a value of that many bytes that its upper half is `removed` does not exist. */
const lengthBytes = 6;

function writeLength(writer: RecordWriter, keyBytes: number, valueBytes: number | undefined): void {
  const high = valueBytes === undefined ? removed : Math.floor(valueBytes / 0x10000);
  const low = valueBytes === undefined ? 0 : valueBytes % 0x10000;
  for (const half of [keyBytes, high, low]) {
    writer.uint8(half & 0xff);
    writer.uint8(half >>> 8);
  }
}

function partOf(view: DataView, start: number, end: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, end - start);
}

function padded(value: number, digits: number): string {
  return `${value}`.padStart(digits, "0");
}
