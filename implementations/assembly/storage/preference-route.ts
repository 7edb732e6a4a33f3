/**
 * The way of one request through the nodes of a store: the ones that should serve it first, those that were silent of
 * late last.
 *
 * Every node can serve every request, so nobody has to be found; the order only spares work. A node that left a request
 * unanswered is suspected for a while by all calls: a write that went to it cannot be sent to another, so others had
 * better not follow. When the while is over one call tries it again.
 */

import type { Clock } from "../../foundation/effects.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { Route } from "../request-client.ts";

const suspicionMs: Millis = 1000;

/** Which nodes were silent, as far as one client knows. */
export class Suspicions {
  readonly #clock: Clock;
  readonly #untilMs = new Map<NodeId, Millis>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  suspect(node: NodeId): void {
    this.#untilMs.set(node, this.#clock.nowMs() + suspicionMs);
  }

  clear(node: NodeId): void {
    this.#untilMs.delete(node);
  }

  /** Returns `nodes`, those that are suspected behind the others. The first one may be on trial. */
  sorted(nodes: readonly NodeId[]): readonly NodeId[] {
    const isSuspected = (node: NodeId): boolean => (this.#untilMs.get(node) ?? -Infinity) > this.#clock.nowMs();
    const order = [...nodes.filter((node) => !isSuspected(node)), ...nodes.filter(isSuspected)];
    const [first] = order;
    // This call finds out; the others wait for what it finds.
    if (first !== undefined && this.#untilMs.has(first)) this.suspect(first);
    return order;
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
