/**
 * Goal: what was confirmed survives any crash, nothing is invented, and what a disk lost is refused rather than
 * guessed. Method: scripts of batches and snapshots on the simulated disk, crashed after every single event of the run,
 * with and without power loss; a model of the log says what may be there. Stored bytes are spoiled one at a time.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../foundation/prng.ts";
import { DiskError } from "../../foundation/effects.ts";
import type { Completion, Disk, DiskErrorCode, Random } from "../../foundation/effects.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import { SimulatedDisk } from "../../platform/simulated/disk.ts";
import { FaultyDisk } from "../../platform/faulty-disk.ts";
import { LogDamage, LogStore } from "./log-store.ts";
import type { OpenedLogStore, Room, StoredBatch } from "./log-store.ts";
import type { Entry, HardState, Recovered, Snapshot } from "./messages.ts";

interface Opened {
  readonly error: Error | undefined;
  readonly opened: OpenedLogStore | undefined;
}

/** A disk, its time, and lives of a store on it. */
class Bench {
  readonly time = new VirtualTime();
  readonly disk: SimulatedDisk;
  readonly segmentBytes: number;

  constructor(seed: string, segmentBytes = 300) {
    this.disk = new SimulatedDisk({ clock: this.time, random: seededRandom(seed) });
    this.segmentBytes = segmentBytes;
  }

  tryOpen(): Opened {
    let result: Opened | undefined;
    LogStore.open(this.disk.open(), { segmentBytes: this.segmentBytes, node: "n1" }, (error, opened) => {
      assert.equal(result, undefined, "open completes once");
      result = { error, opened };
    });
    this.runUntil(() => result !== undefined);
    assert.ok(result !== undefined, "open completes");
    return result;
  }

  open(): OpenedLogStore {
    const { error, opened } = this.tryOpen();
    assert.equal(error, undefined);
    assert.ok(opened !== undefined);
    return opened;
  }

  reopen(): OpenedLogStore {
    this.disk.crash({ powerLoss: false });
    return this.open();
  }

  runUntil(isDone: () => boolean): void {
    while (!isDone() && this.time.step());
  }

  persist(store: LogStore, batch: Partial<StoredBatch>): void {
    let isDone = false;
    store.persist(full(batch), (error) => {
      assert.equal(error, undefined);
      isDone = true;
    });
    assert.equal(isDone, false, "never before persist has returned");
    this.runUntil(() => isDone);
    assert.ok(isDone, "persist completes");
  }

  saveSnapshot(store: LogStore, snapshot: Snapshot, keepEntriesAfter: number): void {
    let isDone = false;
    store.saveSnapshot(snapshot, keepEntriesAfter, (error) => {
      assert.equal(error, undefined);
      isDone = true;
    });
    this.runUntil(() => isDone);
    this.runUntil(() => false); // The removals.
  }
}

function full(batch: Partial<StoredBatch>): StoredBatch {
  return { hardState: undefined, entries: [], snapshot: undefined, ...batch };
}

function entry(index: number, term: number, text = `entry ${index} of term ${term}`): Entry {
  return { index, term, payload: Buffer.from(text) };
}

function entries(from: number, to: number, term: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, offset) => entry(from + offset, term));
}

/** In these tests a snapshot's data is the log it stands for, as text, so that a whole log can be compared. */
function snapshotOf(log: readonly string[], term: number): Snapshot {
  return { index: log.length, term, data: Buffer.from(JSON.stringify(log)) };
}

function textOf(each: Entry): string {
  return `${each.index}/${each.term}/${Buffer.from(each.payload).toString()}`;
}

function wholeLog({ snapshot, entries: kept }: Recovered): string[] {
  const covered: string[] = snapshot === undefined ? [] : JSON.parse(Buffer.from(snapshot.data).toString());
  return [...covered, ...kept.map(textOf)];
}

test("a store begins a log on an empty disk, which is then no longer empty", () => {
  const bench = new Bench("empty");
  const first = bench.open();
  assert.equal(first.empty, true);
  assert.deepEqual(first.recovered, { hardState: { term: 0, votedFor: null }, snapshot: undefined, entries: [] });
  bench.disk.crash({ powerLoss: true });
  const second = bench.open();
  assert.equal(second.empty, false);
  assert.deepEqual(second.recovered, first.recovered);
  assert.deepEqual(second.repairs, []);
});

test("hard state, entries and a cut log are recovered, over several segments and lives", () => {
  const bench = new Bench("plain");
  let { store } = bench.open();
  bench.persist(store, { hardState: { term: 1, votedFor: "n1" }, entries: entries(1, 20, 1) });
  bench.persist(store, { entries: entries(21, 40, 1) });
  ({ store } = bench.reopen());
  bench.persist(store, { hardState: { term: 3, votedFor: null }, entries: entries(30, 32, 3) });
  const { recovered, repairs } = bench.reopen();
  assert.deepEqual(recovered.hardState, { term: 3, votedFor: null });
  assert.deepEqual(recovered.entries.map(textOf), [...entries(1, 29, 1), ...entries(30, 32, 3)].map(textOf));
  assert.deepEqual(repairs, []);
  assert.ok(bench.disk.names().length > 2, "several segments");
});

