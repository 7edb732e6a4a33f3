/**
 * Goal: the run queue takes tasks in order, within quotas and capacity, and treats tenants by their shares. Method:
 * random operations beside a model of plain lists, step by step; long runs with the bounds that tenant-table.ts states;
 * the rest by example. One thread: what several do to each other is run-queue-stress.ts' matter.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../foundation/prng.ts";
import { header, RunQueueMemory } from "./run-queue-memory.ts";
import { noQuota, noResources, RunQueueModel } from "./run-queue-model.fixture.ts";
import { allocateRunQueue } from "./allocate-run-queue.ts";
import { RunQueueOwner } from "./run-queue.ts";
import { RunQueueWorker } from "./run-queue-worker.ts";
import type { Offer } from "./offer.ts";
import type { Taken } from "./task-taker.ts";
import type { Share } from "./tenant-table.ts";
import { patience } from "./task-taker.ts";
import { unitsPerMs } from "./tenant-table.ts";

interface Options {
  readonly slots?: number;
  readonly workers?: number;
  readonly shares?: readonly Share[];
  readonly cpuMilli?: number;
  readonly stealing?: boolean;
}

function queueOf({ slots = 64, workers = 2, shares = [noQuota], cpuMilli = Infinity, stealing = true }: Options) {
  const shared = allocateRunQueue({ slots, tenants: shares.length, workers }, { cpuMilli, memoryMb: 100 }, shares);
  const owner = new RunQueueOwner(shared, { stealing });
  const views = Array.from({ length: workers }, (_, worker) => new RunQueueWorker(shared, worker, { stealing }));
  let order = 0;
  const offer = (task: Partial<Offer>): number => {
    const slot = owner.allocate();
    assert.ok(slot >= 0);
    owner.offer(slot, { ...plainTask, order: order++, ...task });
    return slot;
  };
  return { shared, owner, workers: views, offer };
}

const plainTask: Offer = {
  tenant: 0,
  lane: -1,
  rank: 0,
  order: 0,
  cpuMilli: 1000,
  memoryMb: 0,
  token: 1,
  offeredMs: 0,
};

const amounts = fc.constantFrom(0, 1, 500, 1000, 1500);
const shares = fc.array(
  fc.record({
    weight: fc.constantFrom(0.5, 1, 3),
    cpuMilli: fc.constantFrom(1500, 3000, Infinity),
    memoryMb: fc.constantFrom(50, Infinity),
  }),
  { minLength: 1, maxLength: 3 },
);
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("offer" as const),
        tenant: fc.nat(2),
        lane: fc.integer({ min: -1, max: 2 }),
        rank: fc.integer({ min: -2, max: 2 }),
        cpuMilli: amounts,
        memoryMb: fc.constantFrom(0, 0, 10, 50),
      }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("take" as const), worker: fc.nat(3) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("release" as const),
        which: fc.nat(),
        ranMs: fc.constantFrom(0, 0.1, 1, 50),
        again: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("withdraw" as const), slot: fc.nat(23) }) },
  ),
  { maxLength: 200, size: "max" },
);

test("beside a model: what is taken next, what is held, what waits", () => {
  fc.assert(
    fc.property(steps, shares, fc.integer({ min: 1, max: 3 }), fc.boolean(), (commands, tenants, workers, stealing) => {
      const slots = 24;
      const capacity = { cpuMilli: 3000, memoryMb: 100 };
      const shared = allocateRunQueue({ slots, tenants: tenants.length, workers }, capacity, tenants);
      const owner = new RunQueueOwner(shared, { stealing });
      const views = Array.from({ length: workers }, (_, worker) => new RunQueueWorker(shared, worker, { stealing }));
      const model = new RunQueueModel(capacity, tenants, workers, stealing);
      const allocated = new Set<number>();
      let order = 0;
      for (const command of commands) {
        if (command.kind === "offer") {
          const slot = owner.allocate();
          if (slot < 0) assert.equal(allocated.size, slots, "a slot is refused only when all are in use");
          if (slot < 0) continue;
          assert.ok(!allocated.has(slot));
          allocated.add(slot);
          const { rank, cpuMilli, memoryMb } = command;
          const [tenant, lane] = [command.tenant % tenants.length, Math.min(command.lane, workers - 1)];
          const task = {
            slot,
            tenant,
            lane,
            rank,
            order,
            cpuMilli,
            memoryMb,
            token: 2 ** 40 + order,
            offeredMs: order,
          };
          order++;
          owner.offer(slot, task);
          model.offer(task);
        } else if (command.kind === "take") {
          const worker = command.worker % (workers + 1);
          const expected = model.take(worker, owner);
          const taken = worker === workers ? owner.take(1000) : views[worker]!.take(1000);
          assert.equal(taken?.slot, expected?.task.slot);
          if (taken === undefined || expected === undefined) continue;
          assert.equal(taken.lane, expected.lane);
          assert.equal(taken.token, expected.task.token);
          assert.equal(taken.waitMs, 1000 - expected.task.offeredMs);
        } else if (command.kind === "release") {
          const running = [...model.running.values()];
          const chosen = running[command.which % Math.max(1, running.length)];
          if (chosen === undefined) continue;
          const { task, worker } = chosen;
          (worker === workers ? owner : views[worker]!).release(task.slot, command.ranMs);
          model.running.delete(task.slot);
          if (command.again) {
            owner.offer(task.slot, task);
            model.offer(task);
          } else {
            owner.free(task.slot);
            allocated.delete(task.slot);
          }
        } else if (allocated.has(command.slot)) {
          const isWithdrawn = model.withdraw(command.slot);
          assert.equal(owner.withdraw(command.slot), isWithdrawn);
          if (!isWithdrawn) continue;
          owner.free(command.slot);
          allocated.delete(command.slot);
        }
        assert.deepEqual(owner.usage(), model.heldOf());
        assert.equal(owner.waiting(), model.queued().length);
        for (const [tenant, share] of tenants.entries()) {
          const held = owner.usageOf(tenant);
          assert.deepEqual(held, model.heldOf(tenant));
          assert.ok(held.cpuMilli <= share.cpuMilli && held.memoryMb <= share.memoryMb);
          const waiting = model.waitingOf(tenant);
          assert.equal(owner.waitingOf(tenant), waiting.length);
          assert.equal(owner.bestRankOf(tenant), model.bestRankOf(tenant));
        }
      }
    }),
    { numRuns: 150 },
  );
});

/** Workers in virtual time: each takes when it is free; every tenant always has `depth` tasks waiting. */
function backlogged(
  tenants: readonly Share[],
  workers: number,
  endMs: number,
  lengthMs: (tenant: number) => number,
  watch: (owner: RunQueueOwner) => void = () => undefined,
): { readonly ranMs: readonly number[]; readonly longestMs: number } {
  const { owner, workers: views, offer } = queueOf({ shares: tenants, workers, slots: 256 });
  const ranMs = tenants.map(() => 0);
  let longestMs = 0;
  const lengths = new Map<number, { readonly tenant: number; readonly ms: number }>();
  const supply = (tenant: number): void => {
    while (owner.waitingOf(tenant) < 4) {
      const ms = lengthMs(tenant);
      longestMs = Math.max(longestMs, ms / tenants[tenant]!.weight);
      lengths.set(offer({ tenant }), { tenant, ms });
    }
  };
  for (const tenant of tenants.keys()) supply(tenant);
  const busy = views.map((): { taken: Taken | undefined; untilMs: number } => ({ taken: undefined, untilMs: 0 }));
  for (;;) {
    const next = busy.reduce((least, each, worker) => (each.untilMs < busy[least]!.untilMs ? worker : least), 0);
    const { taken, untilMs } = busy[next]!;
    if (untilMs > endMs) return { ranMs, longestMs };
    if (taken !== undefined) {
      const { tenant, ms } = lengths.get(taken.slot)!;
      views[next]!.release(taken.slot, ms);
      owner.free(taken.slot);
      ranMs[tenant]! += ms;
      supply(tenant);
    }
    const following = views[next]!.take(untilMs);
    assert.ok(following !== undefined);
    supply(lengths.get(following.slot)!.tenant);
    busy[next] = { taken: following, untilMs: untilMs + lengths.get(following.slot)!.ms };
    watch(owner);
  }
}

