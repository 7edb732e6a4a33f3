/**
 * The framing of a write-ahead log: how records lie in a segment, and what the end of a segment means.
 *
 * A record, little-endian: crc32c u32 over everything after itself, body length u32, salt u32, sequence u48, type u8,
 * zero u8, then the body. Sequences count all records of a log without gaps; the salt belongs to the segment. Together
 * they keep bytes that merely look like a record (a payload that quotes a log, a block of a recycled file) from being
 * taken for one. Whoever writes ends each group of records that is synced together with a *marker*, which also says up
 * to which sequence everything had been synced when the group was written.
 *
 * A record that does not check out means one of two things, and they must not be confused (Alagappan et al. 2018):
 *
 * - *torn*: the last group was never synced, the crash cut it short, nobody was told about it; cutting it is right;
 * - *damaged*: the disk lost bytes that it had confirmed; cutting them would silently take back promises.
 *
 * The decision, for the first bad record, of sequence s:
 *
 * 1. nothing valid follows: torn. Zeros and garbage behind it are what file systems leave there;
 * 2. a valid marker follows which says that s had been synced: damaged;
 * 3. valid records follow, but all are of the group that s belongs to: the group was the last one. If it was never
 *    synced, sectors may have been stored out of order, and a sector that was not stored reads as zeros: torn when the
 *    bad stretch holds such a sector, damaged otherwise.
 *
 * The group's closing marker is what makes a flipped bit in the last synced record visible: it follows the record, so
 * rule 3 applies. A flipped bit in that marker itself costs nothing, for it carries no data. What stays undecidable:
 * damage that hits a record of the last group together with everything behind it, and damage in the last group that
 * writes zeros over a sector. A torn payload that quotes later records of another log's segment of the same number is
 * taken for damage: refused, never lost. Whether a later segment exists is for the caller to weigh: a segment is only
 * begun when all before it is synced, so there "torn" means damaged.
 *
 * @see Alagappan et al. 2018, "Protocol-aware recovery for consensus-based storage", section 3.3.3 (crash or
 *   corruption).
 */

import { crc32c } from "./crc32c.ts";

export const recordHeaderBytes = 20;
const sectorBytes = 512;

/** The type of the record that closes a group; all other types, in [1, 255], belong to the log's owner. */
export const markerType = 0;

/** Returns the salt of the segment that begins with record `firstSequence`; never 0, so that zeros are no record. */
export function segmentSalt(firstSequence: number): number {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, firstSequence, true);
  return crc32c(bytes, 0x77616c31) || 1;
}

/** Writes records one after the other into one buffer, which is then handed over as a whole. */
export class RecordWriter {
  readonly #salt: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;
  #recordStart = 0;
  #sequence: number;