test("group commit: what arrives during a sync goes out with one more write and one more sync", () => {
  const bench = new Bench("group");
  const { store } = bench.open();
  const before = store.counters;
  const order: number[] = [];
  for (let index = 1; index <= 100; index++) {
    store.persist(full({ entries: [entry(index, 1)] }), () => order.push(index));
  }
  bench.runUntil(() => order.length === 100);
  assert.deepEqual(
    order,
    Array.from({ length: 100 }, (_, offset) => offset + 1),
  );
  assert.equal((store.counters["syncs"] ?? 0) - (before["syncs"] ?? 0), 2);
  assert.equal((store.counters["log appends"] ?? 0) - (before["log appends"] ?? 0), 2);
  assert.equal(store.counters["batches persisted"], 100);
});

test("a snapshot removes the segments it covers, but none that holds an entry to keep; the hard state survives", () => {
  const bench = new Bench("compact");
  const { store } = bench.open();
  bench.persist(store, { hardState: { term: 2, votedFor: "n3" } });
  for (let index = 1; index <= 60; index++) bench.persist(store, { entries: [entry(index, 2)] });
  const log = entries(1, 60, 2).map(textOf);
  const segmentsBefore = bench.disk.names().length;
  bench.saveSnapshot(store, snapshotOf(log.slice(0, 50), 2), 40);
  assert.ok(bench.disk.names().length < segmentsBefore - 5);
  bench.saveSnapshot(store, snapshotOf(log.slice(0, 55), 2), 45);
  assert.equal(bench.disk.names().filter((name) => name.endsWith(".snap")).length, 1);
  const { recovered, repairs } = bench.reopen();
  assert.deepEqual(recovered.hardState, { term: 2, votedFor: "n3" });
  assert.equal(recovered.snapshot?.index, 55);
  assert.deepEqual(wholeLog(recovered), log);
  assert.deepEqual(repairs, []);
});

test("a received snapshot replaces the log; with keepLog what follows it stays", () => {
  for (const keepLog of [true, false]) {
    const bench = new Bench(`install ${keepLog}`);
    const { store } = bench.open();
    bench.persist(store, { hardState: { term: 2, votedFor: null }, entries: entries(1, 30, 2) });
    const received = snapshotOf(entries(1, 20, 2).map(textOf), keepLog ? 2 : 3);
    bench.persist(store, { hardState: { term: 4, votedFor: null }, snapshot: { snapshot: received, keepLog } });
    const last = keepLog ? 30 : 20;
    bench.persist(store, { entries: entries(last + 1, last + 3, 4) });
    const { recovered } = bench.reopen();
    assert.equal(recovered.snapshot?.index, 20);
    assert.deepEqual(
      recovered.entries.map(({ index }) => index),
      Array.from({ length: last + 3 - 20 }, (_, offset) => 21 + offset),
    );
    assert.equal(recovered.hardState.term, 4);
  }
});

test("a received snapshot far ahead of the log: the entries after it follow it", () => {
  const bench = new Bench("ahead");
  const { store } = bench.open();
  bench.persist(store, { hardState: { term: 1, votedFor: null }, entries: entries(1, 3, 1) });
  const received = snapshotOf(entries(1, 500, 1).map(textOf), 1);
  bench.persist(store, { snapshot: { snapshot: received, keepLog: false } });
  bench.persist(store, { entries: entries(501, 510, 1) });
  assert.deepEqual(wholeLog(bench.reopen().recovered), entries(1, 510, 1).map(textOf));
});

type Step =
  | { readonly kind: "persist"; readonly batch: StoredBatch }
  | { readonly kind: "save"; readonly upTo: number; readonly keepAfter: number };

/** What may be on the disk: all states from the last confirmed one to the last that was asked for. */
interface Moment {
  readonly log: readonly string[];
  readonly hardState: HardState;
}

