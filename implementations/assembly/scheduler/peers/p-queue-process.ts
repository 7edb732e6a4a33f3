/** The entry point of the process that hosts p-queue. */

import { pQueueRules } from "./abilities.ts";
import { openPQueue } from "./libraries.ts";
import { resolvePeerSettings } from "./peer-settings.ts";
import { firstTokenOf, runPeerProcess } from "./run-peer-process.ts";

runPeerProcess({
  rulesOf: () => pQueueRules,
  open: (events, { settings, life }) => {
    const library = openPQueue(events, resolvePeerSettings(settings).workers, firstTokenOf(life));
    return Promise.resolve({ library, found: [] });
  },
});
