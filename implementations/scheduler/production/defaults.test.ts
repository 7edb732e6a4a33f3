/**
 * Goal: settings are taken as they are given or refused with what is allowed.
 * Method: examples on both sides.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../foundation/errors.ts";
import { resolveSettings, schedulerDefaults } from "./defaults.ts";
import { parseTenants } from "./tenants.ts";
import { allowancesOf, capacityOf, sharesOf, tenantNumbersOf } from "./shares.ts";

test("what is not given is as documented", () => {
  assert.deepEqual(resolveSettings(undefined), schedulerDefaults);
  const settings = resolveSettings({ workers: 4, tenants: "a:2:1000:512,b:1.5", strict: true, leaseMs: 0.5e3 });
  assert.deepEqual([settings.workers, settings.strict, settings.leaseMs], [4, true, 500]);
});

test("tenants may be listed with commas or with semicolons, which a command line can give", () => {
  assert.deepEqual(parseTenants("a:2:1000:512;b:1;c:3"), parseTenants("a:2:1000:512,b:1,c:3"));
});

for (const [name, value, allowed] of [
  ["workers", 0, /workers 0: allowed is a whole number in \[1, 31\]/],
  ["workers", 1.5, /a whole number/],
  ["leaseMs", "2000", /leaseMs "2000": allowed is a number/],
  ["strict", 1, /strict 1: allowed is true or false/],
  ["tenants", 7, /tenants 7: allowed is a text/],
  ["tenants", "a", /NAME:WEIGHT/],
  ["tenants", "a:0", /weight lies in/],
  ["tenants", "a:1:2:3:4", /1 to 3 numbers/],
  ["tenants", "a:1:0.5", /cpuMilli is a whole number/],
  ["tenants", "a:1,a:2", /listed twice/],
  ["tenants", "a b:1", /a name is 1 to 64/],
  ["toString", 1, /there is none of that name; there are workers,/],
] as const) {
  test(`${name} ${JSON.stringify(value)} is refused`, () => {
    assert.throws(
      () => resolveSettings({ [name]: value }),
      (error) => error instanceof UsageError && allowed.test(error.message),
    );
  });
}

test("a node's shares never add up to more than a tenant's quota, and a task may need no more than its share", () => {
  const settings = resolveSettings({ workers: 3, tenants: "a:2:1000:511,b:1", memoryMb: 100 });
  assert.deepEqual(capacityOf(settings), { cpuMilli: 3000, memoryMb: 100 });
  assert.deepEqual(
    [...tenantNumbersOf(settings)],
    [
      ["default", 0],
      ["a", 1],
      ["b", 2],
    ],
  );
  const shares = sharesOf(settings, 3);
  assert.deepEqual(shares[1], { weight: 2, cpuMilli: 333, memoryMb: 170 });
  assert.deepEqual(shares.at(-1), { weight: 1, cpuMilli: Infinity, memoryMb: Infinity }, "guests");
  assert.deepEqual(allowancesOf(settings, 3).get("a"), { cpuMilli: 333, memoryMb: 100 });
  assert.deepEqual(allowancesOf(settings, 3).get("b"), { cpuMilli: 3000, memoryMb: 100 });
});
