/**
 * Jobs as a history holds them: what a submission's tasks are to become, and what became of them, each as one text.
 *
 * A history alone then says whether every task ended as its body wants. "0:ok 1:throws<0 2:ok?<1,c1-3.0" is a job of
 * three tasks: 1 throws in every attempt and depends on 0 of the same job; 2 has a deadline, and depends on another
 * job's task too. With " !DEPENDENCY_CYCLE" at its end it has to be refused with that code. "0:completed 1:threw
 * 2:dependency=c1-4.1" is how it ended. A result or message that is not the one the body asks for is written out, so
 * that it cannot pass for the right one.
 */

import { assert } from "../../../implementations/foundation/assert.ts";
import type { ErrorCode } from "../../../implementations/foundation/errors.ts";
import { defaultAttempts, jobOf } from "../../../implementations/scheduler/contract.ts";
import type { EndedTask, TaskEnd, TaskSpec } from "../../../implementations/scheduler/contract.ts";

/** What becomes of a task whose dependencies are completed, by its body alone. mends: fails first, then completes. */
export type Fate = "ok" | "mends" | "throws" | "crashes";

/** A submitted task, as far as its end depends on it. */
export interface FatedTask {
  readonly id: string;
  readonly fate: Fate;
  /** It has a deadline, and may end for that reason instead. */
  readonly isTimed: boolean;
  readonly dependencies: readonly string[];
}

/** What a task throws. */
export function messageOf(task: string): string {
  return `${task} throws`;
}

/**
 * Returns the text of a job's tasks; they return their ids, and throw `messageOf` theirs.
 *
 * @param refusal what has to become of the submission; undefined: it is right.
 */
export function jobText(tasks: readonly TaskSpec[], refusal?: ErrorCode): string {
  const text = tasks
    .map((task) => {
      const { id, dependencies = [], deadlineMs } = task;
      const job = jobOf(id);
      const needs = dependencies.map((other) => (jobOf(other) === job ? nameOf(other) : other));
      const timed = deadlineMs === undefined ? "" : "?";
      return `${nameOf(id)}:${fateOf(task)}${timed}${needs.length === 0 ? "" : `<${needs.join(",")}`}`;
    })
    .join(" ");
  return refusal === undefined ? text : `${text} !${refusal}`;
}

/** The code with which a submission of that text has to be refused; undefined: it is right. */
export function refusalIn(text: string): string | undefined {
  const mark = text.indexOf(" !");
  return mark < 0 ? undefined : text.slice(mark + 2);
}

export function parseJob(job: string, text: string): readonly FatedTask[] {
  const words = text.split(" ").filter((word) => !word.startsWith("!"));
  return words.map((word) => {
    const matched = /^([^:]+):(ok|mends|throws|crashes)(\?)?(?:<(.+))?$/.exec(word);
    assert(matched !== null, `"${word}" is a task of a job`);
    const [, name = "", fate = "ok", timed, needs] = matched;
    const dependencies = needs?.split(",").map((other) => (other.includes(".") ? other : `${job}.${other}`)) ?? [];
    return { id: `${job}.${name}`, fate: fate as Fate, isTimed: timed !== undefined, dependencies };
  });
}

export function endsText(ended: readonly EndedTask[]): string {
  return ended.map(([task, end]) => `${nameOf(task)}:${endText(task, end)}`).join(" ");
}

/** By task: its end as `endText` has it. */
export function parseEnds(job: string, text: string): ReadonlyMap<string, string> {
  if (text === "") return new Map();
  return new Map(
    text.split(" ").map((word) => {
      const colon = word.indexOf(":");
      return [`${job}.${word.slice(0, colon)}`, word.slice(colon + 1)];
    }),
  );
}

/** Returns "completed", "threw", "crashed", "deadline", "dependency=c0-1.2", or one of them and what is wrong. */
export function endText(task: string, end: TaskEnd): string {
  if (end.state === "completed") {
    return end.result === task ? "completed" : `completed=${encodeURIComponent(JSON.stringify(end.result ?? null))}`;
  }
  const wanted = end.reason === "threw" ? messageOf(task) : "";
  return end.message === wanted ? end.reason : `${end.reason}=${encodeURIComponent(end.message)}`;
}

/** Whether it fails depends on nothing but its body, if its dependencies are completed. */
export function fateOf({ body, maxAttempts = defaultAttempts }: TaskSpec): Fate {
  if (body.kind !== "fail" && body.kind !== "crash") return "ok";
  if (body.times !== undefined && body.times < maxAttempts) return "mends";
  return body.kind === "fail" ? "throws" : "crashes";
}

function nameOf(task: string): string {
  return task.slice(task.indexOf(".") + 1);
}
