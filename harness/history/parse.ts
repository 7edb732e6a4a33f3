/**
 * Reads a history from a file: streams its lines, finds out the format, and refuses bad input by file, line and what
 * was expected there.
 *
 * A file of another encoding than UTF-8 is read with replacement characters; a byte order mark is skipped.
 *
 * A format is one entry of `formats`, asked in this order whether it recognises the first line.
 */

import { stat } from "node:fs/promises";

import { UsageError } from "../../implementations/foundation/errors.ts";
import type { HistoryEvent } from "./event.ts";
import { MalformedHistory, historyFormats } from "./format.ts";
import type { HistoryFormat, HistoryFormatName, HistoryReader, NemesisEvent } from "./format.ts";
import { greyFormat } from "./grey-format.ts";
import { jepsenEdnFormat } from "./jepsen-edn-format.ts";
import { jepsenLogFormat } from "./jepsen-log-format.ts";
import { readLines } from "./lines.ts";
import type { Line } from "./lines.ts";
import { porcupineKvFormat } from "./porcupine-kv-format.ts";

export const formats: Readonly<Record<HistoryFormatName, HistoryFormat>> = {
  grey: greyFormat,
  "porcupine-kv": porcupineKvFormat,
  "jepsen-edn": jepsenEdnFormat,
  "jepsen-log": jepsenLogFormat,
};

export interface ReadHistoryOptions {
  /** Default: "auto", told from the first line that is not empty. */
  readonly format?: HistoryFormatName | "auto";
  /** Called now and then with the part of the file that has been read, in [0, 1]. */
  readonly onProgress?: (fraction: number) => void;
}

export interface ReadHistory {
  readonly format: HistoryFormatName;
  readonly events: readonly HistoryEvent[];
  readonly nemesis: readonly NemesisEvent[];
}

/** A log may begin with other things; so many lines are looked at for its first event. */
const maxLinesBefore = 1000;

/**
 * Reads the history at `path`.
 *
 * @throws UsageError naming file, line and what was expected: the file cannot be read, is empty or truncated, is of no
 *   known format, or breaks its format or the rules of every history (protocol.ts).
 */
export async function readHistory(path: string, options: ReadHistoryOptions = {}): Promise<ReadHistory> {
  const sizeBytes = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  ); // The stream tells why it is not readable.
  const lines = readLines(path, (bytes) => options.onProgress?.(sizeBytes === 0 ? 1 : bytes / sizeBytes));
  let format = options.format === undefined || options.format === "auto" ? undefined : formats[options.format];
  let reader: HistoryReader | undefined;
  let first: Line | undefined;
  let isFirst = true;
  try {
    for await (const chunk of lines) {
      for (const line of chunk) {
        if (reader === undefined && line.text.trim() !== "") {
          format ??= formatOf(line.text, isFirst);
          isFirst = false;
          first ??= line;
          if (format !== undefined) reader = format.reader();
          else if (line.number - first.number >= maxLinesBefore) throw unknownFormat(first);
        }
        reader?.line(line);
      }
    }
    if (first === undefined) throw new MalformedHistory(1, "a history", "an empty file");
    if (format === undefined || reader === undefined) throw unknownFormat(first);
    return { format: format.name, events: reader.end(), nemesis: reader.nemesis ?? [] };
  } catch (error) {
    if (!(error instanceof MalformedHistory)) throw error;
    throw new UsageError(`Cannot read history ${path}: line ${error.line}: ${error.message}`, { cause: error });
  }
}

/** Only a log may have other lines before its first event. */
function formatOf(text: string, isFirst: boolean): HistoryFormat | undefined {
  const candidates = isFirst ? Object.values(formats) : [jepsenLogFormat];
  return candidates.find((one) => one.recognises(text));
}

function unknownFormat({ text, number }: Line): MalformedHistory {
  const start = JSON.stringify(text.slice(0, 40));
  return new MalformedHistory(number, `the first event of a history (${historyFormats.join(", ")})`, start);
}
