/**
 * The records of the consensus log, on top of the framing of `foundation/wal-format.ts`, and the names of its files.
 *
 * | record    | body                                                                                            |
 * |-----------|-------------------------------------------------------------------------------------------------|
 * | segment   | version u8, hard state, last index and term before the segment: opens every segment, so that all |
 * |           | older ones can go once a snapshot covers their entries                                           |
 * | hardState | term u48, length of the vote u8 (255: none), vote in UTF-8: always together, in one record       |
 * | entry     | index u48, term u48, payload; supersedes every earlier entry with this index or a higher one     |
 * | reset     | index u48, term u48: a snapshot up to there replaced the log; all earlier entries are void       |
 */

import { assert } from "../../foundation/assert.ts";
import { readUint48, recordHeaderBytes } from "../../foundation/wal-format.ts";
import type { RecordWriter } from "../../foundation/wal-format.ts";
import type { Entry, HardState } from "./messages.ts";

export const recordType = { segment: 1, hardState: 2, entry: 3, reset: 4 } as const;
export const formatVersion = 1;

/** The end of a log: its last entry's index and term, or that of the snapshot it starts after. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
}

export const initialHardState: HardState = { term: 0, votedFor: null };
export const initialPosition: LogPosition = { index: 0, term: 0 };

const noVote = 255;
const positionBytes = 12;

/** Bytes that an entry's record takes. */
export function entryRecordBytes(entry: Entry): number {
  return recordHeaderBytes + positionBytes + entry.payload.length;
}

export function writeSegmentHeader(writer: RecordWriter, hardState: HardState, base: LogPosition): void {
  writer.begin(recordType.segment);
  writer.uint8(formatVersion);
  writer.uint48(base.index);
  writer.uint48(base.term);
  writeVote(writer, hardState);
  writer.end();
}

export function writeHardState(writer: RecordWriter, hardState: HardState): void {
  writer.begin(recordType.hardState);
  writeVote(writer, hardState);
  writer.end();
}

export function writeEntry(writer: RecordWriter, entry: Entry): void {
  writer.begin(recordType.entry);
  writer.uint48(entry.index);
  writer.uint48(entry.term);
  writer.raw(entry.payload);
  writer.end();
}

export function writeReset(writer: RecordWriter, position: LogPosition): void {
  writer.begin(recordType.reset);
  writer.uint48(position.index);
  writer.uint48(position.term);
  writer.end();
}

export interface SegmentHeader {
  readonly version: number;
  readonly base: LogPosition;
  readonly hardState: HardState;
}

export function readSegmentHeader(view: DataView, at: number): SegmentHeader {
  return {
    version: view.getUint8(at),
    base: readPosition(view, at + 1),
    hardState: readHardState(view, at + 1 + positionBytes),
  };
}

export function readHardState(view: DataView, at: number): HardState {
  const term = readUint48(view, at);
  const voteBytes = view.getUint8(at + 6);
  if (voteBytes === noVote) return { term, votedFor: null };
  const vote = new Uint8Array(view.buffer, view.byteOffset + at + 7, voteBytes);
  return { term, votedFor: new TextDecoder().decode(vote) };
}

export function readPosition(view: DataView, at: number): LogPosition {
  return { index: readUint48(view, at), term: readUint48(view, at + 6) };
}

/** Where an entry's payload begins, from the beginning of its body. */
export const entryPayloadOffset = positionBytes;

function writeVote(writer: RecordWriter, { term, votedFor }: HardState): void {
  writer.uint48(term);
  const vote = votedFor === null ? undefined : new TextEncoder().encode(votedFor);
  assert(vote === undefined || vote.length < noVote, `a node's name takes fewer than ${noVote} bytes`);
  writer.uint8(vote?.length ?? noVote);
  if (vote !== undefined) writer.raw(vote);
}

const segmentPattern = /^([0-9a-f]{16})\.wal$/;
const snapshotPattern = /^([0-9a-f]{16})-([0-9a-f]{16})\.snap$/;
export const temporarySuffix = ".tmp";

/** Names sort as their sequences do. */
export function segmentName(firstSequence: number): string {
  return `${hex16(firstSequence)}.wal`;
}

/** Returns the sequence of the first record of segment `name`, or undefined when it is no segment. */
export function segmentOf(name: string): number | undefined {
  const digits = segmentPattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** The term is in the name so that a damaged snapshot still tells what it stood for. */
export function snapshotName(position: LogPosition): string {
  return `${hex16(position.index)}-${hex16(position.term)}.snap`;
}

export function snapshotOf(name: string): LogPosition | undefined {
  const [, index, term] = snapshotPattern.exec(name) ?? [];
  if (index === undefined || term === undefined) return undefined;
  return { index: Number.parseInt(index, 16), term: Number.parseInt(term, 16) };
}

function hex16(value: number): string {
  return value.toString(16).padStart(16, "0");
}
