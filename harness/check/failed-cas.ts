/**
 * Second half of the unique-writes shortcut: turns ordered groups into a linearization and places the failed cas.
 *
 * Every operation takes effect as early as its predecessors let it, which yields the span of event indexes in which
 * the register holds each value. A failed cas fits wherever its own interval meets a span of another value. One that
 * does not may still be explained by an operation of unknown outcome that nobody observed and that overwrote the
 * value unseen; such operations are handed out by deadline, each at most once.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { Operation } from "../history/operations.ts";
import type { Shortcut } from "./model.ts";
import { casValues, neededBy, writtenBy } from "./register-operation.ts";
import type { RegisterValue } from "./register-operation.ts";
import type { ValueGroup } from "./register-zones.ts";

/** The register holds `value` from `start` to the start of the next span, both included: a moment can hold several. */
interface Span {
  readonly value: RegisterValue;
  readonly start: number;
  /** Moments of the operations that set and observed the value, in order. */
  readonly placed: { readonly operation: Operation; readonly at: number }[];
  /** Whether the next value comes by a cas that needs this one. */
  readonly isReplaced: boolean;
  readonly unexplained: Operation[];
}

/**
 * Returns the linearization that takes `groups` in order.
 *
 * @param operations all judged operations, failed cas and unobserved ones of unknown outcome among them.
 * @param happened the groups by value: an operation of unknown outcome took part if its value has one.
 */
export function placeFailedCas(
  groups: readonly ValueGroup[],
  operations: readonly Operation[],
  happened: ReadonlyMap<RegisterValue, ValueGroup>,
): Shortcut {
  const spans = spansOf(groups);
  const failed = operations.filter(({ f, outcome }) => f === "cas" && outcome === "fail");
  for (const cas of failed) placeInSpan(spans, cas);
  const needy = spans.filter((span) => span.unexplained.length > 0);
  if (needy.length > 0) {
    const unseen = operations.filter(
      (operation) => operation.outcome === "info" && !happened.has(writtenBy(operation) ?? null),
    );
    if (!explainByUnseen(needy, unseen)) {
      return { kind: "open", reason: "a failed cas fits only into another order of the writes" };
    }
  }
  return { kind: "linearizable", order: spans.flatMap((span) => span.placed.map(({ operation }) => operation)) };
}

function spansOf(groups: readonly ValueGroup[]): readonly Span[] {
  let now = -1;
  return groups.map(({ value, writer, reads, successor }) => {
    if (writer !== undefined) now = Math.max(now, writer.call);
    const start = now;
    const placed = writer === undefined ? [] : [{ operation: writer, at: start }];
    for (const operation of reads.toSorted((a, b) => a.call - b.call)) {
      now = Math.max(now, operation.call);
      placed.push({ operation, at: now });
    }
    return { value, start, placed, isReplaced: successor !== undefined, unexplained: [] };
  });
}

function placeInSpan(spans: readonly Span[], cas: Operation): void {
  const from = casValues(cas)[0];
  const holding = lastStartedBy(spans, cas.call);
  const span = spans[holding];
  assert(span !== undefined, "the initial value's span starts before every call");
  const next = spans[holding + 1];
  if (span.value !== from) insert(span, cas, cas.call);
  else if (next !== undefined && next.start <= cas.return) insert(next, cas, next.start);
  else span.unexplained.push(cas);
}

/** Index of the last span with `start <= moment`. */
function lastStartedBy(spans: readonly Span[], moment: number): number {
  let low = 0;
  let high = spans.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (spans[middle]!.start <= moment) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** After what is placed up to `at`, so that equal moments keep their order. */
function insert(span: Span, operation: Operation, at: number): void {
  let position = span.placed.length;
  while (position > 0 && span.placed[position - 1]!.at > at) position--;
  span.placed.splice(position, 0, { operation, at });
}

/** Puts an unseen overwriting operation at the end of every needy span; false when there are not enough. */
function explainByUnseen(needy: readonly Span[], unseen: readonly Operation[]): boolean {
  const deadlineOf = (span: Span): number => Math.min(...span.unexplained.map((cas) => cas.return));
  const byDeadline = needy.toSorted((a, b) => deadlineOf(a) - deadlineOf(b));
  const free = new Set(unseen);
  for (const span of byDeadline) {
    if (span.isReplaced) return false;
    const deadline = deadlineOf(span);
    const observedUntil = span.placed.at(-1)?.at ?? span.start;
    const fits = (operation: Operation): boolean => {
      const needed = neededBy(operation);
      return operation.call < deadline && (needed === undefined || needed === span.value);
    };
    // A cas can serve only here, a write anywhere: the cas first.
    const candidates = [...free].filter(fits);
    const overwriting = candidates.find((operation) => operation.f === "cas") ?? candidates[0];
    if (overwriting === undefined || observedUntil > deadline) return false;
    free.delete(overwriting);
    const at = Math.max(observedUntil, overwriting.call);
    span.placed.push({ operation: overwriting, at });
    for (const cas of span.unexplained) insert(span, cas, Math.max(at, cas.call));
  }
  return true;
}
