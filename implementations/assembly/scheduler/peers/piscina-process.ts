/** The entry point of the process that hosts piscina and its threads. */

import { piscinaLibrary } from "../../../scheduler/peers/piscina.ts";
import { piscinaRules } from "./abilities.ts";
import { resolvePeerSettings } from "./peer-settings.ts";
import { firstTokenOf, runPeerProcess } from "./run-peer-process.ts";

runPeerProcess({
  rulesOf: () => piscinaRules,
  open: (events, { settings, life }) => {
    const library = piscinaLibrary(events, resolvePeerSettings(settings), firstTokenOf(life));
    return Promise.resolve({ library, found: [] });
  },
});
