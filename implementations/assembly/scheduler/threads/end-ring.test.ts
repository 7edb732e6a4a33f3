/**
 * Goal: the main thread reads exactly what a worker wrote, in order, however often positions wrap; a writer for which
 * there is no room waits until there is; and a writer that dies shows what it was at.
 *
 * Method: writer and reader on one thread, where every interleaving can be made; a real second thread for waiting.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { EndReader, EndWriter, allocateEndRing, ringBytes, ringRecords } from "./end-ring.ts";

test("records and bytes come out as they went in, through many wraps", () => {
  const shared = allocateEndRing();
  const [writer, reader] = [new EndWriter(shared), new EndReader(shared)];
  const length = (index: number): number => (index * 7919) % 16_000;
  const attempts = 3 * ringRecords;
  for (let index = 0; index < attempts; index++) {
    assert.equal(reader.next(), false);
    writer.start(index, index * 2 ** 22, -1, index / 3, index / 7);
    assert.ok(reader.next() && reader.isOpen);
    assert.deepEqual(
      [reader.slot, reader.token, reader.lane, reader.waitMs, reader.startedMs],
      [index, index * 2 ** 22, -1, index / 3, index / 7],
    );
    writer.put(new Uint8Array(length(index)).fill(index));
    writer.end(1, index / 11, index / 13, length(index));
    assert.ok(reader.next() && !reader.isOpen);
    assert.deepEqual([reader.slot, reader.end, reader.ranMs, reader.yieldMs], [index, 1, index / 11, index / 13]);
    const bytes = reader.bytes();
    assert.equal(bytes.length, length(index));
    assert.ok(bytes.every((byte) => byte === index % 256));
    reader.release();
  }
});

test("a batch is read behind the writer, and an attempt without an end stays open", () => {
  const shared = allocateEndRing();
  const [writer, reader] = [new EndWriter(shared), new EndReader(shared)];
  for (let slot = 0; slot < 10; slot++) {
    writer.start(slot, slot, 0, 0, 0);
    if (slot < 9) writer.end(0, slot, -1, 0);
  }
  assert.ok(reader.hasMore);
  for (let half = 0; half < 19; half++) assert.ok(reader.next());
  assert.ok(!reader.next() && !reader.hasMore);
  assert.ok(reader.isOpen);
  assert.equal(reader.slot, 9);
});

/** Writes `count` attempts with pieces of `bytes` bytes, as fast as there is room. */
const writerSource = (url: string): string => `
  const { workerData } = require("node:worker_threads");
  import(${JSON.stringify(url)}).then(({ EndWriter }) => {
    const { shared, count, bytes } = workerData;
    const writer = new EndWriter(shared);
    for (let index = 0; index < count; index++) {
      writer.start(index, index, 0, 0, 0);
      if (bytes > 0) writer.put(new Uint8Array(bytes).fill(index));
      writer.end(0, 0, -1, bytes);
    }
  });
`;

for (const bytes of [0, 16_000]) {
  test(`a writer waits for room: pieces of ${bytes} bytes`, async (context) => {
    const shared = allocateEndRing();
    const count = bytes === 0 ? 20 * ringRecords : Math.ceil((20 * ringBytes) / bytes);
    const source = writerSource(new URL("./end-ring.ts", import.meta.url).href);
    const worker = new Worker(source, { eval: true, workerData: { shared, count, bytes } });
    context.after(() => worker.terminate());
    const exited = new Promise<number>((resolve) => worker.on("exit", resolve));
    const reader = new EndReader(shared);
    let read = 0;
    while (read < count) {
      // Whole rings at a time, and single records: the writer meets a full ring at every position.
      const atMost = read % 3 === 0 ? 1 : 4 * ringRecords;
      for (let half = 0; half < atMost && reader.next(); half++) {
        assert.equal(reader.slot, read);
        if (reader.isOpen) continue;
        assert.ok(reader.bytes().every((byte) => byte === read % 256));
        read++;
      }
      reader.release();
      await new Promise(setImmediate);
    }
    assert.equal(await exited, 0);
    assert.ok(!reader.hasMore);
  });
}
