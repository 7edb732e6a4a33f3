/** What a history format is to the reader: how it is recognised, and how its lines become events. */

import type { HistoryEvent } from "./event.ts";
import type { Line } from "./lines.ts";

export const historyFormats = ["grey", "jepsen-edn", "jepsen-log", "porcupine-kv"] as const;
export type HistoryFormatName = (typeof historyFormats)[number];

export interface HistoryFormat {
  readonly name: HistoryFormatName;
  /** Whether a file whose first non-empty line this is looks like the format. */
  recognises(firstLine: string): boolean;
  /** Starts reading one file. */
  reader(): HistoryReader;
}

/** Reads one file, line by line; empty lines too. */
export interface HistoryReader {
  /** @throws MalformedHistory */
  line(line: Line): void;
  /** The whole history, once all lines were given. @throws MalformedHistory */
  end(): readonly HistoryEvent[];
}

/** Input that breaks its format; the reader of files adds the file's name. */
export class MalformedHistory extends Error {
  override readonly name = "MalformedHistory";
  /** From 1. */
  readonly line: number;

  constructor(line: number, expected: string, found: string) {
    super(`expected ${expected}, found ${found}`);
    this.line = line;
  }
}
