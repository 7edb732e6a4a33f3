/**
 * Goal: settings are taken as they are given or refused with one line that says what is allowed.
 *
 * Method: examples on both sides of each rule.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../foundation/errors.ts";
import { productionDefaults, resolveSettings } from "./defaults.ts";

test("the defaults stand where nothing else is said, and pass their own check", () => {
  assert.deepEqual(resolveSettings(undefined), productionDefaults);
  assert.deepEqual(resolveSettings({ ...productionDefaults }), productionDefaults);
  const settings = resolveSettings({ trailingEntries: 0, electionTimeoutMs: 200.5 });
  assert.deepEqual(settings, { ...productionDefaults, trailingEntries: 0, electionTimeoutMs: 200.5 });
});

test("a setting that does not exist, or lies outside its range, is refused by name, value and range", () => {
  const cases: readonly (readonly [Record<string, number | boolean | string>, RegExp])[] = [
    [{ electionTimeout: 5 }, /^Cannot use setting electionTimeout: there is none of that name; there are electionTime/],
    [{ maxInFlight: 0 }, /^Cannot use maxInFlight 0: allowed is a whole number in \[1, 1024\]$/],
    [{ maxInFlight: 1.5 }, /^Cannot use maxInFlight 1.5: allowed is a whole number in/],
    [{ electionTimeoutMs: "150" }, /^Cannot use electionTimeoutMs "150": allowed is a number in \[10, 60000\]$/],
    [
      { maxPendingBytes: 1000 },
      /^Cannot use maxPendingBytes 1000: allowed is a whole number in \[4194304, 1073741824\]$/,
    ],
    [
      { maxLogBytes: 8 * 1024 * 1024 },
      /^Cannot use maxLogBytes 8388608: allowed is at least 34834432, twice what trailingEntries and trailingBytes keep$/,
    ],
    [{ segmentBytes: NaN }, /^Cannot use segmentBytes NaN: allowed is/],
    [
      { heartbeatIntervalMs: 100 },
      /^Cannot use heartbeatIntervalMs 100: allowed is at most 75, half of electionTimeoutMs/,
    ],
  ];
  for (const [overrides, message] of cases) {
    assert.throws(
      () => resolveSettings(overrides),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  }
});
