/**
 * Goal: a log store recovers on every disk what it confirmed, and survives or refuses what faults do to a disk: it
 * never believes damage.
 * Method: a whole store on the simulated disk and on a real directory, bare and behind the faulty disk; then each fault
 * that spoils data, over many seeds.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { LogDamage, LogStore } from "../../consensus/production/log-store.ts";
import type { OpenedLogStore, Room } from "../../consensus/production/log-store.ts";
import { DiskError } from "../../foundation/effects.ts";
import type { Disk } from "../../foundation/effects.ts";
import { FaultyDiskBench, realDisk, simulatedDisk, smallFileSystem } from "../../platform/disks.fixture.ts";
import type { FaultyDisk } from "../../platform/faulty-disk.ts";
import { NodeDisk } from "../../platform/node/disk.ts";

const text = (value: string): Uint8Array => Buffer.from(value);

for (const [name, make, isWrapped] of [
  ["simulated disk", simulatedDisk, false],
  ["simulated disk behind the faulty one", simulatedDisk, true],
  ["real disk", realDisk, false],
  ["real disk behind the faulty one", realDisk, true],
] as const) {
  test(`${name}: a log store recovers in the next life what it confirmed`, async () => {
    const substrate = make();
    const openDisk = async (): Promise<Disk> => {
      const base = await substrate.open();
      return isWrapped ? substrate.wrap(base) : base;
    };
    try {
      const open = (on: Disk): Promise<OpenedLogStore> =>
        substrate.wait((done) => {
          LogStore.open(on, { segmentBytes: 4000 }, (error, opened) => {
            assert.equal(error, undefined);
            assert.ok(opened !== undefined);
            done(opened);
          });
        });
      const { store } = await open(await openDisk());
      await substrate.wait<void>((done) => {
        store.persist({ hardState: { term: 3, votedFor: "n2" }, entries: [], snapshot: undefined }, () => undefined);
        for (let index = 1; index <= 300; index++) {
          const entries = [{ index, term: 3, payload: text(`payload ${index}`) }];
          store.persist({ hardState: undefined, entries, snapshot: undefined }, () => index === 300 && done());
        }
      });
      await substrate.wait<void>((done) =>
        store.saveSnapshot({ index: 200, term: 3, data: text("state") }, 150, () => done()),
      );
      await substrate.wait<void>((done) => store.close(done));
      const { recovered, repairs } = await open(await openDisk());
      assert.deepEqual(recovered.hardState, { term: 3, votedFor: "n2" });
      assert.equal(Buffer.from(recovered.snapshot?.data ?? []).toString(), "state");
      assert.equal(recovered.entries.length, 100);
      assert.equal(Buffer.from(recovered.entries[99]?.payload ?? []).toString(), "payload 300");
      assert.deepEqual(repairs, []);
    } finally {
      await substrate.end();
    }
  });
}

test("a real file system that is full: nothing is confirmed; with room again everything is, also after a restart", async (context) => {
  const mebibyte = 1024 * 1024;
  const small = smallFileSystem(4 * mebibyte);
  if (typeof small === "string") return context.skip(small);
  const ballast = path.join(small.directory, "ballast");
  const directory = path.join(small.directory, "data");
  let disk = await NodeDisk.open(directory);
  const open = (onRoom: (room: Room) => void): Promise<[error: Error | undefined, opened?: OpenedLogStore]> =>
    new Promise((resolve) => {
      LogStore.open(disk, { segmentBytes: 200_000, onRoom }, (error, opened) =>
        resolve(opened === undefined ? [error] : [error, opened]),
      );
    });
  try {
    let sawFull: (() => void) | undefined;
    const rooms: Room[] = [];
    const [, opened] = await open((room) => {
      rooms.push(room);
      if (room === "none for the log") sawFull?.();
    });
    assert.ok(opened !== undefined);
    const { store } = opened;
    const takeAllRoom = (): void => {
      try {
        fs.writeFileSync(ballast, new Uint8Array(4 * mebibyte));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
      }
    };
    const confirmed: number[] = [];
    const persist = (index: number): Promise<void> =>
      new Promise((resolve) => {
        const entries = [{ index, term: 1, payload: new Uint8Array(90_000).fill(index) }];
        store.persist({ hardState: undefined, entries, snapshot: undefined }, (error) => {
          assert.equal(error, undefined);
          confirmed.push(index);
          resolve();
        });
      });
    for (let index = 1; index <= 3; index++) await persist(index);
    takeAllRoom();
    const stalled = new Promise<void>((resolve) => (sawFull = resolve));
    const pending = [4, 5, 6].map(persist);
    await stalled;
    const stalledAgain = new Promise<void>((resolve) => (sawFull = resolve));
    store.retry();
    await stalledAgain;
    assert.deepEqual(confirmed, [1, 2, 3]);
    fs.rmSync(ballast);
    store.retry();
    await Promise.all(pending);
    assert.deepEqual(confirmed, [1, 2, 3, 4, 5, 6]);
    assert.equal(rooms.at(-1), "enough");
    await new Promise<void>((resolve) => store.close(resolve));
    takeAllRoom();
    await disk.close();
    disk = await NodeDisk.open(directory);
    const [refusal] = await open(() => undefined);
    assert.ok(refusal instanceof DiskError && refusal.code === "FULL", `${refusal}`);
    fs.rmSync(ballast);
    const [, reopened] = await open(() => undefined);
    const payloads = reopened?.recovered.entries.map(({ payload }) => payload);
    assert.deepEqual(
      payloads,
      [1, 2, 3, 4, 5, 6].map((index) => new Uint8Array(90_000).fill(index)),
    );
  } finally {
    await disk.close();
    fs.rmSync(directory, { recursive: true });
    fs.rmSync(ballast, { force: true });
    small.end();
  }
});

/** Persists entries one by one; returns how many were confirmed before the disk fell silent or failed. */
function fill(bench: FaultyDiskBench, store: LogStore, from: number, to: number): number {
  let confirmed = from - 1;
  for (let index = from; index <= to; index++) {
    const entries = [{ index, term: 1, payload: text(`payload ${index}`) }];
    store.persist({ hardState: undefined, entries, snapshot: undefined }, (error) => {
      if (error === undefined) confirmed = index;
    });
    bench.drain();
  }
  return confirmed;
}

