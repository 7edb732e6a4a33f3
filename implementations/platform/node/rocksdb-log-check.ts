/**
 * Tells whether RocksDB's log files lost anything that was synced; looked at before RocksDB opens them.
 *
 * RocksDB recovers "to a point in time": at the first record of its write-ahead log that does not check out it stops,
 * and takes what follows for a write that a crash cut short. A flipped bit would so take back acknowledged writes
 * without a word, and the binding cannot ask for another mode. So the engine numbers its groups of writes and frames
 * each in the log: a note "group n begins" leads it, a note "group n has ended" follows it, and one sync covers both.
 * What a bad record means is then decided as in `foundation/wal-format.ts`:
 *
 * 1. nothing valid follows: torn, nobody was told about the group;
 * 2. a note of a later group follows: the bad record had been synced, and is damaged;
 * 3. only notes of its own group follow: torn if a sector of it reads as never written, damaged otherwise.
 *
 * The manifest is checked in the same way: a record whose length was altered looks to RocksDB as if the file were cut
 * short there, and it would go on without the rest of the manifest, or without end. Not found: log files that are
 * missing, or end early, as a whole.
 *
 * @see RocksDB wiki, "Write Ahead Log File Format"; Alagappan et al. 2018, section 3.3.3 (crash or corruption).
 */

import { crc32c } from "../../foundation/crc32c.ts";
import { readUint48, writeUint48 } from "../../foundation/wal-format.ts";

export interface LogFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const blockBytes = 32 * 1024;
const headerBytes = 7;
const sectorBytes = 512;
const firstType = 2;
const fullType = 1;
const lastType = 4;

/** The engine's notes; their keys sort before all records. */
export const beginKey = Uint8Array.of(0, 1);
export const endKey = Uint8Array.of(0, 2);

export function encodeGroup(group: number): Uint8Array {
  const bytes = new Uint8Array(6);
  writeUint48(new DataView(bytes.buffer), 0, group);
  return bytes;
}

