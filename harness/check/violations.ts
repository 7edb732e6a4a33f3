/** The first violation of every invariant, with the events around it, and how often each was violated. */

import type { Traced } from "../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusEvent } from "../../implementations/consensus/contract.ts";
import { describeConfiguration } from "./configuration-checks.ts";

export const invariantIds = [
  "election-safety",
  "log-matching",
  "leader-completeness",
  "state-machine-safety",
  "monotonic-indexes",
  "configuration-safety",
] as const;
export type InvariantId = (typeof invariantIds)[number];

export interface Violation {
  readonly id: InvariantId;
  readonly timeMs: Millis;
  readonly node: NodeId;
  /** One line. */
  readonly message: string;
  /** The message and the last events of the nodes concerned. */
  readonly counterexample: string;
}

/** Events kept per node; a power of two. */
const keptEvents = 8;
const shownEntries = 3;

/** The newest events of one node, cheap to keep. */
export class RecentEvents {
  readonly #events: Traced<ConsensusEvent>[] = [];
  #count = 0;

  add(traced: Traced<ConsensusEvent>): void {
    this.#events[this.#count++ % keptEvents] = traced;
  }

  [Symbol.iterator](): IterableIterator<Traced<ConsensusEvent>> {
    return this.#events[Symbol.iterator]();
  }
}

export class Violations {
  readonly #first = new Map<InvariantId, Violation>();
  readonly #counts = new Map<InvariantId, number>();
  #earliest: Violation | undefined;

  /** The violation that was noticed before all others. */
  get earliest(): Violation | undefined {
    return this.#earliest;
  }

  firstOf(id: InvariantId): Violation | undefined {
    return this.#first.get(id);
  }

  countOf(id: InvariantId): number {
    return this.#counts.get(id) ?? 0;
  }

  /** @param recent of all nodes concerned. */
  add(id: InvariantId, timeMs: Millis, node: NodeId, message: string, recent: Iterable<Traced<ConsensusEvent>>): void {
    this.#counts.set(id, this.countOf(id) + 1);
    if (this.#first.has(id)) return;
    const lines = [...recent].sort((a, b) => a.timeMs - b.timeMs).map(describeEvent);
    const counterexample = [`${timeMs.toFixed(3)} ms: ${message}`, "Events before it:", ...lines].join("\n");
    const violation = { id, timeMs, node, message, counterexample };
    this.#first.set(id, violation);
    this.#earliest ??= violation;
  }
}

/** One trace event as a line. */
export function describeEvent({ timeMs, node, event }: Traced<ConsensusEvent>): string {
  return `  ${timeMs.toFixed(3).padStart(12)} ms  ${node}  ${describe(event)}`;
}

function describe(event: ConsensusEvent): string {
  switch (event.kind) {
    case "start": {
      const snapshot = event.snapshotIndex === 0 ? "" : `, snapshot to ${event.snapshotIndex}`;
      const voted = event.votedFor === null ? "no vote" : `voted for ${event.votedFor}`;
      return `starts life ${event.life}: term ${event.term}, ${voted}${snapshot}, ${event.entries.length} entries`;
    }
    case "role":
      return `is ${event.role} in term ${event.term}`;
    case "vote":
      return `votes for ${event.candidate} in term ${event.term}`;
    case "append": {
      const shown = event.entries.slice(0, shownEntries).map(({ term, digest }) => `${term}:${hex(digest)}`);
      const more = event.entries.length > shownEntries ? `, and ${event.entries.length - shownEntries} more` : "";
      return `appends after ${event.after}: term:digest ${shown.join(", ")}${more}`;
    }
    case "configuration":
      return `is in the configuration of entry ${event.index}: ${describeConfiguration(event)}`;
    case "commit":
      return `commits up to ${event.index} in term ${event.term}`;
    case "apply":
      return `applies up to ${event.index}: digests ${event.digests.slice(0, shownEntries).map(hex).join(", ")}`;
    case "snapshot":
      return `${event.installed ? "installs" : "takes"} a snapshot up to ${event.index}, of term ${event.term}`;
    case "stop":
      return event.orderly ? "stops" : "crashes";
  }
}

/** A digest as people compare it. */
export function hex(digest: number): string {
  return digest === 0 ? "no-op" : digest.toString(16).padStart(8, "0");
}
