/**
 * Goal: an acceptor keeps its promises, and what it forgets cannot come back. Method: the rules one by one, each with
 * its forbidden side (Lamport 2001, section 2.2), and the invariants over random messages.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../foundation/prng.ts";
import { accept, install, isCollectable, prepare, review, takeOver } from "./acceptor.ts";
import { absentRecord, decodeRecord, noFloor, RecordEncoder } from "./record.ts";
import type { KeyRecord, State } from "./record.ts";

function stateOf(ballot: number, value: string | null = `v${ballot}`, version = 1): State {
  return { ballot, version, timestampMs: 0.5, session: 1, sequence: 1, value };
}

const fresh = absentRecord(noFloor);

test("a ballot is promised once, and only above every promise before", () => {
  const promised = prepare(fresh, 2049);
  assert.equal(promised?.promised, 2049);
  assert.equal(prepare(promised, 2049), undefined, "twice would let a coordinator that forgot use it twice");
  assert.equal(prepare(promised, 2048), undefined);
});

test("nothing below a promise is accepted; the promised ballot is, and the next one with it", () => {
  const promised = prepare(fresh, 2049);
  assert.ok(promised !== undefined);
  assert.equal(accept(promised, stateOf(1025), 1025), undefined);
  const accepted = accept(promised, stateOf(2049), 3073);
  assert.deepEqual(accepted, { promised: 3073, state: stateOf(2049) });
  assert.equal(accept(accepted, stateOf(2050), 2050), undefined, "the next ballot is the coordinator's");
  assert.equal(accept(accepted, stateOf(2049), 3073), accepted, "a message that comes twice writes nothing");
});

test("an install is a late accept: taken if newer, not taken behind a promise", () => {
  const record: KeyRecord = { promised: 3073, state: stateOf(2049) };
  assert.equal(install(record, stateOf(1025)), record);
  assert.equal(install(record, stateOf(2050)), undefined);
  assert.equal(install(record, stateOf(3073))?.state.ballot, 3073);
});

test("what is taken over is taken whatever is promised here, and brings along what was promised there", () => {
  const record: KeyRecord = { promised: 3073, state: stateOf(2049) };
  assert.deepEqual(takeOver(record, { promised: 2050, state: stateOf(2050) }), {
    promised: 3073,
    state: stateOf(2050),
  });
  assert.deepEqual(takeOver(record, { promised: 9217, state: stateOf(1025) }), { ...record, promised: 9217 });
  assert.deepEqual(takeOver(fresh, { promised: 9217, state: fresh.state }), { ...fresh, promised: 9217 });
  assert.equal(takeOver(record, { promised: 2049, state: stateOf(2049) }), record, "nothing new is not written");
});

test("where a slot was kept before, nothing is taken behind a promise; promises are", () => {
  const record: KeyRecord = { promised: 3073, state: stateOf(2049) };
  assert.equal(review(record, { promised: 2050, state: stateOf(2050) }), undefined);
  assert.deepEqual(review(record, { promised: 9217, state: stateOf(2049) }), { ...record, promised: 9217 });
  assert.deepEqual(review(record, { promised: 4097, state: stateOf(3073) }), { promised: 4097, state: stateOf(3073) });
});

test("behind a floor nothing that is older can be written, whoever brings it", () => {
  const absent = absentRecord({ ballot: 5121, version: 7 });
  assert.equal(accept(absent, stateOf(5121), 5121), undefined);
  assert.equal(install(absent, stateOf(4097)), undefined);
  assert.equal(prepare(absent, 5121), undefined);
  assert.equal(prepare(absent, 6145)?.state.version, 7, "versions count on");
});

test("a tombstone goes only as it was reported, and not while a promise would go with it", () => {
  const record: KeyRecord = { promised: 2049, state: stateOf(2049, null) };
  assert.ok(isCollectable(record, 2049));
  assert.ok(!isCollectable(record, 1025));
  assert.ok(!isCollectable({ ...record, promised: 3073 }, 2049));
  assert.ok(!isCollectable({ promised: 2049, state: stateOf(2049) }, 2049));
});

test("promises and accepted ballots never fall, whatever comes", () => {
  const random = seededRandom("acceptor");
  let record = fresh;
  for (let step = 0; step < 5000; step++) {
    const ballot = 1 + random.below(64) * 1024;
    const draw = random.below(3);
    const state = stateOf(ballot);
    const next =
      draw === 0 ? prepare(record, ballot) : draw === 1 ? accept(record, state, ballot) : install(record, state);
    if (next === undefined) continue;
    assert.ok(next.promised >= record.promised && next.state.ballot >= record.state.ballot);
    record = random.below(60) === 0 ? fresh : next;
  }
});

test("a record is what it was after its way through bytes, text beyond ASCII included", () => {
  const encoder = new RecordEncoder();
  for (const value of [null, "", "plain", "ä€𝄞", "x".repeat(9000), "ß".repeat(5000), "after"]) {
    const record: KeyRecord = { promised: 2 ** 50 + 1, state: stateOf(2 ** 40 + 7, value, 12) };
    assert.deepEqual(decodeRecord(encoder.encode(record)), record);
  }
});