  /** @param capacityBytes how much will be written, about; the buffer grows when it was too little. */
  constructor(salt: number, nextSequence: number, capacityBytes: number) {
    this.#salt = salt;
    this.#sequence = nextSequence;
    this.#bytes = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The sequence that the next record gets. */
  get nextSequence(): number {
    return this.#sequence;
  }

  begin(type: number): void {
    this.#recordStart = this.#reserve(recordHeaderBytes);
    const view = this.#view;
    const at = this.#recordStart;
    view.setUint32(at + 8, this.#salt, true);
    writeUint48(view, at + 12, this.#sequence);
    view.setUint16(at + 18, type, true);
  }

  uint8(value: number): void {
    this.#view.setUint8(this.#reserve(1), value);
  }

  uint48(value: number): void {
    const at = this.#reserve(6);
    writeUint48(this.#view, at, value);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  end(): void {
    const start = this.#recordStart;
    this.#view.setUint32(start + 4, this.#length - start - recordHeaderBytes, true);
    this.#view.setUint32(start, crc32c(this.#bytes, 0, start + 4, this.#length), true);
    this.#sequence++;
  }

  /** Closes a group. @param syncedThrough the sequence up to which everything was synced before this group. */
  marker(syncedThrough: number): void {
    this.begin(markerType);
    this.uint48(syncedThrough);
    this.end();
  }

  /** Returns what was written; the writer must not be used afterwards. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(byteCount: number): number {
    const at = this.#length;
    this.#length += byteCount;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

/** How a segment ends. `offset` is that of the first bad record; `found` says in words what is wrong with it. */
export type SegmentEnd =
  | { readonly kind: "complete" }
  | { readonly kind: "torn"; readonly offset: number; readonly found: string }
  | { readonly kind: "damaged"; readonly offset: number; readonly found: string };

export interface SegmentScan {
  readonly end: SegmentEnd;
  /** The sequence after that of the last good record. */
  readonly nextSequence: number;
}

/** Called for each good record but markers; the body lies in `view` from `bodyStart` to `bodyEnd`. */
export type OnRecord = (type: number, view: DataView, bodyStart: number, bodyEnd: number, sequence: number) => void;

/**
 * Calls `onRecord` for the records of a segment, in order, up to the first bad one.
 *
 * @param firstSequence the sequence of the segment's first record.
 */
export function scanSegment(bytes: Uint8Array, firstSequence: number, onRecord: OnRecord): SegmentScan {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const salt = segmentSalt(firstSequence);
  let sequence = firstSequence;
  let at = 0;
  while (at < bytes.length) {
    const found = flawAt(bytes, view, at, salt, sequence);
    if (found !== undefined) return { end: judge(bytes, view, at, salt, sequence, found), nextSequence: sequence };
    const bodyStart = at + recordHeaderBytes;
    const bodyEnd = bodyStart + view.getUint32(at + 4, true);
    const type = view.getUint8(at + 18);
    if (type !== markerType) onRecord(type, view, bodyStart, bodyEnd, sequence);
    sequence++;
    at = bodyEnd;
  }
  return { end: { kind: "complete" }, nextSequence: sequence };
}

/** Returns what is wrong with the record at `at`, or undefined. */
function flawAt(bytes: Uint8Array, view: DataView, at: number, salt: number, sequence: number): string | undefined {
  const available = bytes.length - at;
  if (available < recordHeaderBytes) return `${available} bytes of a header`;
  const bodyBytes = view.getUint32(at + 4, true);
  if (available - recordHeaderBytes < bodyBytes) {
    return `a length of ${bodyBytes} bytes where ${available - recordHeaderBytes} are left`;
  }
  const computed = crc32c(bytes, 0, at + 4, at + recordHeaderBytes + bodyBytes);
  const stored = view.getUint32(at, true);
  if (stored !== computed) return `checksum ${hex(stored)} where the bytes give ${hex(computed)}`;
  if (view.getUint32(at + 8, true) !== salt) return "a record of another segment";
  const found = readUint48(view, at + 12);
  return found === sequence ? undefined : `record ${found}`;
}

function judge(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  salt: number,
  sequence: number,
  found: string,
): SegmentEnd {
  const resumesAt = nextValid(bytes, view, offset + 1, salt, sequence);
  if (resumesAt === undefined) return { kind: "torn", offset, found };
  if (isVouched(bytes, view, resumesAt, salt, sequence)) return { kind: "damaged", offset, found };
  return { kind: hasUnwrittenSector(bytes, offset, resumesAt) ? "torn" : "damaged", offset, found };
}

/**
 * Returns the offset of the first valid record at or after `from` that is later in the log than the bad one. It may be
 * much later: a write that landed in the wrong place leaves such a record.
 */
function nextValid(
  bytes: Uint8Array,
  view: DataView,
  from: number,
  salt: number,
  badSequence: number,
): number | undefined {
  const firstSaltByte = salt & 0xff;
  for (let at = from; at <= bytes.length - recordHeaderBytes; at++) {
    if (bytes[at + 8] !== firstSaltByte || view.getUint32(at + 8, true) !== salt) continue;
    const sequence = readUint48(view, at + 12);
    if (sequence > badSequence && flawAt(bytes, view, at, salt, sequence) === undefined) return at;
  }
  return undefined;
}

/** Whether a valid marker from `from` on says that record `sequence` had been synced. */
function isVouched(bytes: Uint8Array, view: DataView, from: number, salt: number, sequence: number): boolean {
  let at: number | undefined = from;
  while (at !== undefined) {
    const bodyStart: number = at + recordHeaderBytes;
    if (view.getUint8(at + 18) === markerType && readUint48(view, bodyStart) >= sequence) return true;
    at = nextValid(bytes, view, bodyStart + view.getUint32(at + 4, true), salt, sequence);
  }
  return false;
}

/** Whether a whole sector in [from, to), or what [from, to) has of its first sector, reads as never written. */
function hasUnwrittenSector(bytes: Uint8Array, from: number, to: number): boolean {
  const firstBoundary = Math.ceil(from / sectorBytes) * sectorBytes;
  // Fewer zeros than a header may well be the bytes of one; a whole header is never zero, for its salt is not.
  if (firstBoundary <= to && firstBoundary - from >= recordHeaderBytes && isZero(bytes, from, firstBoundary))
    return true;
  for (let at = firstBoundary; at + sectorBytes <= to; at += sectorBytes) {
    if (isZero(bytes, at, at + sectorBytes)) return true;
  }
  return false;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

export function writeUint48(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x100000000, true);
  view.setUint16(at + 4, Math.floor(value / 0x100000000), true);
}

export function readUint48(view: DataView, at: number): number {
  return view.getUint16(at + 4, true) * 0x100000000 + view.getUint32(at, true);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
