/**
 * The host of a peer's library: clients speak to it as to every scheduler, and it keeps what the contract needs and no
 * library has. That is: which tasks are known and how they ended, clients that wait, and the events of the trace. What
 * a library cannot do it cannot do here either; see `peer-rules.ts`.
 *
 * A client that asks again, because its answer takes long, takes the place of its earlier self: the newest attempt is
 * answered.
 */

import { encode } from "../../../foundation/codec.ts";
import type { Millis, NodeId } from "../../../foundation/units.ts";
import type { ErrorCode } from "../../../foundation/errors.ts";
import { defaultAttempts, defaultResources, defaultTenant } from "../../../scheduler/contract.ts";
import type {
  AttemptEnd,
  ClientReply,
  ClientRequest,
  SchedulerEvent,
  SchedulerReply,
  SchedulerState,
  TaskEnd,
  TaskSpec,
} from "../../../scheduler/contract.ts";
import type { FoundTask, PeerEvents, PeerLibrary, PeerTask } from "../../../scheduler/peers/peer-library.ts";
import { KnownTasks } from "./known-tasks.ts";
import type { KnownTask } from "./known-tasks.ts";
import { refusalOf } from "./peer-rules.ts";
import type { PeerRules } from "./peer-rules.ts";
import { decodeRequest } from "../../decode-request.ts";

export interface PeerHostOptions {
  readonly rules: PeerRules;
  /** Tasks that have not ended; one more is CAPACITY_EXCEEDED. */
  readonly queueLimit: number;
  readonly remembered: number;
  readonly life: number;
  readonly nowMs: () => Millis;
  readonly send: (client: NodeId, bytes: Uint8Array) => void;
  readonly trace: (event: SchedulerEvent) => void;
  /** Whether a call's module has such an export, a function. */
  readonly canCall: (module: string, name: string) => Promise<boolean>;
}

/** Clients that wait at once; another one is OVERLOADED. */
const maxWaiting = 10_000;

/** A client that waits for tasks. */
interface Waiting {
  client: NodeId;
  id: number;
}

export class PeerHost implements PeerEvents {
  readonly #options: PeerHostOptions;
  readonly #tasks: KnownTasks;
  /** By session and sequence. */
  readonly #waiting = new Map<string, Waiting>();
  #library: PeerLibrary | undefined;
  #requests = 0;
  #isOver = false;

  constructor(options: PeerHostOptions) {
    this.#options = options;
    this.#tasks = new KnownTasks(options.remembered);
  }

  /** Serves from now on. @param found tasks of earlier lives. */
  begin(library: PeerLibrary, found: readonly FoundTask[]): void {
    const nowMs = this.#options.nowMs();
    for (const each of found) this.#tasks.restore(each, (JSON.parse(each.kept) as TaskSpec).priority ?? 0, nowMs);
    this.#library = library;
    this.#options.trace({ kind: "start", life: this.#options.life, tasks: this.#tasks.live });
  }

  /** Serves no longer, and tells no more of what becomes of its tasks. */
  end(): void {
    this.#library = undefined;
    this.#isOver = true;
  }

  receive(client: NodeId, bytes: Uint8Array): void {
    const request = decodeRequest(bytes) as ClientRequest | undefined;
    if (request === undefined) return;
    this.#requests++;
    const { id, operation } = request;
    const refusal = refusalOf(operation, this.#options.rules);
    if (refusal !== undefined) return this.#reply(client, id, { kind: "error", ...refusal });
    if (this.#library === undefined) return this.#refuse(client, id, "UNAVAILABLE");
    switch (operation.kind) {
      case "submit":
        void this.#submit(client, request, operation.tasks, operation.untilEnded);
        return;
      case "wait": {
        const tasks = operation.tasks.map((task) => this.#accepted(task));
        if (tasks.every((task) => task !== undefined)) return this.#whenAll(client, request, tasks, "wait");
        return this.#refuse(client, id, "NOT_FOUND");
      }
      case "status":
        return this.#reply(client, id, { kind: "ok", result: this.#status(operation.task) });
    }
  }

  state(): SchedulerState {
    return this.#tasks.state();
  }

  counters(): Readonly<Record<string, number>> {
    return { "live tasks": this.#tasks.live, requests: this.#requests };
  }

  ready(task: string, token: number): void {
    this.#hear(task, (known) => {
      known.readyMs = this.#options.nowMs();
      this.#options.trace({ kind: "ready", task, token, rank: -known.priority });
    });
  }

  started(task: string, token: number): void {
    this.#hear(task, (known) => {
      const waitMs = this.#options.nowMs() - known.readyMs;
      const worker = this.#tasks.started(known, token);
      this.#options.trace({ kind: "started", task, token, worker, lane: -1, waitMs });
    });
  }

