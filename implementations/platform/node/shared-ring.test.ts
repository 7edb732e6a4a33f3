/**
 * Goal: frames come out as they went in, in order, however full the ring is; the lock excludes and counts.
 * Method: random frames through a small ring against a plain queue, and two threads that count under the lock.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { SharedLock, lockCells } from "./shared-lock.ts";
import { RingReader, RingWriter, allocateRing } from "./shared-ring.ts";
import { waitUntil } from "./wait-until.ts";

test("frames of any size come out whole and in order, also around the ring's end", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), bytes: fc.nat({ max: 120 }) }),
    fc.record({ kind: fc.constant("read" as const), count: fc.nat({ max: 6 }) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const shared = allocateRing(256);
    const writer = new RingWriter(shared);
    const reader = new RingReader(shared);
    const queue: { readonly bytes: number; readonly fill: number }[] = [];
    let fill = 0;
    const read = (): boolean => {
      const at = reader.next();
      if (at === undefined) return false;
      const expected = queue.shift();
      assert.ok(expected !== undefined);
      const seen = reader.data.subarray(at, at + expected.bytes);
      assert.ok(seen.every((byte) => byte === expected.fill) && at % 8 === 0);
      return true;
    };
    for (const each of steps) {
      if (each.kind === "push") {
        fill = (fill + 1) % 256;
        const { bytes } = each;
        const isTaken = writer.push(bytes, (data, at) => data.fill(fill, at, at + bytes));
        if (isTaken) queue.push({ bytes, fill });
        assert.ok(writer.publish());
      } else {
        reader.release();
        for (let count = 0; count < each.count; count++) read();
      }
    }
    reader.release();
    while (read());
    assert.equal(queue.length, 0, "nothing is lost");
    reader.release();
    assert.ok(writer.publish());
    const largest = writer.maxFrameBytes;
    assert.ok(
      writer.push(largest, () => undefined),
      "the largest frame always fits into an empty ring",
    );
  });
  fc.assert(property, { seed: 17, numRuns: 300 }); // A failure prints the path that replays it with this seed.
});

test("a full ring takes nothing more until the reader has released", () => {
  const shared = allocateRing(64);
  const writer = new RingWriter(shared);
  const reader = new RingReader(shared);
  for (let count = 0; count < 4; count++) assert.ok(writer.push(8, () => undefined));
  assert.ok(!writer.push(8, () => undefined));
  assert.ok(writer.publish());
  reader.waitForFrames();
  assert.ok(reader.next() !== undefined);
  assert.ok(writer.publish());
  assert.ok(!writer.push(8, () => undefined), "a frame that is being read still takes its room");
  reader.release();
  assert.ok(writer.publish());
  assert.ok(writer.push(8, () => undefined));
});

test("the lock excludes: two threads that add under it lose no addition, and contention is counted", async () => {
  const rounds = 20_000;
  const shared = new SharedArrayBuffer(64);
  const cells = new Int32Array(shared);
  const lock = new SharedLock(cells, 0);
  const counterCell = lockCells;
  const code = `
    const { workerData } = require("node:worker_threads");
    import(workerData.url).then(({ SharedLock }) => {
      const cells = new Int32Array(workerData.shared);
      const lock = new SharedLock(cells, 0);
      for (let round = 0; round < ${rounds}; round++) { lock.lock(); cells[${counterCell}]++; lock.unlock(); }
    });`;
  const url = new URL("./shared-lock.ts", import.meta.url).href;
  assert.ok(lock.tryLock() && !lock.tryLock(), "a taken lock is not taken again");
  assert.equal(lock.counts.contentions, 1);
  const worker = new Worker(code, { eval: true, workerData: { shared, url } });
  const exited = once(worker, "exit");
  await waitUntil("the other thread finds the lock taken", () => lock.counts.contentions > 1);
  assert.equal(Atomics.load(cells, counterCell), 0, "it waits");
  lock.unlock();
  for (let done = 0; done < rounds;) {
    if (!lock.tryLock()) continue;
    cells[counterCell] = (cells[counterCell] ?? 0) + 1;
    lock.unlock();
    done++;
  }
  await exited;
  assert.equal(cells[counterCell], 2 * rounds);
  assert.equal(lock.counts.acquisitions, 2 * rounds + 1);
});
