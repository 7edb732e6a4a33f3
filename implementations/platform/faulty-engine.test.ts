/**
 * Goal: a faulty engine fails as it was told, counts it, applies nothing of what it failed, keeps the order, and is its
 * base again when healed.
 * Method: the simulated engine behind it, in virtual time, one fault after the other; and the whole suite without one.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../foundation/prng.ts";
import type { Engine } from "../storage/engine.ts";
import { engineSuite } from "./engine-suite.fixture.ts";
import { act, isCode, simulatedEngine } from "./engines.fixture.ts";
import type { EngineSubstrate } from "./engines.fixture.ts";
import { FaultyEngine } from "./faulty-engine.ts";
import { VirtualTime } from "./simulated/clock.ts";

const key = Uint8Array.of(1);

async function begin(): Promise<{ substrate: EngineSubstrate; engine: FaultyEngine; time: VirtualTime }> {
  const substrate = simulatedEngine();
  const time = new VirtualTime();
  const engine = new FaultyEngine(await substrate.open(), { clock: time, random: seededRandom("faulty") });
  return { substrate, engine, time };
}

function put(engine: Engine, value: number): (done: (error: Error | undefined) => void) => void {
  return (done) => engine.write([{ key, value: Uint8Array.of(value) }], (error) => done(error));
}

async function stored(substrate: EngineSubstrate, engine: Engine): Promise<number | undefined> {
  const [value] = await act<readonly (Uint8Array | undefined)[]>(substrate, (done) => engine.read([key], done));
  return value?.[0];
}

test("refused writes fail as they should, apply nothing, and are counted", async () => {
  const { substrate, engine } = await begin();
  const codes = [
    [{ kind: "write-error", probability: 1 }, "IO"],
    [{ kind: "full" }, "FULL"],
  ] as const;
  for (const [index, [fault, code]] of codes.entries()) {
    assert.equal(await substrate.wait(put(engine, index)), undefined);
    const handle = engine.inject(fault);
    assert.ok(isCode(code)(await substrate.wait(put(engine, 99))));
    await assert.rejects(
      act<void>(substrate, (done) => engine.clear(done)),
      isCode(code),
    );
    assert.equal(await stored(substrate, engine), index);
    assert.equal(handle.efficacy().count, 2);
    handle.heal();
    assert.equal(await substrate.wait(put(engine, index + 10)), undefined);
    assert.equal(await stored(substrate, engine), index + 10);
    assert.equal(handle.efficacy().count, 2);
  }
});

test("refused reads and scans fail, and only by their probability", async () => {
  const { substrate, engine } = await begin();
  await substrate.wait(put(engine, 1));
  const handle = engine.inject({ kind: "read-error", probability: 0.5 });
  let failed = 0;
  for (let count = 0; count < 100; count++) {
    await stored(substrate, engine).catch(() => failed++);
    await act(substrate, (done) => engine.scan(key, undefined, 10, done)).catch(() => failed++);
  }
  assert.ok(failed > 60 && failed < 140, `${failed} of 200 failed`);
  assert.deepEqual(handle.efficacy(), { count: failed, unit: "reads failed" });
});

test("a write that fails completes in its turn", async () => {
  const { substrate, engine } = await begin();
  const order: string[] = [];
  await substrate.wait<void>((finished) => {
    put(engine, 1)(() => order.push("first"));
    const handle = engine.inject({ kind: "full" });
    put(engine, 2)(() => order.push("refused"));
    handle.heal();
    put(
      engine,
      3,
    )(() => {
      order.push("last");
      finished();
    });
  });
  assert.deepEqual(order, ["first", "refused", "last"]);
});

test("a slow engine holds what it is asked, and passes it on in order and together", async () => {
  const { substrate, engine, time } = await begin();
  const handle = engine.inject({ kind: "slow", extraMs: 20 });
  const order: number[] = [];
  const all = substrate.wait<void>((finished) => {
    for (let count = 0; count < 10; count++) {
      put(
        engine,
        count,
      )(() => {
        order.push(count);
        if (count === 9) finished();
      });
    }
    assert.equal(order.length, 0);
    while (time.step());
  });
  await all;
  assert.equal(time.nowMs(), 20);
  assert.deepEqual(order, [...order.keys()]);
  assert.deepEqual(handle.efficacy(), { count: 10, unit: "operations slowed" });
});

engineSuite("simulated engine behind the faulty one", () => {
  const base = simulatedEngine();
  const options = { clock: new VirtualTime(), random: seededRandom("suite") };
  return { ...base, open: async () => new FaultyEngine(await base.open(), options) };
});
