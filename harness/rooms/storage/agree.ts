/**
 * When the nodes of a store agree: each live key is on as many of them as it should be, all of these hold one version
 * of it with one value, and nobody holds an older one of a key that was written or deleted since.
 */

import type { StorageImplementation, StorageState } from "../../../implementations/storage/contract.ts";
import type { States } from "../room.ts";
import type { StorageTypes } from "./room.ts";

type Entry = StorageState["entries"][number];

export function agree(states: States<StorageTypes>, { converges }: Pick<StorageImplementation, "converges">): boolean {
  const held: StorageState[] = [];
  for (const state of states.values()) {
    if (state.kind === "state") held.push(state.state);
    else if (state.reason.endsWith("is down")) return false;
  }
  if (held.length <= states.size / 2) return false;
  // Where only reads repair, what nobody has read may differ, and the final reads have read everything that matters.
  if (!converges) return true;
  const copies = Math.max(...held.map((state) => state.copies ?? held.length));
  const isSettled = copies > 0 && held.every((state) => state.copies === undefined || state.copies === copies);
  return isSettled && isSame(held, copies);
}

function isSame(held: readonly StorageState[], copies: number): boolean {
  const newest = new Map<string, { readonly entry: Entry; count: number }>();
  for (const { entries } of held) {
    for (const entry of entries) {
      const [key, value, version] = entry;
      const known = newest.get(key);
      if (known === undefined) newest.set(key, { entry, count: 1 });
      else if (known.entry[2] !== version || known.entry[1] !== value) return false;
      else known.count++;
    }
  }
  // Of a deleted key replicas may forget one after the other.
  return [...newest.values()].every(({ entry: [, value], count }) => value === null || count === copies);
}
