// Goal: an engine is asked to compact when enough was written over, not before, and never twice at a time.
// Method: an engine of a few lines whose counters and answers the test sets, in virtual time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import type { StorageEvent } from "../contract.ts";
import { Compaction } from "./compaction.ts";

function world() {
  const time = new VirtualTime();
  const asked: (() => void)[] = [];
  const events: StorageEvent[] = [];
  const state = { written: 0, live: 0 };
  const compaction = new Compaction(
    {
      clock: time,
      engine: {
        get counters() {
          return { "bytes written": state.written };
        },
        compact: (done) => asked.push(() => done(undefined, undefined)),
      },
      liveBytes: () => state.live,
      trace: (event) => events.push(event),
    },
    100,
    1000,
  );
  compaction.start();
  const pass = (ms: number): void => {
    const untilMs = time.nowMs() + ms;
    time.after(ms, () => undefined);
    while (time.nowMs() < untilMs && time.step());
  };
  return { state, asked, events, compaction, pass };
}

test("it asks when several times the live bytes were written, and at least the setting's", () => {
  const { state, asked, pass } = world();
  state.written = 999;
  pass(350);
  assert.equal(asked.length, 0);
  state.live = 500;
  state.written = 1999;
  pass(150);
  assert.equal(asked.length, 0);
  state.written = 2000;
  pass(150);
  assert.equal(asked.length, 1);
});

test("one pass at a time; what was written during it counts for the next", () => {
  const { state, asked, events, compaction, pass } = world();
  state.written = 5000;
  pass(150);
  state.written = 50_000;
  pass(500);
  assert.equal(asked.length, 1);
  asked[0]?.();
  assert.equal(compaction.counters.compactions, 1);
  pass(150);
  assert.equal(asked.length, 2);
  assert.deepEqual(
    events.map((event) => event.kind === "background" && event.phase),
    ["begin", "end", "begin"],
  );
});

test("a node that ended is asked for nothing, and tells nothing", () => {
  const { state, asked, events, compaction, pass } = world();
  state.written = 5000;
  pass(150);
  compaction.end();
  asked[0]?.();
  state.written = 50_000;
  pass(500);
  assert.equal(asked.length, 1);
  assert.equal(events.length, 1);
});
