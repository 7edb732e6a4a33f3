/**
 * The process around the command line: its streams, its signals, its end. Started by `grey.js`, which sees to the
 * right version of Node.
 */

import packageJson from "../../package.json" with { type: "json" };
import { installedBackends } from "./installed-backends.ts";
import { Interruption } from "./interruption.ts";
import { processOutput } from "./process-output.ts";
import { runCli } from "./run-cli.ts";

const interruption = new Interruption({ nowMs: () => performance.now(), force: endAtOnce });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.request(signal));
// `grey.js` under an older Node holds this channel open; when it closes, the process that was started is gone.
process.once("disconnect", () => interruption.request("SIGTERM"));
process.channel?.unref();

// Nobody reads any more (`grey list | head -1`): say nothing further and stop working for no one.
const stdout = processOutput(process.stdout, () => interruption.request("SIGPIPE"));
const stderr = processOutput(process.stderr, () => undefined);

const exitCode = await runCli(
  process.argv.slice(2),
  {
    stdout,
    stderr,
    nowMs: () => performance.now(),
    signal: interruption.signal,
    environment: process.env,
    version: packageJson.version,
  },
  installedBackends,
);
await Promise.all([stdout.flushed(), stderr.flushed()]);
process.exit(exitCode);

/** Dies of the signal itself, so that a shell or a CI sees what happened; children notice that their driver is gone. */
function endAtOnce(signal: string): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
