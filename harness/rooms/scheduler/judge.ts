/**
 * Judges a finished run of a scheduler by its history and its final states:
 *
 * - outcomes: every task ended as its body and its dependencies say, and nothing is there that nobody submitted;
 * - refusals: what had to be refused was, with the right code, and nothing else for a mistake that it did not have;
 * - submissions-kept: what was accepted is there at the end, and what was refused is not;
 * - answers-agree: what a client was told about an end is how the task ended, and no later answer is of before it.
 *
 * An implementation that keeps its tasks in memory has lost those of a node that was restarted, and disks that were
 * damaged have lost what was on them: of such runs only outcomes are judged.
 */

import { faultKinds } from "../../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import { mergeStates } from "../../../implementations/scheduler/contract.ts";
import { resultOfProblems } from "../../check/problems.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { pairOperations } from "../../history/operations.ts";
import type { Operation } from "../../history/operations.ts";
import type { JudgedBlock } from "../room.ts";
import { endText, parseEnds, parseJob, refusalIn } from "./job-text.ts";
import type { FatedTask } from "./job-text.ts";
import type { SchedulerTypes } from "./room.ts";

const losesDisks: ReadonlySet<FaultKind> = new Set(["wipe", "bit-flip", "misdirect", "replace", "remove"]);
const losesMemory: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...faultKinds.process.filter((kind) => kind !== "pause"),
  ...faultKinds.disk.filter((kind) => kind !== "slow"),
  ...faultKinds.membership,
]);

/** A task that a client submitted. */
interface Submitted extends FatedTask {
  readonly outcome: Operation["outcome"];
  /** The client's words: "client 3's submission of c3-7 (event 12)". */
  readonly by: string;
}

/** What a client was told about a task: its end, or where it stood. */
interface Told {
  readonly task: string;
  readonly text: string;
  readonly by: string;
  readonly call: number;
  readonly return: number;
}

export function judge({ implementation, plan, history, states }: JudgedBlock<SchedulerTypes>): readonly CheckResult[] {
  const operations = pairOperations(history.events);
  const submitted = submittedBy(operations);
  const told = toldBy(operations);
  const held = [...states.values()].flatMap((state) => (state.kind === "state" ? [state.state] : []));
  const finals = new Map(
    mergeStates(held).tasks.map(([task, state, end]) => [task, end === null ? state : endText(task, end)] as const),
  );
  const isLost = plan.faults.some(
    ({ kind }) => losesDisks.has(kind) || (!implementation.durable && losesMemory.has(kind)),
  );
  const refusals = resultOfProblems("refusals", ...refusalProblems(operations, isLost));
  const outcomes = resultOfProblems("outcomes", ...outcomeProblems(submitted, told, finals, isLost));
  if (held.length === 0) {
    const unknown = { validity: "unknown", summary: "no node is in service" } as const;
    return [{ ...outcomes, ...unknown }];
  }
  const kept = [
    resultOfProblems("submissions-kept", ...keptProblems(operations, submitted, finals)),
    resultOfProblems("answers-agree", ...answerProblems(told, finals)),
  ];
  // A run in which no client was told something says nothing about what clients are told.
  const others = [refusals, ...(isLost ? [] : kept)];
  return [outcomes, ...others.filter(({ count, validity }) => count > 0 || validity === "invalid")];
}

type Found = [count: number, unit: string, problems: readonly string[]];

function outcomeProblems(
  submitted: ReadonlyMap<string, Submitted>,
  told: readonly Told[],
  finals: ReadonlyMap<string, string>,
  isLost: boolean,
): Found {
  const ends = new Map<string, string>();
  for (const { task, text } of told) if (isEnd(text)) ends.set(task, text);
  for (const [task, text] of finals) if (isEnd(text)) ends.set(task, text);
  const problems: string[] = [];
  for (const [task, end] of ends) {
    const known = submitted.get(task);
    if (known === undefined) problems.push(`${task} ended as ${end}, and nobody submitted it`);
    else problems.push(...problemOf(known, end, ends, isLost).map((problem) => `${task} ended as ${end}, ${problem}`));
  }
  return [ends.size, "tasks that ended", problems];
}

/** What mends has nothing to return. */
const endOfFate = { ok: "completed", mends: "completed=null", throws: "threw", crashes: "crashed" } as const;

function problemOf(
  { fate, isTimed, dependencies, by }: Submitted,
  end: string,
  ends: ReadonlyMap<string, string>,
  isLost: boolean,
): readonly string[] {
  const failed = dependencies.filter((id) => ends.get(id)?.startsWith("completed") === false);
  if (end === "deadline") return isTimed ? [] : [`though it has no deadline: ${by}`];
  if (end.startsWith("dependency=")) {
    const named = decodeURIComponent(end.slice("dependency=".length));
    if (!dependencies.includes(named)) return [`which is none of its dependencies: ${by}`];
    return failed.includes(named) || (isLost && !ends.has(named)) ? [] : [`which did not fail: ${by}`];
  }
  const [first] = failed;
  if (first !== undefined) return [`though its dependency ${first} ended as ${ends.get(first)}: ${by}`];
  const open = dependencies.find((id) => !ends.has(id));
  if (open !== undefined && !isLost) return [`though its dependency ${open} has not ended: ${by}`];
  return end === endOfFate[fate] ? [] : [`wanted ${endOfFate[fate]}: ${by}`];
}

