/**
 * A node's replica: answers coordinators from its records, by the rules of `acceptor.ts`.
 *
 * A record's state moves on in memory at once, so that requests for one key never wait for each other; the answer
 * leaves when the write it depends on is durable (`group-commit.ts`). That goes for reads as well: what a crash could
 * still undo is not shown to anyone. Records that are not in memory are read first, all of a turn in one read.
 *
 * It does not know rounds or quorums, and answers nothing about slots that it does not keep: silence is what everyone
 * can already cope with.
 */

import { unreachable } from "../../foundation/assert.ts";
import { crc32c } from "../../foundation/crc32c.ts";
import type { Clock } from "../../foundation/effects.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { StorageEvent } from "../contract.ts";
import type { Engine, EngineEntry, EngineError, EngineWrite } from "../engine.ts";
import * as acceptor from "./acceptor.ts";
import type { StorageSettings } from "./defaults.ts";
import { Digests, keyHashOf } from "./digests.ts";
import type { KeyHash } from "./digests.ts";
import { GroupCommit } from "./group-commit.ts";
import type { ReplicaReply, ReplicaRequest } from "./messages.ts";
import * as layout from "./record.ts";
import type { Floor, KeyRecord, State } from "./record.ts";
import { SecondChance } from "./second-chance.ts";
import { slotCount, slotOf } from "./slots.ts";

/** What one scan of the engine takes at a time. */
const pageBytes = 1024 * 1024;
/** Before a read is tried again that may succeed later. */
const retryMs = 100;
/** Requests that wait for records to be read; more are dropped, as a network may drop them. */
const maxLoading = 50_000;
/** About what an entry takes besides its key and value. */
const entryOverheadBytes = 400;

export interface ReplicaPorts {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Whether this node keeps `slot` and may answer for it. */
  keeps(slot: number): boolean;
  reply(to: NodeId, message: ReplicaReply): void;
  /** Calls `flush` at the end of the turn. */
  schedule(): void;
  /** A promise stands in the way of what another replica has accepted: a round has to repair the key. */
  onBlocked(key: string): void;
  /** A tombstone came to be, or was found. */
  onTombstone(key: string, slot: number, ballot: number): void;
  /** Whether every acceptance is traced: it costs more than the acceptance itself where a trace leaves the process. */
  readonly tracesAccepts: boolean;
  /** Of the topology that is followed. */
  epoch(): number;
  trace(event: StorageEvent): void;
  onFatal(error: EngineError): void;
}

/** A key with what was promised and accepted of it; possibly only the former. */
export interface SlotRecord extends KeyRecord {
  readonly key: string;
}

export interface SlotPage {
  readonly records: readonly SlotRecord[];
  readonly floor: Floor;
  /** Where to go on; undefined: that was all. */
  readonly next: Uint8Array | undefined;
}

interface Entry {
  readonly key: string;
  readonly slot: number;
  readonly engineKey: Uint8Array;
  readonly hash: KeyHash;
  record: KeyRecord;
  /** Whether there is a record, or has to be none. */
  isPresent: boolean;
  /** The write that makes what it holds durable; 0 if it is. */
  write: number;
  isUsed: boolean;
  place: number;
}

/** A record of a slot that this node gains, or of one that it keeps and refreshes; `done` is called now or later. */
interface Taking {
  readonly kind: "take";
  readonly id: 0;
  readonly key: string;
  readonly record: KeyRecord;
  readonly isGained: boolean;
  readonly done: (isTaken: boolean) => void;
}

interface Waiting {
  readonly from: NodeId;
  readonly request: ReplicaRequest | Taking;
}

export class Replica {
  readonly #ports: ReplicaPorts;
  readonly #settings: StorageSettings;
  readonly commit: GroupCommit;
  readonly digests = new Digests();
  readonly #entries = new Map<string, Entry>();
  readonly #clock = new SecondChance<Entry>();
  #cachedBytes = 0;
  /** Changed since the last write began, in order; and those in the write under way. */
  #changed: Entry[] = [];
  #writing: Entry[] = [];
  /** About what the next write holds in memory; past the bound requests are dropped until the engine has caught up. */
  #changedBytes = 0;
  readonly #floors = new Map<number, Floor>();
  /** Records by slot, those that are being written included. */
  readonly #held = new Uint32Array(slotCount);
  readonly #loading = new Map<string, Waiting[]>();
  #loadingCount = 0;
  #toLoad: string[] = [];
  /** Live keys, and bytes of all records. */
  keys = 0;
  bytes = 0;
  readsFromEngine = 0;
  dropped = 0;
  #isEnded = false;

