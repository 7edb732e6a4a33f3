/** Judges a recorded history from a file: what stands behind `grey check HISTORY --model MODEL`. */

import { unreachable } from "../../implementations/foundation/assert.ts";
import { UsageError } from "../../implementations/foundation/errors.ts";
import type { HistoryEvent } from "../history/event.ts";
import type { HistoryFormatName } from "../history/format.ts";
import { readHistory } from "../history/parse.ts";
import { checkAppendList } from "./append-list.ts";
import { kvModel } from "./kv-model.ts";
import { checkLinearizability } from "./linearizability.ts";
import type { LinearizabilityOptions } from "./linearizability.ts";
import { applyPlainly, registerModel } from "./register-model.ts";
import type { CheckResult } from "./verdict.ts";

export interface CheckFileOptions {
  readonly format: HistoryFormatName | "auto";
  readonly model: "register" | "cas-register" | "kv" | "append";
  /** Percent of the work done, of 100. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  readonly timeline?: string | undefined;
  readonly shouldStop?: () => boolean;
  readonly maxStates?: number;
}

/** The verdict, with the format found and the number of events read. */
export interface FileVerdict extends CheckResult {
  readonly format: HistoryFormatName;
  readonly events: number;
}

/** Part of the progress that reading takes. */
const readingPercent = 30;

/**
 * Reads and judges the history at `path`.
 *
 * @throws UsageError on input that cannot be read (history/parse.ts) or holds operations the model does not know.
 */
export async function checkFile(path: string, options: CheckFileOptions): Promise<FileVerdict> {
  const progress = (done: number): void => options.onProgress?.({ done: Math.round(done), total: 100 });
  const { format, events } = await readHistory(path, {
    format: options.format,
    onProgress: (fraction) => progress(fraction * readingPercent),
  });
  const verdict = judge(events, options, (fraction) => progress(readingPercent + fraction * (100 - readingPercent)));
  progress(100);
  return { ...verdict, format, events: events.length };
}

function judge(
  events: readonly HistoryEvent[],
  { model, shouldStop, maxStates }: CheckFileOptions,
  onProgress: (fraction: number) => void,
): CheckResult {
  const limits: LinearizabilityOptions = {
    onProgress,
    ...(shouldStop === undefined ? {} : { shouldStop }),
    ...(maxStates === undefined ? {} : { maxStates }),
  };
  switch (model) {
    case "register":
    case "cas-register":
      return checkLinearizability(events, registerModel(applyPlainly, model), limits);
    case "kv":
      return checkLinearizability(events, kvModel(), limits);
    case "append":
      return judgeAppends(events);
    default:
      return unreachable(model);
  }
}

function judgeAppends(events: readonly HistoryEvent[]): CheckResult {
  const other = events.find(({ f, key }) => f !== "append" || key !== undefined);
  if (other === undefined) return checkAppendList(events);
  const what = other.key === undefined ? other.f : `${other.f} of key ${JSON.stringify(other.key)}`;
  throw new UsageError(`Cannot judge the history as append: event ${other.index} is a ${what}, the model knows append`);
}
