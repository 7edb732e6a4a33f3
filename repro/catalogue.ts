/** Everything the paper says, in one place for the command line. */

import type { Catalogue } from "../harness/catalogue.ts";
import { claims } from "./claims/claims.ts";
import { experiments } from "./experiments/experiments.ts";
import { figures } from "./figures/figures.ts";
import { consensusMutants } from "./mutants/consensus.ts";
import { schedulerMutants } from "./mutants/scheduler.ts";
import { storageMutants } from "./mutants/storage.ts";

export const catalogue: Catalogue = {
  experiments,
  claims,
  figures,
  mutants: [...consensusMutants, ...schedulerMutants, ...storageMutants],
};
