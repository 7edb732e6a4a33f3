/**
 * Goal: with one tenant, one node and no preemption, production starts tasks in the very order in which minimal does.
 * Method: random graphs, priorities, durations and failures, submitted to both; compared after each submission.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../foundation/prng.ts";
import type { Random } from "../../foundation/effects.ts";
import type { SchedulerImplementation, TaskBody, TaskSpec } from "../../scheduler/contract.ts";
import { minimalScheduler, productionScheduler } from "./implementations.ts";
import { SchedulerTrial } from "./scheduler-trial.fixture.ts";

function drawTasks(random: Random, submission: number): readonly TaskSpec[] {
  const count = 1 + random.below(30);
  return Array.from({ length: count }, (_, index) => {
    const earlier = Array.from({ length: index }, (_unused, other) => `j.${submission}-${other}`);
    const dependencies = earlier.filter(() => random.below(4 + index) === 0);
    return { id: `j.${submission}-${index}`, body: drawBody(random), priority: random.below(5), dependencies };
  });
}

/** Whole milliseconds: many end at the same instant, which is where orders come apart. */
function drawBody(random: Random): TaskBody {
  const ms = random.below(6);
  if (random.below(8) === 0) return { kind: "fail", ms, message: "no", times: 1 + random.below(4) };
  if (random.below(12) === 0) return { kind: "crash", ms, times: random.below(3) };
  if (random.below(6) === 0) return { kind: "call", module: "simulated:sample", export: "echo", args: [ms] };
  return { kind: "spin", ms, ...(random.below(3) === 0 ? { checkpointMs: 2 } : {}) };
}

async function startsOf(implementation: SchedulerImplementation, seed: number): Promise<readonly string[]> {
  const random = seededRandom(`start order ${seed}`);
  const workers = 1 + random.below(3);
  const settings = implementation === productionScheduler ? { workers, quantumMs: 0 } : { workers };
  const trial = await SchedulerTrial.begin(implementation, { seed, settings });
  for (let submission = 0; submission < 5; submission++) await trial.ends(...drawTasks(random, submission));
  const state = (await trial.deployment.states()).get("n1");
  assert.ok(state?.kind === "state");
  return state.state.starts;
}

test("minimal and production start the same tasks in the same order", async () => {
  for (let seed = 0; seed < 15; seed++) {
    const [minimal, production] = [await startsOf(minimalScheduler, seed), await startsOf(productionScheduler, seed)];
    assert.ok(minimal.length > 0);
    assert.deepEqual(production, minimal, `seed ${seed}`);
  }
});
