/**
 * Goal: every disk fault does what it says, and counts it.
 * Method: each fault on the simulated disk. What a log store makes of them is tested where the two meet, in assembly.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiskError } from "../foundation/effects.ts";
import type { DiskFault, FaultHandle } from "../foundation/faults.ts";
import { FaultyDiskBench } from "./disks.fixture.ts";

const text = (value: string): Uint8Array => Buffer.from(value);

/** Collects codes of completions, "ok" for success. */
function outcomes(): { readonly seen: string[]; readonly note: (error: DiskError | undefined) => void } {
  const seen: string[] = [];
  return { seen, note: (error) => void seen.push(error?.code ?? "ok") };
}

test("appended bytes are held until they are synced: a kill loses them, and only them", () => {
  const bench = new FaultyDiskBench(1);
  const disk = bench.open();
  const { seen, note } = outcomes();
  disk.append("f", [text("synced")], note);
  disk.sync("f", note);
  bench.drain();
  disk.append("f", [text(" lost")], note);
  assert.equal(disk.unsyncedBytes, 5);
  bench.drain();
  assert.deepEqual(seen, ["ok", "ok", "ok"]);
  bench.open();
  assert.equal(Buffer.from(bench.base.read("f")).toString(), "synced");
});

test("torn-write: a strict prefix of the next sync's bytes is stored, zeros behind it or not, then nothing completes", () => {
  const lengths = new Set<number>();
  const zeros = new Set<number>();
  for (let seed = 1; seed <= 30; seed++) {
    const bench = new FaultyDiskBench(seed);
    const disk = bench.open();
    const { seen, note } = outcomes();
    const handle = disk.inject({ kind: "torn-write" });
    disk.append("f", [text("0123"), text("456789")], note);
    disk.sync("f", note);
    disk.append("f", [text("more")], note);
    bench.drain();
    assert.deepEqual(seen, ["ok"]);
    assert.deepEqual(bench.losses, [{ count: 1, unit: "writes torn" }]);
    assert.equal(handle.efficacy().count, 1);
    const file = bench.base.names().length === 0 ? "" : Buffer.from(bench.base.read("f")).toString();
    const stored = file.replace(/\0+$/, "");
    assert.ok("0123456789".startsWith(stored) && stored.length < 10);
    assert.ok(file.length === stored.length || file.length === 10, "zeros stand for all that is missing");
    lengths.add(stored.length);
    zeros.add(file.length - stored.length);
  }
  assert.ok(lengths.size > 5, "tears in many places");
  assert.ok(zeros.has(0) && zeros.size > 3, "with zeros and without");
});

test("lost-sync: the power goes at once with what is held, or as soon as something is", () => {
  for (const isHeldBefore of [true, false]) {
    const bench = new FaultyDiskBench(2);
    const disk = bench.open();
    const { seen, note } = outcomes();
    if (isHeldBefore) disk.append("f", [text("12345")], note);
    const handle = disk.inject({ kind: "lost-sync" });
    assert.equal(bench.losses.length, isHeldBefore ? 1 : 0);
    disk.append("f", [text("12345")], note);
    disk.sync("f", note);
    bench.drain();
    assert.deepEqual(handle.efficacy(), { count: 5, unit: "bytes lost" });
    assert.equal(bench.losses.length, 1);
    assert.deepEqual(bench.base.names(), []);
    assert.ok(!seen.includes("IO") && seen.length <= 1);
  }
});

test("bit-flip: one bit of what is stored differs", () => {
  const bench = new FaultyDiskBench(3);
  const disk = bench.open();
  const { note } = outcomes();
  const handle = disk.inject({ kind: "bit-flip" });
  disk.append("f", [text("0123456789")], note);
  bench.drain();
  assert.equal(handle.efficacy().count, 0, "nothing is stored yet");
  disk.sync("f", note);
  bench.drain();
  const stored = bench.base.read("f");
  const flipped = text("0123456789").map((byte, index) => byte ^ (stored[index] ?? 0));
  const bits = flipped.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  assert.deepEqual([bits, handle.efficacy()], [1, { count: 1, unit: "bits flipped" }]);
});

test("misdirect: the next append lands over stored bytes, the file does not grow", () => {
  const bench = new FaultyDiskBench(4);
  const disk = bench.open();
  const { seen, note } = outcomes();
  disk.append("f", [text("0123456789")], note);
  disk.sync("f", note);
  bench.drain();
  const handle = disk.inject({ kind: "misdirect" });
  disk.append("f", [text("ab")], note);
  disk.append("f", [text("cd")], note);
  disk.sync("f", note);
  bench.drain();
  const stored = Buffer.from(bench.base.read("f")).toString();
  assert.match(stored, /^\d*ab\d*cd$/);
  assert.equal(stored.length, 12);
  assert.deepEqual(handle.efficacy(), { count: 1, unit: "writes misdirected" });
  assert.deepEqual(seen, ["ok", "ok", "ok", "ok", "ok"]);
});

