/**
 * Goal: the tier check lets through what the table allows and finds every kind of import that it forbids.
 * Method: one planted violation per rule, each beside the nearest import that is allowed. That the project
 * keeps its own rules is the business of `npm run ok`.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readSource } from "./source-text.ts";
import { tiers } from "./tier-of.ts";
import { tierViolations } from "./tiers.ts";

const consensus = "implementations/consensus";
const platform = "implementations/platform";

/** Each: a file, an import it may have, an import it may not have. */
const rules: readonly (readonly [path: string, allowed: string, forbidden: string, rule: string])[] = [
  ["implementations/foundation/a.ts", `import "./b.ts"`, `import "node:fs"`, "foundation: nothing from node:"],
  ["implementations/foundation/a.ts", `import "msgpackr"`, `import "execa"`, "foundation: pure packages only"],
  [
    "implementations/foundation/a.ts",
    `import "./b.ts"`,
    `import "../platform/node/disk.ts"`,
    "foundation: only itself",
  ],
  [`${consensus}/contract.ts`, `import "../foundation/a.ts"`, `import "./minimal.ts"`, "contract: only foundation"],
  [
    `${consensus}/contract.ts`,
    `import "../foundation/a.ts"`,
    `import type {} from "../network/contract.ts"`,
    "contract: no other",
  ],
  [`${consensus}/minimal.ts`, `import "./contract.ts"`, `import "./production/log.ts"`, "minimal: not production"],
  [`${consensus}/minimal.ts`, `import "../foundation/a.ts"`, `import "msgpackr"`, "minimal: no packages"],
  [
    `${consensus}/minimal.ts`,
    `import type { A } from "../storage/contract.ts"`,
    `import { a } from "../storage/contract.ts"`,
    "minimal: other contracts by type",
  ],
  [`${consensus}/production/a.ts`, `import "./b.ts"`, `import "../minimal.ts"`, "production: not minimal"],
  [
    `${consensus}/production/a.ts`,
    `import "../contract.ts"`,
    `import "../../storage/production/b.ts"`,
    "production: not another room",
  ],
  [`${consensus}/production/a.ts`, `import "msgpackr"`, `import "node:crypto"`, "production: nothing from node:"],
  [
    `${consensus}/production/a.ts`,
    `import type { A } from "../../network/contract.ts"`,
    `export { a } from "../../network/contract.ts"`,
    "production: other contracts by type",
  ],
  [
    `${consensus}/production/a.ts`,
    `import "../../foundation/a.ts"`,
    `import "../../platform/simulated/clock.ts"`,
    "production: no platform",
  ],
  [
    `${consensus}/production/a.ts`,
    `const a = import("./b.ts")`,
    `const a = import(name)`,
    "production: nothing computed",
  ],
  [
    `${consensus}/peers/etcd.ts`,
    `import "../../platform/node/disk.ts"`,
    `import "../production/a.ts"`,
    "peers: not production",
  ],
  [`${consensus}/peers/etcd.ts`, `import "etcd3"`, `import "../../assembly/a.ts"`, "peers: not assembly"],
  [
    `${platform}/node/disk.ts`,
    `import "node:fs"`,
    `import "../simulated/disk.ts"`,
    "platform/node: not the other wing",
  ],
  [
    `${platform}/simulated/disk.ts`,
    `import "../faulty-disk.ts"`,
    `import "node:fs"`,
    "platform/simulated: nothing from node:",
  ],
  [
    `${platform}/simulated/disk.ts`,
    `import "./clock.ts"`,
    `import "../node/clock.ts"`,
    "platform/simulated: not the other wing",
  ],
  [
    `${platform}/faulty-disk.ts`,
    `import "../foundation/a.ts"`,
    `import "node:fs"`,
    "platform: node: only in platform/node",
  ],
  [
    `${platform}/faulty-disk.ts`,
    `import type { A } from "../storage/contract.ts"`,
    `import type { A } from "../consensus/contract.ts"`,
    "platform: network and storage only",
  ],
  [
    "implementations/assembly/a.ts",
    `import "../consensus/production/a.ts"`,
    `import "../../harness/plan/plan.ts"`,
    "assembly: only implementations",
  ],
  [
    "harness/run.ts",
    `import "../implementations/consensus/contract.ts"`,
    `import "../implementations/consensus/minimal.ts"`,
    "harness: not minimal",
  ],
  [
    "harness/run.ts",
    `import "../implementations/assembly/registry.ts"`,
    `import "../implementations/platform/node/disk.ts"`,
    "harness: not platform",
  ],
  ["harness/run.ts", `import "./plan/plan.ts"`, `import "../repro/catalogue.ts"`, "harness: not repro"],
  ["harness/run.ts", `import "node:fs"`, `import "./cli/command.ts"`, "harness: not the command line"],
  ["harness/cli/a.ts", `import "../../repro/catalogue.ts"`, `import "../../scripts/ok.ts"`, "cli: not scripts"],
  [
    "repro/catalogue.ts",
    `import "../harness/plan/plan.ts"`,
    `import "../implementations/assembly/registry.ts"`,
    "repro: not assembly",
  ],
  [
    "repro/catalogue.ts",
    `import "../implementations/foundation/a.ts"`,
    `import "node:fs"`,
    "repro: nothing from node:",
  ],
  [
    "repro/microbench/a.ts",
    `import "../../implementations/consensus/production/a.ts"`,
    `import "../../implementations/assembly/a.ts"`,
    "microbench: not assembly",
  ],
  ["scripts/a.ts", `import "../harness/run.ts"`, `import "./a.test.ts"`, "nobody imports a test"],
  ["scripts/a.ts", `import "node:fs"`, `import "fs"`, "Node's modules by their full name"],
  ["scripts/a.ts", `import "./b.ts"`, `import "./b"`, "extensions are written"],
  ["scripts/a.ts", `import "./b.ts"`, `import "../elsewhere/b.ts"`, "no imports from outside the house"],
];