function openStore(
  bench: FaultyDiskBench,
  disk: FaultyDisk,
): { readonly error: Error | undefined; readonly opened?: OpenedLogStore } {
  let result: { readonly error: Error | undefined; readonly opened?: OpenedLogStore } | undefined;
  LogStore.open(disk, { segmentBytes: 400 }, (error, opened) => {
    result = opened === undefined ? { error } : { error, opened };
  });
  bench.drain();
  assert.ok(result !== undefined);
  return result;
}

for (const [kind, expectation] of [
  ["torn-write", "recovers"],
  ["lost-sync", "recovers"],
  ["bit-flip", "refuses or recovers"],
  ["misdirect", "refuses or recovers"],
] as const) {
  test(`a log store after ${kind} ${expectation} all it confirmed`, () => {
    let refused = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const bench = new FaultyDiskBench(seed);
      const disk = bench.open();
      const { opened } = openStore(bench, disk);
      assert.ok(opened !== undefined);
      let confirmed = fill(bench, opened.store, 1, 5 + (seed % 20));
      const handle = disk.inject({ kind });
      let attempted = confirmed;
      // A write that opens a segment has nothing to land on, so misdirection may wait for the next one.
      for (let tries = 0; tries < 3 && handle.efficacy().count === 0; tries++) {
        confirmed = fill(bench, opened.store, attempted + 1, attempted + 1);
        attempted++;
      }
      // None, or a few more: the spoiled write is the last one, or is not.
      const more = seed % 4;
      if (bench.losses.length === 0) confirmed = fill(bench, opened.store, attempted + 1, attempted + more);
      attempted += more;
      bench.drain();
      assert.ok(handle.efficacy().count > 0, `seed ${seed}: the fault did something`);
      const after = openStore(bench, bench.open());
      if (after.error !== undefined) {
        assert.ok(after.error instanceof LogDamage, `seed ${seed}: ${after.error.message}`);
        refused++;
        continue;
      }
      const entries = after.opened?.recovered.entries ?? [];
      assert.ok(entries.length >= confirmed && entries.length <= attempted, `seed ${seed}: ${entries.length} entries`);
      for (const [offset, entry] of entries.entries()) {
        assert.equal(Buffer.from(entry.payload).toString(), `payload ${offset + 1}`, `seed ${seed}`);
      }
    }
    if (expectation === "recovers") assert.equal(refused, 0);
    else assert.ok(refused > 75, `${refused} refused`);
  });
}
