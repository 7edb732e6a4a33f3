/**
 * Goal: a list behaves as a sorted array does, whatever is called in whatever order, and slots come back.
 *
 * Method: random programs over a few lists, on one thread, against arrays; after each step size and least are compared.
 * What threads do to each other is tested in harness/stress/.
 */

import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { skipListBytes } from "./skip-list-memory.ts";
import { SkipLists } from "./skip-list.ts";

interface Element {
  readonly slot: number;
  readonly rank: number;
  readonly order: number;
}

const lists = 3;

class Model {
  readonly queued = Array.from({ length: lists }, (): Element[] => []);

  insert(list: number, element: Element): void {
    const queue = this.queued[list]!;
    queue.push(element);
    queue.sort((a, b) => a.rank - b.rank || a.order - b.order || a.slot - b.slot);
  }

  least(list: number): number {
    return this.queued[list]![0]?.slot ?? -1;
  }

  remove(list: number, slot: number): boolean {
    const queue = this.queued[list]!;
    const index = queue.findIndex((element) => element.slot === slot);
    if (index >= 0) queue.splice(index, 1);
    return index >= 0;
  }
}

const step = fc.record({
  kind: fc.constantFrom("insert", "insert", "insert", "popMin", "claim", "claimLeast", "remove"),
  list: fc.nat({ max: lists - 1 }),
  pick: fc.nat(),
  rank: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true })),
  order: fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: 0, max: 0xffff_ffff })),
});

test("A list is a sorted array", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), fc.array(step, { maxLength: 400, size: "max" }), (slots, steps) => {
      const layout = { slots, lists, threads: 2 };
      const view = new SkipLists(new SharedArrayBuffer(skipListBytes(layout)), 0, layout, 1);
      const model = new Model();
      const isQueued = (slot: number): boolean => model.queued.flat().some((element) => element.slot === slot);
      for (const { kind, list, pick, rank, order } of steps) {
        const queue = model.queued[list]!;
        const some = queue[pick % Math.max(1, queue.length)]?.slot;
        if (kind === "insert") {
          const slot = pick % slots;
          if (!isQueued(slot) && view.isReclaimable(slot)) {
            view.insert(list, slot, rank, order);
            model.insert(list, { slot, rank: rank === 0 ? 0 : rank, order });
            equal(view.rankOf(slot), rank);
            equal(view.orderOf(slot), order);
            equal(view.claimantOf(slot), -1);
          }
        } else if (kind === "popMin") {
          const least = model.least(list);
          equal(view.popMin(list), least);
          model.remove(list, least);
          if (least >= 0) equal(view.claimantOf(least), 1);
        } else if (kind === "remove" && some !== undefined) {
          equal(view.remove(list, some), model.remove(list, some));
          equal(view.remove(list, some), false);
        } else if (some !== undefined) {
          const slot = kind === "claimLeast" ? model.least(list) : some;
          const isLeast = slot === model.least(list);
          equal(view.claim(list, slot), isLeast);
          if (isLeast) model.remove(list, slot);
        }
        for (let other = 0; other < lists; other++) {
          equal(view.peek(other), model.least(other));
          equal(view.size(other), model.queued[other]!.length);
        }
        for (let slot = 0; slot < slots; slot++) equal(view.isQueued(slot), isQueued(slot));
      }
      for (let list = 0; list < lists; list++) {
        const popped = Array.from(model.queued[list]!, () => view.popMin(list));
        deepEqual(
          popped,
          model.queued[list]!.map(({ slot }) => slot),
        );
        equal(view.popMin(list), -1);
      }
      const stuck = Array.from({ length: slots }, (_, slot) => slot).filter((slot) => !view.isReclaimable(slot));
      ok(stuck.length <= lists, `each list keeps one node at most, not ${stuck.join(", ")}`);
    }),
    { numRuns: 200 },
  );
});
