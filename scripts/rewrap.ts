/**
 * Wraps comment lines that run over the width: what the formatter leaves alone and tidy refuses.
 *
 * A line that is too long hands its last words to the next line of the same paragraph, or to a new one. Only lines that
 * are too long, and those that get too long by it, are touched; tables, addresses and code in comments are left to a
 * person. Run by `npm run format`; alone: `node scripts/rewrap.ts`.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, sourceFiles } from "./project-files.ts";
import { readSource } from "./source-text.ts";

const widthColumns = 120;

if (import.meta.main) {
  for (const path of sourceFiles()) {
    const text = readFileSync(join(root, path), "utf8");
    const wrapped = rewrapped(text);
    if (wrapped === text) continue;
    writeFileSync(join(root, path), wrapped);
    console.log(`${path}: wrapped`);
  }
}

/** Returns `text` with over-long lines of prose wrapped. */
export function rewrapped(text: string): string {
  const commentLines = proseLines(text);
  const lines: string[] = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (line.length <= widthColumns || !commentLines.has(at) || /[|]\s*$|:\/\//.test(line)) continue;
    const single = /^(\s*)\/\*\*? (.*) \*\/$/.exec(line);
    if (single !== null) {
      lines.splice(at, 1, `${single[1]}/**`, `${single[1]} * ${single[2]}`, `${single[1]} */`);
      shift(commentLines, at, 2);
      continue;
    }
    const cut = line.lastIndexOf(" ", widthColumns);
    const prefix = prefixOf(line);
    if (prefix === undefined || cut <= prefix.length) continue;
    const rest = line.slice(cut + 1);
    lines[at] = line.slice(0, cut);
    const next = lines[at + 1];
    if (next !== undefined && commentLines.has(at + 1) && continues(prefix, next)) {
      lines[at + 1] = `${prefix}${rest} ${next.slice(prefix.length)}`;
    } else {
      lines.splice(at + 1, 0, `${prefix}${rest}`);
      shift(commentLines, at, 1);
    }
  }
  return lines.join("\n");
}

/** The indexes of lines that hold nothing but comment. */
function proseLines(text: string): Set<number> {
  const code = readSource(text).code.split("\n");
  return new Set(text.split("\n").flatMap((line, at) => (line.trim() !== "" && code[at]!.trim() === "" ? [at] : [])));
}

/** Makes room for `count` more lines of comment after line `at`. */
function shift(lines: Set<number>, at: number, count: number): void {
  const after = [...lines].filter((line) => line > at);
  for (const line of after) lines.delete(line);
  for (const line of after) lines.add(line + count);
  for (let added = 1; added <= count; added++) lines.add(at + added);
}

/** What the next line of the paragraph of `line` begins with: the comment's mark, and the indent of a list or a tag. */
function prefixOf(line: string): string | undefined {
  const [, mark, item] = /^(\s*(?:\*|\/\/) +)((?:[-*] |\d+\. |@)?)/.exec(line) ?? [];
  return mark === undefined ? undefined : mark + " ".repeat(item === "" ? 0 : item === "@" ? 2 : item!.length);
}

function continues(prefix: string, next: string): boolean {
  return next.startsWith(prefix) && /^[^\s@|*\-\d]/.test(next.slice(prefix.length)) && !next.trim().endsWith("*/");
}
