/** A stage that times one pure operation in a process of its own. */

import { microbenchRow, sampleTask } from "./measure/microbench.ts";
import type { MicrobenchTask } from "./measure/microbench.ts";
import type { Stage } from "./plan/experiment.ts";

/** Returns the stage of `task`; its row goes to the `microbench` table. */
export function microbenchStage(task: MicrobenchTask): Stage {
  return {
    label: task.id,
    seed: "none",
    estimateS: 2.5,
    run: async () => {
      const row = microbenchRow(task.id, await sampleTask(task));
      const summary = `${task.id}: ${row.p50_ns} ns`;
      return { rows: { microbench: [row] }, files: [], implementations: [], validity: "valid", summary };
    },
  };
}
