/**
 * Rows to CSV and back, by the columns of `tables.ts`.
 *
 * The same rows give the same bytes on every machine: UTF-8, LF, no locale. Measured numbers keep six significant
 * digits (no measurement here is better than that) but never lose a digit before the point; whole numbers are exact.
 * An empty cell means "no value"; there is no NaN and no infinity in a table. Reading is strict: a damaged file is an
 * error with its line, never a row that looks right.
 */

import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import { assert } from "../../implementations/foundation/assert.ts";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import { tables } from "./tables.ts";
import type { Column, Row, TableName } from "./tables.ts";

type CellOf<Type extends Column["type"]> = Type extends "string" ? string : Type extends "boolean" ? boolean : number;

/** A row as read back. An empty cell of a text column is "", of any other column undefined. */
export type TypedRow<Name extends TableName> = {
  readonly [Each in (typeof tables)[Name][number] as Each["name"]]:
    CellOf<Each["type"]> | (Each["type"] extends "string" ? never : undefined);
};

/** Returns the first line of a table's file, with its LF. */
export function headerLine(name: TableName): string {
  return `${tables[name].map((column) => column.name).join(",")}\n`;
}

/**
 * Returns `rows` as CSV lines, each with its LF, without the header. @throws AssertionError on a value no column holds.
 */
export function rowLines<Name extends TableName>(name: Name, rows: readonly Row<Name>[]): string {
  const columns: readonly Column[] = tables[name];
  const cells = rows.map((row) =>
    columns.map((column) => cellText(name, column, (row as Row<TableName>)[column.name as never])),
  );
  return stringify(cells, { record_delimiter: "\n" });
}

/** Returns the shortest text of a measured number: six significant digits, whole numbers from 100,000 up. */
export function numberText(value: number): string {
  assert(Number.isFinite(value), `a table holds finite numbers, not ${value}`);
  if (Object.is(value, -0)) return "0";
  if (Number.isSafeInteger(value)) return String(value);
  return String(Math.abs(value) >= 1e5 ? Math.round(value) : Number(value.toPrecision(6)));
}

/**
 * Returns the rows of a table's CSV text.
 *
 * @param where the file's path, for messages.
 * @throws HarnessError naming file, line and what is wrong with it.
 */
export function parseTable<Name extends TableName>(name: Name, text: string, where: string): readonly TypedRow<Name>[] {
  const columns: readonly Column[] = tables[name];
  if (!text.startsWith(headerLine(name))) {
    throw new HarnessError(
      `Cannot read ${where}: line 1 is not the header of table ${name}, ${headerLine(name).trim()}`,
    );
  }
  if (!text.endsWith("\n")) throw new HarnessError(`Cannot read ${where}: its last line is incomplete`);
  const records = parsedRecords(text, where);
  return records.slice(1).map(({ record, line }) => {
    if (record.length !== columns.length) {
      throw new HarnessError(`Cannot read ${where}: line ${line} has ${record.length} cells, wanted ${columns.length}`);
    }
    const cells = columns.map((column, index) => [
      column.name,
      cellValue(column, record[index] ?? "", `${where}: line ${line}`),
    ]);
    return Object.fromEntries(cells) as TypedRow<Name>;
  });
}

function cellText(table: TableName, column: Column, value: string | number | boolean | undefined): string {
  if (value === undefined) return "";
  const wanted = column.type === "integer" ? "number" : column.type;
  assert(typeof value === wanted, `${table}.${column.name} holds a ${column.type}, not ${JSON.stringify(value)}`);
  if (typeof value !== "number") return String(value);
  assert(
    column.type !== "integer" || Number.isSafeInteger(value),
    `${table}.${column.name} holds an integer, not ${value}`,
  );
  return numberText(value);
}

function cellValue(column: Column, text: string, where: string): string | number | boolean | undefined {
  if (column.type === "string") return text;
  if (text === "") return undefined;
  if (column.type === "boolean") {
    if (text === "true" || text === "false") return text === "true";
    throw new HarnessError(`Cannot read ${where}, column ${column.name}: "${text}" is not true or false`);
  }
  // Number() alone would also take " 1", "0x10" and "Infinity".
  const isNumber = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text);
  if (isNumber && (column.type === "number" || Number.isSafeInteger(Number(text)))) return Number(text);
  throw new HarnessError(`Cannot read ${where}, column ${column.name}: "${text}" is not ${article(column.type)}`);
}

function article(type: Column["type"]): string {
  return type === "integer" ? "an integer" : `a ${type}`;
}

function parsedRecords(text: string, where: string): readonly { record: readonly string[]; line: number }[] {
  try {
    const parsed: unknown = parse(text, { info: true, relax_column_count: true, record_delimiter: "\n" });
    return (parsed as { record: string[]; info: { lines: number } }[]).map(({ record, info }) => ({
      record,
      line: info.lines,
    }));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HarnessError(`Cannot read ${where}: ${reason}`, { cause });
  }
}
