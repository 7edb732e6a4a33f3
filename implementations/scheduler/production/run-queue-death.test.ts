/**
 * Goal: a worker thread may die at any instruction, and nothing is lost, run twice, or held for ever. Method: a
 * worker's operation is cut off at every one of its atomic operations in turn (what is written in between is seen by
 * nobody before the next), the owner asks for its orphans, and everything is taken to its end by those who live.
 *
 * That a thread which is terminated really stops between two instructions is run-queue-stress.ts' matter.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RunQueueMemory } from "./run-queue-memory.ts";
import { noQuota, noResources } from "./run-queue-model.fixture.ts";
import { allocateRunQueue } from "./allocate-run-queue.ts";
import { RunQueueOwner } from "./run-queue.ts";
import { RunQueueWorker } from "./run-queue-worker.ts";
import type { Offer } from "./offer.ts";

class Death extends Error {}

/** Runs `operation`, and ends it before its `step`-th atomic operation, from 0. Returns whether it got that far. */
function dieAt(step: number, operation: () => void): boolean {
  const names = ["load", "store", "add", "sub", "and", "or", "exchange", "compareExchange"] as const;
  const originals = names.map((name) => Atomics[name]);
  let left = step;
  for (const [index, name] of names.entries()) {
    const original = originals[index] as (...parameters: unknown[]) => number;
    Object.assign(Atomics, {
      [name]: (...parameters: unknown[]) => {
        if (left-- === 0) throw new Death();
        return original(...parameters);
      },
    });
  }
  try {
    operation();
    return false;
  } catch (error) {
    if (!(error instanceof Death)) throw error;
    return true;
  } finally {
    for (const [index, name] of names.entries()) Object.assign(Atomics, { [name]: originals[index] });
  }
}

const options = { stealing: true };
const quota = { ...noQuota, cpuMilli: 5000 };
const workers = 3;
const victim = 1;

function queue() {
  const shared = allocateRunQueue({ slots: 32, tenants: 2, workers }, { cpuMilli: 9000, memoryMb: 90 }, [quota, quota]);
  const owner = new RunQueueOwner(shared, options);
  const views = Array.from({ length: workers }, (_, worker) => new RunQueueWorker(shared, worker, options));
  let order = 0;
  const offer = (tenant: number, lane: number): void => {
    const slot = owner.allocate();
    owner.offer(slot, offerOf(tenant, lane, order++));
  };
  return { shared, owner, views, offer };
}

function offerOf(tenant: number, lane: number, order: number): Offer {
  return { tenant, lane, rank: 0, order, cpuMilli: 1000, memoryMb: 10, token: order, offeredMs: 0 };
}

/** What the victim does when it dies: given the queue ready for it, returns the fatal part. */
const scenes: Record<string, (parts: ReturnType<typeof queue>) => () => void> = {
  "taking from the shared lane": ({ views, offer }) => {
    for (let index = 0; index < 4; index++) offer(index % 2, -1);
    return () => void views[victim]!.take(0);
  },
  "taking from its own lane": ({ views, offer }) => {
    for (let index = 0; index < 4; index++) offer(0, index % 2 === 0 ? -1 : victim);
    views[victim]!.take(0);
    return () => void views[victim]!.take(0);
  },
  "stealing a batch": ({ views, offer }) => {
    for (let index = 0; index < 9; index++) offer(0, 0);
    return () => void views[victim]!.take(0);
  },
  "stealing a second batch": ({ views, offer }) => {
    for (let index = 0; index < 12; index++) offer(0, 0);
    for (const worker of [0, victim, 2]) views[worker]!.take(0);
    for (let index = 0; index < 2; index++) {
      const taken = views[victim]!.take(0)!;
      views[victim]!.release(taken.slot, 1);
    }
    for (let index = 0; index < 4; index++) offer(1, 2);
    return () => void views[victim]!.take(0);
  },
  "finding no room": ({ views, offer }) => {
    for (let index = 0; index < 7; index++) offer(0, -1);
    for (let index = 0; index < 5; index++) views[index % workers]!.take(0);
    return () => {
      views[victim]!.take(0);
      views[victim]!.take(0);
    };
  },
  "releasing and taking the next": ({ views, offer }) => {
    for (let index = 0; index < 5; index++) offer(index % 2, index % 3 === 0 ? victim : -1);
    const taken = views[victim]!.take(0)!;
    return () => {
      views[victim]!.release(taken.slot, 3);
      views[victim]!.take(0);
    };
  },
};

for (const [name, prepare] of Object.entries(scenes)) {
  test(`a worker dies while ${name}`, () => {
    let steps = 0;
    for (let isDead = true; isDead; steps++) isDead = dieIn(prepare, steps);
    assert.ok(steps > 20, "it has died at many places");
  });
}

function dieIn(prepare: (parts: ReturnType<typeof queue>) => () => void, step: number): boolean {
  const parts = queue();
  const { shared, owner, views } = parts;
  const fatal = prepare(parts);
  const memory = new RunQueueMemory(shared);
  const offered = memory.slots - freeSlots(owner);
  const isDead = dieAt(step, fatal);

  const orphans = owner.orphansOf(victim);
  assert.ok(orphans !== undefined, "the others are at rest");
  assert.equal(new Set(orphans).size, orphans.length);
  assert.deepEqual(owner.orphansOf(victim), [], "each is found once");
  views[victim] = new RunQueueWorker(shared, victim, options);
  let order = 100;
  for (const slot of orphans) owner.offer(slot, offerOf(0, -1, order++));

  // What the living hold ends first: which that is, the tables say, and the model-based test that they say the truth.
  const ended = new Set<number>();
  for (let slot = 0; slot < memory.slots; slot++) {
    const state = memory.words[memory.slotAt(slot)]!;
    if ((state & 7) !== 3) continue;
    views[state >> 3]!.release(slot, 1);
    ended.add(slot);
  }
  for (let turn = 0; owner.waiting() > 0; turn++) {
    assert.ok(turn < 200, `death at step ${step}: ${owner.waiting()} wait and are not found`);
    const taken = views[turn % workers]!.take(0);
    if (taken === undefined) continue;
    assert.ok(!ended.has(taken.slot), "a task is taken once");
    ended.add(taken.slot);
    views[turn % workers]!.release(taken.slot, 1);
  }
  assert.equal(ended.size, offered, `death at step ${step}: each task was taken once`);
  assert.deepEqual([owner.usage(), owner.usageOf(0), owner.usageOf(1)], [noResources, noResources, noResources]);
  for (const slot of ended) owner.free(slot);
  assert.equal(freeSlots(owner), memory.slots);
  checkReserves(memory);
  return isDead;
}

function freeSlots(owner: RunQueueOwner): number {
  const slots: number[] = [];
  for (let slot = owner.allocate(); slot >= 0; slot = owner.allocate()) slots.push(slot);
  for (const slot of slots) owner.free(slot);
  return slots.length;
}

/** No node is in two reserves, or twice in one. */
function checkReserves(memory: RunQueueMemory): void {
  const nodes = [...memory.words.subarray(memory.reserveAt(0), memory.reserveAt(workers))];
  assert.equal(new Set(nodes).size, nodes.length);
}
