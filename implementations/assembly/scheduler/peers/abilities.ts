/** What each peer can do of what a task may ask for. */

import type { Ability } from "../../../scheduler/contract.ts";
import type { PeerRules } from "./peer-rules.ts";

/** Its functions run on the thread of the caller. */
export const pQueueRules: PeerRules = {
  name: "p-queue",
  abilities: new Set<Ability>(["priorities", "calls"]),
  hasThreads: false,
};

/** Its queue is first in, first out. */
export const piscinaRules: PeerRules = { name: "piscina", abilities: new Set<Ability>(["calls"]), hasThreads: true };

/**
 * It has dependencies too, as flows: trees of jobs that are added at once, whereas the contract's lead to any earlier
 * task of any submission. They are left out, since most graphs would have to be refused.
 */
export const bullmqRules: PeerRules = {
  name: "bullmq",
  abilities: new Set<Ability>(["priorities", "calls"]),
  hasThreads: true,
};
