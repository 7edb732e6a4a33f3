/** `grey doctor`: whether this machine can run the experiments, and what to do where it cannot. */

import type { Finding } from "../../doctor.ts";
import type { Command } from "../command.ts";
import { writableDirectory } from "../paths.ts";

/** Exit codes: 0 nothing stands in the way (warnings allowed), 1 something does. */
export const doctorCommand: Command = {
  name: "doctor",
  summary: "Check whether this machine can run the experiments",
  positionals: [],
  options: {
    out: { kind: "text", describe: "Where results would be written", example: "DIR", default: "results" },
  },
  examples: [
    { command: "$0 doctor", meaning: "Before the first run" },
    { command: "$0 doctor --out /mnt/fast/results", meaning: "Would that disk be faster?" },
  ],
  async run(input, { io, backends }) {
    const directory = writableDirectory(input.text("out") ?? "results", "--out");
    const json = input.flag("json");
    const findings: Finding[] = [];
    for await (const finding of backends.doctor(directory)) {
      findings.push(finding);
      if (!json) io.stdout.write(described(finding));
    }
    const problems = findings.filter(({ level }) => level === "problem").length;
    const warnings = findings.filter(({ level }) => level === "warning").length;
    if (json) io.stdout.write(`${JSON.stringify({ problems, warnings, findings })}\n`);
    else io.stdout.write(`${problems} problems, ${warnings} warnings\n`);
    return problems === 0 ? 0 : 1;
  },
};

function described({ level, subject, found, advice }: Finding): string {
  const what = advice === undefined ? "" : `\n${" ".repeat(9)}${advice}`;
  return `${level.padEnd(8)} ${subject}: ${found}${what}\n`;
}
