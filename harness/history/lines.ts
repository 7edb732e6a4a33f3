/**
 * Text files as numbered lines, streamed, with a bound on the length of one line.
 *
 * `complete` tells a last line without its newline: in a file written line by line that is where it was cut.
 */

import { createReadStream } from "node:fs";

import { UsageError } from "../../implementations/foundation/errors.ts";

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its newline. */
  readonly text: string;
  /** Whether a newline ended it. */
  readonly complete: boolean;
}

/** Longest line accepted, in UTF-16 code units; a history's line holds one operation. */
const maxLineLength = 8 * 1024 * 1024;

/**
 * Yields the lines of a UTF-8 file, those of one chunk at a time: two million turns of an asynchronous loop would take
 * longer than the lines themselves. The last line only if it is not empty.
 *
 * @param onBytes called with the bytes read so far, once per chunk.
 * @throws UsageError when the file cannot be read or has an overlong line.
 */
export async function* readLines(path: string, onBytes?: (bytes: number) => void): AsyncGenerator<readonly Line[]> {
  const stream = createReadStream(path, { encoding: "utf8", highWaterMark: 1 << 18 });
  let rest = "";
  let number = 0;
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      onBytes?.(stream.bytesRead);
      rest += number === 0 && rest === "" && chunk.startsWith("\ufeff") ? chunk.slice(1) : chunk;
      let start = 0;
      const lines: Line[] = [];
      for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", start)) {
        const isCarriage = rest.charCodeAt(end - 1) === 13 && end > start;
        lines.push({ number: ++number, text: rest.slice(start, isCarriage ? end - 1 : end), complete: true });
        start = end + 1;
      }
      yield lines;
      rest = rest.slice(start);
      if (rest.length > maxLineLength) throw new UsageError(`Cannot read ${path}: line ${number + 1} is too long`);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`Cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
  if (rest !== "") yield [{ number: number + 1, text: rest, complete: false }];
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "it is a directory, expected a history file";
  if (code === "EACCES") return "permission denied";
  return error instanceof Error ? error.message : String(error);
}
