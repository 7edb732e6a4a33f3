/**
 * Goal: settings are taken as they are given or refused with one line that says what is allowed.
 *
 * Method: examples on both sides of each rule.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../foundation/errors.ts";
import { resolveSettings, storageDefaults } from "./defaults.ts";

test("the defaults stand where nothing else is said, and pass their own check", () => {
  assert.deepEqual(resolveSettings(undefined), storageDefaults);
  assert.deepEqual(resolveSettings({ ...storageDefaults }), storageDefaults);
  assert.equal(resolveSettings({ engine: "postgresql" }).engine, "postgresql");
});

test("a setting that does not exist, or lies outside its range, is refused by name, value and range", () => {
  const cases: readonly (readonly [Record<string, number | boolean | string>, RegExp])[] = [
    [{ replicas: 3 }, /^Cannot use setting replicas: there is none of that name; there are replicationFactor, /],
    [{ replicationFactor: 0 }, /^Cannot use replicationFactor 0: allowed is a whole number in \[1, 15\]$/],
    [{ readRepairFraction: 2 }, /^Cannot use readRepairFraction 2: allowed is a number in \[0, 1\]$/],
    [{ engine: "tape" }, /^Cannot use engine "tape": allowed is rocksdb, postgresql, simulated$/],
    [{ roundTimeoutMs: 3000 }, /^Cannot use roundTimeoutMs 3000: allowed is at most requestTimeoutMs 2000$/],
  ];
  for (const [overrides, message] of cases) {
    assert.throws(
      () => resolveSettings(overrides),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  }
});