  constructor(ports: ReplicaPorts, settings: StorageSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.commit = new GroupCommit({
      engine: ports.engine,
      clock: ports.clock,
      collect: () => this.#collect(),
      completed: () => this.#completed(),
      schedule: () => ports.schedule(),
      onFatal: (error) => ports.onFatal(error),
    });
  }

  /** Reads through everything once, for the digests and counts; `done` with how many records there are. */
  start(done: (records: number) => void): void {
    let records = 0;
    const takeRecord = ({ key: bytes, value }: EngineEntry): void => {
      const [slot, key] = layout.slotAndKeyOf(bytes);
      const { state } = layout.decodeRecord(value);
      this.#count(slot, key.length, state, 1);
      if (state.ballot === 0) return;
      records++;
      this.digests.toggle(slot, keyHashOf(key), state.ballot);
      if (state.value === null) this.#ports.onTombstone(key, slot, state.ballot);
    };
    const takeFloor = ({ key, value }: EngineEntry): void => {
      this.#floors.set(layout.slotOfFloorKey(key), layout.decodeFloor(value));
    };
    this.scanAll(layout.floorsStart, layout.notesStart, takeFloor, () =>
      this.scanAll(layout.slotStart(0), layout.slotStart(slotCount), takeRecord, () => done(records)),
    );
  }

  end(): void {
    this.#isEnded = true;
    this.commit.end();
  }

  get isFull(): boolean {
    return this.keys >= this.#settings.maxKeys || this.bytes >= this.#settings.maxBytes;
  }

  floorOf(slot: number): Floor {
    return this.#floors.get(slot) ?? layout.noFloor;
  }

  /** Answers now, when it is durable, or never: what cannot be taken is dropped. */
  receive(from: NodeId, request: ReplicaRequest | Taking): void {
    const entry = this.#entries.get(request.key);
    if (entry !== undefined) {
      entry.isUsed = true;
      if (this.#changedBytes > this.#settings.maxPendingBytes) this.#drop(request);
      else if (this.#ports.keeps(entry.slot)) this.#answer(this.#refreshed(entry), from, request);
      return;
    }
    if (this.#ports.keeps(slotOf(request.key))) this.#load({ from, request });
  }

  /** What was asked under the topology of before, and waits for its record, is not done under the next one. */
  topologyChanged(): void {
    for (const waiting of this.#loading.values()) {
      this.#loadingCount -= waiting.length;
      for (const { request } of waiting.splice(0)) this.#drop(request);
    }
  }

  /** Whether `slot` has records or a floor, those that are being written included. */
  mayHold(slot: number): boolean {
    return this.#held[slot]! > 0 || this.#floors.has(slot);
  }

  #drop(request: ReplicaRequest | Taking): void {
    this.dropped++;
    if (request.kind === "take") request.done(false);
  }

  /** Returns the record of `key` if it is in memory. */
  peek(key: string): KeyRecord | undefined {
    return this.#entries.get(key)?.record;
  }

  /** At the end of a turn: reads what is missing, and writes what changed. */
  flush(): void {
    if (this.#toLoad.length > 0) this.#readMissing();
    this.commit.flush();
  }

  #answer(entry: Entry, from: NodeId, request: ReplicaRequest | Taking): void {
    const { id } = request;
    const { record } = entry;
    switch (request.kind) {
      case "prepare": {
        const next = acceptor.prepare(record, request.ballot);
        if (next === undefined) return this.#refuse(entry, from, id);
        const isFull = record.state.value === null && this.isFull;
        return this.#settle(entry, next, from, { kind: "promise", id, state: next.state, isFull });
      }
      case "accept": {
        const next = acceptor.accept(record, request.state, request.next);
        if (next === undefined) return this.#refuse(entry, from, id);
        return this.#settle(entry, next, from, { kind: "accepted", id, promised: next.promised });
      }
      case "read":
        return this.#settle(entry, record, from, {
          kind: "reading",
          id,
          promised: record.promised,
          state: record.state,
        });
      case "install": {
        const next = acceptor.install(record, request.state);
        const reply = { kind: "installed", id, isTaken: next !== undefined } as const;
        this.#settle(entry, next ?? record, from, reply);
        // Last: the round that repairs the key begins at once, and changes this very record.
        if (next === undefined) this.#ports.onBlocked(request.key);
        return;
      }
      case "collect":
        return this.#collectTombstone(entry, request.ballot);
      case "take": {
        const { isGained, done, key } = request;
        const next = isGained ? acceptor.takeOver(record, request.record) : acceptor.review(record, request.record);
        if (next !== undefined && next !== record) this.#change(entry, next, true);
        done(next !== undefined);
        // Last, as above.
        if (next === undefined) this.#ports.onBlocked(key);
        return;
      }
      default:
        return unreachable(request);
    }
  }

