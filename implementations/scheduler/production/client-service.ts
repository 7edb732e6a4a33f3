/**
 * What clients ask of a home, and when they are answered: a submission once it is accepted for good, whoever waits once
 * all he waits for has ended, durably.
 */

import type { ClientRequest, SchedulerReply, TaskEnd } from "../contract.ts";
import { limits } from "../contract.ts";
import type { Admission, AdmissionControl } from "./admission.ts";
import { isRefusal, isTaskId } from "./admitted-task.ts";
import type { Refusal } from "./admitted-task.ts";
import { ClientDesk } from "./client-desk.ts";
import type { Ticket } from "./client-desk.ts";
import type { TaskTable } from "./task-table.ts";
import { Waits } from "./waits.ts";

export interface ClientServicePorts {
  readonly maxPendingRequests: number;
  readonly admission: AdmissionControl;
  readonly table: TaskTable;
  /** Enqueues what was admitted in this turn; `done` is called when it is durable. */
  readonly accept: (admission: Admission, done: () => void) => void;
  /** Calls `done` once everything that has happened is durable. */
  readonly afterAll: (done: () => void) => void;
}

export class ClientService {
  readonly #ports: ClientServicePorts;
  readonly #desk: ClientDesk;
  readonly #waits = new Waits();

  constructor(ports: ClientServicePorts) {
    this.#ports = ports;
    this.#desk = new ClientDesk(ports.maxPendingRequests);
  }

  get counters(): Readonly<Record<string, number>> {
    const { requests, repeated, overloaded } = this.#desk.counts;
    return {
      requests,
      "requests repeated": repeated,
      "requests refused for want of room": overloaded,
      "requests pending": this.#desk.pendingCount,
    };
  }

  request(request: ClientRequest, answer: (reply: SchedulerReply) => void): void {
    const ticket = this.#desk.admit(request, answer);
    if (ticket !== undefined) this.#serve(ticket, request.operation);
  }

  /** The end of a task is durable. */
  committed(task: string, end: TaskEnd): void {
    this.#waits.committed(task, end);
  }

  #serve(ticket: Ticket, operation: ClientRequest["operation"]): void {
    switch (operation.kind) {
      case "submit":
        return this.#submit(ticket, operation.tasks, operation.untilEnded);
      case "wait":
        return this.#wait(ticket, operation.tasks);
      case "status":
        return this.#status(ticket, operation.task);
      default:
        return refuse(ticket, { code: "MALFORMED_REQUEST", reason: "allowed are submit, wait and status" });
    }
  }

  #submit(ticket: Ticket, tasks: unknown, untilEnded: unknown): void {
    const { accept, afterAll } = this.#ports;
    this.#ports.admission.submit(tasks, (outcome) => {
      if (ticket.isVoid()) return;
      if (isRefusal(outcome)) return refuse(ticket, outcome);
      const done = (): void => {
        if (untilEnded === true) this.#answerOnceEnded(ticket, "submit", outcome.ids);
        else ticket.answer({ kind: "ok", result: { kind: "submit", ended: [] } });
      };
      // What is known already may not be durable yet.
      if (outcome.fresh.length > 0) accept(outcome, done);
      else afterAll(done);
    });
  }

  #wait(ticket: Ticket, tasks: unknown): void {
    if (!Array.isArray(tasks) || tasks.length === 0 || tasks.length > limits.tasks || !tasks.every(isTaskId)) {
      const reason = `allowed are 1 to ${limits.tasks} ids of tasks, JOB.NAME`;
      return refuse(ticket, { code: "MALFORMED_REQUEST", reason });
    }
    const refused = this.#ports.admission.checkIds(tasks);
    if (refused !== undefined) return refuse(ticket, refused);
    const unknown = tasks.find((task) => this.#ports.table.digestOf(task) === undefined);
    if (unknown === undefined) return this.#answerOnceEnded(ticket, "wait", tasks);
    refuse(ticket, { code: "NOT_FOUND", reason: `task ${unknown} was never accepted, or is forgotten` });
  }

  #status(ticket: Ticket, task: unknown): void {
    const malformed = { code: "MALFORMED_REQUEST", reason: "task is no id of a task, JOB.NAME" } as const;
    if (!isTaskId(task)) return refuse(ticket, malformed);
    const refused = this.#ports.admission.checkIds([task]);
    if (refused !== undefined) return refuse(ticket, refused);
    const status = this.#ports.table.statusOf(task) ?? null;
    ticket.answer({ kind: "ok", result: { kind: "status", status } });
  }

  #answerOnceEnded(ticket: Ticket, kind: "submit" | "wait", tasks: readonly string[]): void {
    if (ticket.isVoid()) return;
    const endOf = (task: string): TaskEnd | undefined => {
      const ended = this.#ports.table.endOf(task);
      return ended?.isDurable === true ? ended.end : undefined;
    };
    ticket.onVoid = this.#waits.add(tasks, endOf, (ended) => ticket.answer({ kind: "ok", result: { kind, ended } }));
  }
}

function refuse(ticket: Ticket, { code, reason }: Refusal): void {
  ticket.answer({ kind: "error", code, reason });
}