/** A random script that a Raft core could have asked for: no cut and no snapshot behind what is committed. */
function randomScript(random: Random, length: number): Step[] {
  const steps: Step[] = [];
  let log: Entry[] = [];
  let hardState: HardState = { term: 0, votedFor: null };
  let committed = 0;
  let snapshotIndex = 0;
  let name = 0;
  for (let count = 0; count < length; count++) {
    const choice = random.below(10);
    const keepLog = choice === 1 && log.length > committed + 10 && random.below(2) === 0;
    const cutTo = random.below(4) === 0 ? committed + random.below(log.length - committed + 1) : log.length;
    // What replaces entries is of a later term: an index and a term stand for one entry (Raft's log matching).
    const isReplacing = choice === 1 ? !keepLog : cutTo < log.length;
    let term = Math.max(1, hardState.term);
    let nextHardState: HardState | undefined;
    if (isReplacing || hardState.term === 0 || random.below(3) === 0) {
      term = hardState.term + (isReplacing || hardState.term === 0 ? 1 : random.below(2));
      nextHardState = { term, votedFor: term > hardState.term ? `n${1 + random.below(3)}` : hardState.votedFor };
    }
    if (choice === 0 && committed > snapshotIndex) {
      snapshotIndex = committed;
      steps.push({ kind: "save", upTo: committed, keepAfter: Math.max(0, committed - random.below(8)) });
      continue;
    }
    let batch: StoredBatch;
    if (choice === 1) {
      const upTo = committed + 1 + random.below(10);
      const kept = keepLog ? log : log.slice(0, committed);
      while (kept.length < upTo) kept.push(entry(kept.length + 1, term, `received ${++name}`));
      const covered = kept.slice(0, upTo);
      log = keepLog ? log : covered;
      committed = upTo;
      snapshotIndex = upTo;
      const snapshot = snapshotOf(covered.map(textOf), covered.at(-1)?.term ?? 0);
      batch = full({ hardState: nextHardState, snapshot: { snapshot, keepLog } });
    } else {
      const added: Entry[] = [];
      for (let each = random.below(5); each >= 0; each--) {
        added.push(entry(cutTo + added.length + 1, term, `${++name}`.repeat(1 + random.below(20))));
      }
      log = [...log.slice(0, cutTo), ...added];
      committed += random.below(log.length - committed + 1);
      batch = full({ hardState: nextHardState, entries: added });
    }
    hardState = nextHardState ?? hardState;
    steps.push({ kind: "persist", batch });
  }
  return steps;
}

/** Every state the disk may show after each step; within a step: hard state, then entry by entry. */
function momentsOf(steps: readonly Step[]): Moment[][] {
  let log: readonly string[] = [];
  let hardState: HardState = { term: 0, votedFor: null };
  return steps.map((step) => {
    const moments: Moment[] = [];
    if (step.kind === "save") return [{ log, hardState }];
    const { batch } = step;
    if (batch.snapshot !== undefined) {
      const { snapshot, keepLog } = batch.snapshot;
      const covered: string[] = JSON.parse(Buffer.from(snapshot.data).toString());
      log = keepLog ? [...covered, ...log.slice(snapshot.index)] : covered;
      // The snapshot is durable before the hard state that came with it.
      const lifted = snapshot.term > hardState.term ? { term: snapshot.term, votedFor: null } : hardState;
      moments.push({ log, hardState: lifted });
    }
    hardState = batch.hardState ?? hardState;
    moments.push({ log, hardState });
    for (const each of batch.entries) {
      log = [...log.slice(0, each.index - 1), textOf(each)];
      moments.push({ log, hardState });
    }
    return moments;
  });
}

/** Issues the whole script at once or step by step; returns how many steps were confirmed when the events ran out. */
function play(bench: Bench, store: LogStore, steps: readonly Step[], logs: Moment[][], events: number, pace: number) {
  let confirmed = 0;
  let issued = 0;
  let left = events;
  const snapshots = new Set<number>();
  while (left > 0 && (confirmed < steps.length || snapshots.size > 0)) {
    while (issued < steps.length && issued - confirmed < pace) {
      const step = steps[issued];
      assert.ok(step !== undefined);
      const own = issued++;
      if (step.kind === "persist") {
        store.persist(step.batch, (error) => {
          assert.equal(error, undefined);
          confirmed = own + 1;
        });
        continue;
      }
      // A snapshot covers only what is durable: the script waits for it.
      if (confirmed < own) {
        issued--;
        break;
      }
      const covered = (logs[own]?.[0]?.log ?? []).slice(0, step.upTo);
      const term = Number(covered.at(-1)?.split("/")[1]);
      snapshots.add(own);
      confirmed = own + 1;
      store.saveSnapshot(snapshotOf(covered, term), step.keepAfter, (error) => {
        assert.equal(error, undefined);
        snapshots.delete(own);
      });
    }
    if (!bench.time.step()) break;
    left--;
  }
  return { confirmed, issued, eventsLeft: left };
}

function checkRecovered(
  recovered: Recovered,
  moments: Moment[][],
  confirmed: number,
  issued: number,
  where: string,
): void {
  const before: Moment = moments[confirmed - 1]?.at(-1) ?? { log: [], hardState: { term: 0, votedFor: null } };
  const allowed = [before, ...moments.slice(confirmed, issued).flat()];
  const log = JSON.stringify(wholeLog(recovered));
  assert.ok(
    allowed.some((moment) => JSON.stringify(moment.log) === log),
    `${where}: the log is one between the confirmed and the issued: ${log}`,
  );
  const hardState = JSON.stringify(recovered.hardState);
  assert.ok(
    allowed.some((moment) => JSON.stringify(moment.hardState) === hardState),
    `${where}: the hard state is one between the confirmed and the issued: ${hardState}`,
  );
}