export function decodeGroup(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : readUint48(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
}

/** @param logs the write-ahead log, oldest file first. @returns what is damaged, in words; undefined: nothing. */
export function findLogDamage(logs: readonly LogFile[]): string | undefined {
  const notes = new NoteReader();
  for (const [which, log] of logs.entries()) {
    const view = viewOf(log.bytes);
    let at = 0;
    for (let found = recordAt(log.bytes, view, at); found.kind !== "end"; found = recordAt(log.bytes, view, at)) {
      if (found.kind === "bad") {
        if (found.isEmpty) break; // Room that was set aside.
        return judge(logs, which, at, notes.groupUnderWay);
      }
      notes.take(log.bytes, found);
      at = found.end;
    }
  }
  return undefined;
}

/** @returns what is damaged about a manifest, in words. */
export function findManifestDamage({ name, bytes }: LogFile): string | undefined {
  const view = viewOf(bytes);
  let at = 0;
  let found = recordAt(bytes, view, at);
  for (; found.kind === "record"; found = recordAt(bytes, view, at)) at = found.end;
  if (found.kind === "end") return undefined;
  const start = startOf(at);
  const end = Math.min(bytes.length, start + blockBytes - (start % blockBytes));
  const isWhole = end - start > headerBytes && checksumOf(bytes, start, end) === view.getUint32(start, true);
  const isFollowed = !validRecords(bytes, start + 1).next().done;
  return isWhole || isFollowed ? describe(name, start) : undefined;
}

function judge(logs: readonly LogFile[], which: number, at: number, group: number | undefined): string | undefined {
  const log = logs[which];
  if (log === undefined) return undefined;
  const notes = new NoteReader();
  let resumesAt: number | undefined;
  for (const [later, { bytes }] of logs.entries()) {
    if (later < which) continue;
    for (const record of validRecords(bytes, later === which ? at + 1 : 0)) {
      if (later === which) resumesAt ??= record.start;
      notes.take(bytes, record);
    }
  }
  const seen = [...notes.groups];
  if (seen.length === 0 && resumesAt === undefined) return undefined;
  const own = group ?? Math.min(...seen);
  const isVouched = seen.some((note) => note > own);
  const isWritten = !hasUnwrittenSector(log.bytes, at, resumesAt ?? log.bytes.length);
  return isVouched || (isWritten && resumesAt !== undefined) ? describe(log.name, at) : undefined;
}

function describe(name: string, at: number): string {
  return `${name} is damaged at byte ${at}: a record that had been stored does not match its checksum`;
}

interface LogRecord {
  readonly kind: "record";
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

type Found = LogRecord | { readonly kind: "end" } | { readonly kind: "bad"; readonly isEmpty: boolean };

/** What lies at `at`, or at the next block where the rest of this one is too short for a header. */
function recordAt(bytes: Uint8Array, view: DataView, at: number): Found {
  const start = startOf(at);
  if (start >= bytes.length) return { kind: "end" };
  if (start + headerBytes > bytes.length) return { kind: "bad", isEmpty: false };
  const length = view.getUint16(start + 4, true);
  const type = view.getUint8(start + 6);
  const end = start + headerBytes + length;
  const room = Math.min(bytes.length, start + blockBytes - (start % blockBytes));
  const isWhole = type > 0 && end <= room && checksumOf(bytes, start, end) === view.getUint32(start, true);
  return isWhole ? { kind: "record", type, start, end } : { kind: "bad", isEmpty: isZero(bytes, start, bytes.length) };
}

/** All records from `from` on that check out, wherever they begin. */
function* validRecords(bytes: Uint8Array, from: number): Generator<LogRecord> {
  const view = viewOf(bytes);
  for (let at = from; at + headerBytes <= bytes.length; at++) {
    const type = view.getUint8(at + 6);
    if (type < fullType || type > lastType || at % blockBytes > blockBytes - headerBytes) continue;
    const found = recordAt(bytes, view, at);
    if (found.kind !== "record") continue;
    yield found;
    at = found.end - 1;
  }
}

/** Finds the engine's notes among the records; a note may lie across two blocks. */
class NoteReader {
  readonly groups = new Set<number>();
  #head: number[] = [];
  #began = 0;
  #ended = 0;

  /** The group that the next record belongs to; undefined while no note was seen. */
  get groupUnderWay(): number | undefined {
    if (this.groups.size === 0) return undefined;
    return this.#began > this.#ended ? this.#began : this.#ended + 1;
  }

  take(bytes: Uint8Array, { type, start, end }: LogRecord): void {
    if (type === fullType || type === firstType) this.#head = [];
    const missing = noteBytes - this.#head.length;
    if (missing <= 0) return;
    this.#head.push(...bytes.subarray(start + headerBytes, Math.min(end, start + headerBytes + missing)));
    if (this.#head.length === noteBytes) this.#interpret(Uint8Array.from(this.#head));
  }

  #interpret(head: Uint8Array): void {
    const isNote = head[12] === putTag && head[13] === 2 && head[14] === 0 && head[16] === 6;
    if (!isNote) return;
    const group = decodeGroup(head.subarray(17));
    this.groups.add(group);
    if (head[15] === beginKey[1]) this.#began = group;
    if (head[15] === endKey[1]) this.#ended = group;
  }
}

/** A batch: sequence u64, count u32, then entries: tag, key with its length, value with its length. */
const noteBytes = 12 + 1 + 3 + 7;
const putTag = 1;

function startOf(at: number): number {
  const left = blockBytes - (at % blockBytes);
  return left < headerBytes ? at + left : at;
}

/** RocksDB stores checksums rotated and shifted, since checksums of data that hold checksums are weak. */
function checksumOf(bytes: Uint8Array, start: number, end: number): number {
  const crc = crc32c(bytes, 0, start + 6, end);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function hasUnwrittenSector(bytes: Uint8Array, from: number, to: number): boolean {
  const firstBoundary = Math.ceil(from / sectorBytes) * sectorBytes;
  if (firstBoundary <= to && firstBoundary - from >= headerBytes && isZero(bytes, from, firstBoundary)) return true;
  for (let at = firstBoundary; at + sectorBytes <= to; at += sectorBytes) {
    if (isZero(bytes, at, at + sectorBytes)) return true;
  }
  return false;
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
