/**
 * Goal: two canonical states are called equal exactly when they are, the first divergence is named where it is, and
 * what could not be compared is unknown.
 *
 * Method: a property over random plain data with one planted change; examples for the two comparisons.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { compareAtRest } from "./at-rest.ts";
import { describeDifference, firstDifference } from "./canonical-diff.ts";
import { compareSteps } from "./step-by-step.ts";

const plainData = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

test("equal data has no difference; unequal data has one, at a path that leads to it", () => {
  fc.assert(
    fc.property(plainData, plainData, (left, right) => {
      assert.equal(firstDifference(left, structuredClone(left)), undefined);
      let isEqual = true;
      try {
        assert.deepStrictEqual(left, right);
      } catch {
        isEqual = false;
      }
      assert.equal(firstDifference(left, right) === undefined, isEqual);
    }),
    { seed: 3, numRuns: 2000 },
  );
});

test("a difference is named by path, both values and sizes", () => {
  const left = { registers: [["a", "1"]], list: ["x", "y"] };
  assert.deepEqual(firstDifference(left, { registers: [["a", "2"]], list: ["x"] }), {
    path: "registers[0][1]",
    left: '"1"',
    right: '"2"',
  });
  assert.deepEqual(firstDifference(left, { ...left, list: ["x"] }), {
    path: "list[1]",
    left: '"y" (2 elements)',
    right: "nothing (1 elements)",
  });
  assert.equal(firstDifference({ a: 1, b: 2 }, { b: 2, a: 1 }), undefined, "the order of fields does not count");
  assert.equal(firstDifference(new Uint8Array([1, 2]), new Uint8Array([1, 3]))?.path, "[1]");
  const long = firstDifference("a".repeat(200), "b");
  assert.match(
    describeDifference(long!, "minimal", "production"),
    /^they differ\n {2}minimal: {4}"a+\.\.\. \(200 characters\)\n {2}production: "b"$/,
  );
  assert.throws(() => firstDifference(new Map(), {}), /plain data/);
});

const step = (
  operation: string,
  outcome: unknown,
  state: unknown,
): { operation: string; outcome: unknown; state: unknown } => ({
  operation,
  outcome,
  state,
});

test("step by step: equal runs are valid, the first divergence is told with its operation, then the run is left", () => {
  const reference = {
    implementation: "minimal",
    steps: [step("w1", "ok", [1]), step("w2", "ok", [1, 2]), step("w3", "ok", [3])],
  };
  const same = compareSteps([reference, { ...reference, implementation: "production" }]);
  assert.equal(same.check.validity, "valid");
  assert.equal(same.compared, 3);

  const steps = [step("w1", "ok", [1]), step("w2", "ok", [2, 1]), step("w3", "fail", [])];
  const other = compareSteps([reference, { implementation: "production", steps }]);
  assert.equal(other.check.validity, "invalid");
  assert.equal(other.divergences.length, 1);
  assert.equal(other.compared, 2);
  assert.equal(
    other.check.counterexample,
    `state after step 2
they differ at [0]
  minimal:    1
  production: 2
the operation: "w2"
minimal: result "ok", state [1,2]
production: result "ok", state [2,1]`,
  );

  const outcomes = compareSteps([reference, { implementation: "production", steps: [step("w1", "fail", [1])] }]);
  assert.match(outcomes.check.summary, /result of step 1/);
  const short = compareSteps([reference, { implementation: "production", steps: reference.steps.slice(0, 2) }]);
  assert.match(short.check.counterexample ?? "", /has no step 3/);
  const blind = compareSteps([
    reference,
    { implementation: "production", steps: reference.steps.map((one) => ({ ...one, state: undefined })) },
  ]);
  assert.equal(blind.check.validity, "unknown");
  assert.throws(
    () => compareSteps([reference, { implementation: "production", steps: [step("w9", "ok", [1])] }]),
    /same operation/,
  );
});

test("at rest: every node in service of every implementation holds one state", () => {
  const state = (value: unknown) => ({ kind: "state", state: value }) as const;
  const down = { kind: "out-of-service", reason: "n2 is down" } as const;
  const run = (implementation: string, ...states: (ReturnType<typeof state> | typeof down)[]) => ({
    implementation,
    states: new Map(states.map((one, index) => [`n${index + 1}`, one])),
  });
  const valid = compareAtRest([run("minimal", state([1]), down), run("production", state([1]), state([1]))]);
  assert.deepEqual([valid.check.validity, valid.compared, valid.divergences.length], ["valid", 2, 0]);
  const invalid = compareAtRest([run("minimal", state([1]), state([2])), run("production", state([1]))]);
  assert.equal(invalid.check.validity, "invalid");
  assert.match(invalid.check.summary, /final state of minimal n2 against minimal n1/);
  assert.equal(compareAtRest([run("minimal", state([1])), run("production", down)]).check.validity, "unknown");
});
