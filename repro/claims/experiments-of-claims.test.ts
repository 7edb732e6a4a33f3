// Goal: every claim can be measured: the experiments it names exist.
// Method: the two registries against each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { experiments } from "../experiments/experiments.ts";
import { claims } from "./claims.ts";

test("every experiment a claim names exists", () => {
  const known = new Set(experiments.map(({ id }) => id));
  for (const claim of claims) {
    for (const experiment of claim.experiments)
      assert.ok(known.has(experiment), `${claim.id}: no experiment ${experiment}`);
  }
});
