/**
 * Widths of text in a TrueType font, read from the font's own tables.
 *
 * How: `cmap` (format 4) maps a character to a glyph, `hmtx` gives the glyph's advance, `head` the units of an em. Vega
 * lays out legends, axes and titles by such widths; its default asks a canvas or an installed font, which differ
 * between machines. What this does not do: kerning and ligatures. They change the width of a label by less than 2 %.
 *
 * Source: OpenType specification 1.9, chapters cmap, head, hhea, hmtx.
 */

import { assert } from "../../implementations/foundation/assert.ts";

/** Returns the advance width of `text` in ems: multiply by the font size. */
export type MeasureText = (text: string) => number;

/**
 * Returns the measure of the font in `bytes`, a TrueType file (`sfnt`, not WOFF).
 * A character that the font lacks has the width of the font's replacement glyph.
 *
 * @throws AssertionError when a table is missing or of another format: the vendored file is not the one expected.
 */
export function createMeasure(bytes: Uint8Array): MeasureText {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tables = tableOffsets(view);
  const unitsPerEm = view.getUint16(offsetOf(tables, "head") + 18);
  const advanceOf = readAdvances(view, offsetOf(tables, "hhea"), offsetOf(tables, "hmtx"));
  const glyphOf = readCharacterMap(view, offsetOf(tables, "cmap"));
  return (text) => {
    let units = 0;
    for (const character of text) units += advanceOf(glyphOf(character.codePointAt(0) ?? 0));
    return units / unitsPerEm;
  };
}

function tableOffsets(view: DataView): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>();
  const tableCount = view.getUint16(4);
  for (let index = 0; index < tableCount; index++) {
    const record = 12 + index * 16;
    const tag = String.fromCharCode(...[0, 1, 2, 3].map((byte) => view.getUint8(record + byte)));
    offsets.set(tag, view.getUint32(record + 8));
  }
  return offsets;
}

function offsetOf(tables: ReadonlyMap<string, number>, tag: string): number {
  const offset = tables.get(tag);
  assert(offset !== undefined, `the font has a ${tag} table`);
  return offset;
}

function readAdvances(view: DataView, hhea: number, hmtx: number): (glyph: number) => number {
  const metricCount = view.getUint16(hhea + 34);
  // Glyphs past the last metric share it: monospaced tails are stored once.
  return (glyph) => view.getUint16(hmtx + Math.min(glyph, metricCount - 1) * 4);
}

function readCharacterMap(view: DataView, cmap: number): (codePoint: number) => number {
  const subtable = unicodeSubtable(view, cmap);
  const segments = view.getUint16(subtable + 6) / 2;
  const ends = subtable + 14;
  const starts = ends + segments * 2 + 2;
  const deltas = starts + segments * 2;
  const ranges = deltas + segments * 2;
  return (codePoint) => {
    for (let segment = 0; segment < segments; segment++) {
      if (codePoint > view.getUint16(ends + segment * 2)) continue;
      const start = view.getUint16(starts + segment * 2);
      if (codePoint < start) return 0;
      const delta = view.getUint16(deltas + segment * 2);
      const range = ranges + segment * 2;
      const rangeOffset = view.getUint16(range);
      if (rangeOffset === 0) return (codePoint + delta) & 0xffff;
      const glyph = view.getUint16(range + rangeOffset + (codePoint - start) * 2);
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
    }
    return 0;
  };
}

/** The table of the Basic Multilingual Plane: platform 3 (Windows), encoding 1, format 4. Every Unicode font has it. */
function unicodeSubtable(view: DataView, cmap: number): number {
  const subtableCount = view.getUint16(cmap + 2);
  for (let index = 0; index < subtableCount; index++) {
    const record = cmap + 4 + index * 8;
    if (view.getUint16(record) !== 3 || view.getUint16(record + 2) !== 1) continue;
    const subtable = cmap + view.getUint32(record + 4);
    if (view.getUint16(subtable) === 4) return subtable;
  }
  assert(false, "the font maps Unicode by a format 4 table");
}
