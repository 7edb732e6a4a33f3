/**
 * Goal: a siege has everything in it and never destroys a cluster that is right. Method: many schedules, each read as
 * an operator would who has to keep a majority alive.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { faultKinds } from "../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { FaultSpec } from "../plan/plan.ts";
import { siegeSchedule } from "./siege.ts";

const kinds: readonly FaultKind[] = Object.values(faultKinds).flat();
const options = { kinds, durationMs: 300_000, meanGapMs: 1000 };

function siege(seed: number): FaultSpec[] {
  return siegeSchedule(options, seededRandom(seed));
}

function startOf({ placement }: FaultSpec): number {
  assert.equal(placement.at, "time");
  return placement.at === "time" ? placement.ms : 0;
}

test("every kind of fault comes, several are at work at once, and a seed always gives the same", () => {
  for (let seed = 0; seed < 20; seed++) {
    const faults = siege(seed);
    assert.deepEqual(siege(seed), faults);
    assert.deepEqual(
      kinds.filter((kind) => !faults.some((fault) => fault.kind === kind)),
      [],
      `seed ${seed}`,
    );
    const together = faults.filter((fault) =>
      faults.some(
        (other) =>
          other !== fault && startOf(other) > startOf(fault) && startOf(other) < startOf(fault) + fault.durationMs,
      ),
    );
    assert.ok(together.length > faults.length / 4, `seed ${seed}: ${together.length} of ${faults.length} overlap`);
  }
});

test("only what the cluster can do without is damaged for good or let go, and the damaged are replaced", () => {
  for (let seed = 0; seed < 50; seed++) {
    const faults = siege(seed);
    const lasting = faults.filter(({ kind }) => ["bit-flip", "misdirect", "wipe", "remove"].includes(kind));
    assert.deepEqual(new Set(lasting.map(({ target }) => target)), new Set(["dispensable"]));
    const damages = lasting.filter(({ kind }) => kind !== "remove");
    const replacements = faults.filter(({ kind, target }) => kind === "replace" && target === "damaged");
    assert.equal(replacements.length, damages.length);
    for (const [index, damage] of damages.entries()) {
      const replacement = replacements[index];
      assert.ok(replacement !== undefined && startOf(replacement) > startOf(damage) + damage.durationMs);
    }
  }
});

test("everything lies within the time there is, and leaves time to recover", () => {
  for (const fault of siege(1)) assert.ok(startOf(fault) >= 1000 && startOf(fault) < options.durationMs - 5000);
});
