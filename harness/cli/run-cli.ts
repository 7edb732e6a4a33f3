/**
 * The command line as a function: words in, exit code out.
 *
 * Parses, runs the command, and turns whatever is thrown into one line on stderr: bad input and harness faults as they
 * word themselves, anything else as a fault of this program with the path of a crash report. Ends no process and reads
 * nothing global, so that tests call it in process.
 */

import { HarnessError, UsageError } from "../../implementations/foundation/errors.ts";
import type { Backends } from "./backends.ts";
import type { Command, ExitCode, Io } from "./command.ts";
import { checkCommand } from "./commands/check.ts";
import { compareCommand } from "./commands/compare.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { listCommand } from "./commands/list.ts";
import { mutantsCommand } from "./commands/mutants.ts";
import { replayCommand } from "./commands/replay.ts";
import { reproCommand } from "./commands/repro.ts";
import { sweepCommand } from "./commands/sweep.ts";
import { verifyCommand } from "./commands/verify.ts";
import { writeCrashReport } from "./crash-report.ts";
import { parseArguments } from "./parse-arguments.ts";

export const commands: readonly Command[] = [
  reproCommand,
  compareCommand,
  sweepCommand,
  replayCommand,
  mutantsCommand,
  checkCommand,
  verifyCommand,
  listCommand,
  doctorCommand,
];

const introduction = `grey COMMAND [options]

Benchmark and reproducibility harness for the building blocks of distributed systems.
From a clone: npm run -s grey -- COMMAND [options]`;

const closing = `Exit codes: 0 all valid or reproduced, 1 something invalid or not reproduced, 2 unknown or inconclusive,
3 bad input or a fault of the harness. "grey COMMAND --help" explains one command.`;

/**
 * Runs one command to its end.
 *
 * @param words what stands after the program's name.
 * @returns the exit code; never throws.
 */
export async function runCli(words: readonly string[], io: Io, backends: Backends): Promise<ExitCode> {
  const commandLine = ["grey", ...words.map(quoted)].join(" ");
  try {
    const frame = { introduction, closing, version: io.version, columns: Math.min(120, io.stdout.columns) };
    const parsed = await parseArguments(words, commands, frame);
    if (parsed.kind === "text") {
      io.stdout.write(`${parsed.text}\n`);
      return 0;
    }
    return await parsed.command.run(parsed.input, { io, backends, commandLine });
  } catch (error) {
    io.stderr.write(`${explained(error, commandLine, io)}\n`);
    if (debugging(words, io)) io.stderr.write(`${stackOf(error)}\n`);
    return 3;
  }
}

function explained(error: unknown, commandLine: string, io: Io): string {
  if (error instanceof UsageError || error instanceof HarnessError) return oneLine(error.message);
  if (io.signal.aborted && error instanceof Error && error.name === "AbortError") return "Stopped before the end.";
  const report = writeCrashReport({ commandLine, version: io.version, stack: stackOf(error) });
  const message = error instanceof Error ? error.message : String(error);
  return `grey failed: ${oneLine(message)}; this is a fault of grey, not of your input${report}`;
}

/** A message of ours that quotes a foreign text may hold line breaks; a person gets one line. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ").trim();
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by ${stackOf(error.cause)}`;
}

function debugging(words: readonly string[], io: Io): boolean {
  return words.includes("--debug") || ![undefined, "", "0"].includes(io.environment["GREY_DEBUG"]);
}

/** A word as a shell would need it, so that the recorded command can be pasted. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
