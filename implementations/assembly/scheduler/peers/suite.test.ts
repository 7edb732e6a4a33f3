/**
 * Goal: p-queue, piscina and BullMQ do what every scheduler has to do, as far as they can, and refuse the rest.
 * Method: the suite that every scheduler is judged by, on real processes; see `scheduler-suite.fixture.ts`. Where Redis
 * is not installed BullMQ's tests say so and are skipped.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, describe } from "node:test";
import { schedulerSuite } from "../scheduler-suite.fixture.ts";
import { pQueueRules } from "./abilities.ts";
import { schedulerPeers } from "./implementations.ts";

const root = mkdtempSync(path.join(tmpdir(), "grey-peers-suite-"));
after(() => rmSync(root, { recursive: true, force: true }));

for (const implementation of schedulerPeers) {
  const available = await implementation.available();
  describe(implementation.name, { skip: available === true ? false : available }, () => {
    schedulerSuite({
      implementation,
      options: { substrate: "cluster" },
      module: new URL("../sample-tasks.ts", import.meta.url).href,
      directory: () => Promise.resolve(mkdtempSync(path.join(root, "trial-"))),
      crashes: implementation.name !== pQueueRules.name,
      shares: true,
    });
  });
}
