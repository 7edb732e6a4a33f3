/**
 * Goal: what is stored stays as it is until it is freed, whatever else is stored; room that is freed is used again; and
 * a full arena says so.
 *
 * Method: random sizes, stored and freed at random against a plain map, and read through a view made before the arena
 * grew, as threads have it.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../foundation/prng.ts";
import { PayloadArena, largestBlockBytes, unitBytes } from "./payload-arena.ts";

test("stored bytes stay until they are freed", () => {
  const random = seededRandom("payload-arena");
  const arena = new PayloadArena(64 * 1024 * 1024);
  const view = new Uint8Array(arena.shared);
  const stored: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  for (let step = 0; step < 20_000; step++) {
    if (stored.length > 0 && random.below(5) < 2) {
      const [block] = stored.splice(random.below(stored.length), 1);
      assert.ok(block !== undefined);
      const start = block.at * unitBytes;
      assert.deepEqual(view.slice(start, start + block.bytes.length), block.bytes);
      arena.free(block.at, block.bytes.length);
    } else {
      const bytes = new Uint8Array(random.below(random.below(20) === 0 ? 34_000 : 300)).fill(step);
      const at = arena.store(bytes);
      assert.ok(at >= 0);
      stored.push({ at, bytes });
    }
  }
  assert.ok(arena.shared.byteLength > 1024 * 1024, "it has grown");
});

test("an arena is full at its bound, and has room again for what was freed", () => {
  const arena = new PayloadArena(4 * largestBlockBytes);
  const block = new Uint8Array(largestBlockBytes);
  const blocks = Array.from({ length: 4 }, () => arena.store(block));
  assert.ok(blocks.every((at) => at >= 0));
  assert.equal(new Set(blocks).size, 4);
  assert.equal(arena.store(block), -1);
  assert.equal(arena.store(new Uint8Array(1)), -1);
  arena.free(blocks[2] ?? -1, block.length);
  assert.equal(arena.store(block), blocks[2]);
});
