/**
 * Goal: whatever one thread is about to do next, others find lists that are a linearizable priority queue: when they do
 * something in between, and when the thread dies there.
 *
 * Method: one operation is stopped before each of its atomic operations in turn; there another view does a few
 * operations, of which the first may itself be stopped for a third view. What all saw must have an order that respects
 * who came before whom (tried out, there are few). And one operation dies before each of its atomic operations in turn:
 * others go on at once, and after `forgetThread` each element is there once, or known to be the dead thread's.
 *
 * What this does not try: two threads stopped at once in more than these ways; harness/stress has real threads for it.
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";

import type { Random } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { interruptAt } from "./atomics-hook.fixture.ts";
import { skipListBytes } from "./skip-list-memory.ts";
import { SkipLists } from "./skip-list.ts";

const kinds = ["insert", "popMin", "peek", "claim", "remove", "reclaim"] as const;
type Kind = (typeof kinds)[number];

/** What one view did: `argument` went in or was named, `result` came out; elements by key, -1: none. */
interface Done {
  readonly kind: Kind;
  readonly argument: number;
  readonly result: number;
  readonly call: number;
  readonly return: number;
}

/** An element's key: a rank of few values, then a number used once. */
const orders = 1000;
const layout = { slots: 16, lists: 2, threads: 4 };

class World {
  readonly views: readonly SkipLists[];
  readonly done: Done[] = [];
  /** Keys in the other list, to which slots of the first one move. */
  readonly moved: number[] = [];
  readonly #random: Random;
  #time = 0;
  #order = 0;

  constructor(random: Random) {
    const shared = new SharedArrayBuffer(skipListBytes(layout));
    this.views = Array.from({ length: layout.threads }, (_, thread) => new SkipLists(shared, 0, layout, thread));
    this.#random = random;
    for (let count = random.below(9); count > 0; count--) this.insert(random.below(layout.threads));
    for (let count = random.below(6); count > 0; count--) this.views[0]!.popMin(0);
    this.#keepQueued();
  }

  /** What stands in the lists when the operations of interest begin, as insertions that are over. */
  #keepQueued(): void {
    this.done.length = 0;
    for (let slot = 0; slot < layout.slots; slot++) {
      if (this.views[0]!.isQueued(slot)) this.#note("insert", this.#time++, this.keyOf(slot), -1);
    }
  }

  keyOf(slot: number): number {
    return slot < 0 ? -1 : this.views[0]!.rankOf(slot) * orders + this.views[0]!.orderOf(slot);
  }

  operate(thread: number, kind: Kind): void {
    const view = this.views[thread]!;
    const call = this.#time++;
    if (kind === "insert") this.insert(thread);
    else if (kind === "popMin") this.#note(kind, call, -1, this.keyOf(view.popMin(0)));
    else if (kind === "peek") this.#note(kind, call, -1, this.keyOf(view.peek(0)));
    else if (kind === "claim") this.#claimLeast(view, call);
    else if (kind === "remove") this.#removeSome(view, call);
    else for (let slot = 0; slot < layout.slots; slot++) view.isReclaimable(slot);
  }

  insert(thread: number, list = 0): void {
    const view = this.views[thread]!;
    const start = this.#random.below(layout.slots);
    for (let tried = 0; tried < layout.slots; tried++) {
      const slot = (start + tried) % layout.slots;
      // Each view inserts slots of its own: who may insert a slot is not what the lists decide.
      if (slot % layout.threads !== thread || view.isQueued(slot) || !view.isReclaimable(slot)) continue;
      const [rank, order] = [this.#random.below(4), this.#order++];
      const call = this.#time++;
      view.insert(list, slot, rank, order);
      if (list === 0) this.#note("insert", call, rank * orders + order, -1);
      else this.moved.push(rank * orders + order);
      return;
    }
  }

  #claimLeast(view: SkipLists, call: number): void {
    view.pin();
    const slot = view.peek(0);
    const isTaken = slot >= 0 && view.claim(0, slot);
    if (isTaken) this.#note("popMin", call, -1, this.keyOf(slot));
    view.unpin();
  }

  #removeSome(view: SkipLists, call: number): void {
    view.pin();
    const slot = this.#random.below(layout.slots);
    if (view.isQueued(slot)) {
      const key = this.keyOf(slot);
      this.#note("remove", call, key, view.remove(0, slot) ? key : -1);
    }
    view.unpin();
  }

  #note(kind: Kind, call: number, argument: number, result: number): void {
    this.done.push({ kind, argument, result, call, return: this.#time++ });
  }

  /** Takes what is left. */
  drain(thread: number): void {
    for (let count = 0; count <= layout.slots; count++) this.operate(thread, "popMin");
  }
}

