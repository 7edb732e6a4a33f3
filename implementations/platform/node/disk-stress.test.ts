/**
 * Goal: the thread that hands work to the disk never waits for it, however slow the disk is and however much is handed
 * over; and all of it arrives, whole and in order.
 * Method: a disk thread that goes on only when the event loop of this thread lets it, under many writers whose batches
 * exceed the ring many times over: were this thread to wait for the disk, both would wait for each other. How long a
 * pause takes is not measured: on a busy machine that says nothing about the disk.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import type { DiskError } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { DiskGate } from "./disk-gate.fixture.ts";
import { NodeDisk } from "./disk.ts";
import { waitUntil } from "./wait-until.ts";

const slowThread = new URL("./slow-disk-thread.fixture.ts", import.meta.url);
const writers = 6;
/** Together several times the ring. */
const batchesPerWriter = 12;
const mostBatchBytes = 1_500_000;
/** More than any test does. */
const allOperations = 1_000_000;

async function onSlowDisk(work: (disk: NodeDisk, gate: DiskGate, directory: string) => Promise<void>): Promise<void> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "grey-slow-disk-"));
  const gate = DiskGate.shut();
  const disk = await NodeDisk.open(directory, slowThread);
  try {
    await work(disk, gate, directory);
    assert.equal(gate.late, 0, "this thread waited for the disk");
  } finally {
    gate.admit(allOperations);
    await disk.close();
    fs.rmSync(directory, { recursive: true });
  }
}

test("with a slow disk the event loop goes on, and everything arrives whole, in order, completed in order", () =>
  onSlowDisk(async (disk, gate, directory) => {
    const random = seededRandom("stress");
    // One pattern, cut differently for every batch.
    const pattern = Uint8Array.from({ length: mostBatchBytes + 256 }, (_, at) => (at * 31 + (at >>> 8)) & 0xff);
    const sizes = Array.from({ length: writers }, () => 0);
    const batches: { readonly writer: number; readonly from: number; readonly bytes: number }[] = [];
    const completed: number[] = [];
    const failures: DiskError[] = [];
    for (let count = 0; count < writers * batchesPerWriter; count++) {
      const writer = count % writers;
      const bytes = random.below(2) === 0 ? random.below(mostBatchBytes) : random.below(60_000);
      const from = random.below(256);
      batches.push({ writer, from, bytes });
      sizes[writer] = (sizes[writer] ?? 0) + bytes;
      const middle = from + random.below(bytes + 1);
      const chunks = [pattern.subarray(from, middle), pattern.subarray(middle, from + bytes)];
      disk.append(`writer-${writer}`, chunks, (error) => {
        if (error !== undefined) failures.push(error);
        completed.push(count);
      });
      if (count % 3 === 0) await new Promise(setImmediate);
    }
    assert.deepEqual(completed, [], "all is handed over, and nothing is done yet");
    await waitUntil("the thread is in its first write", () => gate.arrived === 1);
    const acquisitionsBefore = disk.counters["lock acquisitions"] ?? 0;
    let isSynced = false;
    disk.sync("writer-0", (error) => {
      if (error !== undefined) failures.push(error);
      isSynced = true;
    });
    for (let admitted = 0; !isSynced; await new Promise(setImmediate)) {
      if (gate.arrived <= admitted) continue;
      gate.admit(1);
      admitted++;
    }
    assert.deepEqual(failures, []);
    assert.deepEqual(
      completed,
      batches.map((_, index) => index),
    );
    assert.ok(gate.arrived > 50, `the disk was slow ${gate.arrived} times`);
    assert.ok((disk.counters["lock acquisitions"] ?? 0) > acquisitionsBefore, "the threads met at the lock");
    for (let writer = 0; writer < writers; writer++) {
      const stored = fs.readFileSync(path.join(directory, `writer-${writer}`));
      assert.equal(stored.length, sizes[writer]);
      let at = 0;
      for (const batch of batches.filter((each) => each.writer === writer)) {
        const expected = pattern.subarray(batch.from, batch.from + batch.bytes);
        const isSame = Buffer.compare(stored.subarray(at, at + batch.bytes), expected) === 0;
        assert.ok(isSame, `writer ${writer}, byte ${at}`);
        at += batch.bytes;
      }
    }
  }));

test("the lock is free while the thread is in the disk: handing over meanwhile never finds it taken", () =>
  onSlowDisk(async (disk, gate) => {
    disk.append("f", [Buffer.from("x")], () => undefined);
    const synced = new Promise<DiskError | undefined>((resolve) => disk.sync("f", resolve));
    gate.admit(1);
    await waitUntil("the thread is in the sync", () => gate.arrived === 2);
    const { "lock contentions": contentions, "lock acquisitions": acquisitions = 0 } = disk.counters;
    for (let handed = 0; handed < 200; handed++) {
      disk.append("g", [Buffer.from("y")], () => undefined);
      await new Promise(setImmediate);
    }
    assert.equal(disk.counters["lock contentions"], contentions);
    assert.ok((disk.counters["lock acquisitions"] ?? 0) >= acquisitions + 200);
    gate.admit(1);
    assert.equal(await synced, undefined);
  }));
