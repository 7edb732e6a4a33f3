/**
 * Goal: frames survive any way in which a stream cuts and joins them, and a stream of something else is refused.
 * Method: one stream split at every byte, random streams in random chunks, and lengths that nobody agreed to.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameError, FrameReader, FrameWriter } from "./frame.ts";

test("frames arrive whole, split at every byte", () => {
  const bodies = [new Uint8Array(0), Uint8Array.of(1), new Uint8Array(300).fill(7), new Uint8Array(0)];
  const stream = written(bodies);
  for (let cut = 0; cut <= stream.length; cut++) {
    assert.deepEqual(read([stream.subarray(0, cut), stream.subarray(cut)]), bodies, `cut at ${cut}`);
  }
  assert.deepEqual(read([...stream].map((byte) => Uint8Array.of(byte))), bodies);
});

test("random frames arrive whole in random chunks", () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 8 });
  const property = fc.property(bodies, fc.array(fc.integer({ min: 1, max: 5000 })), (sent, sizes) => {
    assert.deepEqual(read(chunks(written(sent), sizes)), sent);
  });
  fc.assert(property, { seed: 2, numRuns: 200 }); // A failure prints the path that replays it with this seed.
});

test("a frame is bytes of its own: what happens to the chunk does not reach it", () => {
  const stream = written([Uint8Array.of(1, 2, 3)]);
  const [body] = read([stream]);
  stream.fill(9);
  assert.deepEqual(body, Uint8Array.of(1, 2, 3));
  assert.equal(body?.buffer.byteLength, 3);
});

test("a frame of the largest size is read; one byte more, or a stream of something else, is refused", () => {
  assert.equal(read([written([new Uint8Array(10_000)])], 10_000)[0]?.length, 10_000);
  assert.throws(() => read([written([new Uint8Array(10_001)])], 10_000), FrameError);
  assert.throws(() => read([new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")], 10_000), FrameError);
  assert.throws(() => read([Uint8Array.of(0xff, 0xff, 0xff, 0xff)], 10_000), /announces 4294967295 bytes/);
});

function written(bodies: readonly Uint8Array[]): Uint8Array {
  const writer = new FrameWriter();
  for (const body of bodies) writer.add(body);
  assert.equal(
    writer.bytes,
    bodies.reduce((sum, body) => sum + 4 + body.length, 0),
  );
  const taken = writer.take();
  assert.equal(writer.bytes, 0);
  return taken;
}

function read(stream: readonly Uint8Array[], maxFrameBytes = 100_000): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  const reader = new FrameReader(maxFrameBytes, (body) => bodies.push(body));
  for (const chunk of stream) reader.push(chunk);
  return bodies;
}

function chunks(stream: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const cut: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    cut.push(stream.subarray(at, at + size));
    at = Math.min(stream.length, at + size);
  }
  return [...cut, stream.subarray(at)];
}
