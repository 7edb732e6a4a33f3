/** Tables for terminals: columns separated by two spaces, each as wide as its widest cell, no lines drawn. */

/**
 * Returns the table as lines, each ended by a newline; a cell's own line breaks become spaces.
 *
 * @param rows all of the header's length. Columns in which every cell looks like a number are aligned to the right.
 */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll(/\s*\n\s*/g, " ")));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const numeric = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^[\d.,-]*$/.test(row[column] ?? "")),
  );
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, at) => pad(cell, widths[at]!, numeric[at]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function pad(cell: string, width: number, right: boolean): string {
  return right ? cell.padStart(width) : cell.padEnd(width);
}
