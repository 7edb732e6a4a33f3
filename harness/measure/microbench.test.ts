// Goal: a task is measured in its own process, honestly, and a broken task is an error that names it.
// Method: the sampling with a clock that the operation itself advances; one real child process; two broken tasks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import { microbenchRow, sampleTask } from "./microbench.ts";
import { sample } from "./microbench-process.ts";

test("samples come in the order taken, batches are as long as asked, throughput is operations over time", () => {
  let timeMs = 0;
  let operations = 0;
  const samples = sample(
    () => {
      timeMs += ++operations > 17_000 ? 0.02 : 0.01;
    },
    { measureMs: 200, sampleMs: 1 },
    () => timeMs,
  );
  assert.equal(samples.iterationsPerSample, 128);
  assert.ok(samples.samplesNs.length > 50);
  const [first, last] = [samples.samplesNs[0] ?? 0, samples.samplesNs.at(-1) ?? 0];
  assert.ok(Math.abs(first - 1.28e6) < 1 && Math.abs(last - 2.56e6) < 1, `${first} ns first, ${last} ns last`);
});

test("throughput is not the mean of rates: a sample at 1 ns and one at 3 ns per operation make 0.5 per ns", () => {
  const row = microbenchRow("t", { iterationsPerSample: 10, samplesNs: [10, 30] });
  assert.deepEqual(row, {
    task: "t",
    samples: 2,
    iterations_per_sample: 10,
    p50_ns: 1,
    p99_ns: 3,
    throughput_per_s: 0.5e9,
  });
});

test("a task runs in a child process", async () => {
  const module = new URL("../../repro/microbench/prng.ts", import.meta.url).href;
  const task = { id: "prng-uint32", module, exportName: "prngUint32" };
  const samples = await sampleTask(task, { measureMs: 20, sampleMs: 0.5 });
  const row = microbenchRow(task.id, samples);
  assert.ok(Number(row.throughput_per_s) > 1e6, `${row.throughput_per_s} draws per second`);
});

test("a task that does not exist, or throws, is an error that says so", async () => {
  const missing = { id: "missing", module: import.meta.url.replace("microbench.test", "nothing"), exportName: "x" };
  await assert.rejects(sampleTask(missing, { measureMs: 5, sampleMs: 1 }), (error) => {
    return error instanceof HarnessError && /^Cannot measure missing: .*nothing/.test(error.message);
  });
  const module = new URL("../../repro/microbench/prng.ts", import.meta.url).href;
  await assert.rejects(
    sampleTask({ id: "unnamed", module, exportName: "absent" }, { measureMs: 5, sampleMs: 1 }),
    /Cannot measure unnamed: .* exports no function "absent"/,
  );
});
