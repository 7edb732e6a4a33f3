/**
 * What a figure is: a declaration that turns rows of the result tables into a Vega-Lite spec.
 *
 * A declaration reads no files and draws nothing, so the same rows give the same spec; `render.ts` turns the spec into
 * pictures. Cells may be text, as a CSV holds them, or already parsed.
 */

import type { TopLevelSpec } from "vega-lite";

import { assert } from "../../implementations/foundation/assert.ts";
import type { TableName } from "../record/tables.ts";

export type TableRow = Readonly<Record<string, string | number | boolean | undefined>>;
/** Rows by table; a table that was not written is missing. */
export type FigureTables = Readonly<Partial<Record<TableName, readonly TableRow[]>>>;

export interface Figure {
  /** Also the file name of everything rendered from it. */
  readonly id: string;
  readonly title: string;
  /** What is shown and how it was computed, for the reader of the report and of the paper. */
  readonly caption: string;
  readonly needs: readonly TableName[];
  /** Returns the complete spec with its data inline, or undefined when no row belongs in the figure. */
  build(tables: FigureTables): TopLevelSpec | undefined;
}

/** Returns the cell as text; empty when it is missing. */
export function textOf(row: TableRow, column: string): string {
  return String(row[column] ?? "");
}

/**
 * Returns the cell as a finite number, or undefined when it is empty.
 *
 * @throws AssertionError when it holds something else: the reader of the CSV has checked the types.
 */
export function numberOf(row: TableRow, column: string): number | undefined {
  const text = textOf(row, column);
  if (text === "") return undefined;
  const value = Number(text);
  assert(Number.isFinite(value), `column ${column} holds a number, not ${JSON.stringify(text)}`);
  return value;
}

/** Returns the items by key, keys in ascending order, items in their given order. */
export function groupBy<Item>(
  items: Iterable<Item>,
  keyOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = Map.groupBy(items, keyOf);
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/**
 * Returns the value below which the fraction `p` of `sorted` lies, interpolated linearly between neighbours.
 *
 * @param sorted ascending, length >= 1.
 * @param p in [0, 1].
 * @see Hyndman & Fan 1996, definition 7.
 */
export function quantile(sorted: readonly number[], p: number): number {
  const position = (sorted.length - 1) * p;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  assert(below !== undefined && above !== undefined, "a quantile needs a value and p in [0, 1]");
  return below + (above - below) * (position - Math.floor(position));
}

/** Returns `values` in ascending order of number. */
export function ascending(values: Iterable<number>): readonly number[] {
  return [...values].sort((a, b) => a - b);
}