test("a crash after any event of a run loses nothing confirmed and invents nothing, twice in a row", () => {
  let crashes = 0;
  for (let seed = 1; seed <= 24; seed++) {
    const steps = randomScript(seededRandom(`script ${seed}`), 14);
    const moments = momentsOf(steps);
    const pace = 1 + (seed % 4);
    for (let events = 0; ; events++) {
      const where = `script ${seed}, crashed after event ${events}`;
      const bench = new Bench(where);
      const { store } = bench.open();
      const { confirmed, issued, eventsLeft } = play(bench, store, steps, moments, events, pace);
      bench.disk.crash({ powerLoss: events % 3 !== 0 });
      crashes++;
      const second = bench.open();
      checkRecovered(second.recovered, moments, confirmed, issued, where);
      const log = wholeLog(second.recovered);
      const term = second.recovered.hardState.term + 1;
      const added = entry(log.length + 1, term, "after the crash");
      bench.persist(second.store, { hardState: { term, votedFor: "n1" }, entries: [added] });
      bench.disk.crash({ powerLoss: true });
      const third = bench.open();
      assert.deepEqual(wholeLog(third.recovered), [...log, textOf(added)], where);
      assert.deepEqual(third.recovered.hardState, { term, votedFor: "n1" }, where);
      if (eventsLeft > 0) break;
    }
  }
  assert.ok(crashes > 1000, `${crashes} crashes`);
});

test("a crash during recovery itself is survived", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const steps = randomScript(seededRandom(`recovery ${seed}`), 12);
    const moments = momentsOf(steps);
    const bench = new Bench(`recovery ${seed}`);
    const { confirmed, issued } = play(bench, bench.open().store, steps, moments, 30 + (seed % 20), 3);
    for (let events = 0; events < 25; events++) {
      bench.disk.crash({ powerLoss: true });
      LogStore.open(bench.disk.open(), { segmentBytes: 300 }, (error) => assert.equal(error, undefined));
      for (let count = 0; count < events; count++) bench.time.step();
    }
    bench.disk.crash({ powerLoss: true });
    checkRecovered(bench.open().recovered, moments, confirmed, issued, `recovery ${seed}`);
  }
});

/** A store of a few segments and a snapshot, closed; returns the disk's files by name. */
function storedFiles(): { readonly files: Map<string, Uint8Array>; readonly expected: OpenedLogStore } {
  const bench = new Bench("files", 250);
  const { store } = bench.open();
  bench.persist(store, { hardState: { term: 1, votedFor: "n2" } });
  for (let index = 1; index <= 12; index++) bench.persist(store, { entries: [entry(index, 1)] });
  bench.saveSnapshot(store, snapshotOf(entries(1, 6, 1).map(textOf), 1), 4);
  bench.persist(store, { hardState: { term: 2, votedFor: "n1" } });
  bench.persist(store, { entries: entries(12, 14, 2) });
  const expected = bench.reopen();
  return { files: new Map(bench.disk.names().map((name) => [name, bench.disk.read(name)])), expected };
}

function openFiles(files: ReadonlyMap<string, Uint8Array>): Opened {
  const bench = new Bench("opened", 250);
  for (const [name, bytes] of files) {
    bench.disk.append(name, [bytes]);
    bench.disk.sync(name);
  }
  bench.disk.syncDirectory();
  return bench.tryOpen();
}

test("one flipped bit in any byte of any file is refused or changes nothing", () => {
  const { files, expected } = storedFiles();
  assert.ok(files.size >= 4);
  let refused = 0;
  for (const [name, bytes] of files) {
    for (let at = 0; at < bytes.length; at++) {
      const spoiled = bytes.slice();
      spoiled[at] = (spoiled[at] ?? 0) ^ (1 << (at % 8));
      const { error, opened } = openFiles(new Map([...files, [name, spoiled]]));
      if (error !== undefined) {
        assert.ok(error instanceof LogDamage, `${name}, byte ${at}: ${error.message}`);
        assert.match(
          error.message,
          /Cannot recover n1: .* damaged at byte \d+: expected .*, found .*; .*replace the node/,
        );
        refused++;
      } else {
        assert.deepEqual(opened?.recovered, expected.recovered, `${name}, byte ${at}`);
      }
    }
  }
  assert.ok(refused > 1000, `${refused} refused`);
});

test("a tail torn at any byte of the last write keeps all before it, says so, and can be written on", () => {
  const { files } = storedFiles();
  const last = [...files.keys()].findLast((name) => name.endsWith(".wal")) ?? "";
  const bytes = files.get(last) ?? new Uint8Array();
  const groupBytes = 3 * (20 + 12 + "entry 12 of term 2".length) + 26;
  for (let length = bytes.length - groupBytes; length < bytes.length; length++) {
    const { error, opened } = openFiles(new Map([...files, [last, bytes.subarray(0, length)]]));
    assert.equal(error, undefined);
    const kept = opened?.recovered.entries.map(textOf) ?? [];
    const before = [...entries(7, 11, 1), ...entries(12, 14, 2)].map(textOf);
    const replaced = entries(7, 12, 1).map(textOf);
    assert.ok(
      JSON.stringify(kept) === JSON.stringify(replaced) ||
        (kept.length >= 6 && JSON.stringify(kept) === JSON.stringify(before.slice(0, kept.length))),
      `cut to ${length}: ${kept.join(" ")}`,
    );
    assert.deepEqual(opened?.recovered.hardState, { term: 2, votedFor: "n1" });
  }
  const { opened } = openFiles(new Map([...files, [last, bytes.subarray(0, bytes.length - 30)]]));
  assert.match(opened?.repairs[0] ?? "", /cut a torn write off [0-9a-f]{16}\.wal: \d+ bytes from byte \d+ on/);
});