  /** What is known to be absent is bound by the floor as it is now. */
  #refreshed(entry: Entry): Entry {
    if (!entry.isPresent) entry.record = layout.absentRecord(this.floorOf(entry.slot));
    return entry;
  }

  #refuse({ record }: Entry, from: NodeId, id: number): void {
    this.#ports.reply(from, { kind: "refused", id, promised: record.promised });
  }

  /** Moves on to `next` and answers once that is durable. */
  #settle(entry: Entry, next: KeyRecord, from: NodeId, reply: ReplicaReply): void {
    if (next !== entry.record) this.#change(entry, next, true);
    if (entry.write === 0) return this.#ports.reply(from, reply);
    this.commit.when(entry.write, () => this.#ports.reply(from, reply));
  }

  #change(entry: Entry, next: KeyRecord, isPresent: boolean): void {
    const { record, slot, key, hash } = entry;
    if (entry.isPresent) this.#count(slot, key.length, record.state, -1);
    if (isPresent) this.#count(slot, key.length, next.state, 1);
    this.#cachedBytes += sizeOf(next.state) - sizeOf(record.state);
    const before = entry.isPresent ? record.state.ballot : 0;
    const after = isPresent ? next.state.ballot : 0;
    entry.record = next;
    entry.isPresent = isPresent;
    if (entry.write !== this.commit.next) {
      entry.write = this.commit.next;
      this.#changed.push(entry);
    }
    this.#changedBytes += entryOverheadBytes + sizeOf(next.state);
    this.commit.want();
    if (before === after) return;
    if (before > 0) this.digests.toggle(slot, hash, before);
    if (after === 0) return;
    this.digests.toggle(slot, hash, after);
    if (this.#ports.tracesAccepts) {
      const epoch = this.#ports.epoch();
      this.commit.when(entry.write, () => this.#tell(key, epoch, next.state));
    }
    if (next.state.value === null) this.#ports.onTombstone(key, slot, after);
  }

  #tell(key: string, epoch: number, { ballot, version, value }: State): void {
    const digest = value === null ? 0 : crc32c(layout.encodeText(value));
    this.#ports.trace({ kind: "accept", key, epoch, ballot, version, digest });
  }

  /** Every replica has reported the tombstone: it goes, and what is older than it is refused from now on. */
  #collectTombstone(entry: Entry, ballot: number): void {
    const { slot, record } = entry;
    if (!entry.isPresent || !acceptor.isCollectable(record, ballot)) return;
    const before = this.floorOf(slot);
    this.raiseFloor(slot, {
      ballot: Math.max(before.ballot, ballot),
      version: Math.max(before.version, record.state.version),
    });
    this.#change(entry, layout.absentRecord(this.floorOf(slot)), false);
  }

  /** Joins the write that takes what changes now. */
  raiseFloor(slot: number, floor: Floor): void {
    const before = this.floorOf(slot);
    if (before.ballot >= floor.ballot && before.version >= floor.version) return;
    const raised = {
      ballot: Math.max(before.ballot, floor.ballot),
      version: Math.max(before.version, floor.version),
    };
    this.#floors.set(slot, raised);
    this.commit.write({ key: layout.floorKey(slot), value: layout.encodeFloor(raised) });
  }

  #collect(): EngineWrite[] {
    this.#writing = this.#changed;
    this.#changed = [];
    this.#changedBytes = 0;
    const encoder = new layout.RecordEncoder();
    return this.#writing.map(({ engineKey, record, isPresent }) => ({
      key: engineKey,
      value: isPresent ? encoder.encode(record) : undefined,
    }));
  }

  #completed(): void {
    const durable = this.commit.next - 1;
    for (const entry of this.#writing) if (entry.write === durable) entry.write = 0;
    this.#writing = [];
    this.#evict();
  }

  #load(waiting: Waiting): void {
    const { key } = waiting.request;
    if (this.#loadingCount >= maxLoading) return this.#drop(waiting.request);
    this.#loadingCount++;
    const others = this.#loading.get(key);
    if (others !== undefined) {
      others.push(waiting);
      return;
    }
    this.#loading.set(key, [waiting]);
    if (this.#toLoad.length === 0) this.#ports.schedule();
    this.#toLoad.push(key);
  }

  #readMissing(): void {
    const keys = this.#toLoad;
    this.#toLoad = [];
    this.readsFromEngine++;
    const engineKeys = keys.map((key) => layout.recordKey(slotOf(key), key));
    this.#ports.engine.read(engineKeys, (error, values) => {
      if (this.#isEnded) return;
      if (error !== undefined && !mayPass(error)) return this.#ports.onFatal(error);
      keys.forEach((key, index) => {
        const waiting = this.#loading.get(key) ?? [];
        this.#loading.delete(key);
        this.#loadingCount -= waiting.length;
        // After an error that may pass, whoever asked will ask again.
        if (error !== undefined) return waiting.forEach(({ request }) => this.#drop(request));
        // What was read of a slot that is kept no more may be removed by now: it must not be found here later.
        if (!this.#ports.keeps(slotOf(key))) return waiting.forEach(({ request }) => this.#drop(request));
        this.#remember(key, engineKeys[index]!, values[index]);
        for (const { from, request } of waiting) this.receive(from, request);
      });
      this.#evict();
    });
  }

  #remember(key: string, engineKey: Uint8Array, value: Uint8Array | undefined): void {
    if (this.#entries.has(key)) return;
    const slot = slotOf(key);
    const record = value === undefined ? layout.absentRecord(this.floorOf(slot)) : layout.decodeRecord(value);
    const isPresent = value !== undefined;
    const hash = keyHashOf(key);
    const entry: Entry = { key, slot, engineKey, hash, record, isPresent, write: 0, isUsed: true, place: 0 };
    this.#entries.set(key, entry);
    this.#clock.add(entry);
    this.#cachedBytes += entryOverheadBytes + 3 * key.length + sizeOf(record.state);
  }

  #evict(): void {
    while (this.#cachedBytes > this.#settings.recordCacheBytes) {
      const entry = this.#clock.evict(({ write }) => write === 0);
      if (entry === undefined) return;
      this.#forget(entry);
    }
  }

  #forget({ key, record }: Entry): void {
    this.#entries.delete(key);
    this.#cachedBytes -= entryOverheadBytes + 3 * key.length + sizeOf(record.state);
  }

  #count(slot: number, keyLength: number, { value }: State, sign: 1 | -1): void {
    this.#held[slot]! += sign;
    if (value !== null) this.keys += sign;
    this.bytes += sign * (layout.recordHeadBytes + keyLength + (value?.length ?? 0));
  }

  /** What was noted under `name`, outside of all records. */
  readNote(name: string, done: (bytes: Uint8Array | undefined) => void): void {
    this.#ports.engine.read([layout.noteKey(name)], (error, values) => {
      if (this.#isEnded) return;
      if (error === undefined) return done(values[0]);
      if (!mayPass(error)) return this.#ports.onFatal(error);
      this.#ports.clock.after(retryMs, () => this.#isEnded || this.readNote(name, done));
    });
  }

  writeNote(name: string, bytes: Uint8Array | undefined, done: () => void): void {
    this.commit.write({ key: layout.noteKey(name), value: bytes });
    this.commit.when(this.commit.next, done);
  }

  /** As `scanStored`, with everything that was changed before. */
  scanSlot(slot: number, from: Uint8Array | undefined, maxBytes: number, done: (page: SlotPage) => void): void {
    this.commit.whenQuiet(() => this.scanStored(slot, from, maxBytes, done));
  }

  /** Records of `slot` from `from` (undefined: its start), about `maxBytes` of them, as they are on disk. */
  scanStored(slot: number, from: Uint8Array | undefined, maxBytes: number, done: (page: SlotPage) => void): void {
    this.#scan(from ?? layout.slotStart(slot), layout.slotStart(slot + 1), maxBytes, (entries, next) => {
      const records = entries.map(({ key, value }) => ({
        key: layout.slotAndKeyOf(key)[1],
        ...layout.decodeRecord(value),
      }));
      done({ records, floor: this.floorOf(slot), next });
    });
  }

  /**
   * Takes over records of a slot while the topology changes: of one that this node gains, whatever it has promised; of
   * one that it keeps, as late accept messages, and where a promise stands in the way a round repairs the key. `done`,
   * now or later, when they are durable, or with false when not all could be taken.
   */
  takeOver(
    slot: number,
    records: readonly SlotRecord[],
    floor: Floor,
    isGained: boolean,
    done: (isDone: boolean) => void,
  ): void {
    this.raiseFloor(slot, floor);
    let left = records.length;
    let isWhole = true;
    const end = (): void => (isWhole ? this.commit.whenQuiet(() => done(true)) : done(false));
    const taken = (isTaken: boolean): void => {
      isWhole &&= isTaken;
      if (--left === 0) end();
    };
    if (left === 0) return end();
    // By the same way as requests: what is read of a key here must not replace what was accepted meanwhile.
    for (const record of records) {
      const { key } = record;
      if (this.#ports.keeps(slot)) this.receive("", { kind: "take", id: 0, key, record, isGained, done: taken });
      else taken(false);
    }
  }

  /** Removes what is kept of `slots`, which this node does not keep, floors included; `done` when it is durable. */
  dropSlots(slots: readonly number[], done: () => void): void {
    const dropped = new Set(slots.filter((slot) => this.mayHold(slot)));
    this.commit.whenQuiet(() => {
      for (const entry of this.#entries.values()) {
        if (!dropped.has(entry.slot) || entry.write > 0) continue;
        this.#clock.remove(entry);
        this.#forget(entry);
      }
      this.#dropNext([...dropped], 0, done);
    });
  }

  #dropNext(slots: readonly number[], index: number, done: () => void): void {
    const slot = slots[index];
    if (slot === undefined) return this.commit.whenQuiet(done);
    this.digests.clear(slot);
    if (this.#floors.delete(slot)) this.commit.write({ key: layout.floorKey(slot), value: undefined });
    const remove = ({ key, value }: EngineEntry): void => {
      this.#count(slot, layout.slotAndKeyOf(key)[1].length, layout.decodeRecord(value).state, -1);
      this.commit.write({ key, value: undefined });
    };
    this.scanAll(layout.slotStart(slot), layout.slotStart(slot + 1), remove, () => {
      this.commit.whenQuiet(() => this.#dropNext(slots, index + 1, done));
    });
  }

  /** Calls `take` for every entry in the range, page by page. */
  scanAll(from: Uint8Array, to: Uint8Array, take: (entry: EngineEntry) => void, done: () => void): void {
    this.#scan(from, to, pageBytes, (entries, next) => {
      entries.forEach(take);
      if (next === undefined) done();
      else this.scanAll(next, to, take, done);
    });
  }

  #scan(
    from: Uint8Array,
    to: Uint8Array,
    maxBytes: number,
    done: (entries: readonly EngineEntry[], next: Uint8Array | undefined) => void,
  ): void {
    this.#ports.engine.scan(from, to, maxBytes, (error, page) => {
      if (this.#isEnded) return;
      if (error === undefined) return done(page.entries, page.next);
      if (!mayPass(error)) return this.#ports.onFatal(error);
      this.#ports.clock.after(retryMs, () => this.#isEnded || this.#scan(from, to, maxBytes, done));
    });
  }
}

function mayPass({ code }: EngineError): boolean {
  return code === "IO" || code === "REFUSED" || code === "FULL";
}

function sizeOf({ value }: State): number {
  return value?.length ?? 0;
}
