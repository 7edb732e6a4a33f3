/**
 * Goal: the checks see code as code, prose as prose, and every form of import.
 * Method: small sources in which the same word stands in each place where it may stand; then every source of the
 * project, of which the blanked code must keep length and line breaks.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root, sourceFiles } from "./project-files.ts";
import { importsOf, readSource } from "./source-text.ts";

describe("code and prose", () => {
  const hidden = [
    `// word`,
    `/* word\n word */`,
    `"word"`,
    `'it\\'s a word'`,
    "`word`",
    "`${1}word${2}`",
    `/word/g`,
    `const a = /[/]word/;`,
    `return /word/`,
    `"unfinished word`,
  ];
  for (const text of hidden) {
    test(`hides: ${text}`, () => assert.doesNotMatch(readSource(text).code, /word/));
  }

  const shown = [
    "word",
    "`${word}`",
    "`a${`b${word}`}c`",
    "1 / word / 2",
    "(1) / word",
    "a[0] / word",
    `"" + word`,
    "/a/.test(word)",
  ];
  for (const text of shown) {
    test(`shows: ${text}`, () => assert.match(readSource(text).code, /word/));
  }

  test("comments carry their text and line", () => {
    assert.deepEqual(readSource("a;\n/* b\n */ c; // d\n").comments, [
      { line: 2, text: "/* b\n */" },
      { line: 3, text: "// d" },
    ]);
  });

  test("every source of the project keeps its shape", () => {
    for (const path of sourceFiles()) {
      const text = readFileSync(join(root, path), "utf8");
      const { code } = readSource(text);
      assert.equal(code.length, text.length, path);
      assert.equal(code.split("\n").length, text.split("\n").length, path);
    }
  });
});

describe("imports", () => {
  const forms: readonly (readonly [text: string, specifier: string | undefined, typeOnly: boolean])[] = [
    [`import "a"`, "a", false],
    [`import b from "a"`, "a", false],
    [`import * as b from 'a'`, "a", false],
    [`import b, { c as d } from "a"`, "a", false],
    [`import {\n  b,\n  type C,\n} from "a"`, "a", false],
    [`import { type B } from "a"`, "a", false],
    [`import type { B } from "a"`, "a", true],
    [`import type B from "a"`, "a", true],
    [`import type from "a"`, "a", false],
    [`import b from "a" with { type: "json" }`, "a", false],
    [`export * from "a"`, "a", false],
    [`export { b } from "a"`, "a", false],
    [`export type { B } from "a"`, "a", true],
    [`const b = await import("a")`, "a", false],
    [`const b = await import(name)`, undefined, false],
    [`const b = await import(/* why */ "a")`, "a", false],
    [`let b: import("a").B`, "a", true],
  ];
  for (const [text, specifier, typeOnly] of forms) {
    test(text.replaceAll("\n", " "), () => {
      assert.deepEqual(importsOf(readSource(text)), [{ line: 1, specifier, typeOnly }]);
    });
  }

  const none = [
    `// import "a"`,
    `"import 'a'"`,
    `import.meta.url`,
    `object.import("a")`,
    `const a = { from: "a" }`,
    `export const a = "from"`,
  ];
  for (const text of none) {
    test(`none in: ${text}`, () => assert.deepEqual(importsOf(readSource(text)), []));
  }
});