  ended(task: string, token: number, end: AttemptEnd, ranMs: Millis): void {
    this.#hear(task, (known) => {
      const worker = this.#tasks.attemptEnded(known, token);
      if (worker !== undefined) this.#options.trace({ kind: "ended", task, token, worker, end, ranMs });
    });
  }

  done(task: string, token: number, end: TaskEnd): void {
    this.#hear(task, (known) => {
      if (known.end !== undefined) return;
      this.#tasks.ended(known, end);
      this.#options.trace({ kind: "committed", task, token, end: end.state });
      tell(known);
    });
  }

  /** Nothing is told of a task before it is told that the task was accepted. */
  #hear(id: string, act: (task: KnownTask) => void): void {
    const task = this.#tasks.get(id);
    if (task === undefined || this.#isOver) return;
    if (task.isAccepted) act(task);
    else task.held.push(() => act(task));
  }

  #accepted(id: string): KnownTask | undefined {
    const task = this.#tasks.get(id);
    return task?.isAccepted === true ? task : undefined;
  }

  #status(id: string): Extract<SchedulerReply, { kind: "ok" }>["result"] {
    const task = this.#accepted(id);
    if (task === undefined) return { kind: "status", status: null };
    const { attempts, end, running } = task;
    if (end !== undefined) return { kind: "status", status: { state: end.state, attempts, end } };
    return { kind: "status", status: { state: running ? "running" : "pending", attempts } };
  }

  async #submit(
    client: NodeId,
    request: ClientRequest,
    specs: readonly TaskSpec[],
    untilEnded: boolean,
  ): Promise<void> {
    const { id } = request;
    for (const { id: task, body } of specs) {
      if (body.kind !== "call" || this.#tasks.get(task) !== undefined) continue;
      if (await this.#options.canCall(body.module, body.export)) continue;
      const reason = `${task}: ${body.module} has no function ${body.export}`;
      return this.#reply(client, id, { kind: "error", code: "UNKNOWN_TASK", reason });
    }
    const known = specs.filter((spec) => this.#tasks.get(spec.id) !== undefined);
    const other = known.find((spec) => this.#tasks.get(spec.id)?.kept !== keptOf(spec));
    if (other !== undefined) return this.#refuse(client, id, "ALREADY_EXISTS", `${other.id}: it is another task`);
    const { queueLimit } = this.#options;
    const count = specs.length - known.length;
    if (this.#tasks.live + count > queueLimit) {
      const reason = `${count} more tasks: there are ${this.#tasks.live} that have not ended, of at most ${queueLimit}`;
      return this.#refuse(client, id, "CAPACITY_EXCEEDED", reason);
    }
    this.#accept(
      specs.filter((spec) => !known.includes(spec)),
      client,
      id,
    );
    const tasks = specs.flatMap((spec) => this.#tasks.get(spec.id) ?? []);
    this.#whenAll(client, request, tasks, untilEnded ? "submit ended" : "submit");
  }

  /** Hands new tasks to the library. */
  #accept(specs: readonly TaskSpec[], client: NodeId, id: number): void {
    if (specs.length === 0) return;
    const nowMs = this.#options.nowMs();
    const tasks = specs.map((spec) => this.#tasks.add(spec.id, keptOf(spec), spec.priority ?? 0, nowMs));
    this.#library?.submit(specs.map(peerTaskOf), (error) => {
      if (error === undefined) return this.#taken(specs, tasks);
      for (const task of tasks) this.#tasks.forget(task);
      this.#reply(client, id, { kind: "error", code: "WRITE_UNCERTAIN", reason: error.message });
    });
  }

  #taken(specs: readonly TaskSpec[], tasks: readonly KnownTask[]): void {
    for (const [index, task] of tasks.entries()) {
      const { cpuMilli, memoryMb } = specs[index]?.resources ?? defaultResources;
      const { id, order, priority, held } = task;
      const rest = { tenant: defaultTenant, priority, lane: -1, cpuMilli, memoryMb, dependencies: [] };
      this.#options.trace({ kind: "accepted", task: id, order, ...rest });
      task.isAccepted = true;
      task.held = [];
      for (const act of held) act();
      tell(task);
    }
  }

  /** Answers when all of `tasks` have been accepted, or have ended. */
  #whenAll(
    client: NodeId,
    { id, session, sequence }: ClientRequest,
    tasks: readonly KnownTask[],
    what: "submit" | "submit ended" | "wait",
  ): void {
    const name = `${session}/${sequence}`;
    const earlier = this.#waiting.get(name);
    if (earlier !== undefined) return void Object.assign(earlier, { client, id });
    if (this.#waiting.size >= maxWaiting) return this.#refuse(client, id, "OVERLOADED");
    const isDone = ({ isAccepted, end }: KnownTask): boolean => (what === "submit" ? isAccepted : end !== undefined);
    const waiting: Waiting = { client, id };
    this.#waiting.set(name, waiting);
    const left = new Set(tasks.filter((task) => !isDone(task)));
    const answer = (): void => {
      this.#waiting.delete(name);
      const ended = what === "submit" ? [] : tasks.flatMap((task) => (task.end ? [[task.id, task.end] as const] : []));
      const kind = what === "wait" ? "wait" : "submit";
      this.#reply(waiting.client, waiting.id, { kind: "ok", result: { kind, ended } });
    };
    if (left.size === 0) return answer();
    for (const task of left) {
      const listener = (): void => {
        if (!isDone(task) || !left.delete(task)) return;
        task.listeners.delete(listener);
        if (left.size === 0) answer();
      };
      task.listeners.add(listener);
    }
  }

  #refuse(client: NodeId, id: number, code: ErrorCode, reason?: string): void {
    this.#reply(client, id, { kind: "error", code, ...(reason === undefined ? {} : { reason }) });
  }

  #reply(client: NodeId, id: number, reply: SchedulerReply): void {
    this.#options.send(client, encode({ id, reply } satisfies ClientReply));
  }
}

function tell({ listeners }: KnownTask): void {
  for (const listener of listeners) listener();
}

/** A task's wishes as one text: those of equal tasks are equal. */
function keptOf(spec: TaskSpec): string {
  const { id, body, priority = 0, resources = defaultResources, maxAttempts = defaultAttempts } = spec;
  return JSON.stringify({ id, body, priority, resources, maxAttempts });
}

function peerTaskOf(spec: TaskSpec): PeerTask {
  const { id, body, priority = 0, maxAttempts = defaultAttempts } = spec;
  return { id, body, priority, maxAttempts, kept: keptOf(spec) };
}