test("a missing segment, a shortened older segment, and a snapshot without a log are refused", () => {
  const { files } = storedFiles();
  const segments = [...files.keys()].filter((name) => name.endsWith(".wal"));
  assert.ok(segments.length >= 3);
  const without = (name: string): Map<string, Uint8Array> => new Map([...files].filter(([other]) => other !== name));
  assert.ok(openFiles(without(segments[1] ?? "")).error instanceof LogDamage);
  const first = segments[0] ?? "";
  const shortened = (files.get(first) ?? new Uint8Array()).subarray(0, -5);
  assert.ok(openFiles(new Map([...files, [first, shortened]])).error instanceof LogDamage);
  const snapshotOnly = new Map([...files].filter(([name]) => name.endsWith(".snap")));
  assert.match(openFiles(snapshotOnly).error?.message ?? "", /term and vote/);
});

test("a damaged snapshot is passed over only when the log still covers all of it", () => {
  const bench = new Bench("damaged snapshot", 100_000);
  const { store } = bench.open();
  bench.persist(store, { hardState: { term: 1, votedFor: null }, entries: entries(1, 10, 1) });
  bench.saveSnapshot(store, snapshotOf(entries(1, 8, 1).map(textOf), 1), 0);
  const name = bench.disk.names().find((each) => each.endsWith(".snap")) ?? "";
  bench.disk.flipBit(name, 40, 1);
  const { recovered, repairs } = bench.reopen();
  assert.equal(recovered.snapshot, undefined);
  assert.deepEqual(wholeLog(recovered), entries(1, 10, 1).map(textOf));
  assert.match(repairs.join(), /damaged snapshot that the log still covers/);
  assert.deepEqual(bench.reopen().repairs, []);
});

test("a failed write or sync is final: everything pending and later fails", () => {
  for (const [fault, code] of [[{ kind: "write-error", probability: 1 }, "IO"]] as const) {
    const bench = new Bench(`failure ${code}`);
    const random = seededRandom(code);
    const disk = new FaultyDisk(bench.disk.open(), { clock: bench.time, random, onPowerLoss: () => assert.fail() });
    let store: LogStore | undefined;
    LogStore.open(disk, { segmentBytes: 300 }, (_, opened) => (store = opened?.store));
    bench.runUntil(() => store !== undefined);
    assert.ok(store !== undefined);
    const handle = disk.inject(fault);
    const outcomes: (string | undefined)[] = [];
    const note = (error?: Error): void => void outcomes.push((error as { code?: string } | undefined)?.code);
    for (let index = 1; index <= 3; index++) store.persist(full({ entries: [entry(index, 1)] }), note);
    bench.runUntil(() => outcomes.length === 3);
    handle.heal();
    store.persist(full({ entries: [entry(4, 1)] }), note);
    assert.deepEqual(outcomes, [code, code, code, code]);
    assert.ok(handle.efficacy().count > 0);
    let isClosed = false;
    store.close(() => (isClosed = true));
    assert.ok(isClosed);
  }
});

/**
 * A disk on which `persist` of entry 4 failed: its sync did, and the bytes it should have stored are all there to see.
 */
function afterFailedSync(seed: number): Bench {
  const bench = new Bench(`failed sync ${seed}`, 100_000);
  bench.persist(bench.open().store, { hardState: { term: 1, votedFor: null }, entries: entries(1, 3, 1) });
  bench.disk.crash({ powerLoss: false });
  const random = seededRandom(seed);
  const disk = new FaultyDisk(bench.disk.open(), { clock: bench.time, random, onPowerLoss: () => assert.fail() });
  let store: LogStore | undefined;
  LogStore.open(disk, { segmentBytes: 100_000 }, (_, opened) => (store = opened?.store));
  bench.runUntil(() => store !== undefined);
  assert.ok(store !== undefined);
  let failure: Error | undefined;
  let isFailing: (() => void) | undefined;
  disk.holdNextSync(disk.syncs + 1, (resume) => (isFailing = resume));
  store.persist(full({ entries: [entry(4, 1)] }), (error) => (failure = error));
  bench.runUntil(() => isFailing !== undefined);
  const handle = disk.inject({ kind: "write-error", probability: 1 });
  isFailing?.();
  bench.runUntil(() => failure !== undefined);
  handle.heal();
  bench.runUntil(() => false);
  bench.disk.crash({ powerLoss: false });
  return bench;
}

