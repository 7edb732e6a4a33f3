// Goal: rows survive the way to text and back, the text is the same everywhere, damage is reported with its line.
// Method: round trips (also of generated text), examples of number formats, each kind of damage once.
// A failing property prints seed and path; pass both to fc.assert to replay it.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import { headerLine, numberText, parseTable, rowLines } from "./csv.ts";
import { dataPackage } from "./data-package.ts";
import { tables } from "./tables.ts";
import type { Row, TableName } from "./tables.ts";

const row: Row<"measurements"> = {
  experiment: "e",
  block: 3,
  implementation: "production",
  substrate: "cluster",
  nodes: 3,
  seed: "7/e/3",
  metric: "catch-up-ms",
  value: 12.3456789,
  unit: "ms",
};

test("a row is one line in the order of the columns", () => {
  assert.equal(headerLine("measurements"), "experiment,block,implementation,substrate,nodes,seed,metric,value,unit\n");
  assert.equal(rowLines("measurements", [row]), "e,3,production,cluster,3,7/e/3,catch-up-ms,12.3457,ms\n");
});

test("numbers keep six significant digits, never less than their whole part, and whole numbers are exact", () => {
  const texts = [0, -0, 1, 0.1 + 0.2, 12.3456789, 123456.7, 1234567.8, 12345678, -0.00001234567, 1e-9, 2 ** 53 - 1];
  assert.deepEqual(texts.map(numberText), [
    "0",
    "0",
    "1",
    "0.3",
    "12.3457",
    "123457",
    "1234568",
    "12345678",
    "-0.0000123457",
    "1e-9",
    "9007199254740991",
  ]);
  assert.throws(() => numberText(Number.NaN), /finite/);
  assert.throws(() => numberText(Infinity), /finite/);
});

test("any text and any number read back as they were written", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
      (seed, value) => {
        // A lone surrogate is no text: UTF-8 has no bytes for it.
        fc.pre(seed.isWellFormed());
        const text = headerLine("measurements") + rowLines("measurements", [{ ...row, seed, value }, row]);
        const [back] = parseTable("measurements", text, "x.csv");
        assert.deepEqual(back, { ...row, seed, value: Number(numberText(value)) });
      },
    ),
    { seed: 21, numRuns: 100 },
  );
});

test("an undefined cell is empty: no number on the way back, and no text", () => {
  const text = headerLine("measurements") + rowLines("measurements", [{ ...row, value: undefined, unit: undefined }]);
  const [back] = parseTable("measurements", text, "x.csv");
  assert.deepEqual([back?.value, back?.unit], [undefined, ""]);
});

test("a value that the column does not hold is a programmer's error", () => {
  assert.throws(() => rowLines("measurements", [{ ...row, block: 1.5 }]), /measurements.block holds an integer/);
  assert.throws(() => rowLines("measurements", [{ ...row, value: "12" }]), /measurements.value holds a number/);
});

const good = headerLine("measurements") + rowLines("measurements", [row, row, row]);
for (const [what, text, message] of [
  ["another header", good.replace("metric", "metrics"), /line 1 is not the header of table measurements/],
  ["an empty file", "", /line 1 is not the header/],
  ["a torn last line", good.slice(0, -9), /its last line is incomplete/],
  ["a missing cell", good.replace("e,3,", "e,"), /line 2 has 8 cells, wanted 9/],
  ["a number that is none", good.replace("12.3457", "12,3457"), /line 2 has 10 cells/],
  ["a word for a number", `${good}e,3,p,cluster,3,s,m,fast,ms\n`, /line 5, column value: "fast" is not a number/],
  ["a fraction for an integer", `${good}e,3.5,p,cluster,3,s,m,1,ms\n`, /line 5, column block: "3.5" is not an integer/],
  ["an open quote", good.replace("production", '"production'), /Cannot read x.csv/],
] as const) {
  test(`${what} is an error with its place`, () => {
    assert.throws(
      () => parseTable("measurements", text, "x.csv"),
      (error) => {
        assert.ok(error instanceof HarnessError);
        assert.match(error.message, /^Cannot read x.csv: /);
        return message.test(error.message);
      },
    );
  });
}

test("the data dictionary describes every column of every table", () => {
  const names = Object.keys(tables) as TableName[];
  const { resources } = dataPackage("t", names) as {
    resources: { name: TableName; schema: { fields: { name: string }[] } }[];
  };
  assert.deepEqual(
    resources.map((resource) => resource.name),
    names,
  );
  for (const { name, schema } of resources) {
    assert.equal(`${schema.fields.map((field) => field.name).join(",")}\n`, headerLine(name));
  }
});
