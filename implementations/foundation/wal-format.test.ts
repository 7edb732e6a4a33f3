/**
 * Goal: what was written is read back, what a crash cut short is called torn, and what a disk lost is called damaged.
 * Method: one small log of three groups, spoiled in every way that one fault can spoil it: cut at every byte, every bit
 * of every byte flipped, sectors unwritten; plus payloads that quote records.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordWriter, recordHeaderBytes, scanSegment, segmentSalt } from "./wal-format.ts";
import type { SegmentScan } from "./wal-format.ts";

const firstSequence = 5;
const bodyType = 7;

interface Scanned extends SegmentScan {
  readonly bodies: readonly string[];
}

function scan(bytes: Uint8Array, first = firstSequence): Scanned {
  const bodies: string[] = [];
  const result = scanSegment(bytes, first, (type, view, start, end) => {
    assert.equal(type, bodyType);
    bodies.push(Buffer.from(view.buffer, view.byteOffset + start, end - start).toString());
  });
  return { ...result, bodies };
}

/** Writes groups, each closed by a marker that vouches for the groups before it. */
function write(groups: readonly (readonly string[])[], first = firstSequence): Uint8Array {
  const writer = new RecordWriter(segmentSalt(first), first, 16);
  let synced = first - 1;
  for (const group of groups) {
    for (const body of group) {
      writer.begin(bodyType);
      writer.raw(Buffer.from(body));
      writer.end();
    }
    writer.marker(synced);
    synced = writer.nextSequence - 1;
  }
  return writer.take().slice();
}

const groups = [["alpha", "bravo"], ["charlie"], ["delta", "echo", "foxtrot"]];
const synced = ["alpha", "bravo", "charlie"];
const all = [...synced, "delta", "echo", "foxtrot"];

test("what was written is read back", () => {
  const { bodies, end, nextSequence } = scan(write(groups));
  assert.deepEqual(bodies, all);
  assert.equal(end.kind, "complete");
  assert.equal(nextSequence, firstSequence + all.length + groups.length);
});

test("a log cut at any byte is torn there, and keeps every whole record", () => {
  const bytes = write(groups);
  for (let length = 0; length < bytes.length; length++) {
    const { bodies, end } = scan(bytes.subarray(0, length));
    assert.deepEqual(bodies, all.slice(0, bodies.length));
    assert.notEqual(end.kind, "damaged", `cut to ${length} bytes`);
    if (end.kind === "torn") assert.ok(end.offset < length && length - end.offset < recordHeaderBytes + 8);
  }
});

test("a tail of zeros or garbage is torn", () => {
  const bytes = write(groups);
  for (const filler of [0, 0xff, 0x5a]) {
    const { bodies, end } = scan(Buffer.concat([bytes, new Uint8Array(5000).fill(filler)]));
    assert.deepEqual(bodies, all);
    assert.equal(end.kind === "torn" && end.offset, bytes.length);
  }
});

test("a flipped bit anywhere is damage, but for one in the closing marker, which costs nothing", () => {
  const bytes = write(groups);
  const lastMarkerAt = bytes.length - recordHeaderBytes - 6;
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const spoiled = bytes.slice();
    const at = bit >> 3;
    spoiled[at] = (spoiled[at] ?? 0) ^ (1 << (bit & 7));
    const { bodies, end } = scan(spoiled);
    assert.deepEqual(bodies, all.slice(0, bodies.length), "no record is ever altered");
    if (at < lastMarkerAt) assert.equal(end.kind, "damaged", `bit ${bit}`);
    else assert.deepEqual([end.kind, bodies], ["torn", all], `bit ${bit}`);
  }
});

test("an unwritten sector of the last group is torn; of an earlier group it is damage", () => {
  const long = "x".repeat(1500);
  const bytes = write([["first"], [long], [long, "last"]]);
  const [, secondAt = 0, thirdAt = 0] = groupStarts(["first".length, 1500]);
  const inThird = Math.ceil(thirdAt / 512) * 512;
  const torn = bytes.slice();
  torn.fill(0, inThird, inThird + 512);
  assert.equal(scan(torn).end.kind, "torn");
  const inSecond = Math.ceil(secondAt / 512) * 512;
  const damaged = bytes.slice();
  damaged.fill(0, inSecond, inSecond + 512);
  assert.equal(scan(damaged).end.kind, "damaged");
  const head = bytes.slice();
  head.fill(0, thirdAt, inThird); // The sector still shows what it held before the group: earlier records, then zeros.
  assert.equal(scan(head).end.kind, "torn");
});

test("records of another segment or another place in the log are none", () => {
  assert.equal(scan(write(groups, 99)).end.kind, "torn");
  const bytes = write(groups);
  const twice = scan(Buffer.concat([bytes, bytes]));
  assert.deepEqual(twice.bodies, all);
  assert.equal(twice.end.kind, "torn");
});

test("a torn record whose payload quotes an older log is torn, not followed by records", () => {
  const quoted = Buffer.from(write([["old", "older"]], 1)).toString("latin1");
  const writer = new RecordWriter(segmentSalt(firstSequence), firstSequence, 64);
  writer.begin(bodyType);
  writer.raw(Buffer.from(quoted, "latin1"));
  writer.raw(Buffer.from("the rest of the payload"));
  writer.end();
  const bytes = writer.take();
  const { end } = scan(bytes.subarray(0, bytes.length - 3));
  assert.deepEqual(end.kind === "torn" && end.offset, 0);
});

function groupStarts(bodyLengths: readonly number[]): number[] {
  const starts = [0];
  for (const length of bodyLengths)
    starts.push((starts.at(-1) ?? 0) + recordHeaderBytes + length + recordHeaderBytes + 6);
  return starts;
}
