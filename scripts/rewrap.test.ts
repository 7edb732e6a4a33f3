/**
 * Goal: what is wrapped fits, says the same words in the same order, and nothing else moves.
 * Method: one example per shape of comment, and the property over generated paragraphs.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rewrapped } from "./rewrap.ts";
import { readSource } from "./source-text.ts";

const words = (count: number, word = "word"): string => Array.from({ length: count }, () => word).join(" ");

test("words go to the next line of the paragraph", () => {
  const text = `/**\n * ${words(23)} over\n * next line.\n */\n`;
  assert.equal(rewrapped(text), `/**\n * ${words(23)}\n * over next line.\n */\n`);
});

test("or to a new one before a list, a tag or the end", () => {
  for (const next of [" * - item", " * @param a what", " *", " */"]) {
    const text = `/**\n * ${words(23)} over\n${next}\n`;
    assert.equal(rewrapped(text), `/**\n * ${words(23)}\n * over\n${next}\n`);
  }
});

test("one line becomes three", () => {
  assert.equal(rewrapped(`  /** ${words(23)} over */\n`), `  /**\n   * ${words(23)}\n   * over\n   */\n`);
});

test("code, tables and addresses stay", () => {
  for (const text of [
    `const a = "${words(30)}";\n`,
    `/**\n * | ${words(30)} |\n */\n`,
    `// https://example.org ${words(30)}\n`,
    `a(); // ${words(30)}\n`,
  ]) {
    assert.equal(rewrapped(text), text);
  }
});

test("the words stay, and every line fits", () => {
  const paragraph = fc.array(fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 6,
  });
  const said = (text: string): string => text.replaceAll(/[\s*/]+/g, " ");
  fc.assert(
    fc.property(paragraph, (lines) => {
      const text = `/**\n${lines.map((line) => ` * ${line.join(" ")}\n`).join("")} */\nconst a = 1;\n`;
      const wrapped = rewrapped(text);
      assert.equal(said(wrapped), said(text));
      assert.ok(wrapped.split("\n").every((line) => line.length <= 120));
      assert.equal(readSource(wrapped).code.trim(), "const a = 1;");
    }),
    { seed: 11 },
  );
});
