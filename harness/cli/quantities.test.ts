/**
 * Goal: quantities mean what people think they mean, and nothing outside its range passes.
 * Method: a table of readings, and properties: what is formatted reads back, and a parser returns a value in its range
 * or throws a UsageError of one line that names the option and the text.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { UsageError } from "../../implementations/foundation/errors.ts";
import {
  formatDurationS,
  parseCount,
  parseDurationS,
  parseRatePerS,
  parseSeed,
  parseSettings,
  parseSizeBytes,
} from "./quantities.ts";

const seed = 20_261_123;
const wide = { min: 0, max: 1e9 } as const;

describe("readings", () => {
  const durations: readonly (readonly [string, number])[] = [
    ["20m", 1200],
    ["20min", 1200],
    ["90s", 90],
    ["90", 90],
    ["1.5h", 5400],
    ["250ms", 0.25],
    ["1h30m", 5400],
    ["1m30s500ms", 90.5],
  ];
  for (const [text, seconds] of durations) {
    test(`${text} is ${seconds} s`, () => assert.equal(parseDurationS(text, "--duration", wide), seconds));
  }

  const sizes: readonly (readonly [string, number])[] = [
    ["256", 256],
    ["256B", 256],
    ["64KiB", 65_536],
    ["1MiB", 1_048_576],
    ["64kB", 64_000],
    ["2MB", 2_000_000],
  ];
  for (const [text, bytes] of sizes) {
    test(`${text} is ${bytes} bytes`, () => assert.equal(parseSizeBytes(text, "--size", wide), bytes));
  }
});

describe("properties", () => {
  test("a formatted duration reads back, to the precision it is shown with", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 80_000, noNaN: true }), (seconds) => {
        const read = parseDurationS(formatDurationS(seconds), "--budget", wide);
        const precision = seconds < 1 ? 0.0005 : seconds < 10 ? 0.05 : seconds < 60 ? 0.5 : 30;
        assert.ok(Math.abs(read - seconds) <= precision + 1e-9, `${seconds} became ${read}`);
      }),
      { seed },
    );
  });

  const range = { min: 3, max: 500 } as const;
  const parsers = [parseDurationS, parseSizeBytes, parseRatePerS, parseCount];
  const typed = fc.oneof(
    fc.string(),
    fc.stringMatching(/^-?\d{1,4}(\.\d)?(ms|s|m|h|B|kB|KiB|\/s|x)?$/),
    fc.constantFrom("NaN", "Infinity", "1e3", "0x10", "1_000", " 5", "5 ", "", "--5", "+5", "٣"),
  );
  for (const parse of parsers) {
    test(`${parse.name} stays in its range or refuses in one line`, () => {
      fc.assert(
        fc.property(typed, (text) => {
          try {
            const value = parse(text, "--option", range);
            assert.ok(value >= range.min && value <= range.max);
          } catch (error) {
            assert.ok(error instanceof UsageError);
            assert.ok(error.message.startsWith(`--option: "${text}" `));
            assert.match(error.message, /; allowed: /);
          }
        }),
        { seed, numRuns: 500 },
      );
    });
  }

  test("settings are numbers, switches or words by name, or refused", () => {
    assert.deepEqual(
      parseSettings(
        ["electionTimeoutMs=300", "etcd.tls=false", "mode=fast", "a=1.5", "p.tenants=a:2:1000;b:1"],
        "--settings",
      ),
      {
        electionTimeoutMs: 300,
        "etcd.tls": false,
        mode: "fast",
        a: 1.5,
        "p.tenants": "a:2:1000;b:1",
      },
    );
    for (const word of ["", "name", "=1", "name=", "a.b.c=1", "name=a b", "__proto__=1"]) {
      assert.throws(
        () => parseSettings([word], "--settings"),
        (error) => {
          assert.ok(error instanceof UsageError);
          assert.match(error.message, /^--settings: ".*" is not a setting; allowed: NAME=VALUE/);
          return true;
        },
      );
    }
  });

  test("a seed is itself, or refused when a shell or a file name would change it", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          assert.equal(parseSeed(text, "--seed"), text);
          assert.match(text, /^[\w.-]+$/);
        } catch (error) {
          assert.ok(error instanceof UsageError);
        }
      }),
      { seed },
    );
  });
});
