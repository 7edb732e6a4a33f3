/** `grey verify`: whether a results directory is still what the run wrote. */

import type { Command } from "../command.ts";
import { directoryWith } from "../paths.ts";

/** Exit codes: 0 every file is as it was written, 1 one is missing, changed or foreign. */
export const verifyCommand: Command = {
  name: "verify",
  summary: "Check a results directory against its own checksums",
  positionals: [{ name: "directory", describe: "The results directory", optional: false }],
  options: {},
  examples: [{ command: "$0 verify results/reference", meaning: "The committed reference run" }],
  async run(input, { io, backends }) {
    const directory = input.text("directory") ?? "";
    directoryWith(directory, "manifest.json", "DIRECTORY", "the results directory of a run");
    const { files, problems } = await backends.verify(directory);
    const valid = problems.length === 0;
    if (input.flag("json")) io.stdout.write(`${JSON.stringify({ directory, valid, files, problems })}\n`);
    else if (valid) io.stdout.write(`valid: ${files} files are as the run left them\n`);
    else io.stdout.write(`invalid, problems: ${problems.length}\n${problems.map((each) => `  ${each}\n`).join("")}`);
    return valid ? 0 : 1;
  },
};
