/**
 * Text in the columns of a terminal: width, cutting, wrapping, aligning.
 *
 * A grapheme is one column, an East Asian wide character or an emoji two (Unicode Standard Annex 11, the common cases).
 * Control characters are shown as `�`, so that no name or message can move the cursor.
 */

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
const wide =
  /^(\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\u3000-\u303e\uff01-\uff60])/u;

/** Returns how many columns a terminal gives `text`. */
export function textColumns(text: string): number {
  let columns = 0;
  for (const { segment } of graphemes.segment(text)) columns += graphemeColumns(segment);
  return columns;
}

/** Returns `text` in at most `columns` columns, ended by an ellipsis when something was cut. */
export function truncate(text: string, columns: number): string {
  if (textColumns(text) <= columns) return text;
  let kept = "";
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += graphemeColumns(segment);
    if (used > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/**
 * Returns `text` as lines of at most `columns`, each ended by a newline; all but the first begin with `indent`. A text
 * that fits on one line keeps its inner spaces, which may align it with others.
 */
export function wrap(text: string, columns: number, indent: string): string {
  const shown = printable(text);
  if (textColumns(shown) <= columns) return `${shown}\n`;
  const [, lead = "", body = ""] = /^( *)(.*)$/s.exec(shown) ?? [];
  let line = lead;
  let lines = "";
  for (const word of body.split(/\s+/).flatMap((each) => breakWord(each, columns - indent.length))) {
    const fits = textColumns(line) + 1 + textColumns(word) <= columns;
    if (line.trim() === "") line += word;
    else if (fits) line += ` ${word}`;
    else {
      lines += `${line}\n`;
      line = indent + word;
    }
  }
  return `${lines}${line}\n`;
}

/**
 * Returns a table as lines whose columns are two spaces apart, each ended by a newline. A table wider than `columns`
 * becomes one paragraph per row that names each value, because a cut number would be a wrong one.
 */
export function alignTable(
  [header, ...rows]: readonly [readonly string[], ...(readonly string[])[]],
  alignment: readonly ("left" | "right")[],
  columns: number,
): string {
  const cells = [header, ...rows].map((row) => row.map(printable));
  const widths = alignment.map((_, column) => Math.max(...cells.map((row) => textColumns(row[column] ?? ""))));
  const width = widths.reduce((sum, each) => sum + each + 2, -2);
  if (width > columns) return rows.map((row) => paragraph(header, row, columns)).join("");
  return cells
    .map((row) => {
      const padded = row.map((cell, column) => pad(cell, widths[column] ?? 0, alignment[column] ?? "left"));
      return `${padded.join("  ").trimEnd()}\n`;
    })
    .join("");
}

function paragraph(header: readonly string[], [name = "", ...values]: readonly string[], columns: number): string {
  const named = values.map((value, index) => `${header[index + 1] ?? ""} ${value}`);
  return wrap(`${name}: ${named.join(", ")}`, columns, "  ");
}

function graphemeColumns(grapheme: string): number {
  return wide.test(grapheme) ? 2 : 1;
}

function pad(text: string, columns: number, side: "left" | "right"): string {
  const room = " ".repeat(Math.max(0, columns - textColumns(text)));
  return side === "left" ? text + room : room + text;
}

function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, (character) => (/\s/.test(character) ? " " : "\ufffd"));
}

/** Cuts a word that no line could hold. */
function breakWord(word: string, columns: number): readonly string[] {
  if (textColumns(word) <= columns) return [word];
  const pieces: string[] = [];
  let piece = "";
  for (const { segment } of graphemes.segment(word)) {
    if (textColumns(piece + segment) > columns) {
      pieces.push(piece);
      piece = "";
    }
    piece += segment;
  }
  return [...pieces, piece];
}
