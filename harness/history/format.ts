/** What a history format is to the reader: how it is recognised, and how its lines become events. */

import { UsageError } from "../../implementations/foundation/errors.ts";
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
  /**
   * Yields the history in this format, a line with its newline at a time.
   *
   * @throws UsageError at the first event that the format has no words for.
   */
  encode(events: readonly HistoryEvent[]): Iterable<string>;
}

/** What was done to the system, not by a client: not judged, kept for the timeline. */
export interface NemesisEvent {
  /** Of the client event before which it stands. */
  readonly index: number;
  readonly timeNs: number;
  readonly text: string;
}

/** Reads one file, line by line; empty lines too. */
export interface HistoryReader {
  /** @throws MalformedHistory */
  line(line: Line): void;
  /** The whole history, once all lines were given. @throws MalformedHistory */
  end(): readonly HistoryEvent[];
  /** What the file holds of the nemesis, if its format has that. */
  readonly nemesis?: readonly NemesisEvent[];
}

/** The refusal of a history that the format asked for has no words for. */
export function inexpressible(format: HistoryFormatName, index: number, what: string): UsageError {
  return new UsageError(`Cannot write the history as ${format}: event ${index} is ${what}`);
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
