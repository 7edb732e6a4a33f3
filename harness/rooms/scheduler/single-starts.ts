/**
 * Every fencing token stands for one attempt: under each a task starts once in the whole deployment, whichever node
 * executes it, and however often a lease or an offer of it arrives.
 *
 * A task that acts on other systems hands its token on to them, and they refuse what comes under an older one. Of two
 * attempts with the same token both would be let through. So a lease is for one life of a node, too: the next one
 * cannot know whether the attempt had begun. That is judged where events come in the order of what they tell.
 *
 * A lease that was late may start after its home has given the task to somebody else: that attempt has a token of its
 * own, older than the other's, and is refused. So nothing is said of how long after its lease an attempt starts.
 *
 * @see Kleppmann 2016, "How to do distributed locking".
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { SchedulerEvent } from "../../../implementations/scheduler/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { Findings, at } from "./findings.ts";
import type { RecentEvents, TraceCheck } from "./findings.ts";
import { executionKey } from "./observed-tasks.ts";

interface Begun {
  readonly node: NodeId;
  readonly atMs: Millis;
}

export class SingleStarts implements TraceCheck {
  readonly #isDurable: boolean;
  readonly #isOrderExact: boolean;
  readonly #findings: Findings;
  /** By task and token. */
  readonly #begun = new Map<string, Begun>();
  /** When another node was to execute it. */
  readonly #leasedMs = new Map<string, Millis>();
  /** When the node's life began. */
  readonly #startedMs = new Map<NodeId, Millis>();

  /** @param isDurable whether a home remembers over its restarts which tokens it gave out. */
  constructor(isDurable: boolean, isOrderExact: boolean, recent: RecentEvents) {
    this.#isDurable = isDurable;
    this.#isOrderExact = isOrderExact;
    this.#findings = new Findings("tokens-once", "attempts that began", recent);
  }

  observe({ timeMs, node, event }: Traced<SchedulerEvent>): void {
    if (!this.#isDurable && (event.kind === "start" || event.kind === "stop")) this.lost();
    if (event.kind === "start") this.#startedMs.set(node, timeMs);
    if (event.kind === "leased") this.#leasedMs.set(executionKey(event.task, event.token), timeMs);
    if (event.kind !== "started") return;
    this.#findings.judged++;
    const { task, token } = event;
    const key = executionKey(task, token);
    const before = this.#begun.get(key);
    if (before === undefined) this.#begun.set(key, { node, atMs: timeMs });
    else {
      const earlier = `which ${before.node} started at ${at(before.atMs)}`;
      this.#findings.violate(timeMs, node, `starts ${task} a second time under token ${token}, ${earlier}`);
    }
    const leasedMs = this.#leasedMs.get(key);
    const lifeMs = this.#startedMs.get(node);
    if (!this.#isOrderExact || leasedMs === undefined || lifeMs === undefined || leasedMs >= lifeMs) return;
    const what = `starts ${task} under token ${token}, leased at ${at(leasedMs)}`;
    this.#findings.violate(timeMs, node, `${what} to an earlier life of this node, which began at ${at(lifeMs)}`);
  }

  /** A disk is gone, and what it said of tokens with it. */
  lost(): void {
    this.#begun.clear();
    this.#leasedMs.clear();
  }

  result(): CheckResult | undefined {
    return this.#findings.result();
  }
}
