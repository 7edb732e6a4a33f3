/**
 * Whom clients of a scheduler ask, and what they retry.
 *
 * Everything may be sent again: a submission is known by the ids of its tasks, and to wait or to ask for a status
 * changes nothing. So an attempt without an answer is followed by another one, to the same node where only one can
 * serve it. That is usual rather than a sign of trouble: an operation that waits for tasks to end takes as long as they
 * do, and the node answers the newest attempt when they have.
 */

import type { ErrorCode } from "../../foundation/errors.ts";
import { UsageError } from "../../foundation/errors.ts";
import { jsonFlaw } from "../../foundation/json-flaw.ts";
import type { NodeId } from "../../foundation/units.ts";
import { homeOf, jobOf } from "../../scheduler/contract.ts";
import type { SchedulerOperation, SchedulerResult } from "../../scheduler/contract.ts";
import { RequestClient } from "../request-client.ts";
import type { ClientPorts, Route } from "../request-client.ts";

/** Returns those of `nodes` that can serve `operation`, the one to ask first in front; never none. */
export type Addressees = (operation: SchedulerOperation, nodes: readonly NodeId[]) => readonly NodeId[];

/** They pass by themselves. Every other refusal is what the scheduler thinks of the submission, now and later. */
const retried: ReadonlySet<ErrorCode> = new Set(["OVERLOADED", "UNAVAILABLE"] satisfies ErrorCode[]);

export function schedulerClient(
  ports: ClientPorts,
  addressees: Addressees,
): RequestClient<SchedulerOperation, SchedulerResult> {
  return new RequestClient(ports, {
    rulesOf: (operation) => ({
      route: new TakingTurns(addressees(operation, ports.nodes())),
      retried,
      repeats: true,
      refusesCopies: operation.kind === "submit",
      flawOf: () => flawOf(operation),
    }),
    rulesOfAdministration: () => {
      throw new UsageError("Cannot change the nodes of a scheduler: they are those it began with");
    },
  });
}

/**
 * Returns what of a submission would arrive as something else: the wire has no functions and no classes, and nobody
 * there can tell what came as null or as a plain object. What else may be wrong is the scheduler's to say.
 */
function flawOf(operation: SchedulerOperation): string | undefined {
  if (operation.kind !== "submit" || !Array.isArray(operation.tasks)) return undefined;
  for (const [index, spec] of (operation.tasks as readonly unknown[]).entries()) {
    if (typeof spec !== "object" || spec === null) continue;
    const { id, body } = spec as { readonly id?: unknown; readonly body?: unknown };
    const at = typeof id === "string" ? `task ${id}` : `tasks[${index}]`;
    const flaw = flawIn(spec, `${at}: `, "body") ?? (isRecord(body) ? flawIn(body, `${at}: body.`) : undefined);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

function flawIn(members: object, path: string, except?: string): string | undefined {
  for (const [name, value] of Object.entries(members)) {
    if (name === except && isRecord(value)) continue;
    if (typeof value !== "object" && typeof value !== "function") continue;
    const flaw = jsonFlaw(value, `${path}${name}`);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

function isRecord(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Only the home of an operation's job serves it. */
export function homeAlone(operation: SchedulerOperation, nodes: readonly NodeId[]): readonly NodeId[] {
  return [homeOf(jobOf(firstTaskOf(operation)), nodes)];
}

/** Every node serves every job equally well: each job has its first node, so that jobs share the nodes out. */
export function anyNode(operation: SchedulerOperation, nodes: readonly NodeId[]): readonly NodeId[] {
  const first = nodes.indexOf(homeOf(jobOf(firstTaskOf(operation)), nodes));
  return [...nodes.slice(first), ...nodes.slice(0, first)];
}

/** "" where there is none: then the submission is refused, and it does not matter by whom. */
function firstTaskOf(operation: SchedulerOperation): string {
  switch (operation.kind) {
    case "submit":
      return operation.tasks[0]?.id ?? "";
    case "wait":
      return operation.tasks[0] ?? "";
    case "status":
      return operation.task;
  }
}

/** One node after the other, and again from the first. */
class TakingTurns implements Route {
  readonly #nodes: readonly NodeId[];
  #turn = 0;

  constructor(nodes: readonly NodeId[]) {
    this.#nodes = nodes;
  }

  get node(): NodeId {
    return this.#nodes[this.#turn % this.#nodes.length] ?? "";
  }

  answered(): void {
    // The next call has a route of its own.
  }

  unanswered(): void {
    this.#turn++;
  }

  refused(): "later" {
    this.#turn++;
    return "later";
  }
}
