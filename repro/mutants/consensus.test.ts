/**
 * Goal: every mutant still fits the sources, and hunting tells a planted mistake from sources that have none.
 * Method: each mutant is fitted to this repository; one is hunted to its finding, and one that changes nothing is not
 * found. `npm run mutants` hunts all of them.
 */

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { huntMutants } from "../../harness/mutants/hunt.ts";
import type { HuntSummary } from "../../harness/mutants/hunt.ts";
import type { Mutant } from "../../harness/mutants/mutant.ts";
import { requireFit } from "../../harness/mutants/plant.ts";
import { repositoryRoot } from "../../harness/repository-root.ts";
import type { RunEvent } from "../../harness/run-events.ts";
import { everyFault } from "../experiments/fault-sets.ts";
import { consensusMutants } from "./consensus.ts";

async function hunt(
  mutants: readonly Mutant[],
  runs: number,
  { workers = 1, signal = new AbortController().signal, see = (_event: RunEvent): void => undefined } = {},
): Promise<{ readonly summary: HuntSummary; readonly events: readonly RunEvent[] }> {
  const options = { mutants, root: repositoryRoot, kinds: everyFault, seed: "test", runs, workers, signal };
  const run = huntMutants({ ...options, nowMs: () => performance.now() });
  const events: RunEvent[] = [];
  for (;;) {
    const next = await run.next();
    if (next.done === true) return { summary: next.value, events };
    events.push(next.value);
    see(next.value);
  }
}

const mutantOf = (id: string): Mutant => {
  const mutant = consensusMutants.find((each) => each.id === id);
  assert.ok(mutant, id);
  return mutant;
};

for (const mutant of consensusMutants) {
  test(`${mutant.id} fits the sources`, () => requireFit(repositoryRoot, mutant));
}

test("the catalogue's mutants are all here, each once", () => {
  const ids = consensusMutants.map(({ id }) => id);
  const catalogue = Array.from({ length: 22 }, (_, index) => `M-CON-${String(index + 1).padStart(2, "0")}`);
  assert.deepEqual(
    catalogue.filter((id) => !ids.includes(id)),
    [],
  );
  assert.equal(new Set(ids).size, ids.length);
});

test("a mistake is found, a change that means nothing survives, and the verdict says so", async () => {
  const harmless: Mutant = {
    ...mutantOf("M-CON-14"),
    id: "M-NONE",
    replacements: [
      {
        file: "implementations/consensus/production/quorum.ts",
        before: "return right - left;",
        after: "return -left + right;",
      },
    ],
  };
  const { summary, events } = await hunt([mutantOf("M-CON-14"), harmless], 4, { workers: 2 });
  const { control, mutants, verdict } = summary;
  assert.deepEqual([control.runs, control.validity, verdict], [4, "valid", "invalid"]);
  const [found, survivor] = mutants;
  assert.equal(found?.outcome, "found");
  assert.ok(found.checks.includes("monotonic-indexes"), found.summary);
  assert.equal(found.seed, `test/${found.runs - 1}`);
  assert.deepEqual([survivor?.outcome, survivor?.runs, survivor?.seed], ["survived", 4, undefined]);
  const finished = events.flatMap((event) => (event.kind === "block-finished" ? [event.validity] : []));
  assert.deepEqual(finished.toSorted(), ["invalid", "valid", "valid"]);
});

test("a mutant that does not fit is told before anything runs", async () => {
  const [first] = mutantOf("M-CON-14").replacements;
  assert.ok(first);
  const lost = { ...mutantOf("M-CON-14"), replacements: [{ ...first, before: "const index = somethingElse;" }] };
  await assert.rejects(hunt([lost], 4), /Cannot plant M-CON-14: .* wanted once; the mutant no longer applies/);
});

test("a mutant that breaks the harness is no finding", async () => {
  const [first] = mutantOf("M-CON-14").replacements;
  assert.ok(first);
  const broken = { ...mutantOf("M-CON-14"), replacements: [{ ...first, after: "const index = (;" }] };
  await assert.rejects(hunt([broken], 2), /Cannot run production on seeds test\/0 to test\/1: .*SyntaxError/s);
});

test("a hunt that is stopped in the middle ends at once, and leaves no copy and no verdict", async (t) => {
  const scratch = await mkdtemp(path.join(tmpdir(), "grey-hunt-"));
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = scratch;
  t.after(async () => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    await rm(scratch, { recursive: true });
  });
  const controller = new AbortController();
  const { summary, events } = await hunt([mutantOf("M-CON-14")], 1000, {
    signal: controller.signal,
    see: ({ kind }) => void (kind === "block-progress" && controller.abort()),
  });
  assert.ok(events.some(({ kind }) => kind === "block-progress"));
  assert.deepEqual([summary.verdict, summary.mutants], ["unknown", []]);
  assert.deepEqual(await readdir(scratch), []);
});

test("a hunt that is stopped before it began ends, and says that nothing is known", async () => {
  const controller = new AbortController();
  controller.abort();
  const { summary } = await hunt([mutantOf("M-CON-14")], 4, { signal: controller.signal });
  assert.deepEqual([summary.verdict, summary.mutants], ["unknown", []]);
});
