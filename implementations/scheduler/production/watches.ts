/**
 * Dependencies that lead to tasks of other homes.
 *
 * A home that has a task which waits for another home's asks that one how it stands, again and again until it has
 * ended, and is told besides when it does. A submission is taken only once the homes of its dependencies have said that
 * they have them.
 *
 * An answer that a task is unknown counts only if it answers a question that was asked since the dependency was known
 * to exist: an older one may speak of a time before it was submitted. After that it means that the other home has
 * forgotten the end, which it does after `remembered` others, and the dependant cannot be helped: it fails.
 */

import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { TaskEnd } from "../contract.ts";
import { homeOf, jobOf } from "../contract.ts";
import type { Message, WatchedState } from "./messages.ts";
import type { TaskTable } from "./task-table.ts";

export interface WatchPorts {
  readonly clock: Clock;
  readonly founders: readonly NodeId[];
  readonly watchMs: Millis;
  readonly table: TaskTable;
  readonly send: (to: NodeId, message: Message) => void;
  /** How a dependency of another home ended for good. */
  readonly ended: (dependency: string, state: "completed" | "failed") => void;
}

interface Inquiry {
  readonly since: number;
  readonly open: Set<string>;
  readonly states: Map<string, WatchedState>;
  readonly done: (states: ReadonlyMap<string, WatchedState> | undefined) => void;
  limit: Timer | undefined;
}

/** More than a life can ask. */
const questionsOfALife = 2 ** 32;
/** Tasks in one message. */
const mostAsked = 256;

export class Watches {
  readonly #ports: WatchPorts;
  /** By dependency: the first question since it was known to exist. */
  readonly #followed = new Map<string, number>();
  readonly #inquiries = new Set<Inquiry>();
  /** Who asked, by task of this home that has not ended. */
  readonly #watchers = new Map<string, Set<NodeId>>();
  #number = 0;
  #timer: Timer | undefined;
  readonly #counts = { questions: 0 };

  constructor(ports: WatchPorts) {
    this.#ports = ports;
  }

  /** Answers to questions of earlier lives are older than any of this one. */
  begin(life: number): void {
    this.#number = life * questionsOfALife;
  }

  get counters(): Readonly<Record<string, number>> {
    return { "dependencies watched": this.#followed.size, "watch questions": this.#counts.questions };
  }

  /** Asks until `dependency`, which exists, has ended. */
  follow(dependency: string): void {
    if (this.#followed.has(dependency)) return;
    this.#followed.set(dependency, this.#number + 1);
    this.#timer ??= this.#ports.clock.after(0, () => this.#ask());
  }

  /** Asks how `tasks` of other homes stand; `done` gets undefined when not all have been answered in `limitMs`. */
  inquire(tasks: Iterable<string>, limitMs: Millis, done: Inquiry["done"]): void {
    const inquiry: Inquiry = {
      since: this.#number + 1,
      open: new Set(tasks),
      states: new Map(),
      done,
      limit: undefined,
    };
    this.#inquiries.add(inquiry);
    inquiry.limit = this.#ports.clock.after(limitMs, () => {
      this.#inquiries.delete(inquiry);
      done(undefined);
    });
    this.#askFor(inquiry.open);
    this.#timer ??= this.#ports.clock.after(this.#ports.watchMs, () => this.#ask());
  }

  onWatch(from: NodeId, { number, tasks }: Extract<Message, { readonly kind: "watch" }>): void {
    const states = tasks.flatMap((task) => {
      const state = this.#stateOf(task);
      if (state === "pending") this.#watch(from, task);
      return state === undefined ? [] : [[task, state] as const];
    });
    this.#ports.send(from, { kind: "watched", number, tasks: states });
  }

  onWatched({ number, tasks }: Extract<Message, { readonly kind: "watched" }>): void {
    for (const [task, state] of tasks) {
      for (const inquiry of this.#inquiries) this.#answer(inquiry, number, task, state);
      const since = this.#followed.get(task);
      if (since === undefined || state === "pending" || (state === "unknown" && number < since)) continue;
      this.#followed.delete(task);
      this.#ports.ended(task, state === "completed" ? "completed" : "failed");
    }
  }

  /** A task of this home has ended, durably. */
  committed(task: string, { state }: TaskEnd): void {
    for (const watcher of this.#watchers.get(task) ?? []) {
      this.#ports.send(watcher, { kind: "watched", number: 0, tasks: [[task, state]] });
    }
    this.#watchers.delete(task);
  }

  end(): void {
    this.#timer?.cancel();
    for (const { limit } of this.#inquiries) limit?.cancel();
  }

  #answer(inquiry: Inquiry, number: number, task: string, state: WatchedState): void {
    const isFinal = state === "completed" || state === "failed";
    if (!inquiry.open.has(task) || (number < inquiry.since && !isFinal)) return;
    inquiry.open.delete(task);
    inquiry.states.set(task, state);
    if (inquiry.open.size > 0) return;
    inquiry.limit?.cancel();
    this.#inquiries.delete(inquiry);
    inquiry.done(inquiry.states);
  }

  #ask(): void {
    this.#timer = undefined;
    const { clock, watchMs, table } = this.#ports;
    const asked = new Set([...this.#inquiries].flatMap(({ open }) => [...open]));
    for (const task of this.#followed.keys()) {
      if (table.hasDependants(task)) asked.add(task);
      else this.#followed.delete(task);
    }
    this.#askFor(asked);
    if (asked.size > 0) this.#timer = clock.after(watchMs, () => this.#ask());
  }

  #askFor(asked: Iterable<string>): void {
    const { founders, send } = this.#ports;
    const byHome = new Map<NodeId, string[]>();
    for (const task of asked) {
      const home = homeOf(jobOf(task), founders);
      const tasks = byHome.get(home);
      if (tasks === undefined) byHome.set(home, [task]);
      else tasks.push(task);
    }
    for (const [home, tasks] of byHome) {
      for (let start = 0; start < tasks.length; start += mostAsked) {
        this.#counts.questions++;
        send(home, { kind: "watch", number: ++this.#number, tasks: tasks.slice(start, start + mostAsked) });
      }
    }
  }

  /** undefined: it cannot be told yet. */
  #stateOf(task: string): WatchedState | undefined {
    const { table } = this.#ports;
    const status = table.statusOf(task);
    if (status === undefined) return table.find(task) === undefined ? "unknown" : undefined;
    return status.state === "completed" || status.state === "failed" ? status.state : "pending";
  }

  #watch(from: NodeId, task: string): void {
    const watchers = this.#watchers.get(task);
    if (watchers === undefined) this.#watchers.set(task, new Set([from]));
    else watchers.add(from);
  }
}
