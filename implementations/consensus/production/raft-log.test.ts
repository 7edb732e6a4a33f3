/**
 * Goal: the log in memory behaves like a plain array of all entries ever appended, of which the front is forgotten.
 *
 * Method: random operations on the log and on such an array (fast-check; a failure prints seed and path to replay), and
 * the bounds of what may be asked for.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { entry } from "./bench.fixture.ts";
import { entryOverheadBytes, RaftLog } from "./raft-log.ts";

const operation = fc.oneof(
  fc.record({ kind: fc.constant("append" as const), count: fc.integer({ min: 1, max: 400 }), newTerm: fc.boolean() }),
  fc.record({ kind: fc.constant("cut" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ kind: fc.constant("drop" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
);

test("appending, cutting and dropping agree with an array", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const log = new RaftLog({ index: 0, term: 0 }, []);
      let terms: number[] = [];
      let base = 0;
      for (const step of operations) {
        if (step.kind === "append") {
          const term = (terms.at(-1) ?? 1) + (step.newTerm ? 1 : 0);
          log.append(Array.from({ length: step.count }, (_, offset) => entry(terms.length + offset + 1, term)));
          terms.push(...Array.from({ length: step.count }, () => term));
        } else {
          const index = base + Math.round(step.share * (terms.length - base));
          if (step.kind === "cut") {
            log.truncateAfter(index);
            terms = terms.slice(0, index);
          } else {
            log.dropThrough(index);
            base = index;
          }
        }
        agree(log, terms, base);
      }
    }),
    { seed: 20260101, numRuns: 150 },
  );
});

test("a batch is bounded by entries and bytes, and holds at least one entry", () => {
  const log = new RaftLog({ index: 10, term: 1 }, [entry(11, 1), entry(12, 1), entry(13, 1)]);
  const bytes = entry(11, 1).payload.length;
  const count = (maxEntries: number, maxBytes: number): number => log.batch(11, maxEntries, maxBytes).length;
  assert.deepEqual([count(2, 1000), count(9, 1000), count(9, 2 * bytes), count(9, 1)], [2, 3, 2, 1]);
});

test("entries that do not continue the log, and indexes that are gone, are errors", () => {
  const log = new RaftLog({ index: 5, term: 3 }, []);
  assert.throws(() => log.append([entry(7, 3)]), /entry 7 stands at index 6/);
  assert.throws(() => log.append([entry(6, 2)]), /terms never fall/);
  assert.throws(() => log.truncateAfter(4), /before its base/);
  assert.throws(() => log.slice(5, 5), /the log holds/);
  assert.throws(() => log.dropThrough(6), /new base/);
  assert.deepEqual([log.termAt(5), log.termAt(4), log.termAt(6), log.lastTerm], [3, undefined, undefined, 3]);
});

function agree(log: RaftLog, terms: readonly number[], base: number): void {
  assert.deepEqual([log.baseIndex, log.lastIndex, log.length], [base, terms.length, terms.length - base]);
  assert.equal(log.lastTerm, terms.at(-1) ?? 0);
  const held = terms.length === base ? [] : log.slice(base + 1, terms.length);
  assert.equal(
    log.bytes,
    held.reduce((sum, { payload }) => sum + entryOverheadBytes + payload.length, 0),
  );
  for (const index of [
    base - 1,
    base,
    base + 1,
    Math.floor((base + terms.length) / 2),
    terms.length,
    terms.length + 1,
  ]) {
    const expected = index < base ? undefined : index === 0 ? 0 : terms[index - 1];
    assert.equal(log.termAt(index), expected, `term at ${index}`);
  }
  const middle = terms[Math.floor((base + terms.length) / 2)] ?? 1;
  const found = terms.findIndex((term, place) => place >= base && term >= middle);
  assert.equal(log.firstIndexFrom(middle), found < 0 ? terms.length + 1 : found + 1);
  if (terms.length > base) assert.equal(log.slice(base + 1, terms.length).at(-1)?.index, terms.length);
}