describe("planted violations", () => {
  for (const [path, allowed, forbidden, rule] of rules) {
    test(rule, () => {
      assert.deepEqual(tierViolations(path, readSource(`${allowed};\n`)), []);
      const [violation, ...others] = tierViolations(path, readSource(`/** A. */\n\n${forbidden};\n`));
      assert.deepEqual(others, []);
      assert.equal(violation?.line, 3);
    });
  }

  test("every tier has a planted violation", () => {
    const covered = new Set(rules.map(([, , , rule]) => rule.split(":")[0]));
    assert.deepEqual(
      tiers.filter((tier) => tier !== "scripts" && !covered.has(tier)),
      [],
    );
  });

  test("a file without a place", () => {
    assert.equal(tierViolations("implementations/consensus/helpers.ts", readSource("")).length, 1);
  });
});

describe("tests", () => {
  const allowed = [
    [`${consensus}/production/a.test.ts`, `import "node:test"; import "fast-check"; import "./a.ts"`],
    [`${consensus}/production/a.test.ts`, `import "../../platform/simulated/disk.ts"`],
    [`${consensus}/suite.test.ts`, `import "./minimal.ts"; import "./production/a.ts"`],
    [`${platform}/parity.test.ts`, `import "./node/disk.ts"; import "./simulated/disk.ts"`],
    ["harness/run.test.ts", `import "../implementations/platform/simulated/clock.ts"`],
  ] as const;
  for (const [path, text] of allowed) {
    test(`${path} may: ${text}`, () => assert.deepEqual(tierViolations(path, readSource(text)), []));
  }

  const forbidden = [
    [`${consensus}/production/a.test.ts`, `import "../minimal.ts"`],
    [`${consensus}/minimal.test.ts`, `import "../../harness/run.ts"`],
    [`${consensus}/suite.test.ts`, `import "../storage/minimal.ts"`],
    ["harness/run.test.ts", `import "../repro/catalogue.ts"`],
    [`${consensus}/suite.test.ts`, `import "../platform/node/disk.ts"`],
  ] as const;
  for (const [path, text] of forbidden) {
    test(`${path} may not: ${text}`, () => assert.equal(tierViolations(path, readSource(text)).length, 1));
  }
});