test("virtual times of backlogged tenants stay within 2 W L of each other, whatever lengths and weights", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 2, max: 5 }), (seed, workers, count) => {
      const random = seededRandom(seed);
      const tenants = Array.from({ length: count }, () => ({ ...noQuota, weight: 1 + random.below(4) }));
      const scales = tenants.map(() => 10 ** random.below(4) / 10);
      let most = 0;
      const { longestMs } = backlogged(
        tenants,
        workers,
        600,
        (tenant) => random.float() * scales[tenant]!,
        (owner) => {
          const times = tenants.map((_, tenant) => owner.virtualMsOf(tenant));
          most = Math.max(most, Math.max(...times) - Math.min(...times));
        },
      );
      const boundMs = 2 * workers * Math.max(longestMs, 1 / unitsPerMs);
      assert.ok(most <= boundMs, `${most} ms apart, ${boundMs} ms allowed`);
    }),
    { numRuns: 10 },
  );
});

test("tenants of equal weight get the same within 5 % in a second of short tasks, and others by weight", () => {
  const random = seededRandom("short tasks");
  for (const [lengthMs, name] of [
    [() => 0.05 + random.float() * 0.1, "0.1 ms"],
    [(tenant: number) => (tenant === 0 ? 0.02 : 5), "0.02 ms against 5 ms"],
    [(tenant: number) => (tenant === 0 ? 0.005 : 0.013), "5 us against 13 us"],
  ] as const) {
    const { ranMs } = backlogged([noQuota, noQuota], 2, 1000, lengthMs);
    assert.ok(Math.abs(ranMs[0]! / ranMs[1]! - 1) < 0.05, `${name}: ${ranMs.join(" and ")} ms`);
  }
  const { ranMs } = backlogged([noQuota, { ...noQuota, weight: 3 }], 2, 1000, () => 0.1);
  assert.ok(Math.abs(ranMs[1]! / ranMs[0]! / 3 - 1) < 0.05, `weights 1 and 3: ${ranMs.join(" and ")} ms`);
});

