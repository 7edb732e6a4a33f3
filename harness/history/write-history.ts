/** Writes a history in any of the formats: what stands behind `grey check --convert`. */

import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { UsageError } from "../../implementations/foundation/errors.ts";
import { rm, rename } from "node:fs/promises";
import type { HistoryFormatName } from "./format.ts";
import { formats, readHistory } from "./parse.ts";

export interface ConvertOptions {
  readonly format: HistoryFormatName | "auto";
  readonly to: HistoryFormatName;
}

/**
 * Reads the history at `path` and yields it in the format `to`, in pieces of whole lines.
 *
 * @throws UsageError as the reader does, or where the format cannot express the history.
 */
export async function* convertHistory(path: string, { format, to }: ConvertOptions): AsyncGenerator<string> {
  const { events } = await readHistory(path, { format });
  let piece = "";
  for (const line of formats[to].encode(events)) {
    piece += line;
    if (piece.length < 1 << 16) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}

/**
 * Writes `pieces` to a file that is there as a whole or not at all.
 *
 * @throws UsageError when it cannot be written.
 */
export async function writePieces(out: string, pieces: AsyncIterable<string>): Promise<void> {
  const partial = `${out}.partial`;
  try {
    await pipeline(Readable.from(pieces, { objectMode: true }), createWriteStream(partial));
    await rename(partial, out);
  } catch (error) {
    await rm(partial, { force: true });
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot write ${out}: ${reason}`, { cause: error });
  }
}
