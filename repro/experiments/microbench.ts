/** How long the pure operations under everything else take on this machine. */

import { microbenchStage } from "../../harness/microbench-stage.ts";
import type { Experiment } from "../../harness/plan/experiment.ts";
import { microbenchTasks } from "../microbench/tasks.ts";

export const microbench: Experiment = {
  id: "microbench",
  module: "all",
  title: "Micro-benchmarks of pure operations",
  purpose: "What do checksums, random numbers and messages cost by themselves?",
  // A smoke run has no time for numbers that no claim is judged by.
  stages: (profile) => (profile === "smoke" ? [] : microbenchTasks.map((task) => microbenchStage(task))),
};
