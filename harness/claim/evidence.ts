/**
 * What the judge sees of a run: its tables, what became of its blocks, and what was left out; and from these, the
 * observations of a measure.
 *
 * An observation is one block. Rows of a void block keep that mark, and the judge decides what they may still say.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import { median } from "../measure/order.ts";
import type { TypedRow } from "../record/csv.ts";
import type { BlockRecord, VoidKind } from "../record/manifest.ts";
import { readManifest, readTable } from "../record/results-reader.ts";
import type { TableName } from "../record/tables.ts";
import type { Fold, Machine, Source } from "./claim.ts";

export interface Evidence {
  table<Name extends TableName>(name: Name): readonly TypedRow<Name>[];
  readonly blocks: readonly BlockRecord[];
  /** Experiments that were not run, with the reason. */
  readonly notRun: Readonly<Record<string, string>>;
  /** The machine of the run; undefined when it could not be read. */
  readonly machine: Machine | undefined;
  readonly seed: string;
}

/** One block's word. */
export interface Observation {
  readonly experiment: string;
  readonly block: number;
  readonly implementation: string;
  readonly substrate: string;
  readonly nodes: number | undefined;
  readonly seed: string;
  readonly value: number;
  /** Rows folded into `value`. */
  readonly rows: number;
  /** Why the block is void; empty when it is sound. */
  readonly voids: readonly { readonly kind: VoidKind; readonly reason: string }[];
}

/**
 * Returns the evidence in a results directory, complete or not.
 *
 * @throws UsageError when it holds no results; HarnessError when they are damaged.
 */
export function readEvidence(directory: string, machine: Machine | undefined): Evidence {
  const manifest = readManifest(directory);
  const cache = new Map<TableName, readonly unknown[]>();
  return {
    table<Name extends TableName>(name: Name): readonly TypedRow<Name>[] {
      const rows = cache.get(name) ?? readTable(directory, name);
      cache.set(name, rows);
      return rows as readonly TypedRow<Name>[];
    },
    blocks: manifest.blocks,
    notRun: manifest.notRun,
    machine,
    seed: manifest.seed,
  };
}

/** Columns every table of blocks begins with. */
interface BlockCells {
  readonly experiment: string;
  readonly block: number | undefined;
  readonly implementation: string;
  readonly substrate: string;
  readonly nodes: number | undefined;
  readonly seed: string;
}

/** Returns the rows of a table that belong to `experiments` and match `where`, with their blocks' voids. */
export function matchingRows(
  evidence: Evidence,
  experiments: readonly string[],
  table: TableName,
  where: Readonly<Record<string, unknown>>,
): readonly {
  readonly cells: BlockCells;
  readonly row: Readonly<Record<string, unknown>>;
  readonly voids: Observation["voids"];
}[] {
  const conditions = Object.entries(where);
  return evidence.table(table).flatMap((typed) => {
    const row: Readonly<Record<string, unknown>> = typed;
    const cells = typed as unknown as BlockCells;
    assert(typeof cells.block === "number", `table ${table} has a block in every row a claim is judged by`);
    if (!experiments.includes(cells.experiment)) return [];
    if (!conditions.every(([column, wanted]) => row[column] === wanted)) return [];
    return [{ cells, row, voids: voidsOf(evidence, cells, row["other"]) }];
  });
}

/** Returns one observation per block, implementation, substrate and cluster size, in the order of the table. */
export function observe(evidence: Evidence, experiments: readonly string[], source: Source): readonly Observation[] {
  const groups = new Map<string, { first: Omit<Observation, "value" | "rows">; values: number[] }>();
  for (const { cells, row, voids } of matchingRows(evidence, experiments, source.table, source.where)) {
    const value = row[source.column];
    if (typeof value !== "number" || cells.block === undefined) continue;
    const { experiment, block, implementation, substrate, nodes, seed } = cells;
    const key = JSON.stringify([experiment, block, implementation, substrate, nodes]);
    const group = groups.get(key) ?? {
      first: { experiment, block, implementation, substrate, nodes, seed, voids },
      values: [],
    };
    group.values.push(value);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ first, values }) => ({
    ...first,
    value: fold(values, source.perBlock),
    rows: values.length,
  }));
}

function fold(values: readonly number[], by: Fold): number {
  const sum = values.reduce((total, value) => total + value, 0);
  switch (by) {
    case "sum":
      return sum;
    case "mean":
      return sum / values.length;
    case "median":
      return median(values);
    case "minimum":
      return values.reduce((least, value) => Math.min(least, value), Infinity);
    case "maximum":
      return values.reduce((most, value) => Math.max(most, value), -Infinity);
  }
}

/** A comparison row is void when either of the two it compares is. What no manifest speaks of is sound. */
function voidsOf(evidence: Evidence, cells: BlockCells, other: unknown): Observation["voids"] {
  const record = evidence.blocks.find(
    ({ experiment, block }) => experiment === cells.experiment && block === cells.block,
  );
  const concerned = (record?.implementations ?? []).filter(
    ({ name }) => name === cells.implementation || name === other,
  );
  return concerned.flatMap(({ voids }) => voids);
}
