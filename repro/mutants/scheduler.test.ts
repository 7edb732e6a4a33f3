/**
 * Goal: every mutant of the scheduler still fits the sources, and all of the catalogue are here.
 * Method: each is fitted to this repository. `npm run mutants` hunts all of them.
 */

import { test } from "node:test";
import { requireFit } from "../../harness/mutants/plant.ts";
import { repositoryRoot } from "../../harness/repository-root.ts";
import { requireCatalogue } from "./catalogue.fixture.ts";
import { schedulerMutants } from "./scheduler.ts";

for (const mutant of schedulerMutants) {
  test(`${mutant.id} fits the sources`, () => requireFit(repositoryRoot, mutant));
}

test("the catalogue's mutants are all here, each once", () => requireCatalogue(schedulerMutants, "M-SCH-0", 8));
