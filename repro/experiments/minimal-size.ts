/** How long the executable specifications are. */

import { minimalSizeStage } from "../../harness/minimal-size-stage.ts";
import type { Experiment } from "../../harness/plan/experiment.ts";

export const minimalSize: Experiment = {
  id: "minimal-size",
  module: "all",
  title: "Size of the minimal implementations",
  purpose: "Is every minimal implementation one file of fewer than 500 lines?",
  stages: () => [minimalSizeStage({ experiment: "minimal-size", block: 0 })],
};
