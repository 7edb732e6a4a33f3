/** Judges a recorded history from a file: what stands behind `grey check HISTORY --model MODEL`. */

import { writeFile } from "node:fs/promises";
import { basename } from "node:path";

import { unreachable } from "../../implementations/foundation/assert.ts";
import { UsageError } from "../../implementations/foundation/errors.ts";
import type { HistoryEvent } from "../history/event.ts";
import type { HistoryFormatName } from "../history/format.ts";
import { pairOperations } from "../history/operations.ts";
import type { Operation } from "../history/operations.ts";
import { readHistory } from "../history/parse.ts";
import { checkAppendList } from "./append-list.ts";
import { kvModel } from "./kv-model.ts";
import { checkLinearizability } from "./linearizability.ts";
import type { LinearizabilityOptions } from "./linearizability.ts";
import { applyPlainly, registerModel } from "./register-model.ts";
import { renderTimeline } from "./timeline/timeline.ts";
import type { CheckResult } from "./verdict.ts";

export interface CheckFileOptions {
  readonly format: HistoryFormatName | "auto";
  readonly model: "register" | "cas-register" | "kv" | "append";
  /** Percent of the work done, of 100. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Where to draw the history as a page (timeline/timeline.ts). */
  readonly timeline?: string | undefined;
  readonly shouldStop?: () => boolean;
  readonly maxStates?: number;
}

/** The verdict, with the format found and the number of events read. */
export interface FileVerdict extends CheckResult {
  readonly format: HistoryFormatName;
  readonly events: number;
}

/** Whoever asks about one file has more patience than a sweep: memory is the bound, then. */
const patientStates = 50_000_000;

/** Part of the progress that reading takes. */
const readingPercent = 30;

/**
 * Reads and judges the history at `path`.
 *
 * @throws UsageError on input that cannot be read (history/parse.ts) or holds operations the model does not know.
 */
export async function checkFile(path: string, options: CheckFileOptions): Promise<FileVerdict> {
  const progress = (done: number): void => options.onProgress?.({ done: Math.round(done), total: 100 });
  const { format, events, nemesis } = await readHistory(path, {
    format: options.format,
    onProgress: (fraction) => progress(fraction * readingPercent),
  });
  const { timeline } = options;
  const orders = new Map<string, readonly Operation[]>();
  let blocked: Operation | undefined;
  const verdict = judge(events, options, {
    onProgress: (fraction) => progress(readingPercent + fraction * (100 - readingPercent)),
    onOrder: timeline === undefined ? undefined : (key, order) => orders.set(key, order),
    onBlocked: (operation) => (blocked = operation),
  });
  progress(100);
  if (timeline !== undefined) {
    const operations = pairOperations(events);
    await writePage(timeline, renderTimeline({ title: basename(path), verdict, operations, nemesis, orders, blocked }));
  }
  return { ...verdict, format, events: events.length };
}

function judge(
  events: readonly HistoryEvent[],
  { model, shouldStop, maxStates }: CheckFileOptions,
  observers: Pick<LinearizabilityOptions, "onProgress" | "onOrder" | "onBlocked">,
): CheckResult {
  const limits: LinearizabilityOptions = {
    ...observers,
    ...(shouldStop === undefined ? {} : { shouldStop }),
    maxStates: maxStates ?? patientStates,
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

async function writePage(path: string, page: string): Promise<void> {
  try {
    await writeFile(path, page);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot write the timeline ${path}: ${reason}`, { cause: error });
  }
}

function judgeAppends(events: readonly HistoryEvent[]): CheckResult {
  const other = events.find(({ f, key }) => f !== "append" || key !== undefined);
  if (other === undefined) return checkAppendList(events);
  const what = other.key === undefined ? other.f : `${other.f} of key ${JSON.stringify(other.key)}`;
  throw new UsageError(`Cannot judge the history as append: event ${other.index} is a ${what}, the model knows append`);
}
