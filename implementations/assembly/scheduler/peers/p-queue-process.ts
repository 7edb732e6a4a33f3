/** The entry point of the process that hosts p-queue. */

import { pQueueLibrary } from "../../../scheduler/peers/p-queue.ts";
import { pQueueRules } from "./abilities.ts";
import { resolvePeerSettings } from "./peer-settings.ts";
import { firstTokenOf, runPeerProcess } from "./run-peer-process.ts";

runPeerProcess({
  rulesOf: () => pQueueRules,
  open: (events, { settings, life }) => {
    const library = pQueueLibrary(events, resolvePeerSettings(settings), firstTokenOf(life));
    return Promise.resolve({ library, found: [] });
  },
});
