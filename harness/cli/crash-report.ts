/**
 * Where the details of an unexpected error go, so that the terminal gets one line and nothing is lost. A report holds
 * the command, the versions and the stack: no environment, no data.
 */

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Crash {
  readonly commandLine: string;
  readonly version: string;
  readonly stack: string;
}

/** Writes a report and returns "; details in PATH", or why there is none: this is the last resort and never throws. */
export function writeCrashReport({ commandLine, version, stack }: Crash): string {
  try {
    const path = join(mkdtempSync(join(tmpdir(), "grey-crash-")), "report.txt");
    const runtime = `${process.version} ${process.platform} ${process.arch}`;
    writeFileSync(path, `${commandLine}\ngrey ${version}, Node ${runtime}\n\n${stack}\n`);
    return `; details in ${path}`;
  } catch (error) {
    return `; no crash report could be written (${error instanceof Error ? error.message : String(error)})`;
  }
}
