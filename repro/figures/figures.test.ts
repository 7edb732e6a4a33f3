/**
 * Goal: every figure renders from any rows that a run can write, and from the same rows to the same bytes.
 *
 * Method: the declarations are built from synthetic rows (whole, one row, none, extreme values, text cells as a CSV
 * gives them) and rendered; a child process with another time zone, language and directory must agree with this one. A
 * warning of Vega-Lite fails the rendering, so these tests also guard the declarations.
 */

import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { execa } from "execa";

import type { FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { renderFigure, renderSvg, withoutEmbeddedFont } from "../../harness/chart/render.ts";
import { ink } from "../../harness/chart/theme.ts";
import { tables } from "../../harness/record/tables.ts";
import type { TableName } from "../../harness/record/tables.ts";
import { durabilityUnderKills } from "./durability-under-kills.ts";
import { figures } from "./figures.ts";
import { formsOf, hashesOfFigures } from "./hash-figures.fixture.ts";
import { storageComparison } from "./storage-comparison.ts";
import { storageJoinLatency } from "./storage-join-latency.ts";
import {
  addedLatencyRows,
  churnRows,
  clusterSizeRows,
  electionRows,
  faultRows,
  latencyRows,
  syntheticTables,
  throughputRows,
  timelineRows,
} from "./synthetic-rows.fixture.ts";
import { attemptRows, shareRows, threadRows, virtualRows } from "./synthetic-scheduler-rows.fixture.ts";
import {
  comparisonRows,
  joinRows,
  keysMovedRows,
  killRows,
  levelRows,
  storeSizeRows,
} from "./synthetic-store-rows.fixture.ts";

test("figures have distinct ids and need tables that exist", () => {
  assert.equal(new Set(figures.map(({ id }) => id)).size, figures.length);
  for (const { needs } of figures) for (const name of needs) assert.ok(name in tables, name);
});

test("the synthetic rows have the columns of their tables, no more and no fewer", () => {
  for (const [name, rows] of Object.entries(syntheticTables())) {
    const columns = tables[name as TableName].map((column) => column.name).sort();
    for (const row of rows) assert.deepEqual(Object.keys(row).sort(), columns);
  }
});

for (const figure of figures) {
  test(`${figure.id}: without rows there is no figure`, () => {
    assert.equal(figure.build({}), undefined);
    const empty = { throughput: [], faults: [], latency: [], elections: [], measurements: [], timeline: [] };
    assert.equal(figure.build(empty), undefined);
  });

  test(`${figure.id}: every form is complete and names itself`, async () => {
    const { spec, forms } = formsOf(figure.id);
    const { vegaLite, svg, png, pdf } = await forms;
    assert.deepEqual(JSON.parse(vegaLite), JSON.parse(JSON.stringify(spec)));
    assert.match(svg, new RegExp(`^<svg role="img" aria-label="${figure.title}"`));
    assert.doesNotMatch(withoutEmbeddedFont(svg), /font-face|NaN|undefined|null/);
    assert.doesNotMatch(svg, /https?:\/\/(?!www\.w3\.org\/)/, "an SVG that fetches is not offline");
    assert.deepEqual([...png.subarray(1, 4)], [...Buffer.from("PNG")]);
    assert.equal(Buffer.from(pdf.subarray(0, 5)).toString(), "%PDF-");
    assert.ok(Buffer.from(pdf).includes("Inter-Regular"), "the PDF carries the vendored font");
  });
}

test("the order of rows and the type of cells do not matter", () => {
  const given = syntheticTables();
  const asText = (row: TableRow): TableRow =>
    Object.fromEntries(Object.entries(row).map(([key, cell]) => [key, String(cell)]));
  const shuffled: FigureTables = Object.fromEntries(
    Object.entries(given).map(([name, rows]) => [name, [...rows].reverse().map(asText)]),
  );
  for (const figure of figures) {
    const built = figure.build(given);
    assert.deepEqual(sortedMarks(figure.build(shuffled)), sortedMarks(built), figure.id);
  }
});

/** Returns the spec with its inline data in one order: marks of one layer may be listed in any. */
function sortedMarks(spec: unknown): unknown {
  return JSON.parse(JSON.stringify(spec), (key, value: unknown) =>
    key === "values" && Array.isArray(value) ? value.map((item) => JSON.stringify(item)).sort() : value,
  );
}

const [levels, compared, join, kills] = [levelRows(), comparisonRows(), joinRows(), killRows()];
const rates = [
  ...throughputRows(),
  ...clusterSizeRows(),
  ...churnRows().throughput,
  ...levels.throughput,
  ...compared.throughput,
  ...storeSizeRows(),
  ...kills.throughput,
];
const latencies = [...latencyRows(), ...levels.latency, ...compared.latency];
const elections = [...electionRows(), ...churnRows().elections];
const virtual = virtualRows();
const threads = threadRows();
const shares = shareRows();
const attempts = attemptRows();
const stores = [...addedLatencyRows(), ...keysMovedRows(), ...join.measurements, ...kills.measurements];
const measurements = [...stores, ...virtual, ...threads];
const timeline = [...timelineRows(), ...join.timeline, ...shares];

/** The first row of every experiment. */
function firsts(rows: readonly TableRow[]): readonly TableRow[] {
  return [...Map.groupBy(rows, (row) => row["experiment"]).values()].flatMap((own) => own.slice(0, 1));
}

const fewest = "one row of each";
const degenerate: readonly (readonly [string, FigureTables])[] = [
  [
    fewest,
    {
      throughput: [
        ...throughputRows("consensus-faults", 3, 1).slice(0, 1),
        ...clusterSizeRows(1).slice(0, 1),
        ...churnRows().throughput.slice(0, 1),
        ...levels.throughput.slice(0, 1),
        ...compared.throughput.slice(0, 1),
        ...storeSizeRows(1).slice(0, 1),
        ...kills.throughput.slice(0, 1),
      ],
      faults: [...faultRows().slice(0, 1), ...kills.faults.slice(0, 1)],
      latency: [...latencyRows("one", 1).slice(0, 1), ...levels.latency.slice(0, 1), ...compared.latency.slice(0, 1)],
      elections: [...electionRows().slice(0, 1), ...churnRows().elections.slice(0, 1)],
      measurements: [
        ...addedLatencyRows(1).slice(0, 1),
        ...keysMovedRows().slice(0, 1),
        ...firsts(virtual),
        ...firsts(threads),
      ],
      timeline: [...timelineRows(1).slice(0, 1), ...join.timeline.slice(0, 1), ...shares.slice(0, 1)],
      attempts: attempts.slice(0, 1),
    },
  ],
  [
    "all zero",
    {
      throughput: zeroed(rates, "throughput_per_s"),
      faults: kills.faults,
      latency: zeroed(latencies, "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"),
      elections: zeroed(elections, "duration_ms"),
      measurements: zeroed(measurements, "value"),
      timeline: zeroed(timeline, "value"),
      attempts: zeroed(attempts, "start_s", "end_s"),
    },
  ],
  [
    "huge values",
    {
      throughput: scaled(rates, "throughput_per_s", 1e6),
      latency: scaled(scaled(latencies, "max_ms", 1e6), "p99_ms", 1e3),
      elections: scaled(elections, "duration_ms", 1e5),
      measurements: scaled(measurements, "value", 1e4),
      timeline: scaled(timeline, "value", 1e6),
      attempts: scaled(scaled(attempts, "start_s", 1e6), "wait_ms", 1e6),
    },
  ],
  [
    "seven implementations",
    {
      throughput: [
        ...peersOf(rates.filter((row) => row["experiment"] !== "consensus-churn")),
        ...churnRows().throughput,
      ],
      faults: peersOf(faultRows()),
      latency: peersOf(latencies),
      elections: [...peersOf(electionRows()), ...churnRows().elections],
      measurements: [...stores, ...peersOf([...virtual, ...threads])],
      attempts: peersOf(attempts),
      timeline: peersOf(timeline),
    },
  ],
];

for (const [name, rows] of degenerate) {
  for (const figure of figures) {
    test(`${figure.id}: ${name}`, async () => {
      const spec = figure.build(rows);
      assert.ok(spec);
      // What else has to be drawn is drawn from the SVG, in whose numbers alone the extremes can show.
      const svg = name === fewest ? (await renderFigure(figure, spec)).svg : await renderSvg(figure, spec);
      assert.doesNotMatch(withoutEmbeddedFont(svg), /NaN|Infinity|undefined/);
    });
  }
}

function zeroed(rows: readonly TableRow[], ...columns: readonly string[]): readonly TableRow[] {
  return rows.map((row) => ({ ...row, ...Object.fromEntries(columns.map((column) => [column, 0])) }));
}

function scaled(rows: readonly TableRow[], column: string, factor: number): readonly TableRow[] {
  return rows.map((row) => ({ ...row, [column]: Number(row[column]) * factor }));
}

function peersOf(rows: readonly TableRow[]): readonly TableRow[] {
  const peers = ["etcd", "postgresql", "raft-rs", "a-peer-with-a-long-name", "zookeeper"];
  const production = rows.filter((row) => row["implementation"] === "production");
  return [...rows, ...peers.flatMap((implementation) => production.map((row) => ({ ...row, implementation })))];
}

test("simulated time is never drawn as performance", () => {
  const simulated = (rows: readonly TableRow[]): readonly TableRow[] =>
    rows.map((row) => ({ ...row, substrate: "simulated" }));
  const rows = {
    throughput: simulated(rates),
    latency: simulated(latencies),
    // Where keys lie is computed, and no performance.
    measurements: simulated([...stores.filter((row) => row["experiment"] !== "storage-placement"), ...threads]),
    timeline: simulated([...timelineRows(), ...join.timeline]),
  };
  for (const figure of figures) assert.equal(figure.build(rows), undefined, figure.id);
});

test("what a scheduler decides in virtual time says so, and is never drawn from real time", () => {
  const ofSubstrate = (substrate: string): FigureTables =>
    Object.fromEntries(
      Object.entries({ measurements: virtual, timeline: shares, attempts }).map(([name, rows]) => [
        name,
        rows.map((row) => ({ ...row, substrate })),
      ]),
    );
  const drawn = figures.filter((figure) => figure.build(ofSubstrate("simulated")) !== undefined);
  assert.equal(drawn.length, 6);
  for (const figure of drawn) {
    assert.match(textsOf(figure.build(ofSubstrate("simulated"))), /virtual time/, figure.id);
    assert.equal(figure.build(ofSubstrate("cluster")), undefined, figure.id);
  }
});

/** Everything in a figure that a reader can read. */
function textsOf(spec: unknown): string {
  const texts: unknown[] = [];
  JSON.parse(JSON.stringify(spec), (key, value: unknown) => {
    if (key === "text" || key === "subtitle") texts.push(value);
    return value;
  });
  return texts.flat().join("\n");
}

test("a block that lost writes is shown with its loss, although its timings are void", () => {
  const measured = kills.measurements.map((row) =>
    row["block"] === 1 && row["metric"] === "lost-acknowledged-writes" ? { ...row, value: 3 } : row,
  );
  const throughput = kills.throughput.filter((row) => row["block"] === 0);
  const texts = textsOf(durabilityUnderKills.build({ ...kills, throughput, measurements: measured }));
  assert.match(texts, /block 0\n[\d,]+ kills, [\d,]+ acknowledged writes, 0 lost/);
  assert.match(texts, /block 1\n[\d,]+ kills, [\d,]+ acknowledged writes, 3 lost/);
  assert.match(texts, /2 blocks, [\d,]+ acknowledged writes, 3 lost/);
  assert.match(texts, /a check failed/);
});

test("single servers are marked as replicating nothing, and nothing else is", () => {
  const texts = textsOf(storageComparison.build(compared)).split("\n");
  const marked = texts.flatMap((text, index) => (text === "one server, no replica" ? [texts[index - 1]] : []));
  assert.deepEqual(marked, ["postgresql", "redis"]);
});

/** The stretches of one colour that are shaded in the latency panel, as [start, end]. */
function shadedIn(spec: unknown, colour: string): unknown[] {
  const found: unknown[] = [];
  JSON.parse(JSON.stringify(spec), (_key, value: { mark?: { color?: string; opacity?: number }; data?: unknown }) => {
    const { color, opacity } = value?.mark ?? {};
    if (color === colour && opacity !== undefined) found.push(value.data);
    return value;
  });
  return (found as { values: { startS: number; endS: number }[] }[]).flatMap(({ values }) =>
    values.map(({ startS, endS }) => [startS, endS]),
  );
}

test("what several nodes do in the background at once is one stretch, and what never ends lasts to the end", () => {
  const change = (node: string, time_s: number, value: number): TableRow => ({
    ...join.timeline.at(0),
    ...{ node, time_s, metric: "background-rebalance", value },
  });
  const latency = join.timeline.filter((row) => String(row["metric"]).startsWith("write-"));
  const changes = [change("n4", 3, 1), change("n1", 4, 1), change("n4", 5, 0), change("n1", 6, 0)];
  const others = [change("n2", 0.5, 0), change("n3", 20, 1), change("n2", 30, 1), change("n2", 31, 0)];
  const spec = storageJoinLatency.build({ timeline: [...latency, ...changes, ...others] });
  assert.deepEqual(shadedIn(spec, ink.shade), [
    [0, 0.5],
    [3, 6],
    [20, 25],
  ]);
});

test("the line of latencies breaks where no write began", () => {
  const gap = join.timeline.filter((row) => Number(row["time_s"]) < 8 || Number(row["time_s"]) > 10);
  const missing = (rows: readonly TableRow[]): number =>
    JSON.stringify(storageJoinLatency.build({ timeline: rows })).split('"latencyMs":null').length - 1;
  assert.equal(missing(join.timeline), 0);
  assert.equal(missing(gap), 2, "once in each of the two lines");
});

test("a process with other surroundings renders the same bytes", async () => {
  const env = { TZ: "Pacific/Chatham", LANG: "de_DE.UTF-8", LC_ALL: "tr_TR.UTF-8" };
  const script = fileURLToPath(new URL("hash-figures.fixture.ts", import.meta.url));
  const { stdout } = await execa(process.execPath, [script], { env, cwd: tmpdir() });
  const [here, there] = [await hashesOfFigures(), stdout.split("\n")];
  assert.deepEqual(
    there.filter((line) => !here.includes(line)),
    [],
  );
  assert.equal(new Set(there).size, figures.length * 4);
  assert.match(stdout, /^[0-9a-f]{64} /);
});
