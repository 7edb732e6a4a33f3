/**
 * Goal: what does not fit its table is named, with what is allowed instead; what fits is passed.
 * Method: values on either side of each rule, and values that only look like what they should be.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { json, jsonList, listOf, numberWithin, objectWith, optional } from "./fields.ts";
import { problemOfFields, shown, text, textLike, wholeNumber } from "./fields.ts";

test("a field is named with its value and with what is allowed", () => {
  const fields = { age: wholeNumber(0, 99), name: optional(text) };
  assert.equal(problemOfFields({ age: 1 }, fields), undefined);
  assert.equal(problemOfFields({ age: 1, name: undefined }, fields), undefined);
  assert.equal(problemOfFields({ age: 100 }, fields), "age is 100; allowed is a whole number in [0, 99]");
  assert.equal(problemOfFields({}, fields), "age is undefined; allowed is a whole number in [0, 99]");
  assert.equal(problemOfFields({ age: 1, name: 2 }, fields), "name is 2; allowed is a text");
  assert.equal(problemOfFields({ age: 1, nam: "a" }, fields), "there is no nam; allowed are age, name");
  assert.equal(problemOfFields([], fields), "a list is no object with age, name");
  assert.equal(problemOfFields(null, fields), "null is no object with age, name");
});

test("numbers and texts on either side of their limits", () => {
  const whole = wholeNumber(1, 3);
  for (const value of [1, 2, 3]) assert.ok(whole.fits(value));
  for (const value of [0, 4, 1.5, "2", Number.NaN, null, 2n]) assert.ok(!whole.fits(value), String(value));
  const within = numberWithin(0, 1);
  for (const value of [0, 0.5, 1]) assert.ok(within.fits(value));
  for (const value of [-0.1, 1.1, Number.NaN, Infinity, "0"]) assert.ok(!within.fits(value), String(value));
  const name = textLike(/^[a-z]+$/, "letters");
  assert.ok(name.fits("abc"));
  for (const value of ["", "a1", "a\n", ["abc"]]) assert.ok(!name.fits(value), JSON.stringify(value));
});

test("lists and objects of what fits", () => {
  const list = listOf(text, 2);
  for (const value of [[], ["a"], ["a", "b"]]) assert.ok(list.fits(value));
  for (const value of [["a", "b", "c"], [1], "ab", { length: 0 }, new Array(1)]) assert.ok(!list.fits(value));
  const inner = objectWith({ a: text });
  assert.ok(inner.fits({ a: "x" }));
  for (const value of [{}, { a: "x", b: 1 }, null]) assert.ok(!inner.fits(value));
});

test("of a value with parts, the part that is wrong is named", () => {
  const fields = {
    list: optional(listOf(wholeNumber(0, 9), 2)),
    box: optional(objectWith({ a: text })),
    values: optional(jsonList),
  };
  const problem = (value: unknown): string | undefined => problemOfFields(value, fields);
  assert.equal(problem({ list: [1, 10] }), "list[1] is 10; allowed is a whole number in [0, 9]");
  assert.equal(problem({ list: [1, 2, 3] }), "list has 3 items; allowed are at most 2");
  assert.match(problem({ list: 1 }) ?? "", /^list is 1; allowed is a list of at most 2/);
  assert.equal(problem({ box: { a: 1 } }), "box.a is 1; allowed is a text");
  assert.equal(problem({ box: { a: "x", b: 1 } }), "box: there is no b; allowed are a");
  assert.equal(problem({ box: 1 }), "box is 1; allowed is an object with a: a text");
  const circular: { self?: unknown } = {};
  circular.self = circular;
  assert.match(problem({ values: [1, circular] }) ?? "", /^values\[1\]\.self is a value that it stands in itself/);
  assert.match(problem({ values: [{ x: [undefined] }] }) ?? "", /^values\[0\]\.x\[0\] is undefined/);
  assert.match(
    problem({ values: [Object.create({ constructor: 1 })] }) ?? "",
    /^values\[0\] is an object with a prototype/,
  );
  assert.equal(problem({ values: 1 }), "values is 1; allowed is a list of JSON values");
});

test("a JSON value comes back from JSON as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      assert.ok(json.fits(value));
      assert.ok(jsonList.fits([value]));
    }),
    { seed: 3, numRuns: 300 },
  );
  const circular: unknown[] = [];
  circular.push(circular);
  const others = [undefined, () => 1, Symbol("s"), 1n, Number.NaN, -Infinity, new Date(0), new Map(), /x/, circular];
  for (const value of others) {
    assert.ok(!json.fits(value));
    assert.ok(!json.fits({ inside: [value] }));
  }
  assert.ok(!json.fits(new Array(1)), "a hole");
  assert.ok(!jsonList.fits({}));
});

test("what is shown is short and on one line", () => {
  assert.equal(shown("a\nb"), '"a\\nb"');
  assert.equal(shown("x".repeat(1000)).length, 103);
  assert.deepEqual([{}, [], null, undefined, Symbol("s"), 1.5].map(shown), [
    "an object",
    "a list",
    "null",
    "undefined",
    "a symbol",
    "1.5",
  ]);
});