/** Whether the operations have an order, going on from those `placed`, that gives their results. */
function hasOrder(done: readonly Done[], queue: readonly number[] = [], placed = new Set<Done>()): boolean {
  if (placed.size === done.length) return true;
  const open = done.filter((each) => !placed.has(each));
  const firstReturn = Math.min(...open.map((each) => each.return));
  return open.some((each) => {
    if (each.call > firstReturn) return false;
    const next = stepOf(queue, each);
    return next !== undefined && hasOrder(done, next, new Set([...placed, each]));
  });
}

function stepOf(queue: readonly number[], { kind, argument, result }: Done): readonly number[] | undefined {
  const least = queue.length === 0 ? -1 : Math.min(...queue);
  if (kind === "insert") return [...queue, argument];
  if (kind === "peek") return result === least ? queue : undefined;
  if (kind === "popMin") return result === least ? queue.filter((key) => key !== least) : undefined;
  if (result < 0) return queue.includes(argument) ? undefined : queue;
  return queue.includes(argument) ? queue.filter((key) => key !== argument) : undefined;
}

/** Mostly what empties lists and makes slots reusable. */
const likely: readonly Kind[] = [...kinds, "popMin", "popMin", "popMin", "reclaim"];

function someKinds(random: Random): readonly Kind[] {
  return Array.from({ length: 1 + random.below(6) }, () => likely[random.below(likely.length)]!);
}

/** The `at`-th interruption of the scenario that `seed` names; false when the operation is over before it. */
function interleave(seed: number, at: number): boolean {
  const random = seededRandom(seed);
  const world = new World(random);
  const [outer, inner, innermost] = [kinds[random.below(4)]!, someKinds(random), someKinds(random)];
  const innerAt = random.below(40);
  const second = (): void => innermost.forEach((kind) => world.operate(2, kind));
  const first = (): void => {
    inner.forEach((kind, position) => {
      if (position > 0) world.operate(1, kind);
      else interruptAt(innerAt, () => world.operate(1, kind), second);
    });
  };
  const isReached = interruptAt(at, () => world.operate(0, outer), first);
  for (let count = random.below(16); count > 0; count--) world.insert(random.below(layout.threads), random.below(2));
  world.drain(3);
  const moved = world.moved.map(() => world.keyOf(world.views[3]!.popMin(1)));
  deepEqual(moved, world.moved.sort(ascending), `seed ${seed}, interrupted at ${at}: the other list is its own`);
  ok(hasOrder(world.done), `seed ${seed}, interrupted at ${at}: ${JSON.stringify(world.done)}`);
  expectSlotsBack(world.views[3]!, `seed ${seed}, interrupted at ${at}`);
  return isReached;
}

function expectSlotsBack(view: SkipLists, where: string): void {
  const held = Array.from({ length: layout.slots }, (_, slot) => slot).filter((slot) => !view.isReclaimable(slot));
  ok(held.length <= layout.lists, `${where}: slots ${held.join(", ")} do not come back`);
}

test("an operation interrupted anywhere by others, and these by yet others, is linearizable", () => {
  for (let seed = 0; seed < 600; seed++) {
    let at = 0;
    while (interleave(seed, at)) at++;
    ok(at > 0);
  }
});

