/**
 * Goal: what `grey compare` ends with is aligned, complete and at most 100 columns wide, whatever the names and
 * numbers. Method: one readable transcript, then a property over arbitrary comparisons with wide and hostile text.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { renderSummaryTable } from "./summary-table.ts";
import type { Comparison } from "./summary-table.ts";
import { textColumns, truncate, wrap } from "./terminal-text.ts";

const example: Comparison = {
  implementations: [
    {
      name: "minimal",
      substrate: "cluster",
      throughputPerS: 21_412.3,
      latencyMs: { p50: 0.42, p90: 0.81, p99: 2.2, p999: 5.13, max: 19.9 },
      operations: { ok: 214_123, fail: 0, info: 0 },
      checks: [
        { id: "linearizable", verdict: "valid" },
        { id: "convergence", verdict: "valid" },
      ],
      faults: [{ kind: "kill", efficacy: 1, unit: "processes killed" }],
    },
    {
      name: "production",
      substrate: "cluster",
      throughputPerS: 9312,
      latencyMs: { p50: 3.1, p90: 5.9, p99: 16, p999: 40.4, max: 188 },
      operations: { ok: 93_120, fail: 12, info: 3 },
      checks: [
        { id: "linearizable", verdict: "unknown", summary: "gave up after 10,000,000 steps" },
        { id: "convergence", verdict: "valid" },
      ],
      faults: [
        { kind: "kill", efficacy: 1, unit: "processes killed" },
        { kind: "delay", efficacy: 0, unit: "messages delayed" },
      ],
    },
  ],
  ratios: [
    { of: "production", to: "minimal", metric: "throughput", estimate: 0.435, low: 0.42, high: 0.451 },
    { of: "production", to: "minimal", metric: "p99 latency", estimate: 7.27, low: undefined, high: undefined },
  ],
  divergences: [
    {
      of: "production",
      from: "minimal",
      mode: "at-rest",
      text: "key k3 after operation 17 of client 3\nminimal    41\nproduction 40",
    },
  ],
};

test("reads well", () => {
  assert.equal(
    renderSummaryTable(example).replaceAll("\u00a0", " "),
    `implementation   ops/s  p50 ms    p90   p99  p99.9   max       ok  fail  info  checks     faults
minimal         21,412   0.420  0.810  2.20   5.13  19.9  214,123     0     0  2 valid    1
production       9,312    3.10   5.90  16.0   40.4   188   93,120    12     3  1 unknown  1 inert

unknown: production, linearizable: gave up after 10,000,000 steps

implementation  fault  times  did
minimal         kill       1  1 processes killed
production      kill       1  1 processes killed
production      delay      1  nothing (inert)

ratio                 of           estimate  90 % interval
production / minimal  throughput    0.435 ×  0.420 – 0.451
production / minimal  p99 latency    7.27 ×  too few blocks

1 divergence:
  production from minimal (at-rest): key k3 after operation 17 of client 3
    minimal    41
    production 40
`,
  );
});

test("nothing compared, nothing claimed", () => {
  const [first] = example.implementations;
  assert.ok(first);
  const text = renderSummaryTable({ implementations: [first], ratios: [], divergences: [] });
  assert.doesNotMatch(text, /diverg|ratio/);
  assert.match(renderSummaryTable({ ...example, divergences: [] }), /divergences: none between minimal, production\n$/);
});

test("simulated runs show no performance", () => {
  const simulated = example.implementations.map((each) => ({
    ...each,
    throughputPerS: undefined,
    latencyMs: undefined,
  }));
  const [, row] = renderSummaryTable({ ...example, implementations: simulated }).split("\n");
  assert.match(row ?? "", /^minimal +– +– +– +– +– +– +214,123/);
});

const name = fc.string({
  unit: fc.constantFrom("a", "B", "-", "é", "漢", "👩‍💻", "ß", "\u001b", "\n", "\t"),
  minLength: 1,
  maxLength: 40,
});
const number = fc.double({ min: 0, max: 1e8, noNaN: true });
const count = fc.nat({ max: 99_999_999 });
const comparison: fc.Arbitrary<Comparison> = fc.record({
  implementations: fc.array(
    fc.record({
      name,
      substrate: fc.constant("cluster"),
      throughputPerS: fc.option(number, { nil: undefined }),
      latencyMs: fc.option(
        fc.record({ p50: number, p90: number, p99: number, p999: number, max: number }).map((latency) => latency),
        { nil: undefined },
      ),
      operations: fc.record({ ok: count, fail: count, info: count }),
      checks: fc.array(fc.record({ id: name, verdict: fc.constantFrom("valid", "invalid", "unknown"), summary: name })),
      faults: fc.array(fc.record({ kind: fc.constantFrom("kill", "majority-minority"), efficacy: count, unit: name })),
    }),
  ),
  ratios: fc.array(
    fc.record({
      of: name,
      to: name,
      metric: fc.constant("p99 latency"),
      estimate: number,
      low: fc.option(number, { nil: undefined }),
      high: number,
    }),
  ),
  divergences: fc.array(
    fc.record({
      of: name,
      from: name,
      mode: fc.constant("at-rest"),
      text: fc.array(name).map((lines) => lines.join("\n")),
    }),
  ),
});

test("no line is wider than 100 columns and none can move the cursor", () => {
  fc.assert(
    fc.property(comparison, (each) => {
      const text = renderSummaryTable(each);
      for (const line of text.split("\n")) {
        assert.ok(textColumns(line) <= 100, `${textColumns(line)} columns: ${line}`);
        assert.doesNotMatch(line, /\p{Cc}/u);
      }
    }),
    { seed: 5, numRuns: 200 },
  );
});

test("text is cut and wrapped by what a terminal shows", () => {
  assert.equal(textColumns("漢字"), 4);
  assert.equal(textColumns("e\u0301"), 1);
  assert.equal(textColumns("👩‍💻"), 2);
  assert.equal(truncate("漢字漢字", 5), "漢字…");
  assert.equal(truncate("short", 5), "short");
  assert.equal(wrap("one two three", 8, "  "), "one two\n  three\n");
  assert.equal(wrap("abcdefghij", 6, "  "), "abcd\n  efgh\n  ij\n");
});
