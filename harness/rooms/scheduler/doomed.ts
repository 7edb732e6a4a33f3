/**
 * Which tasks will fail, whatever the interleaving: by their own bodies, or because of what they depend on.
 *
 * A task that depends on two of them fails over the one that fails first, which is a matter of chance, and its end says
 * over which. Where runs are compared every task is left one such dependency at most.
 */

import type { TaskSpec } from "../../../implementations/scheduler/contract.ts";
import { fateOf } from "./job-text.ts";

export class Doomed {
  readonly #ids = new Set<string>();

  /** Returns the task without more than one dependency that will fail, and remembers whether it will fail itself. */
  enter(task: TaskSpec): TaskSpec {
    const { dependencies = [] } = task;
    const failing = dependencies.filter((id) => this.#ids.has(id));
    const fate = fateOf(task);
    if (failing.length > 0 || fate === "throws" || fate === "crashes") this.#ids.add(task.id);
    if (failing.length < 2) return task;
    return { ...task, dependencies: dependencies.filter((id) => id === failing[0] || !failing.includes(id)) };
  }
}
