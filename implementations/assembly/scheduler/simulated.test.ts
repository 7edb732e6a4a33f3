/**
 * Goal: every scheduler of ours does in virtual time what the contract says, and refuses what it must.
 * Method: one suite through the driver's door, run on each; see `scheduler-suite.fixture.ts`.
 */

import { describe } from "node:test";
import { schedulerSuite } from "./scheduler-suite.fixture.ts";
import { minimalScheduler, productionScheduler } from "./implementations.ts";

for (const implementation of [minimalScheduler, productionScheduler]) {
  describe(`${implementation.name}, simulated`, () => {
    schedulerSuite({ implementation, options: { substrate: "simulated" }, module: "simulated:sample" });
  });
}
