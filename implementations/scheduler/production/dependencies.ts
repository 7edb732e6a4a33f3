/**
 * What the end of a task means for those that wait for it: a completed one releases them once they wait for nothing
 * else, a failed one fails them, and in turn whoever waits for them. Without recursion, since chains are long.
 */

import type { TaskEnd } from "../contract.ts";
import type { Task, TaskTable } from "./task-table.ts";

export interface DependencyEffects {
  /** It waits for nothing any more. */
  released(task: Task): void;
  /** It can never run; called in the order in which the failures follow from each other. */
  failed(task: Task, end: TaskEnd): void;
}

/** Applies that `dependency` ended so; it may be a task of another home. */
export function settleDependants(table: TaskTable, dependency: string, end: TaskEnd, effects: DependencyEffects): void {
  const ends: [dependency: string, isCompleted: boolean][] = [[dependency, end.state === "completed"]];
  for (const [ended, isCompleted] of ends) {
    for (const dependant of table.takeDependants(ended)) {
      if (isCompleted) {
        dependant.unmet.delete(ended);
        if (dependant.unmet.size === 0) effects.released(dependant);
      } else if (dependant.phase !== "ended") {
        effects.failed(dependant, { state: "failed", reason: "dependency", message: ended });
        ends.push([dependant.id, false]);
      }
    }
  }
}