test("what a failed sync left to be seen is recovered only as what survives a power loss from then on", () => {
  let visible = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const bench = afterFailedSync(seed);
    const { recovered } = bench.open();
    const counted = recovered.entries.length;
    assert.ok(counted === 3 || counted === 4, `seed ${seed}: ${counted} entries`);
    if (counted === 4) visible++;
    // A node now counts all of them as durable, and may acknowledge them to its leader.
    bench.disk.crash({ powerLoss: true });
    assert.deepEqual(wholeLog(bench.open().recovered), wholeLog(recovered), `seed ${seed}`);
  }
  assert.ok(visible > 5, `${visible} disks showed what they had not stored`);
});

test("the reason for storing it again: syncing it where it is reports success and stores nothing", () => {
  let lost = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const bench = afterFailedSync(seed);
    const [segment = ""] = bench.disk.names();
    const before = bench.disk.read(segment);
    bench.disk.sync(segment);
    bench.disk.syncDirectory();
    bench.disk.crash({ powerLoss: true });
    if (Buffer.compare(before, bench.disk.read(segment)) !== 0) lost++;
  }
  assert.ok(lost > 5, `${lost} lost`);
});

test("recovery on a disk without room damages nothing, says FULL, and succeeds when there is room", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const bench = new Bench(`full recovery ${seed}`);
    const { store } = bench.open();
    bench.persist(store, { hardState: { term: 1, votedFor: null }, entries: entries(1, 30, 1) });
    bench.saveSnapshot(store, snapshotOf(entries(1, 12, 1).map(textOf), 1), 10);
    bench.disk.crash({ powerLoss: false });
    const random = seededRandom(seed);
    const disk = new FaultyDisk(bench.disk.open(), { clock: bench.time, random, onPowerLoss: () => assert.fail() });
    const handle = disk.inject({ kind: "full" });
    for (let attempt = 0; attempt < 3; attempt++) {
      let code: string | undefined;
      LogStore.open(disk, { segmentBytes: 300 }, (error) => (code = (error as { code?: string } | undefined)?.code));
      bench.runUntil(() => code !== undefined);
      assert.equal(code, "FULL");
    }
    assert.deepEqual(
      bench.disk.names().filter((name) => name.endsWith(".tmp")),
      [],
    );
    handle.heal();
    let opened: OpenedLogStore | undefined;
    LogStore.open(disk, { segmentBytes: 300 }, (_, result) => (opened = result));
    bench.runUntil(() => opened !== undefined);
    assert.deepEqual(opened === undefined ? [] : wholeLog(opened.recovered), entries(1, 30, 1).map(textOf));
  }
});

interface FullBench {
  readonly bench: Bench;
  readonly disk: FaultyDisk;
  readonly store: LogStore;
  /** What the store said of the room it has. */
  readonly rooms: Room[];
}

/** A store that looks for room again every 5 ms while there is none. */
function fullBench(seed: string, segmentBytes = 300): FullBench {
  const bench = new Bench(seed, segmentBytes);
  const random = seededRandom(seed);
  const disk = new FaultyDisk(bench.disk.open(), { clock: bench.time, random, onPowerLoss: () => assert.fail() });
  const rooms: Room[] = [];
  let store: LogStore | undefined;
  const onRoom = (room: Room): void => {
    if (rooms.at(-1) !== room) rooms.push(room);
    if (room !== "enough") bench.time.after(5, () => store?.retry());
  };
  LogStore.open(disk, { segmentBytes, node: "n1", onRoom }, (_, opened) => (store = opened?.store));
  bench.runUntil(() => store !== undefined);
  assert.ok(store !== undefined);
  return { bench, disk, store, rooms };
}

test("on a full disk nothing is confirmed; with room again everything is, once and in order, and nothing is lost", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { bench, disk, store, rooms } = fullBench(`full ${seed}`);
    bench.persist(store, { hardState: { term: 1, votedFor: "n1" }, entries: entries(1, 3 + seed, 1) });
    const handle = disk.inject({ kind: "full" });
    const confirmed: number[] = [];
    for (let index = 4 + seed; index < 24 + seed; index++) {
      store.persist(full({ entries: [entry(index, 1)] }), (error) => {
        assert.equal(error, undefined);
        confirmed.push(index);
      });
    }
    const untilMs = bench.time.nowMs() + 200;
    bench.runUntil(() => bench.time.nowMs() >= untilMs);
    assert.deepEqual(confirmed, []);
    assert.equal(store.pending.batches, 20);
    assert.ok((store.counters["stalls on a full disk"] ?? 0) > 10, "it looked again and again");
    handle.heal();
    bench.runUntil(() => confirmed.length === 20);
    assert.deepEqual(
      confirmed,
      Array.from({ length: 20 }, (_, offset) => 4 + seed + offset),
    );
    assert.deepEqual(store.pending, { bytes: 0, batches: 0 });
    assert.deepEqual(rooms, ["none for the log", "enough"]);
    assert.deepEqual(wholeLog(bench.reopen().recovered), entries(1, 23 + seed, 1).map(textOf));
  }
});

