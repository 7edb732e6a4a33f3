/**
 * Goal: the thread that hands work to the disk never waits for it, however slow the disk is and however much is handed
 * over; and all of it arrives, whole and in order.
 * Method: a disk thread that sleeps in every write and sync, under many writers whose batches exceed the ring many
 * times over, while the event loop's longest pause is measured. Sleeps are ten times as long as a pause may be.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import type { DiskError } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { NodeDisk } from "./disk.ts";

const slowThread = new URL("./slow-disk-thread.fixture.ts", import.meta.url);
const writers = 6;
/** Together several times the ring. */
const batchesPerWriter = 12;
const mostBatchBytes = 1_500_000;
/** A sync alone sleeps 300 ms, and with all writers in line one completion takes seconds to come. */
const longestPauseMs = 150;

/** Looks at the clock at every turn of the event loop. */
class LoopWatch {
  longestMs = 0;
  turns = 0;
  #lastMs = performance.now();
  #isStopped = false;

  constructor() {
    this.#turn();
  }

  stop(): void {
    this.#isStopped = true;
  }

  #turn(): void {
    const nowMs = performance.now();
    this.longestMs = Math.max(this.longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.turns++;
    if (!this.#isStopped) setTimeout(() => this.#turn(), 1);
  }
}

test("under a slow disk the event loop never pauses, and everything arrives whole, in order, completed in order", async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "grey-slow-disk-"));
  const disk = await NodeDisk.open(directory, slowThread);
  try {
    const random = seededRandom("stress");
    // One pattern, cut differently for every batch: making the bytes must not be what holds the loop up.
    const pattern = Uint8Array.from({ length: mostBatchBytes + 256 }, (_, at) => (at * 31 + (at >>> 8)) & 0xff);
    const sizes = Array.from({ length: writers }, () => 0);
    const batches: { readonly writer: number; readonly from: number; readonly bytes: number }[] = [];
    const completed: number[] = [];
    const failures: DiskError[] = [];
    const watch = new LoopWatch();
    let mostPushMs = 0;
    for (let count = 0; count < writers * batchesPerWriter; count++) {
      const writer = count % writers;
      const bytes = random.below(2) === 0 ? random.below(mostBatchBytes) : random.below(60_000);
      const from = random.below(256);
      batches.push({ writer, from, bytes });
      sizes[writer] = (sizes[writer] ?? 0) + bytes;
      const middle = from + random.below(bytes + 1);
      const chunks = [pattern.subarray(from, middle), pattern.subarray(middle, from + bytes)];
      const fromMs = performance.now();
      disk.append(`writer-${writer}`, chunks, (error) => {
        if (error !== undefined) failures.push(error);
        completed.push(count);
      });
      mostPushMs = Math.max(mostPushMs, performance.now() - fromMs);
      if (count % 3 === 0) await new Promise(setImmediate);
    }
    const acquisitionsBefore = disk.counters["lock acquisitions"] ?? 0;
    await new Promise<void>((resolve, reject) =>
      disk.sync("writer-0", (error) => (error === undefined ? resolve() : reject(error))),
    );
    watch.stop();
    assert.deepEqual(failures, []);
    assert.deepEqual(
      completed,
      batches.map((_, index) => index),
    );
    assert.ok(watch.turns > 100, `${watch.turns} turns: the disk was slow`);
    assert.ok(watch.longestMs < longestPauseMs, `the loop paused for ${watch.longestMs} ms`);
    assert.ok(mostPushMs < longestPauseMs, `handing a batch over took ${mostPushMs} ms`);
    assert.ok((disk.counters["lock acquisitions"] ?? 0) > acquisitionsBefore, "the threads met at the lock");
    for (let writer = 0; writer < writers; writer++) {
      const stored = fs.readFileSync(path.join(directory, `writer-${writer}`));
      assert.equal(stored.length, sizes[writer]);
      let at = 0;
      for (const batch of batches.filter((each) => each.writer === writer)) {
        const expected = pattern.subarray(batch.from, batch.from + batch.bytes);
        assert.equal(
          Buffer.compare(stored.subarray(at, at + batch.bytes), expected),
          0,
          `writer ${writer}, byte ${at}`,
        );
        at += batch.bytes;
      }
    }
  } finally {
    await disk.close();
    fs.rmSync(directory, { recursive: true });
  }
});

test("the lock is free while the thread is in the disk: handing over meanwhile never finds it taken for long", async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "grey-slow-disk-"));
  const disk = await NodeDisk.open(directory, slowThread);
  try {
    disk.append("f", [Buffer.from("x")], () => undefined);
    let isSynced = false;
    const synced = new Promise<void>((resolve) => {
      disk.sync("f", () => {
        isSynced = true;
        resolve();
      });
    });
    const contentionsBefore = disk.counters["lock contentions"] ?? 0;
    const endMs = performance.now() + 150; // Half of the sync's sleep.
    let handed = 0;
    while (performance.now() < endMs) {
      disk.append("g", [Buffer.from("y")], () => undefined);
      handed++;
      await new Promise(setImmediate);
    }
    assert.equal(isSynced, false, "the thread was asleep all the while");
    const contentions = (disk.counters["lock contentions"] ?? 0) - contentionsBefore;
    assert.ok(handed > 100 && contentions <= 2, `${contentions} of ${handed} found the lock taken`);
    await synced;
  } finally {
    await disk.close();
    fs.rmSync(directory, { recursive: true });
  }
});
