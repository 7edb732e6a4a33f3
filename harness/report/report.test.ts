/**
 * Goal: the report tells the truth about its input in every form, is complete in one file, and no inserted text becomes
 * markup. Method: a sample with every verdict, both sides of a tradeoff, every warning and hostile text; properties of
 * escaping over arbitrary text.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import type { TableRow } from "../chart/figure.ts";
import { verdicts } from "../claim/claim.ts";
import { countVerdicts, headline, warnings } from "./claim-text.ts";
import { escapeHtml, markup } from "./markup.ts";
import { reportClaims } from "./report-claims.ts";
import type { ReportInput } from "./report-input.ts";
import { renderReport } from "./report.ts";
import { claimRows, hostile, sampleReport } from "./sample-report.fixture.ts";
import { summariseChecks, summariseFaults, summarisePerformance } from "./summaries.ts";

const figure = {
  id: "one",
  title: "One",
  caption: "What <it> shows",
  svg: '<svg role="img"><defs><style>x</style></defs><path d="M0 0"/></svg>',
};
const sample = sampleReport({}, [figure]);

test("rows of one claim become its measures, and the claim has its own verdict", () => {
  const claims = reportClaims(claimRows);
  assert.equal(claims.length, 7);
  const tradeoff = claims.find(({ id }) => id === "T-CON-1");
  assert.deepEqual(
    tradeoff?.measures.map(({ implementation }) => implementation),
    ["minimal", "production"],
  );
  const broken = claimRows.map((row) => ({ ...row, claim_verdict: "probably" }));
  assert.throws(() => reportClaims(broken), /column claim_verdict of table claims holds a verdict, not "probably"/);
});

test("the headline counts claims, not measures", () => {
  assert.equal(
    headline(sample.claims),
    "3 of 7 claims reproduced; 1 not reproduced, 1 inconclusive, 1 not comparable, 1 not run.",
  );
  assert.equal(countVerdicts(sample.claims).get("reproduced"), 3);
  assert.equal(headline(sample.claims.slice(0, 1)), "1 of 1 claim reproduced.");
  assert.equal(headline([]), "0 of 0 claims reproduced.");
});

test("every warning is given when it applies, and none when nothing is wrong", () => {
  assert.equal(warnings({ ...sample, run: { ...sample.run, gitSha: undefined }, claims: [] }).length, 5);
  const clean: ReportInput = { ...sample, run: { ...sample.run, dirty: false, interrupted: false }, experiments: [] };
  assert.deepEqual(warnings(clean), []);
  assert.doesNotMatch(renderReport(clean).html, /class="warnings"/);
});

test("each claim shows statement, values, interval, verdict in words, reason and command in both forms", () => {
  const { html, markdown } = renderReport(sample);
  for (const { id, published, verdict, command, measures } of sample.claims) {
    const ofMeasures = measures.flatMap(({ measured, reason, label, band }) => [measured, reason, label, band]);
    for (const text of [id, published, verdict, command, ...ofMeasures]) {
      assert.ok(html.includes(escapeHtml(text)), text);
      assert.ok(markdown.includes(text), text);
    }
  }
  assert.match(html, /90 % interval 9,104\u00a0–\u00a09,530, 10 samples/);
  assert.match(markdown, /90 % interval 9,104\u00a0–\u00a09,530, 10 samples/);
});

test("the page is one file: no script, nothing fetched, unique ids, figures without a font of their own", () => {
  const { html } = renderReport(sample);
  assert.doesNotMatch(html, /<script|<link|<img|<iframe|\bsrc="|@import|url\((?!data:)/i);
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.match(html, /<svg role="img"><path/);
  for (const [, target] of html.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(target), `no section ${target}`);
});

test("hostile text stays text, and a link is a path or a web address", () => {
  const { html, markdown, valuesTex } = renderReport({
    ...sample,
    title: hostile,
    claims: sample.claims.map((claim) => ({
      ...claim,
      id: hostile,
      command: hostile,
      measures: claim.measures.map((each) => ({ ...each, reason: hostile, measured: hostile, band: hostile })),
    })),
    environment: [{ name: hostile, value: hostile }],
  });
  assert.doesNotMatch(html, /<script|href="javascript/);
  // Inside a code span everything is text already.
  assert.doesNotMatch(markdown.replaceAll(/(`+) .*? \1(?!`)/g, ""), /<script/);
  const cells = markdown.split("\n").filter((line) => line.startsWith("| ") && line.includes("alert"));
  for (const line of cells) assert.ok([3, 8].includes(line.replaceAll("\\|", "").split("|").length - 1), line);
  assert.match(valuesTex, /\\textbackslash\{\}end\\\{x\\\} \\\$1/);
});

test("escaping is lossless and leaves no markup, for any text", () => {
  const unescape = (text: string): string =>
    text
      .replaceAll("&#39;", "'")
      .replaceAll("&quot;", '"')
      .replaceAll("&gt;", ">")
      .replaceAll("&lt;", "<")
      .replaceAll("&amp;", "&");
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("<", ">", "&", '"', "'", "a", ";", "amp", "lt") }), (text) => {
      const escaped = markup`${text}`.toString();
      assert.doesNotMatch(escaped, /[<>"']/);
      assert.equal(unescape(escaped), text);
    }),
    { seed: 4, numRuns: 500 },
  );
});

test("an empty run gives a report that says so", () => {
  const empty: ReportInput = { ...sample, claims: [], figures: [], experiments: [], environment: [], tables: {} };
  const { html, markdown, valuesTex } = renderReport(empty);
  assert.match(html, /No claim was judged/);
  assert.doesNotMatch(html, /<section|undefined|NaN/);
  assert.doesNotMatch(markdown, /undefined|NaN|## Claims/);
  assert.equal(valuesTex.trim().split("\n").length, 1);
});

test("values.tex has one macro per claim and implementation, named by letters only", () => {
  const { valuesTex } = renderReport(sample);
  const names = [...valuesTex.matchAll(/^\\newcommand\{\\([^}]*)\}/gm)].map(([, name]) => name ?? "");
  assert.equal(new Set(names).size, claimRows.filter(({ measured }) => measured !== "").length);
  for (const name of names) assert.match(name, /^[A-Za-z]+$/);
  assert.ok(names.includes("greyTCONOneMinimal") && names.includes("greyNCSFiveProduction"));
});

test("every verdict has a sign and a count tile in words", () => {
  const { html } = renderReport(sample);
  for (const verdict of verdicts) assert.match(html, new RegExp(`<b>\\d+</b> \\S ${verdict}</li>`));
});

const block: TableRow = {
  experiment: "e",
  block: 0,
  implementation: "production",
  substrate: "cluster",
  nodes: 3,
  seed: "1",
};

test("performance is the median over blocks of real processes, never of simulated ones", () => {
  const rate = (index: number, value: number, substrate = "cluster"): TableRow => ({
    ...block,
    block: index,
    substrate,
    window_s: "all",
    throughput_per_s: value,
  });
  const [summary, ...others] = summarisePerformance({
    throughput: [rate(0, 10), rate(1, 30), rate(2, 20), rate(3, 1e9, "simulated")],
  });
  assert.deepEqual(others, []);
  assert.deepEqual(summary?.throughputPerS, { median: 20, low: 10, high: 30 });
  assert.equal(summary?.blocks, 3);
  assert.equal(summary?.latencyMs.p50_ms, undefined);
});

test("faults add up by kind and show the inert ones; checks count verdicts and quote the first problem", () => {
  const fault = (efficacy: number): TableRow => ({
    ...block,
    fault: "kill",
    target: "n1",
    start_s: 1,
    end_s: 2,
    efficacy,
    efficacy_unit: "processes",
  });
  assert.deepEqual(summariseFaults({ faults: [fault(1), fault(0), fault(1)] }), [
    {
      fault: "kill",
      implementation: "production",
      substrate: "cluster",
      injected: 3,
      inert: 1,
      efficacy: [{ count: 2, unit: "processes" }],
    },
  ]);
  const check = (verdict: string): TableRow => ({
    ...block,
    check: "linearizable",
    verdict,
    count: 100,
    unit: "operations",
    summary: `is ${verdict}`,
  });
  const [summary] = summariseChecks({ checks: [check("valid"), check("unknown"), check("invalid")] });
  assert.deepEqual([summary?.valid, summary?.invalid, summary?.unknown, summary?.judged], [1, 1, 1, 300]);
  assert.equal(summary?.problem, "is invalid");
});
