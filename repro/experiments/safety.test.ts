/**
 * Goal: a sweep finds bugs, and finds none where there are none. Method: production as it is goes through a number of
 * seeds and stays valid; copies of the sources with one line changed each, as a programmer might get it wrong, do not.
 *
 * The changed lines are rows of a list of mutants known from the field. A copy runs in a process of its own, since its
 * modules must not mix with the real ones.
 */

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { execa } from "execa";
import { everyFault } from "./fault-sets.ts";
import { worstOf } from "../../harness/check/verdict.ts";
import { consensusImplementation } from "../../harness/consensus-implementations.ts";
import { repositoryRoot } from "../../harness/repository-root.ts";
import { runBlock } from "../../harness/run-block.ts";
import { sweepPlan } from "../../harness/sweep-stage.ts";

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly line: string;
  readonly wrong: string;
  /** A check that finds it. */
  readonly check: string;
}

const production = "implementations/consensus/production";
const mutants: readonly Mutant[] = [
  {
    name: "an earlier term's entry is committed by counting replicas",
    file: `${production}/leadership.ts`,
    line: "if (index <= commitIndex || log.termAt(index) !== this.#term) return;",
    wrong: "if (index <= commitIndex) return;",
    check: "leader-completeness",
  },
  {
    name: "the vote is not persisted",
    file: `${production}/segment-log.ts`,
    line: "writeHardState(writer, hardState);",
    wrong: "writeHardState(writer, { term: hardState.term, votedFor: null });",
    check: "election-safety",
  },
  {
    name: "a follower commits past what the message covered",
    file: `${production}/followership.ts`,
    line: "Math.min(leaderCommit, lastCovered)",
    wrong: "Math.min(leaderCommit, this.#replica.log.lastIndex)",
    check: "state-machine-safety",
  },
  {
    name: "a heartbeat's answer acknowledges entries that are not synced yet",
    file: `${production}/followership.ts`,
    line: "const matchIndex = waits ? lastCovered : Math.min(lastCovered, this.#replica.durability.stableIndex);",
    wrong: "const matchIndex = lastCovered;",
    check: "monotonic-indexes",
  },
  {
    name: "an assertion of the node's own fails",
    file: `${production}/leadership.ts`,
    line: "const index = quorumOf(this.#configuration, this.#matchIndexOf);",
    wrong: "const index = this.#replica.durability.stableIndex;",
    check: "no-assertion-broken",
  },
];
const soundSeeds = 30;
const mutantSeeds = 40;

test(`production is valid on ${soundSeeds} seeds`, async () => {
  for (let seed = 0; seed < soundSeeds; seed++) {
    const record = await runBlock({
      implementation: consensusImplementation("production"),
      substrate: "simulated",
      plan: sweepPlan(`sound/${seed}`, everyFault),
      directory: "/nowhere",
    });
    const wrong = record.checks.filter(({ validity }) => validity !== "valid");
    assert.equal(
      worstOf(record.checks.map(({ validity }) => validity)),
      "valid",
      `seed sound/${seed}: ${JSON.stringify(wrong)}`,
    );
    assert.equal(record.voidReason, undefined, `seed sound/${seed}`);
  }
});

test("a sweep finds planted bugs, whatever becomes of the nodes", { timeout: 120_000 }, async (t) => {
  const copy = await copySources();
  t.after(() => rm(copy, { recursive: true, force: true }));
  for (const mutant of mutants) {
    await t.test(`${mutant.check}: ${mutant.name}`, async () => {
      const found = await sweepMutant(copy, mutant);
      assert.ok(found.includes(mutant.check), `found ${found.join(", ") || "nothing"} in ${mutantSeeds} seeds`);
    });
  }
});

async function copySources(): Promise<string> {
  const copy = await mkdtemp(path.join(tmpdir(), "grey-mutants-"));
  for (const part of ["implementations", "harness", "repro", "package.json"]) {
    await cp(path.join(repositoryRoot, part), path.join(copy, part), { recursive: true });
  }
  await symlink(path.join(repositoryRoot, "node_modules"), path.join(copy, "node_modules"));
  return copy;
}

/** Returns the checks that were invalid in any of the seeds, up to the one that was looked for. */
async function sweepMutant(copy: string, { file, line, wrong, check }: Mutant): Promise<readonly string[]> {
  const place = path.join(copy, file);
  const source = await readFile(place, "utf8");
  assert.equal(source.split(line).length, 2, `${file} has the line ${line} once`);
  await writeFile(
    place,
    source.replace(line, () => wrong),
  );
  try {
    await writeFile(path.join(copy, "sweep.ts"), sweepScript(check));
    const { stdout } = await execa(process.execPath, [path.join(copy, "sweep.ts")], { timeout: 60_000 });
    return JSON.parse(stdout) as string[];
  } finally {
    await writeFile(place, source);
  }
}

function sweepScript(check: string): string {
  return `
import { consensusImplementation } from "./harness/consensus-implementations.ts";
import { runBlock } from "./harness/run-block.ts";
import { sweepPlan } from "./harness/sweep-stage.ts";
import { everyFault } from "./repro/experiments/fault-sets.ts";

const found = new Set<string>();
for (let seed = 0; seed < ${mutantSeeds} && !found.has(${JSON.stringify(check)}); seed++) {
  const { checks } = await runBlock({
    implementation: consensusImplementation("production"),
    substrate: "simulated",
    plan: sweepPlan(\`mutant/\${seed}\`, everyFault),
    directory: "/nowhere",
  });
  for (const { id, validity } of checks) if (validity === "invalid") found.add(id);
}
process.stdout.write(JSON.stringify([...found]));
`;
}
