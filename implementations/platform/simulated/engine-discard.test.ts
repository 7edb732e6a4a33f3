/**
 * Goal: what is thrown away is gone as a whole or there as a whole, whenever the power goes.
 * Method: an engine with several files on a disk that forgets; the power is lost at a random moment of the discarding,
 * seed after seed.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../foundation/prng.ts";
import type { EngineEntry } from "../../storage/engine.ts";
import { VirtualTime } from "./clock.ts";
import { SimulatedDisk } from "./disk.ts";
import { discardEngine, finishDiscarding } from "./engine-discard.ts";
import { SimulatedEngine } from "./engine.ts";

const keys = 20;
const segmentBytes = 300;

/** Runs virtual time until `done` is called. */
function until<T>(time: VirtualTime, begin: (done: (value: T) => void) => void): T {
  const results: T[] = [];
  begin((value) => results.push(value));
  while (results.length === 0 && time.step());
  assert.equal(results.length, 1, "it is called once");
  return results[0]!;
}

function entriesOn(time: VirtualTime, disk: SimulatedDisk): readonly EngineEntry[] {
  const life = disk.open();
  assert.equal(
    until(time, (done) => finishDiscarding(life, done)),
    undefined,
  );
  const engine = until<SimulatedEngine | undefined>(time, (done) =>
    SimulatedEngine.open(life, { clock: time, segmentBytes }, (_error, opened) => done(opened)),
  );
  assert.ok(engine !== undefined, "what is left can be opened");
  const all = until<readonly EngineEntry[]>(time, (done) =>
    engine.scan(new Uint8Array(0), undefined, 1_000_000, (_error, { entries }) => done(entries)),
  );
  until<undefined>(time, (done) => engine.close(() => done(undefined)));
  disk.crash({ powerLoss: false });
  return all;
}

test("after a power loss everything is there or nothing is, and in the end nothing", () => {
  const counts = new Map<number, number>();
  for (let seed = 0; seed < 100; seed++) {
    const time = new VirtualTime();
    const random = seededRandom(seed);
    const disk = new SimulatedDisk({ clock: time, random: random.fork("disk") });
    const life = disk.open();
    const engine = until<SimulatedEngine | undefined>(time, (done) =>
      SimulatedEngine.open(life, { clock: time, segmentBytes }, (_error, opened) => done(opened)),
    );
    for (let key = 0; key < keys; key++) {
      const batch = [{ key: Uint8Array.of(key), value: new Uint8Array(50) }];
      until(time, (done) => engine?.write(batch, (error) => done(error)));
    }
    discardEngine(life, () => {});
    const endMs = time.nowMs() + random.float() * 8;
    time.at(endMs, () => {});
    while (time.nowMs() < endMs && time.step());
    disk.crash({ powerLoss: true });
    const { length } = entriesOn(time, disk);
    assert.ok(length === 0 || length === keys, `seed ${seed}: ${length} of ${keys} entries`);
    counts.set(length, (counts.get(length) ?? 0) + 1);

    const next = disk.open();
    assert.equal(
      until(time, (done) => discardEngine(next, done)),
      undefined,
    );
    disk.crash({ powerLoss: true });
    assert.equal(entriesOn(time, disk).length, 0, `seed ${seed}: it was thrown away`);
  }
  assert.equal(counts.size, 2, "the power was lost before and after it took effect");
});
