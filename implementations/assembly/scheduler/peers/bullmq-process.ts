/** The entry point of the process that hosts BullMQ's queue and its worker; Redis is a process of its own. */

import { bullmqRules } from "./abilities.ts";
import { openBullmq } from "./libraries.ts";
import { redisSettings, resolveBullmqSettings } from "./peer-settings.ts";
import { runPeerProcess } from "./run-peer-process.ts";

runPeerProcess({
  rulesOf: (settings) => ({ ...bullmqRules, hasThreads: resolveBullmqSettings(settings).processor === "threads" }),
  open: async (events, { settings }) => {
    const port = Number(settings[redisSettings.port]);
    const redis = { host: "127.0.0.1", port, password: String(settings[redisSettings.password]) };
    const library = await openBullmq(events, { ...resolveBullmqSettings(settings), redis, priorities: true });
    return { library, found: await library.found(), start: () => library.start() };
  },
});
