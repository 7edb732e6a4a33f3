/**
 * Watches the trace of a production scheduler for what must never happen: a second effect of a task, an attempt under a
 * token that is not new, a start before a dependency has completed, more of a tenant's quota or a node's capacity held
 * than there is.
 */

import type { Traced } from "../../foundation/deployment.ts";
import type { NodeId } from "../../foundation/units.ts";
import { homeOf, jobOf } from "../../scheduler/contract.ts";
import type { Resources, SchedulerEvent, TaskEnd } from "../../scheduler/contract.ts";

type Accepted = Extract<SchedulerEvent, { readonly kind: "accepted" }>;

export interface CheckedLimits {
  readonly nodes: readonly NodeId[];
  readonly capacity: Resources;
  /** Of one node, by tenant. */
  readonly shares: ReadonlyMap<string, Resources>;
}

interface Held extends Resources {
  readonly tenant: string;
  readonly home: NodeId;
  /** Whose capacity; undefined: it is lent, and its end is not told where it runs. */
  readonly node: NodeId | undefined;
}

export class ScheduleCheck {
  readonly #limits: CheckedLimits;
  readonly violations: string[] = [];
  readonly accepted = new Map<string, Accepted>();
  readonly committed = new Map<string, TaskEnd["state"]>();
  /** Tasks of which an attempt completed, in the eyes of their home. */
  readonly #completed = new Set<string>();
  readonly #readyTokens = new Map<string, number>();
  readonly #started = new Set<string>();
  /** By task and token. */
  readonly #held = new Map<string, Held>();
  readonly counts = new Map<string, number>();

  constructor(limits: CheckedLimits) {
    this.#limits = limits;
  }

  see({ node, event, timeMs }: Traced<SchedulerEvent>): void {
    const told = this.violations.length;
    this.#see(node, event);
    for (let index = told; index < this.violations.length; index++) {
      this.violations[index] = `${timeMs.toFixed(3)} ms, ${node}: ${this.violations[index]}`;
    }
  }

  #see(node: NodeId, event: SchedulerEvent): void {
    this.#count(event.kind === "ended" ? `ended ${event.end}` : event.kind);
    switch (event.kind) {
      case "accepted":
        return this.#accept(event);
      case "ready":
        if (event.token <= (this.#readyTokens.get(event.task) ?? 0)) {
          this.violations.push(`${event.task} is ready under token ${event.token}, which is not new`);
        }
        this.#readyTokens.set(event.task, event.token);
        return;
      case "leased":
        return this.#hold(event.task, event.token, node, undefined);
      case "started":
        return this.#start(node, event.task, event.token);
      case "ended":
        this.#held.delete(`${event.task} ${event.token}`);
        if (event.end === "completed") this.#completed.add(event.task);
        return;
      case "committed":
        if (this.committed.has(event.task)) this.violations.push(`${event.task} takes effect twice`);
        this.committed.set(event.task, event.end);
        return;
      case "start":
      case "stop":
        for (const [key, { home, node: holder }] of this.#held) {
          if (home === node || holder === node) this.#held.delete(key);
        }
        return;
      case "damage":
        this.violations.push(`damage: ${event.what}`);
        return;
      case "preempting":
        return;
    }
  }

  /** A crash between telling and noting that it was told makes a home tell once more. */
  #accept(event: Accepted): void {
    const known = this.accepted.get(event.task);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(event)) {
      this.violations.push(`${event.task} is accepted twice, and as two tasks`);
    }
    this.accepted.set(event.task, event);
  }

  #start(node: NodeId, task: string, token: number): void {
    const key = `${task} ${token}`;
    if (this.#started.has(key)) this.violations.push(`${task} starts twice under token ${token}`);
    this.#started.add(key);
    const isAtHome = homeOf(jobOf(task), this.#limits.nodes) === node;
    // Another node may begin what it does not know to be over: nothing will come of it.
    if (isAtHome && this.committed.has(task)) this.violations.push(`${task} starts after its end`);
    for (const dependency of this.accepted.get(task)?.dependencies ?? []) {
      if (!this.#completed.has(dependency)) this.violations.push(`${task} starts before ${dependency} has completed`);
    }
    if (isAtHome) this.#hold(task, token, node, node);
  }

  #hold(task: string, token: number, home: NodeId, node: NodeId | undefined): void {
    const accepted = this.accepted.get(task);
    if (accepted === undefined) return void this.violations.push(`${task} runs, and was never accepted`);
    const { tenant, cpuMilli, memoryMb } = accepted;
    this.#held.set(`${task} ${token}`, { tenant, cpuMilli, memoryMb, home, node });
    const held = [...this.#held.values()];
    const quota = this.#limits.shares.get(tenant);
    const ofTenant = held.filter((each) => each.home === home && each.tenant === tenant);
    if (quota !== undefined) this.#within(ofTenant, quota, `quota of ${tenant}`);
    if (node !== undefined) {
      const onNode = held.filter((each) => each.node === node);
      this.#within(onNode, this.#limits.capacity, `capacity of ${node}`);
    }
  }

  #within(held: readonly Held[], limit: Resources, what: string): void {
    for (const name of ["cpuMilli", "memoryMb"] as const) {
      const sum = held.reduce((total, each) => total + each[name], 0);
      if (sum > limit[name]) this.violations.push(`${sum} ${name} are held of the ${what}, which is ${limit[name]}`);
    }
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}