test("read-error, write-error and full fail operations, in order, until healed", () => {
  const bench = new FaultyDiskBench(5);
  const disk = bench.open();
  const { seen, note } = outcomes();
  disk.append("f", [text("x")], note);
  disk.sync("f", note);
  const faults: DiskFault[] = [
    { kind: "read-error", probability: 1 },
    { kind: "write-error", probability: 1 },
  ];
  const handles: FaultHandle[] = faults.map((fault) => disk.inject(fault));
  disk.read("f", note);
  disk.append("f", [text("y")], note);
  disk.sync("f", note);
  disk.syncDirectory(note);
  bench.drain();
  assert.deepEqual(seen.splice(0), ["ok", "ok", "IO", "IO", "IO", "IO"]);
  assert.deepEqual(
    handles.map((handle) => handle.efficacy().count),
    [1, 3],
  );
  for (const handle of handles) handle.heal();
  const full = disk.inject({ kind: "full" });
  disk.append("f", [text("y")], note);
  disk.sync("f", note);
  bench.drain();
  full.heal();
  disk.append("f", [text("z")], note);
  disk.sync("f", note);
  bench.drain();
  assert.deepEqual(seen, ["FULL", "ok", "ok", "ok"]);
  assert.equal(Buffer.from(bench.base.read("f")).toString(), "xz");
});

test("a failed sync: the bytes are gone, or all see them until the power is lost though a second sync reports success", () => {
  const fates = new Set<string>();
  for (let seed = 1; seed <= 40; seed++) {
    const bench = new FaultyDiskBench(seed);
    const disk = bench.open();
    const { seen, note } = outcomes();
    disk.append("f", [text("stored ")], note);
    disk.sync("f", note);
    disk.syncDirectory(note);
    disk.append("f", [text("failed ")], note);
    bench.drain();
    const handle = disk.inject({ kind: "write-error", probability: 1 });
    disk.sync("f", note);
    bench.drain();
    handle.heal();
    assert.equal(handle.efficacy().count, 1);
    const visible = Buffer.from(bench.base.read("f")).toString();
    const next = bench.open();
    next.append("f", [text("later ")], note);
    next.sync("f", note);
    bench.drain();
    assert.deepEqual(seen, ["ok", "ok", "ok", "ok", "IO", "ok", "ok"]);
    assert.equal(Buffer.from(bench.base.read("f")).toString(), `${visible}later `);
    bench.base.crash({ powerLoss: true });
    const stored = Buffer.from(bench.base.read("f")).toString();
    assert.equal(stored, visible === "stored " ? "stored later " : "stored \0\0\0\0\0\0\0later ", `seed ${seed}`);
    fates.add(visible);
  }
  assert.deepEqual([...fates].sort(), ["stored ", "stored failed "]);
});

test("full: nothing of an append is taken, or a strict prefix", () => {
  const lengths = new Set<number>();
  for (let seed = 1; seed <= 40; seed++) {
    const bench = new FaultyDiskBench(seed);
    const disk = bench.open();
    const { seen, note } = outcomes();
    const full = disk.inject({ kind: "full" });
    disk.append("f", [text("01234"), text("56789")], note);
    disk.sync("f", note);
    bench.drain();
    full.heal();
    const stored = bench.base.names().length === 0 ? "" : Buffer.from(bench.base.read("f")).toString();
    assert.ok("0123456789".startsWith(stored) && stored.length < 10);
    assert.deepEqual(seen, ["FULL", stored.length === 0 ? "NOT_FOUND" : "ok"]);
    lengths.add(stored.length);
  }
  assert.ok(lengths.has(0) && lengths.size > 5, "prefixes of many lengths");
});

test("slow: every operation takes longer, and their order stays", () => {
  const bench = new FaultyDiskBench(6);
  const disk = bench.open();
  const handle = disk.inject({ kind: "slow", extraMs: 50 });
  const order: string[] = [];
  disk.append("f", [text("x")], () => order.push("append"));
  disk.sync("f", () => order.push("sync"));
  disk.read("f", () => order.push("read"));
  bench.drain();
  assert.ok(bench.time.nowMs() >= 150);
  assert.deepEqual(order, ["append", "sync", "read"]);
  assert.deepEqual(handle.efficacy(), { count: 3, unit: "operations slowed" });
});

test("holdNextSync: the sync of that number waits, and all behind it", () => {
  const bench = new FaultyDiskBench(7);
  const disk = bench.open();
  const order: string[] = [];
  let resume: (() => void) | undefined;
  disk.holdNextSync(2, (goOn) => {
    order.push("held");
    resume = goOn;
  });
  for (const name of ["one", "two", "three"]) {
    disk.append("f", [text(name)], () => undefined);
    disk.sync("f", () => order.push(name));
  }
  bench.drain();
  assert.deepEqual(order, ["held", "one"]);
  assert.equal(Buffer.from(bench.base.read("f")).toString(), "one");
  resume?.();
  resume?.();
  bench.drain();
  assert.deepEqual(order, ["held", "one", "two", "three"]);
});
