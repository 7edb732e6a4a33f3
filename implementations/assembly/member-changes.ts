/**
 * Changes of a deployment's members, as its operator makes them: start a node, ask the cluster to take it in, or to let
 * one go, and stop what it let go. The same file serves both substrates.
 *
 * One change at a time, in order, each asked for until the cluster says it is done: giving up in between would leave
 * nobody knowing who is a member. A name is never used again: a node that came back with an empty disk under its old
 * name would have forgotten its votes.
 */

import { assert } from "../foundation/assert.ts";
import { faultHandle } from "../foundation/fault-handle.ts";
import type { Fault, FaultHandle } from "../foundation/faults.ts";
import type { NodeId } from "../foundation/units.ts";
import { UsageError } from "../foundation/errors.ts";
import type { AdminCommand } from "./module-kit.ts";

type MembershipFault = Extract<Fault, { readonly kind: "membership" }>;

export interface MemberHosts {
  /** Starts a node that was not there before; it joins a cluster that is formed. */
  readonly start: (id: NodeId) => void;
  /** Stops a node for good: it is no member any more. */
  readonly retire: (id: NodeId) => void;
  /** Has the cluster carry out `command`; `done` is called when it did. */
  readonly administer: (command: AdminCommand, done: () => void) => void;
  /** Whether there is an office to hand over. */
  readonly hasLeaders: boolean;
}

interface Step {
  readonly add: boolean;
  /** Undefined: nobody. */
  readonly remove: NodeId | undefined;
  /** Gets the node that was added. */
  readonly done: (added: NodeId | undefined) => void;
}

export class MemberChanges {
  readonly #hosts: MemberHosts;
  readonly #members: NodeId[];
  #named: number;
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;

  constructor(founders: readonly NodeId[], hosts: MemberHosts) {
    this.#hosts = hosts;
    this.#members = [...founders];
    this.#named = founders.length;
  }

  get members(): readonly NodeId[] {
    return this.#members;
  }

  /** Whether nothing is under way or waiting. */
  get isSettled(): boolean {
    return !this.#isBusy;
  }

  /**
   * Begins the change. Healing brings the cluster back to its size; a replacement and a transfer stay as they are.
   *
   * @throws UsageError for a transfer where there are no leaders.
   */
  inject({ change, nodes }: MembershipFault): FaultHandle {
    if (change === "transfer" && !this.#hosts.hasLeaders) {
      throw new UsageError("Cannot inject transfer: no node of this cluster leads; allowed are add, remove, replace");
    }
    const [node] = nodes;
    let count = 0;
    let undo: Step | undefined;
    const note =
      (revert: (added: NodeId | undefined) => Step | undefined) =>
      (added: NodeId | undefined): void => {
        count++;
        undo = revert(added);
      };
    const nothing = (): undefined => undefined;
    const takeOut = (id: NodeId | undefined): Step => ({ add: false, remove: id, done: nothing });
    const putIn: Step = { add: true, remove: undefined, done: nothing };
    switch (change) {
      case "add":
        this.#change({ add: true, remove: undefined, done: note(takeOut) });
        break;
      case "remove":
        this.#change({ add: false, remove: node, done: note(() => putIn) });
        break;
      case "replace":
        this.#change({ add: true, remove: node, done: note(nothing) });
        break;
      case "transfer":
        this.#transfer(() => count++);
        break;
    }
    const unit = change === "transfer" ? "transfers" : "changes of members";
    const heal = (): void => {
      // After the change itself, should that still be under way.
      this.#enqueue((next) => {
        if (undo === undefined) return next();
        this.#carryOut(undo, next);
      });
    };
    return faultHandle(unit, () => count, change === "transfer" ? nothing : heal);
  }

  #change(step: Step): void {
    this.#enqueue((next) => this.#carryOut(step, next));
  }

  #transfer(done: () => void): void {
    this.#enqueue((next) => {
      this.#hosts.administer({ kind: "transfer" }, () => {
        done();
        next();
      });
    });
  }

  #carryOut({ add, remove, done }: Step, next: () => void): void {
    const isMember = remove !== undefined && this.#members.includes(remove);
    // A change that was overtaken by another one: the last member stays, and who is gone cannot go.
    if (!add && (!isMember || this.#members.length === 1)) return next();
    const added = add ? `n${++this.#named}` : undefined;
    if (added !== undefined) this.#hosts.start(added);
    const removed = isMember ? remove : undefined;
    const command = { kind: "change", add: listOf(added), remove: listOf(removed) } as const;
    this.#hosts.administer(command, () => {
      if (added !== undefined) this.#members.push(added);
      if (removed !== undefined) this.#retire(removed);
      done(added);
      next();
    });
  }

  #retire(id: NodeId): void {
    const place = this.#members.indexOf(id);
    assert(place >= 0, `${id} is a member`);
    this.#members.splice(place, 1);
    this.#hosts.retire(id);
  }

  #enqueue(work: (next: () => void) => void): void {
    this.#waiting.push(() =>
      work(() => {
        this.#isBusy = false;
        this.#next();
      }),
    );
    this.#next();
  }

  #next(): void {
    if (this.#isBusy) return;
    const work = this.#waiting.shift();
    if (work === undefined) return;
    this.#isBusy = true;
    work();
  }
}

function listOf(id: NodeId | undefined): readonly NodeId[] {
  return id === undefined ? [] : [id];
}
