/** The data dictionary of `results/README.md`: every table and column of `tables.ts`, as Markdown. */

import { tables } from "../record/tables.ts";
import type { Column } from "../record/tables.ts";

export const dictionaryStart = "<!-- data dictionary: generated from harness/record/tables.ts -->";
export const dictionaryEnd = "<!-- end of data dictionary -->";

/** Returns the section between the two markers, markers included. */
export function renderDataDictionary(): string {
  const sections = Object.entries(tables).map(([name, columns]) => tableSection(name, columns));
  return [dictionaryStart, ...sections, dictionaryEnd].join("\n\n");
}

/**
 * Returns `readme` with its data dictionary replaced by the current one.
 *
 * @throws RangeError when the markers are missing.
 */
export function withDataDictionary(readme: string): string {
  const start = readme.indexOf(dictionaryStart);
  const end = readme.indexOf(dictionaryEnd);
  if (start < 0 || end < start) {
    throw new RangeError(
      `Cannot update the data dictionary: the text lacks "${dictionaryStart}" before "${dictionaryEnd}"`,
    );
  }
  return readme.slice(0, start) + renderDataDictionary() + readme.slice(end + dictionaryEnd.length);
}

function tableSection(name: string, columns: readonly Column[]): string {
  const rows = columns.map(({ name: column, type, description }) => `| \`${column}\` | ${type} | ${description} |`);
  return [`### ${name}.csv`, "", "| column | type | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}