test("a tenant that was idle has saved nothing up, and owes nothing but what it ran", () => {
  const { owner, workers, offer } = queueOf({ shares: [noQuota, noQuota], workers: 1 });
  const run = (): number => {
    const taken = workers[0]!.take(0)!;
    workers[0]!.release(taken.slot, 10);
    owner.free(taken.slot);
    return taken.token;
  };
  for (let index = 0; index < 20; index++) offer({ tenant: 0, token: 0 });
  for (let index = 0; index < 10; index++) run();
  for (let index = 0; index < 20; index++) offer({ tenant: 1, token: 1 });
  const after = Array.from({ length: 10 }, run);
  assert.equal(after.filter((tenant) => tenant === 1).length, 5, "they share from now on");
  for (let index = 0; index < 20; index++) run();
  assert.equal(owner.waiting(), 0);
  // Both idle: whoever begins, the other joins on equal terms.
  offer({ tenant: 1, token: 1 });
  run();
  for (let index = 0; index < 10; index++) offer({ tenant: index % 2, token: index % 2 });
  assert.ok(Math.abs(owner.virtualMsOf(0) - owner.virtualMsOf(1)) <= 20);
});

test("virtual time goes round without anybody noticing", () => {
  const { owner, workers, offer } = queueOf({ shares: [noQuota, noQuota], workers: 1 });
  const turnMs = 2 ** 32 / unitsPerMs;
  const counts = [0, 0];
  for (let index = 0; index < 40; index++) offer({ tenant: index % 2, token: index % 2 });
  for (let step = 0; step < 40; step++) {
    const taken = workers[0]!.take(0)!;
    counts[taken.token]!++;
    assert.ok(Math.abs(counts[0]! - counts[1]!) <= 2);
    workers[0]!.release(taken.slot, turnMs / 16);
    owner.free(taken.slot);
    owner.virtualMsOf(0);
    owner.virtualMsOf(1);
  }
  assert.ok(owner.virtualMsOf(0) > turnMs, "it has gone round");
});

test("a long task of a tiny weight is charged no more at its start than at its end", () => {
  const { owner, workers, offer } = queueOf({ shares: [{ ...noQuota, weight: 0.001 }, noQuota] });
  for (const tenant of [0, 0, 1]) offer({ tenant, token: tenant });
  const first = workers[0]!.take(0)!;
  workers[0]!.release(first.slot, 10_000);
  const before = owner.virtualMsOf(0);
  for (let index = 0; index < 2; index++) workers[index]!.take(0);
  assert.ok(owner.virtualMsOf(0) > before, "virtual time has not gone back");
});

test("a big task gets through however many small ones there are, and is passed over a bounded number of times", () => {
  const { owner, workers, offer } = queueOf({ shares: [noQuota, noQuota], workers: 4, cpuMilli: 4000 });
  for (let index = 0; index < 8; index++) offer({ tenant: 1 });
  const running: (Taken | undefined)[] = workers.map((worker) => worker.take(0));
  const big = offer({ tenant: 0, cpuMilli: 4000 });
  let passed = 0;
  for (let turn = 0; ; turn++) {
    assert.ok(turn < 1000, "the big task starves");
    const worker = turn % 4;
    const ended = running[worker];
    if (ended !== undefined) {
      workers[worker]!.release(ended.slot, 1);
      owner.free(ended.slot);
      offer({ tenant: 1 });
    }
    const taken = workers[worker]!.take(0);
    running[worker] = taken;
    if (taken?.slot === big) break;
    if (taken !== undefined) passed++;
  }
  assert.ok(passed >= 1 && passed <= patience, `passed over ${passed} times`);
  assert.ok(owner.counters.throttledByCapacity > 0);
});

