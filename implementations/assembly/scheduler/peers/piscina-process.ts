/** The entry point of the process that hosts piscina and its threads. */

import { piscinaRules } from "./abilities.ts";
import { openPiscina } from "./libraries.ts";
import { resolvePeerSettings } from "./peer-settings.ts";
import { firstTokenOf, runPeerProcess } from "./run-peer-process.ts";

runPeerProcess({
  rulesOf: () => piscinaRules,
  open: (events, { settings, life }) => {
    const library = openPiscina(events, resolvePeerSettings(settings).workers, firstTokenOf(life));
    return Promise.resolve({ library, found: [] });
  },
});