/** The death before the `at`-th atomic operation of what `seed` names; false when it is over before that. */
function die(seed: number, at: number): boolean {
  const random = seededRandom(seed);
  const world = new World(random);
  const before = world.done.map(({ argument }) => argument);
  const kind = kinds[random.below(kinds.length)]!;
  const where = `seed ${seed}, dead at ${at} in ${kind}`;
  const death = new Error("the thread is terminated");
  const diesThere = (): boolean =>
    interruptAt(
      at,
      () => world.operate(0, kind),
      () => {
        throw death;
      },
    );
  try {
    if (!diesThere()) return false;
  } catch (error) {
    equal(error, death);
  }
  // What it had noted before it died, its claims say too.
  const noted = world.done.length;
  for (const other of someKinds(random)) if (other !== "reclaim") world.operate(1, other);
  const survivor = world.views[1]!;
  const slots = Array.from({ length: layout.slots }, (_, slot) => slot);
  const claimed = slots.filter((slot) => survivor.claimantOf(slot) === 0).map((slot) => world.keyOf(slot));
  survivor.forgetThread(0);
  const queued = slots.filter((slot) => survivor.isQueued(slot)).map((slot) => world.keyOf(slot));
  const popped: number[] = [];
  for (let slot = survivor.popMin(0); slot >= 0; slot = survivor.popMin(0)) popped.push(world.keyOf(slot));
  deepEqual(popped, queued.sort(ascending), `${where}: what is said to be queued is queued, in order`);
  const others = world.done.slice(noted);
  const taken = others.filter((each) => each.kind === "popMin" || each.kind === "remove").map(({ result }) => result);
  const known = [...taken.filter((key) => key >= 0), ...claimed.filter((key) => before.includes(key)), ...popped];
  equal(new Set(known).size, known.length, `${where}: nothing is there twice`);
  const inserted = others.filter((each) => each.kind === "insert").map(({ argument }) => argument);
  for (const key of [...before, ...inserted]) ok(known.includes(key), `${where}: ${key} is lost`);
  expectSlotsBack(survivor, where);
  return true;
}

function ascending(one: number, other: number): number {
  return one - other;
}

test("a thread that dies anywhere leaves each element there once, or known to be its own", () => {
  for (let seed = 0; seed < 750; seed++) {
    let at = 0;
    while (die(seed, at)) at++;
  }
});

/**
 * Random programs seldom do what it takes: a node of several levels, and the one behind it, removed and unlinked just
 * before the node is linked on an upper level; then the node is used in another list.
 */
function removeWhileInserting(draws: number, at: number): boolean {
  const shared = new SharedArrayBuffer(skipListBytes(layout));
  const [one, other] = [new SkipLists(shared, 0, layout, 0), new SkipLists(shared, 0, layout, 1)] as const;
  for (let count = 0; count < draws; count++) {
    one.insert(0, count % 8, 0, 0);
    one.popMin(0);
    for (let slot = 0; slot < 8; slot++) one.isReclaimable(slot);
  }
  other.insert(0, 8, 1, 0);
  const isReached = interruptAt(
    at,
    () => one.insert(0, 9, 0, 0),
    () => {
      other.popMin(0);
      other.popMin(0);
      other.isReclaimable(9);
    },
  );
  while (other.popMin(0) >= 0);
  other.insert(0, 10, 0, 0);
  other.popMin(0);
  const where = `after ${draws} draws, interrupted at ${at}`;
  ok(one.isReclaimable(9), where);
  one.insert(1, 9, 0, 0);
  other.insert(0, 11, 1, 0);
  equal(other.popMin(0), 11, where);
  equal(other.popMin(1), 9, where);
  return isReached;
}

test("a node that is still being linked is not unlinked", () => {
  for (let draws = 0; draws < 40; draws++) {
    let at = 0;
    while (removeWhileInserting(draws, at)) at++;
  }
});
