/**
 * What a thread that died in the middle of an operation on the skip lists leaves, and how it is finished.
 *
 * Its insertion: linked at the bottom it has happened, and only its place still says "inserting", so that nobody would
 * ever unlink it; not linked it has not, and its node is free. Its unlinking of a prefix: the head leads past nodes
 * whose places do not yet say so, and which nobody else will ever meet. Both are told by a walk through the list:
 * removed nodes that are not met on it are unlinked. What the thread had claimed needs nothing: the claim says whose
 * it is.
 *
 * Others may work on meanwhile. That is why the nodes are collected before the walk, and places changed only by
 * compare-and-swap.
 */

import type { Epochs } from "./epochs.ts";
import type { RemovedPrefix } from "./removed-prefix.ts";
import { inserterAt, listAt, nodeLayout } from "./skip-list-memory.ts";
import type { SkipListMemory } from "./skip-list-memory.ts";

const { end, insertingUnit, nodeWords, placeAt } = nodeLayout;

interface SkipListParts {
  readonly memory: SkipListMemory;
  readonly epochs: Epochs;
  readonly prefix: RemovedPrefix;
}

/** @param parts of the thread that finishes it. @param thread the dead one. Looks at all slots. */
export function finishDeadThread(parts: SkipListParts, thread: number): void {
  const { memory, epochs } = parts;
  epochs.forget(thread);
  epochs.pin();
  for (const [list, nodes] of leftBy(memory, thread)) finish(parts, thread, list, nodes);
  epochs.unpin();
}

/** By list: the node that `thread`, now dead, was inserting, and all that are removed and not unlinked. */
function leftBy(memory: SkipListMemory, thread: number): ReadonlyMap<number, readonly number[]> {
  const left = new Map<number, number[]>();
  for (let node = 1; node <= memory.slots; node++) {
    const place = Atomics.load(memory.words, node * nodeWords + placeAt);
    if (place <= 0) continue;
    // Another one that is being inserted may still show an old claim.
    if (place >= insertingUnit ? inserterAt(place) !== thread : !memory.isClaimed(node)) continue;
    const nodes = left.get(listAt(place));
    if (nodes === undefined) left.set(listAt(place), [node]);
    else nodes.push(node);
  }
  return left;
}

/** What was in `nodes` before this walk through the list and is not met on it is not linked. */
function finish(
  { memory, epochs, prefix }: SkipListParts,
  thread: number,
  list: number,
  nodes: readonly number[],
): void {
  const words = memory.words;
  const linked = new Set<number>();
  for (let node = memory.next(memory.start(list)); node !== end; node = memory.next(node)) linked.add(node);
  prefix.raiseHead(list);
  const unlinked = ~epochs.now();
  for (const node of nodes) {
    const at = node * nodeWords + placeAt;
    const place = Atomics.load(words, at);
    const isInserting = place >= insertingUnit && inserterAt(place) === thread;
    if (isInserting) Atomics.compareExchange(words, at, place, linked.has(node) ? list + 1 : 0);
    else if (!linked.has(node)) Atomics.compareExchange(words, at, list + 1, unlinked);
  }
}
