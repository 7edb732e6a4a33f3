/**
 * Goal: tidy finds what it is there to find, and lets the words stand where they mean nothing.
 * Method: per rule one planted violation and its nearest innocent neighbour.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readSource } from "./source-text.ts";
import { tidyViolations } from "./tidy.ts";

const opening = "/** What this is. */\n";
const core = "implementations/consensus/production/raft.ts";

const messagesIn = (path: string, text: string): readonly string[] =>
  tidyViolations(path, readSource(text)).map(({ line, message }) => `${line}: ${message}`);

describe("violations", () => {
  const long = "x".repeat(120);
  const rows: readonly (readonly [path: string, text: string, told: RegExp])[] = [
    [core, "const a = 1;\n", /^1: has no comment/],
    [core, `${opening}console.log(1);\n`, /^2: console\.: only harness\/cli/],
    ["harness/run.ts", `${opening}process.exit(1);\n`, /^2: process\.exit/],
    ["harness/run.ts", `${opening}const a = process.env["A"];\n`, /^2: process\.env/],
    [core, `${opening}const a = Date.now();\n`, /^2: Date\.now: time, chance/],
    [core, `${opening}const a = new Date();\n`, /^2: newDate\(\)/],
    [core, `${opening}const a = Math.random();\n`, /^2: Math\.random/],
    [core, `${opening}const a = performance\n  .now();\n`, /^2: performance\.now/],
    ["implementations/foundation/a.ts", `${opening}setTimeout(a, 1);\n`, /^2: setTimeout/],
    ["implementations/assembly/a.ts", `${opening}setInterval(a, 1);\n`, /^2: setInterval/],
    [core, `${opening}crypto.randomUUID();\n`, /^2: randomUUID/],
    [core, `${opening}setImmediate(a);\n`, /^2: setImmediate/],
    ["implementations/consensus/minimal.ts", opening + "a();\n".repeat(500), /^501: .* under 500 lines, this has 501/],
    [core, `${opening}// ${long}\n`, /^2: 123 columns/],
    [core, `/** What this is. */\n// ---- Helpers ----\n`, /^2: no banner/],
    [core, `/** What this is. */\n/* ============ */\n`, /^2: no banner/],
    [core, `${opening}// TODO: more\n`, /^2: TODO/],
    [core, `${opening}/*\n * FIXME\n */\n`, /^3: FIXME/],
    ["harness/run.test.ts", `${opening}test.only("a", () => {});\n`, /^2: test\.only/],
    ["harness/run.test.ts", `${opening}describe.skip("a", () => {});\n`, /^2: describe\.skip/],
    ["harness/run.test.ts", `${opening}test("a", { skip: true }, () => {});\n`, /^2: skip:true/],
    ["harness/runAll.ts", opening, /^1: "runAll\.ts" is not in kebab-case/],
    ["harness/Plans/run.ts", opening, /^1: folder "Plans"/],
  ];
  for (const [path, text, told] of rows) {
    test(`${path}: ${text.slice(opening.length, 80).trim()}`, () => {
      const messages = messagesIn(path, text);
      assert.equal(messages.length, 1, messages.join("\n"));
      assert.match(messages[0]!, told);
    });
  }
});

describe("innocent neighbours", () => {
  const rows: readonly (readonly [path: string, text: string])[] = [
    [core, `${opening}// Date.now would be wrong here.\nconst a = "console.log(Math.random())";\n`],
    [core, `${opening}this.setTimeout(a);\nclock.performance.now();\n`],
    [core, `${opening}const at = new Date(0);\n`],
    ["implementations/platform/node/clock.ts", `${opening}performance.now();\nsetTimeout(a, 1);\n`],
    ["implementations/platform/node/end-thread.ts", `${opening}process.exit(1);\n`],
    ["implementations/assembly/cluster/node-process.ts", `${opening}process.exit(0);\nsetTimeout(a, 1);\n`],
    ["implementations/assembly/consensus/world.ts", `${opening}setImmediate(a);\n`],
    ["harness/cli/main.ts", `${opening}console.log(process.env["A"]);\nprocess.exit(0);\n`],
    ["harness/measure/clock.ts", `${opening}performance.now();\n`],
    [core, `${opening}const a = "${"x".repeat(130)}";\n`],
    [core, `${opening}// See https://example.org/${"x".repeat(130)}\n`],
    [core, `/**\n * What this is.\n *\n * | a | b |\n * |---|---|\n */\n`],
    ["implementations/consensus/minimal.ts", opening + "a();\n".repeat(498)],
    ["harness/cli/grey.js", `#!/usr/bin/env node\n${opening}`],
    ["harness/run.test.ts", `// Goal and method.\nconst only = true;\ntest("skip: true", () => {});\n`],
  ];
  for (const [path, text] of rows) {
    test(`${path}: ${text.replace(opening, "").slice(0, 60).trim()}`, () =>
      assert.deepEqual(messagesIn(path, text), []));
  }
});