/** They say something about the scheduler, not about the submission. */
const circumstances: ReadonlySet<string> = new Set(["UNAVAILABLE", "OVERLOADED", "CAPACITY_EXCEEDED"]);

function refusalProblems(operations: readonly Operation[], isLost: boolean): Found {
  const problems: string[] = [];
  let count = 0;
  for (const operation of operations) {
    const { f, argument, outcome, error = "" } = operation;
    if (f !== "submit" || outcome === "info" || circumstances.has(error)) continue;
    const wanted = refusalIn(String(argument));
    if (wanted === undefined && outcome === "ok") continue;
    count++;
    // Who has forgotten the tasks takes others under their ids.
    if (isLost && wanted === "ALREADY_EXISTS") continue;
    if (outcome === "ok") problems.push(`${nameOf(operation)} was accepted, wanted ${wanted}: ${String(argument)}`);
    else if (error !== wanted && !(isLost && error === "UNKNOWN_DEPENDENCY")) {
      problems.push(`${nameOf(operation)} was refused with ${error}, wanted ${wanted ?? "none"}: ${String(argument)}`);
    }
  }
  return [count, "submissions that were or had to be refused", problems];
}

function keptProblems(
  operations: readonly Operation[],
  submitted: ReadonlyMap<string, Submitted>,
  finals: ReadonlyMap<string, string>,
): Found {
  const problems: string[] = [];
  let accepted = 0;
  for (const [task, { outcome, by }] of submitted) {
    if (outcome === "ok") {
      accepted++;
      if (!finals.has(task)) problems.push(`${task} is gone: ${by} was accepted`);
    } else if (outcome === "fail" && finals.has(task)) problems.push(`${task} is there: ${by} was refused`);
  }
  // The first acceptance of each job comes last, and stays.
  const acceptedBy = new Map(
    operations
      .filter(({ f, outcome }) => f === "submit" && outcome === "ok")
      .map((each) => [each.key, each.return] as const)
      .reverse(),
  );
  for (const operation of operations) {
    const since = acceptedBy.get(operation.key) ?? Infinity;
    const isUnknown = operation.outcome === "fail" ? operation.error === "NOT_FOUND" : isNobodys(operation);
    if (operation.f === "submit" || !isUnknown || operation.call < since) continue;
    problems.push(`${nameOf(operation)} is told that nobody knows it, though its submission was accepted`);
  }
  return [accepted, "accepted tasks", problems];
}

function isNobodys({ f, outcome, result }: Operation): boolean {
  return f === "status" && outcome === "ok" && result === null;
}

function answerProblems(told: readonly Told[], finals: ReadonlyMap<string, string>): Found {
  const problems: string[] = [];
  const ended = new Map<string, Told>();
  for (const one of told) {
    const final = finals.get(one.task);
    if (isEnd(one.text)) {
      if (final !== undefined && final !== one.text) {
        problems.push(`${one.by} is told that ${one.task} ended as ${one.text}; at the end it is ${final}`);
      }
      const first = ended.get(one.task);
      if (first === undefined || one.return < first.return) ended.set(one.task, one);
    }
  }
  for (const one of told) {
    const first = ended.get(one.task);
    if (isEnd(one.text) || first === undefined || one.call < first.return) continue;
    problems.push(`${one.by} is told that ${one.task} is ${one.text}, after ${first.by} was told of its end`);
  }
  return [told.length, "answers", problems];
}

function isEnd(text: string): boolean {
  return text !== "pending" && text !== "running";
}

/** Of how much it is certain that the task is there, if it was submitted more than once. */
const certainty = { ok: 2, info: 1, fail: 0 } as const satisfies Record<Operation["outcome"], number>;

function submittedBy(operations: readonly Operation[]): ReadonlyMap<string, Submitted> {
  const submitted = new Map<string, Submitted>();
  for (const operation of operations) {
    const { f, key = "", argument, outcome } = operation;
    if (f !== "submit") continue;
    const by = nameOf(operation);
    for (const task of parseJob(key, String(argument))) {
      const before = submitted.get(task.id);
      if (before !== undefined && certainty[before.outcome] >= certainty[outcome]) continue;
      submitted.set(task.id, { ...task, outcome, by });
    }
  }
  return submitted;
}

function toldBy(operations: readonly Operation[]): readonly Told[] {
  return operations.flatMap((operation) => {
    const { f, key = "", argument, result, outcome, call } = operation;
    if (outcome !== "ok" || result === null) return [];
    const ends = f === "status" ? new Map([[String(argument), String(result)]]) : parseEnds(key, String(result));
    return [...ends].map(([task, text]) => ({ task, text, by: nameOf(operation), call, return: operation.return }));
  });
}

function nameOf({ process, f, key, call }: Operation): string {
  const what = { submit: "submission", wait: "wait", status: "question" }[f as string] ?? f;
  return `client ${process}'s ${what} of ${key} (event ${call})`;
}
