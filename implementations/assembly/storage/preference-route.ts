/**
 * The way of one request through the nodes of a store: the ones that should serve it first, those that were silent of
 * late last.
 *
 * Every node can serve every request, so nobody has to be found; the order only spares work. A node that left a request
 * unanswered is suspected for a while by all calls: a write that went to it cannot be sent to another, so others had
 * better not follow. When the while is over one call tries it again; each time that was in vain the next while is twice
 * as long, up to a limit.
 */

import type { Clock } from "../../foundation/effects.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { Route } from "../request-client.ts";

const suspicionMs = { first: 1000, most: 4000 } as const;

interface Suspicion {
  readonly untilMs: Millis;
  readonly lastsMs: Millis;
}

/** Which nodes were silent, as far as one client knows. */
export class Suspicions {
  readonly #clock: Clock;
  readonly #suspected = new Map<NodeId, Suspicion>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  suspect(node: NodeId): void {
    const before = this.#suspected.get(node);
    this.#begin(node, before === undefined ? suspicionMs.first : Math.min(2 * before.lastsMs, suspicionMs.most));
  }

  clear(node: NodeId): void {
    this.#suspected.delete(node);
  }

  /** Returns `nodes`, those that are suspected behind the others. The first one may be on trial. */
  sorted(nodes: readonly NodeId[]): readonly NodeId[] {
    const isSuspected = (node: NodeId): boolean =>
      (this.#suspected.get(node)?.untilMs ?? -Infinity) > this.#clock.nowMs();
    const order = [...nodes.filter((node) => !isSuspected(node)), ...nodes.filter(isSuspected)];
    const [first] = order;
    // This call finds out; the others wait for what it finds.
    const onTrial = first === undefined ? undefined : this.#suspected.get(first);
    if (first !== undefined && onTrial !== undefined) this.#begin(first, onTrial.lastsMs);
    return order;
  }

  #begin(node: NodeId, lastsMs: Millis): void {
    this.#suspected.set(node, { untilMs: this.#clock.nowMs() + lastsMs, lastsMs });
  }
}

export class PreferenceRoute implements Route {
  readonly #suspicions: Suspicions;
  readonly #preferred: () => readonly NodeId[];
  readonly #endsWhenAllRefused: boolean;
  #order: readonly NodeId[];
  #index = 0;
  #rounds = 0;

  /**
   * @param preferred the nodes as they are now, the best one first.
   * @param endsWhenAllRefused whether nothing is left to try when all say that there are too few replicas.
   */
  constructor(suspicions: Suspicions, preferred: () => readonly NodeId[], endsWhenAllRefused: boolean) {
    this.#suspicions = suspicions;
    this.#preferred = preferred;
    this.#endsWhenAllRefused = endsWhenAllRefused;
    this.#order = suspicions.sorted(preferred());
  }

  get node(): NodeId {
    return this.#order[this.#index] ?? "";
  }

  answered(by: NodeId): void {
    this.#suspicions.clear(by);
  }

  unanswered(asked: NodeId): void {
    this.#suspicions.suspect(asked);
    this.#advance();
  }

  refused(by: NodeId, code: ErrorCode): "now" | "later" | "never" {
    this.#suspicions.clear(by);
    this.#advance();
    if (code === "OVERLOADED") return "later";
    if (this.#rounds === 0) return "now";
    return code === "QUORUM_NOT_MET" && this.#endsWhenAllRefused ? "never" : "later";
  }

  #advance(): void {
    this.#index++;
    if (this.#index < this.#order.length) return;
    this.#index = 0;
    this.#rounds++;
    this.#order = this.#suspicions.sorted(this.#preferred());
  }
}
