/** What a check of the project's own sources finds, and how it is told. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, sourceFiles } from "./project-files.ts";
import { readSource } from "./source-text.ts";
import type { Source } from "./source-text.ts";

export interface Violation {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** Applies `check` to every source of the project, prints what it finds and sets the exit code. */
export function reportViolations(check: (path: string, source: Source) => readonly Violation[]): void {
  const paths = sourceFiles();
  const violations = paths.flatMap((path) => check(path, readSource(readFileSync(join(root, path), "utf8"))));
  for (const { path, line, message } of violations) console.error(`${path}:${line}: ${message}`);
  console.log(`${paths.length} files, ${violations.length} violations`);
  if (violations.length > 0) process.exitCode = 1;
}
