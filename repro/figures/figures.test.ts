/**
 * Goal: every figure renders from any rows that a run can write, and from the same rows to the same bytes.
 *
 * Method: the declarations are built from synthetic rows (whole, one row, none, extreme values, text cells as a CSV
 * gives them) and rendered; two child processes with different time zone, language and directory must agree with each
 * other. A warning of Vega-Lite fails the rendering, so these tests also guard the declarations.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { execa } from "execa";

import type { FigureTables, TableRow } from "../../harness/chart/figure.ts";
import { renderFigure, withoutEmbeddedFont } from "../../harness/chart/render.ts";
import { tables } from "../../harness/record/tables.ts";
import type { TableName } from "../../harness/record/tables.ts";
import { figures } from "./figures.ts";
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
    assert.equal(figure.build({ throughput: [], faults: [], latency: [], elections: [] }), undefined);
  });

  test(`${figure.id}: every form is complete and names itself`, async () => {
    const spec = figure.build(syntheticTables());
    assert.ok(spec);
    const { vegaLite, svg, png, pdf } = await renderFigure(figure, spec);
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

const degenerate: readonly (readonly [string, FigureTables])[] = [
  [
    "one row of each",
    {
      throughput: [
        ...throughputRows("consensus-faults", 3, 1).slice(0, 1),
        ...clusterSizeRows(1).slice(0, 1),
        ...churnRows().throughput.slice(0, 1),
      ],
      faults: faultRows().slice(0, 1),
      latency: latencyRows("one", 1).slice(0, 1),
      elections: [...electionRows().slice(0, 1), ...churnRows().elections.slice(0, 1)],
      measurements: addedLatencyRows(1).slice(0, 1),
      timeline: timelineRows(1).slice(0, 1),
    },
  ],
  [
    "all zero",
    {
      throughput: zeroed([...throughputRows(), ...clusterSizeRows(), ...churnRows().throughput], "throughput_per_s"),
      latency: zeroed(latencyRows(), "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"),
      elections: zeroed([...electionRows(), ...churnRows().elections], "duration_ms"),
      measurements: zeroed(addedLatencyRows(), "value"),
      timeline: zeroed(timelineRows(), "value"),
    },
  ],
  [
    "huge values",
    {
      throughput: scaled(
        [...throughputRows(), ...clusterSizeRows(), ...churnRows().throughput],
        "throughput_per_s",
        1e6,
      ),
      latency: scaled(latencyRows(), "max_ms", 1e6),
      elections: scaled([...electionRows(), ...churnRows().elections], "duration_ms", 1e5),
      measurements: scaled(addedLatencyRows(), "value", 1e4),
      timeline: scaled(timelineRows(), "value", 1e6),
    },
  ],
  [
    "seven implementations",
    {
      throughput: [...peersOf(throughputRows()), ...peersOf(clusterSizeRows()), ...churnRows().throughput],
      faults: peersOf(faultRows()),
      latency: peersOf(latencyRows()),
      elections: [...peersOf(electionRows()), ...churnRows().elections],
      measurements: addedLatencyRows(),
      timeline: peersOf(timelineRows()),
    },
  ],
];

for (const [name, rows] of degenerate) {
  for (const figure of figures) {
    test(`${figure.id}: ${name}`, async () => {
      const spec = figure.build(rows);
      assert.ok(spec);
      const { svg } = await renderFigure(figure, spec);
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
    throughput: simulated([...throughputRows(), ...clusterSizeRows(), ...churnRows().throughput]),
    latency: simulated(latencyRows()),
    measurements: simulated(addedLatencyRows()),
    timeline: simulated(timelineRows()),
  };
  for (const figure of figures) assert.equal(figure.build(rows), undefined, figure.id);
});

test("two processes with other surroundings render the same bytes", async () => {
  const surroundings = [
    { env: { TZ: "UTC", LANG: "C" }, cwd: process.cwd() },
    { env: { TZ: "Pacific/Chatham", LANG: "de_DE.UTF-8", LC_ALL: "tr_TR.UTF-8" }, cwd: tmpdir() },
  ];
  const script = fileURLToPath(new URL("hash-figures.fixture.ts", import.meta.url));
  const hashes = await Promise.all(
    surroundings.map(async ({ env, cwd }) => (await execa(process.execPath, [script], { env, cwd })).stdout),
  );
  assert.equal(hashes[0], hashes[1]);
  assert.equal(hashes[0]?.split("\n").length, figures.length * 4);
  assert.match(hashes[0] ?? "", new RegExp(`^[0-9a-f]{${createHash("sha256").digest("hex").length}} `));
});
