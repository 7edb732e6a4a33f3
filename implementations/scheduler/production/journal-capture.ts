/**
 * What a home knows, told record by record while its tasks go on: a fuzzy checkpoint.
 *
 * It speaks of the moment of the call, in three ways. How tasks have ended never changes, and the chain of ends is kept
 * from being forgotten by whoever walks along it, so all that was remembered at that moment is told, and nothing else.
 * A task that had been accepted by then and has not ended when its turn comes is told as it is when its turn comes. One
 * that has ended meanwhile is left out, for the log says how, as it says everything that happened after the moment.
 *
 * So what is told, followed by the log from that moment on, is the truth if the log's records may be applied to a task
 * that has seen them already (`JournalState`). To copy the tasks at the moment instead would need no such care, but
 * takes a turn and a memory in proportion to them.
 *
 * @see Mohan et al. 1992, "ARIES", section 5.4 (fuzzy checkpoints).
 */

import type { JournalRecord, RecordOf } from "./journal-records.ts";
import type { EndedTask, Task, TaskTable } from "./task-table.ts";

/** @param life speaks of the same moment, on the clock of the tasks. */
export function captureKnown(life: RecordOf<"life">, table: TaskTable): Iterator<JournalRecord> {
  return recordsOf(life, table.ended(), table.live());
}

/** A generator begins with its first step: what is of the moment is handed to it. */
function* recordsOf(
  life: RecordOf<"life">,
  ends: Iterable<EndedTask>,
  live: Iterable<Task>,
): Generator<JournalRecord, undefined> {
  yield life;
  for (const { id, digest, attempts, end } of ends) yield { kind: "remembered", task: id, digest, attempts, end };
  for (const { spec, order, acceptedMs, unmet, failures, attempts } of live) {
    if (order >= life.orders) return; // From here on the log has them all.
    const ageMs = life.atMs - acceptedMs;
    yield { kind: "live", task: spec, order, ageMs, unmet: [...unmet], failures, attempts };
  }
  return undefined;
}
