// Goal: a random schedule stays within what its options allow, and permanent damage within what a cluster survives.
// Method: properties over a thousand seeds.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import { faultKinds } from "../../implementations/foundation/faults.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { FaultSpec } from "../plan/plan.ts";
import { swarmSchedule } from "./swarm.ts";

const every: readonly FaultKind[] = Object.values(faultKinds).flat();
const nodes = ["n1", "n2", "n3", "n4", "n5"];
const durationMs = 6000;
const runs = 1000;

function scheduleOf(seed: number, kinds: readonly FaultKind[] = every): FaultSpec[] {
  return swarmSchedule({ kinds, nodes, durationMs, electionTimeoutMs: 150 }, seededRandom(seed));
}

function eachSchedule(look: (schedule: readonly FaultSpec[], seed: number) => void, kinds = every): void {
  for (let seed = 0; seed < runs; seed++) look(scheduleOf(seed, kinds), seed);
}

test("the same seed gives the same schedule; another gives another", () => {
  assert.deepEqual(scheduleOf(1), scheduleOf(1));
  assert.notDeepEqual(scheduleOf(1), scheduleOf(2));
});

test("faults begin within the schedule's limits and end with the load", () => {
  eachSchedule((schedule, seed) => {
    for (const { kind, placement, durationMs: lastsMs } of schedule) {
      assert.ok(lastsMs > 0 && lastsMs <= durationMs, `seed ${seed}: ${kind} lasts ${lastsMs} ms`);
      if (placement.at !== "time") continue;
      assert.ok(placement.ms >= 300 && placement.ms < durationMs - 300, `seed ${seed}: ${kind} at ${placement.ms} ms`);
    }
  });
});

test("permanent damage strikes at most once a run, and one named node", () => {
  let struck = 0;
  eachSchedule((schedule, seed) => {
    const damage = schedule.filter(({ kind }) => ["bit-flip", "misdirect", "wipe"].includes(kind));
    assert.ok(damage.length <= 1, `seed ${seed}: ${damage.length} times`);
    for (const { target } of damage) assert.ok(Array.isArray(target) && target.length === 1);
    struck += damage.length;
  });
  assert.ok(struck > runs / 20, "it does happen");
});

test("only kinds that were asked for strike, and only at moments that can come; each of them strikes somewhere", () => {
  const kinds: readonly FaultKind[] = ["kill", "isolate-one", "duplicate", "jump"];
  const seen = new Set<FaultKind>();
  eachSchedule((schedule, seed) => {
    for (const { kind, placement } of schedule) {
      assert.ok(kinds.includes(kind), `seed ${seed}: ${kind}`);
      seen.add(kind);
      if (placement.at !== "moment") continue;
      assert.notEqual(placement.moment.kind, "sync", "a cluster whose disks nobody disturbs may have none");
      if (placement.moment.kind === "message") assert.notEqual(placement.moment.from, placement.moment.to);
    }
  }, kinds);
  assert.deepEqual([...seen].toSorted(), [...kinds].toSorted());

  const all = new Set<FaultKind>();
  eachSchedule((schedule) => schedule.forEach(({ kind }) => all.add(kind)));
  assert.deepEqual(
    every.filter((kind) => !all.has(kind)),
    [],
  );
});

test("swarm: a schedule leaves kinds out, and different ones each time", () => {
  const mixes = new Set<string>();
  eachSchedule((schedule) => {
    const kinds = [...new Set(schedule.map(({ kind }) => kind))];
    assert.ok(kinds.length < every.length);
    mixes.add(kinds.toSorted().join());
  });
  assert.ok(mixes.size > runs / 2);
});

test("some fault of a schedule that has any is placed in time: moments may never come", () => {
  for (let seed = 0; seed < runs; seed++) {
    const schedule = swarmSchedule(
      { kinds: every, nodes, durationMs: 1500, electionTimeoutMs: 150 },
      seededRandom(seed),
    );
    if (schedule.length === 0) continue;
    assert.ok(
      schedule.some(({ placement }) => placement.at === "time"),
      `seed ${seed}`,
    );
  }
});
