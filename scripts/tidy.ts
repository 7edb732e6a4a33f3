/**
 * Tidy: the house style as a check, as far as neither the compiler, the formatter nor the linter sees it.
 *
 * Run by `npm run ok`, or alone: `node scripts/tidy.ts`. Each rule is a function from a file to what it finds; the
 * two lists below are the whole of it. Idea: TigerBeetle's tidy.zig.
 */

import { posix } from "node:path";
import { lineAt } from "./source-text.ts";
import type { Source } from "./source-text.ts";
import { reportViolations } from "./violation.ts";
import type { Violation } from "./violation.ts";

type Find = (path: string, source: Source) => Iterable<{ readonly line: number; readonly message: string }>;

const widthColumns = 120;
const minimalLines = 500;

/** Processes of their own: they end themselves and run on the machine's time. */
const isProcess = (path: string): boolean => path.startsWith("implementations/assembly/cluster/");
/** Where a program is stands in the environment. */
const executableFinder = "implementations/platform/node/executable.ts";
/** In a worker thread `process.exit` ends the thread only. */
const threadEnder = "implementations/platform/node/end-thread.ts";
const isTest = (path: string): boolean => /\.(test|fixture)\.ts$/.test(path);
const mayPrint = (path: string): boolean => /^(harness\/cli|scripts)\//.test(path) || isProcess(path);
const isPure = (path: string): boolean =>
  /^implementations\/(?!platform\/)/.test(path) && !isProcess(path) && !isTest(path);

const codeRules: readonly {
  readonly pattern: RegExp;
  readonly message: string;
  readonly applies: (path: string) => boolean;
}[] = [
  {
    pattern: /(?<![.\w$])console\s*\./g,
    message: "only harness/cli and scripts print; yield an event instead",
    applies: (path) => !mayPrint(path),
  },
  {
    pattern: /(?<![.\w$])process\s*\.\s*(exit|env)\b/g,
    message: "only harness/cli and scripts read the environment or end the process; hand it in",
    applies: (path) => !mayPrint(path) && !isTest(path) && path !== executableFinder && path !== threadEnder,
  },
  {
    pattern:
      /(?<![.\w$])(new\s+Date\s*\(\s*\)|(Date\s*\.\s*now|performance\s*\.\s*now|Math\s*\.\s*random|setTimeout|setInterval)\b)|\b(randomUUID|randomBytes|hrtime)\b/g,
    message: "time, chance and timers are handed in (foundation/effects.ts)",
    applies: isPure,
  },
  {
    pattern: /(?<![.\w$])(setImmediate|queueMicrotask|nextTick)\b/g,
    message: "a core performs nothing: no turn of the event loop is its own",
    applies: (path) => isPure(path) && !path.startsWith("implementations/assembly/"),
  },
  {
    pattern: /(?<![.\w$])(test|it|describe|suite)\s*\.\s*(only|skip|todo)\b|\b(only|skip|todo)\s*:\s*true\b/g,
    message: "every test runs, and none keeps others from running",
    applies: isTest,
  },
];

const fileName = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.fixture|\.d)?\.(ts|js)$/;
const folderName = /^[a-z0-9]+(-[a-z0-9]+)*$/;

const rules: readonly Find[] = [
  function* code(path, source) {
    for (const { pattern, message, applies } of codeRules) {
      if (!applies(path)) continue;
      for (const match of source.code.matchAll(pattern)) {
        yield { line: lineAt(source.text, match.index), message: `${match[0].replaceAll(/\s/g, "")}: ${message}` };
      }
    }
  },

  function* opening(path, { text }) {
    const start = text.startsWith("#!") ? text.indexOf("\n") + 1 : 0;
    const opens = text.startsWith("/**", start) || (isTest(path) && text.startsWith("//", start));
    if (!opens) yield { line: 1, message: "has no comment that says what it is" };
  },

  function* names(path) {
    const [file = "", ...folders] = path.split("/").toReversed();
    if (!fileName.test(file)) yield { line: 1, message: `"${file}" is not in kebab-case` };
    for (const folder of folders) {
      if (!folderName.test(folder)) yield { line: 1, message: `folder "${folder}" is not in kebab-case` };
    }
  },

  function* length(path, { text }) {
    const lines = text.split("\n").length - 1;
    if (posix.basename(path) !== "minimal.ts" || lines < minimalLines) return;
    yield { line: lines, message: `an executable specification stays under ${minimalLines} lines, this has ${lines}` };
  },

  // The formatter breaks code; a string it cannot break may run over, and so may an address.
  function* width(_path, { text, code }) {
    const codeLines = code.split("\n");
    for (const [index, line] of text.split("\n").entries()) {
      const isProse = (codeLines[index] ?? "").trim() === "" && !line.includes("://");
      if (line.length > widthColumns && isProse && /^\s*(\*|\/[/*])/.test(line)) {
        yield { line: index + 1, message: `${line.length} columns; at most ${widthColumns}` };
      }
    }
  },

  // A ruler or a heading between rulers; a drawing in the middle of a line is none.
  function* comments(_path, source) {
    for (const comment of source.comments) {
      for (const [index, line] of comment.text.split("\n").entries()) {
        const at = comment.line + index;
        if (/^[\s/*]*[-=*#~_─━═]{4,}|[-=*#~_─━═]{4,}[\s/*]*$/.test(line))
          yield { line: at, message: "no banner lines" };
        const unfinished = /\b(TODO|FIXME|XXX|HACK)\b/.exec(line);
        if (unfinished !== null) yield { line: at, message: `${unfinished[0]}: finish it, or make it an issue` };
      }
    }
  },
];

if (import.meta.main) reportViolations(tidyViolations);

/** Returns what is untidy in one file. `path` is from the root, with forward slashes. */
export function tidyViolations(path: string, source: Source): readonly Violation[] {
  return rules.flatMap((find) => [...find(path, source)].map((found) => ({ path, ...found })));
}
