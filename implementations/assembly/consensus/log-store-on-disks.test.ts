/**
 * Goal: a log store recovers on every disk what it confirmed, and survives or refuses what faults do to a disk: it
 * never believes damage.
 * Method: a whole store on the simulated disk and on a real directory, bare and behind the faulty disk; then each fault
 * that spoils data, over many seeds.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LogDamage, LogStore } from "../../consensus/production/log-store.ts";
import type { OpenedLogStore } from "../../consensus/production/log-store.ts";
import type { Disk } from "../../foundation/effects.ts";
import { FaultyDiskBench, realDisk, simulatedDisk } from "../../platform/disks.fixture.ts";
import type { FaultyDisk } from "../../platform/faulty-disk.ts";

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