test("the log's writes pass a large snapshot at every chunk, and never wait for a sync of all of it", () => {
  const bench = new Bench("large snapshot", 100_000);
  const base = bench.disk.open();
  let unsynced = 0;
  let mostUnsynced = 0;
  const disk = new Proxy(base, {
    get: (target, name: keyof Disk) => {
      if (name === "append") {
        return (file: string, chunks: readonly Uint8Array[], done: Completion<void>) => {
          for (const { length } of chunks) unsynced += length;
          mostUnsynced = Math.max(mostUnsynced, unsynced);
          target.append(file, chunks, done);
        };
      }
      if (name === "sync") {
        return (file: string, done: Completion<void>) => {
          if (file.endsWith(".tmp")) unsynced = 0;
          target.sync(file, done);
        };
      }
      return target[name].bind(target);
    },
  });
  let store: LogStore | undefined;
  LogStore.open(disk, { segmentBytes: 100_000 }, (_, opened) => (store = opened?.store));
  bench.runUntil(() => store !== undefined);
  assert.ok(store !== undefined);
  bench.persist(store, { hardState: { term: 1, votedFor: null }, entries: [entry(1, 1)] });
  let isSaved = false;
  store.saveSnapshot({ index: 1, term: 1, data: new Uint8Array(20_000_000) }, 1, () => (isSaved = true));
  let persisted = 1;
  while (!isSaved) {
    bench.persist(store, { entries: [entry(persisted + 1, 1)] });
    persisted++;
  }
  assert.ok(persisted > 10, `${persisted} entries passed`);
  assert.ok(mostUnsynced < 6_000_000, `${mostUnsynced} bytes in one sync`);
});

test("a snapshot for which there is no room leaves the old one alone, and is saved when there is", () => {
  const { bench, disk, store, rooms } = fullBench("full snapshot", 100_000);
  bench.persist(store, { hardState: { term: 1, votedFor: null }, entries: entries(1, 20, 1) });
  const log = entries(1, 20, 1).map(textOf);
  bench.saveSnapshot(store, snapshotOf(log.slice(0, 5), 1), 5);
  const handle = disk.inject({ kind: "full" });
  let isSaved = false;
  store.saveSnapshot(snapshotOf(log.slice(0, 15), 1), 15, (error) => {
    assert.equal(error, undefined);
    isSaved = true;
  });
  const untilMs = bench.time.nowMs() + 100;
  bench.runUntil(() => bench.time.nowMs() >= untilMs);
  assert.equal(isSaved, false);
  assert.deepEqual(rooms, ["none for a snapshot"]);
  const snapshots = bench.disk.names().filter((name) => name.includes(".snap"));
  assert.deepEqual(snapshots, ["0000000000000005-0000000000000001.snap"]);
  handle.heal();
  bench.runUntil(() => isSaved);
  bench.runUntil(() => false);
  assert.deepEqual(rooms, ["none for a snapshot", "enough"]);
  const { recovered } = bench.reopen();
  assert.equal(recovered.snapshot?.index, 15);
  assert.deepEqual(wholeLog(recovered), log);
});

test("a received snapshot for which there is no room holds the log up, and both go on", () => {
  const { bench, disk, store, rooms } = fullBench("full received");
  bench.persist(store, { hardState: { term: 1, votedFor: null }, entries: entries(1, 3, 1) });
  const handle = disk.inject({ kind: "full" });
  const received = snapshotOf(entries(1, 40, 1).map(textOf), 1);
  const confirmed: string[] = [];
  store.persist(full({ snapshot: { snapshot: received, keepLog: false } }), () => confirmed.push("snapshot"));
  store.persist(full({ entries: entries(41, 42, 1) }), () => confirmed.push("entries"));
  const untilMs = bench.time.nowMs() + 100;
  bench.runUntil(() => bench.time.nowMs() >= untilMs);
  assert.deepEqual([confirmed, rooms], [[], ["none for the log"]]);
  handle.heal();
  bench.runUntil(() => confirmed.length === 2);
  assert.deepEqual([confirmed, rooms.at(-1)], [["snapshot", "entries"], "enough"]);
  assert.deepEqual(wholeLog(bench.reopen().recovered), entries(1, 42, 1).map(textOf));
});

test("spells without room, and a crash anywhere in them, lose nothing confirmed and invent nothing", () => {
  let stalls = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const steps = randomScript(seededRandom(`full script ${seed}`), 14);
    const moments = momentsOf(steps);
    const { bench, disk, store } = fullBench(`full script ${seed}`);
    const random = seededRandom(`spells ${seed}`);
    const spell = (): void => {
      const handle = disk.inject({ kind: "full" });
      bench.time.after(1 + random.below(20), () => handle.heal());
      bench.time.after(25 + random.below(20), spell);
    };
    spell();
    const { confirmed, issued } = play(bench, store, steps, moments, 20 + random.below(400), 1 + (seed % 4));
    stalls += store.counters["stalls on a full disk"] ?? 0;
    bench.disk.crash({ powerLoss: seed % 3 !== 0 });
    checkRecovered(bench.open().recovered, moments, confirmed, issued, `full script ${seed}`);
  }
  assert.ok(stalls > 200, `${stalls} stalls`);
});

