// Goal: what the load measured is recorded faithfully, and a generator that cannot be believed is refused.
// Method: the histogram against the sorted sample; windows by example; each way a generator fails, and the forbidden
// side of each limit.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import { generatorLimits, judgeGenerator } from "./generator.ts";
import type { GeneratorReport } from "./generator.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { nearestRank, sorted } from "./order.ts";
import { ThroughputWindows } from "./throughput-windows.ts";

function exponential(seed: string, n: number, meanMs: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => -meanMs * Math.log(1 - random.float()));
}

test("percentiles are within 0.1 % of the sorted sample's, maximum and mean exact", () => {
  const latencies = exponential("latencies", 20_000, 3);
  const histogram = new LatencyHistogram();
  for (const latency of latencies) histogram.record(latency);
  const ordered = sorted(latencies);
  const summary = histogram.summary();
  for (const [found, quantile] of [
    [summary.p50Ms, 0.5],
    [summary.p90Ms, 0.9],
    [summary.p99Ms, 0.99],
    [summary.p999Ms, 0.999],
  ] as const) {
    const exact = nearestRank(ordered, quantile);
    assert.ok(Math.abs((found ?? 0) / exact - 1) <= 0.001, `p${quantile * 100}: ${found} against ${exact}`);
  }
  assert.equal(summary.maxMs, ordered.at(-1));
  assert.ok(Math.abs((summary.meanMs ?? 0) - latencies.reduce((a, b) => a + b) / latencies.length) < 1e-9);
});

test("merging is the same as recording everything in one", () => {
  const [left, right, whole] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
  for (const [index, latency] of exponential("merge", 2000, 5).entries()) {
    (index % 3 === 0 ? left : right).record(latency);
    whole.record(latency);
  }
  left.merge(right);
  const [merged, expected] = [left.summary(), whole.summary()];
  assert.ok(Math.abs((merged.meanMs ?? 0) - (expected.meanMs ?? 0)) < 1e-9);
  assert.deepEqual({ ...merged, meanMs: 0 }, { ...expected, meanMs: 0 });
});

test("an injected stall shows in the p99: of 10 s of arrivals every ms, those during 200 ms wait for its end", () => {
  const [calm, stalled] = [new LatencyHistogram(), new LatencyHistogram()];
  for (let arrivalMs = 0; arrivalMs < 10_000; arrivalMs++) {
    const waitMs = arrivalMs >= 5000 && arrivalMs < 5200 ? 5200 - arrivalMs : 0;
    calm.record(1);
    stalled.record(1 + waitMs);
  }
  assert.equal(calm.summary().p99Ms, 1);
  assert.ok((stalled.summary().p99Ms ?? 0) > 95, `p99 is ${stalled.summary().p99Ms} ms`);
  assert.ok((stalled.summary().p50Ms ?? 0) < 1.01);
});

test("an empty histogram has no percentiles, and a negative or missing latency is refused", () => {
  assert.deepEqual(new LatencyHistogram().summary().p99Ms, undefined);
  assert.throws(() => new LatencyHistogram().record(-1), /lies in/);
  assert.throws(() => new LatencyHistogram().record(Number.NaN), /lies in/);
});

test("windows count what ended in them; a last part of a window is in the total only", () => {
  const windows = new ThroughputWindows(0.5);
  for (const endS of [0, 0.2, 0.499, 0.5, 1.6]) windows.record(endS, "ok");
  windows.record(0.3, "fail");
  windows.record(1.7, "info");
  const rows = windows.windows(1.75);
  assert.deepEqual(
    rows.map((row) => [row.windowStartS, row.ok, row.fail, row.info, row.throughputPerS]),
    [
      [0, 3, 1, 0, 6],
      [0.5, 1, 0, 0, 2],
      [1, 0, 0, 0, 0],
    ],
  );
  const total = windows.total(2);
  assert.deepEqual([total.ok, total.fail, total.info, total.throughputPerS], [5, 1, 1, 2.5]);
  assert.equal(new ThroughputWindows(0.1).windows(0.3).length, 3);
});

const fit: GeneratorReport = {
  issued: 1000,
  ok: 990,
  fail: 5,
  info: 4,
  dropped: 1,
  latenessP99Ms: generatorLimits.latenessP99Ms,
  eventLoopDelayP99Ms: generatorLimits.eventLoopDelayP99Ms,
};

test("a generator on its limits is fit, also without a clock to be late by", () => {
  assert.deepEqual(judgeGenerator(fit), { kind: "fit" });
  assert.deepEqual(judgeGenerator({ ...fit, latenessP99Ms: undefined, eventLoopDelayP99Ms: undefined }), {
    kind: "fit",
  });
});

for (const [what, change, reason] of [
  ["late", { latenessP99Ms: 10.5 }, "Generator saturated: lateness p99 is 10.5 ms, allowed 10 ms"],
  ["stalled", { eventLoopDelayP99Ms: 31 }, "Generator saturated: event-loop delay p99 is 31 ms, allowed 20 ms"],
  ["overrun", { ok: 980, dropped: 11 }, "Generator saturated: dropped arrivals is 0.011 of all, allowed 0.001 of all"],
  ["miscounting", { ok: 989 }, "Generator lost count: issued 1000, but ok 989 + fail 5 + info 4 + dropped 1 = 999"],
  ["idle", { issued: 0, ok: 0, fail: 0, info: 0, dropped: 0 }, "Generator idle: it issued no operation"],
  ["broken", { latenessP99Ms: Number.NaN }, "Generator saturated: lateness p99 is NaN ms, allowed 10 ms"],
] as const) {
  test(`a generator that is ${what} voids the block`, () => {
    assert.deepEqual(judgeGenerator({ ...fit, ...change }), { kind: "void", reasons: [reason] });
  });
}
