/**
 * Goal: an index is called durable exactly when no crash can take it back, whatever is being written and overwritten.
 *
 * Method: examples, and random batches and cuts against a model that replays every crash: the disk after any prefix of
 * the batches that are under way must still begin with what is called durable (fast-check, fixed seed).
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Durability } from "./durability.ts";

test("batches become durable in order, term and vote with theirs", () => {
  const durability = new Durability(3);
  assert.deepEqual([durability.stableIndex, durability.isHardStateDurable], [3, true]);
  const first = durability.issue(5, true);
  const second = durability.issue(0, false);
  assert.equal(durability.isHardStateDurable, false);
  durability.confirm(first);
  assert.deepEqual([durability.stableIndex, durability.isHardStateDurable], [5, true]);
  durability.confirm(second);
  assert.equal(durability.stableIndex, 5);
  assert.throws(() => durability.confirm(9), /batch 9 was issued/);
});

test("what was cut while it was being written does not count when it is written, even if it came back", () => {
  const durability = new Durability(1);
  const first = durability.issue(3, false);
  durability.cutAfter(1);
  const second = durability.issue(2, false);
  durability.cutAfter(1);
  const third = durability.issue(3, false); // The very entries of the first batch.
  durability.confirm(first);
  assert.equal(durability.stableIndex, 1, "the second batch is about to overwrite them");
  durability.confirm(second);
  assert.equal(durability.stableIndex, 1);
  durability.confirm(third);
  assert.equal(durability.stableIndex, 3);
});

test("no crash takes back what is durable", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), keep: fc.nat(4), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant("confirm" as const), count: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const durability = new Durability(0);
      let log: number[] = [];
      let disk: number[] = [];
      let underWay: { readonly sequence: number; readonly after: number; readonly added: readonly number[] }[] = [];
      let stamp = 0;
      for (const { kind, ...rest } of steps) {
        if (kind === "append" && "keep" in rest) {
          const after = Math.max(0, log.length - rest.keep);
          if (after < log.length) durability.cutAfter(after);
          const added = Array.from({ length: rest.count }, () => ++stamp);
          log = [...log.slice(0, after), ...added];
          underWay.push({ sequence: durability.issue(log.length, false), after, added });
        } else {
          for (const batch of underWay.slice(0, rest.count)) {
            disk = [...disk.slice(0, batch.after), ...batch.added];
            durability.confirm(batch.sequence);
          }
          underWay = underWay.slice(rest.count);
        }
        const durable = log.slice(0, durability.stableIndex);
        let crashed = disk;
        assert.deepEqual(crashed.slice(0, durable.length), durable);
        for (const batch of underWay) {
          crashed = [...crashed.slice(0, batch.after), ...batch.added];
          assert.deepEqual(crashed.slice(0, durable.length), durable);
        }
        if (underWay.length === 0) assert.equal(durability.stableIndex, log.length, "and all of it is, in the end");
      }
    }),
    { seed: 20260102, numRuns: 300 },
  );
});