test("a sync that finds no room stalls too; what fails otherwise meanwhile is final; close does not wait for room", () => {
  for (const failing of ["sync", "truncate"] as const) {
    const bench = new Bench(`scripted ${failing}`);
    const base = bench.disk.open();
    let isFull = false;
    const error = (code: DiskErrorCode): DiskError => new DiskError(code, `Cannot ${failing}: ${code}`);
    const disk = new Proxy(base, {
      get: (target, name: keyof Disk) => {
        if (name === "sync" && isFull) return (_: string, done: Completion<void>) => done(error("FULL"));
        if (name === "truncate" && isFull && failing === "truncate") {
          return (_: string, _length: number, done: Completion<void>) => done(error("IO"));
        }
        return target[name].bind(target);
      },
    });
    let store: LogStore | undefined;
    LogStore.open(disk, { segmentBytes: 300 }, (_, opened) => (store = opened?.store));
    bench.runUntil(() => store !== undefined);
    assert.ok(store !== undefined);
    bench.persist(store, { hardState: { term: 1, votedFor: null }, entries: entries(1, 2, 1) });
    isFull = true;
    const outcomes: (string | undefined)[] = [];
    const note = (failure?: Error): void => void outcomes.push((failure as { code?: string } | undefined)?.code);
    store.persist(full({ entries: [entry(3, 1)] }), note);
    bench.runUntil(() => false);
    assert.deepEqual(outcomes, failing === "truncate" ? ["IO"] : []);
    let isClosed = false;
    store.close(() => (isClosed = true));
    assert.ok(isClosed);
    if (failing === "truncate") continue;
    isFull = false;
    store.retry();
    bench.runUntil(() => outcomes.length === 1);
    assert.deepEqual(wholeLog(bench.reopen().recovered), entries(1, 3, 1).map(textOf));
  }
});

test("read errors are retried, then reported as the disk's, not as damage", () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const bench = new Bench(`read ${seed}`);
    bench.persist(bench.open().store, { entries: entries(1, 30, 1) });
    bench.disk.crash({ powerLoss: false });
    const random = seededRandom(seed);
    const disk = new FaultyDisk(bench.disk.open(), { clock: bench.time, random, onPowerLoss: () => assert.fail() });
    disk.inject({ kind: "read-error", probability: seed <= 10 ? 0.3 : 1 });
    let outcome: string | undefined;
    LogStore.open(disk, { segmentBytes: 300 }, (error, opened) => {
      outcome = error === undefined ? `${opened?.recovered.entries.length} entries` : error.name;
    });
    bench.runUntil(() => outcome !== undefined);
    outcomes.add(outcome ?? "none");
  }
  assert.deepEqual([...outcomes].sort(), ["30 entries", "DiskError"]);
});

test("close waits for what is under way", () => {
  const bench = new Bench("close");
  const { store } = bench.open();
  const order: string[] = [];
  store.persist(full({ entries: entries(1, 3, 1) }), () => order.push("persisted"));
  store.saveSnapshot(snapshotOf([], 0), 0, () => order.push("saved"));
  store.close(() => order.push("closed"));
  bench.runUntil(() => false);
  assert.equal(order.at(-1), "closed");
  assert.equal(order.length, 3);
});

// Found by a siege: a disk that was full and then failed writes left a copy of the last segment half made, failed to
// remove it at the next start, and had the segment added to it and put in its own place.
test("a leftover that cannot be removed stops recovery: nothing is added to it, and no segment is touched", () => {
  const bench = new Bench("leftover", 10_000);
  bench.persist(bench.open().store, { entries: entries(1, 5, 1) });
  const [segment = ""] = bench.disk.names();
  const before = bench.disk.read(segment);
  bench.disk.append(`${segment}.tmp`, [before]);
  bench.disk.sync(`${segment}.tmp`);
  bench.disk.syncDirectory();
  bench.disk.crash({ powerLoss: false });
  const disk = bench.disk.open();
  const remove = disk.remove.bind(disk);
  disk.remove = (name, done) => {
    if (name.endsWith(".tmp")) bench.time.after(0, () => done(new DiskError("IO", "Cannot remove it")));
    else remove(name, done);
  };
  let outcome: Error | undefined;
  LogStore.open(disk, { segmentBytes: 10_000 }, (error) => (outcome = error));
  bench.runUntil(() => outcome !== undefined);
  bench.runUntil(() => false);
  assert.match(outcome?.message ?? "", /Cannot remove it/);
  assert.deepEqual(bench.disk.read(segment), before);
  assert.deepEqual(bench.reopen().recovered.entries.map(textOf), entries(1, 5, 1).map(textOf));
});