test("a quota makes nobody but its own tenant wait", () => {
  const { owner, workers, offer } = queueOf({ shares: [{ ...noQuota, cpuMilli: 1000 }, noQuota], slots: 512 });
  const blocked = offer({ tenant: 0 });
  assert.equal(workers[0]!.take(0)?.slot, blocked);
  offer({ tenant: 0 });
  for (let turn = 0; turn < 3 * patience; turn++) {
    const slot = offer({ tenant: 1 });
    assert.equal(workers[1]!.take(0)?.slot, slot);
    workers[1]!.release(slot, 1);
    owner.free(slot);
  }
  assert.ok(owner.counters.throttledByQuota > 0);
  assert.equal(owner.counters.throttledByCapacity, 0);
});

test("nobody steals when told not to, and then a lane waits for its worker", () => {
  const { owner, workers, offer } = queueOf({ stealing: false });
  const slot = offer({ lane: 1 });
  assert.equal(workers[0]!.take(0), undefined);
  assert.equal(owner.take(), undefined);
  assert.equal(workers[1]!.take(0)?.slot, slot);
});

test("a thief moves half of a lane to its own, from which it can be stolen again", () => {
  const { owner, workers, offer } = queueOf({ workers: 3 });
  const slots = Array.from({ length: 10 }, () => offer({ lane: 0 }));
  assert.deepEqual([workers[1]!.take(0)!.slot, workers[1]!.take(0)!.slot], slots.slice(0, 2));
  assert.equal(owner.counters.stolen, 5);
  assert.equal(workers[0]!.take(0)!.slot, slots[5], "the rest stayed");
  assert.equal(workers[2]!.take(0)!.slot, slots[6], "from the fuller lane");
  assert.ok(owner.withdraw(slots[4]!), "what was moved can be withdrawn");
  assert.equal(owner.waiting(), 5);
});

test("to yield is asked of one attempt only", () => {
  const { owner, workers, offer } = queueOf({});
  const slot = offer({});
  workers[0]!.take(0);
  assert.ok(!workers[0]!.shouldYield(slot));
  owner.requestYield(slot);
  assert.ok(workers[0]!.shouldYield(slot));
  workers[0]!.release(slot, 1);
  owner.offer(slot, plainTask);
  assert.equal(workers[1]!.take(0)?.slot, slot);
  assert.ok(!workers[1]!.shouldYield(slot));
});

test("tickets say what was there when somebody looked", () => {
  const { owner, workers } = queueOf({});
  const [first, second] = [owner.allocate(), owner.allocate()];
  const early = owner.offer(first, plainTask);
  const taken = workers[0]!.take(0)!;
  const late = owner.offer(second, plainTask);
  assert.ok(early < taken.since && taken.since <= taken.ticket && taken.ticket < late);
});

test("what is offered again while a thread stands still waits for a node, is counted, and is not lost", () => {
  const { shared, owner, workers, offer } = queueOf({ slots: 8 });
  const still = new RunQueueMemory(shared).listsOf(1);
  const slot = offer({});
  still.pin();
  for (let turn = 0; ; turn++) {
    assert.ok(turn < 5000, "nodes are reused while somebody may look at them");
    const taken = workers[0]!.take(0);
    if (taken === undefined) break;
    workers[0]!.release(taken.slot, 0);
    owner.offer(slot, plainTask);
  }
  assert.equal(owner.waiting(), 1);
  assert.equal(owner.allocate(), -1);
  assert.ok(owner.withdraw(slot) && !owner.withdraw(slot) && owner.waiting() === 0);
  owner.offer(slot, plainTask);
  assert.equal(workers[0]!.take(0), undefined);
  still.unpin();
  assert.ok(owner.allocate() >= 0);
  assert.equal(workers[0]!.take(0)?.slot, slot);
});

test("in a batch a second worker is woken after many offers or at the end, the first one at once", () => {
  for (const offers of [2, 300]) {
    const { shared, owner, offer } = queueOf({ slots: 512 });
    const { words } = new RunQueueMemory(shared);
    words[header.asleep] = 0b11;
    owner.inBatch(() => {
      offer({});
      assert.ok(words[header.asleep] === 0b01 || words[header.asleep] === 0b10, "one is woken");
      words[header.waking] = 0; // It has begun to look.
      for (let count = 1; count < offers; count++) offer({});
      assert.equal(words[header.asleep] === 0, offers > 128);
    });
    assert.equal(words[header.asleep], 0);
  }
});

test("offers that make no sense are refused", () => {
  const { owner } = queueOf({});
  const slot = owner.allocate();
  for (const wrong of [{ tenant: 1 }, { lane: 2 }, { cpuMilli: 0.5 }, { memoryMb: -1 }, { order: -1 }]) {
    assert.throws(() => owner.offer(slot, { ...plainTask, ...wrong }), /Invariant broken/);
  }
  owner.offer(slot, plainTask);
  assert.throws(() => owner.offer(slot, plainTask), /nobody's hands/);
  assert.throws(() => owner.free(slot), /nobody's hands/);
  assert.deepEqual(owner.usage(), noResources);
});
