/**
 * Watches a run of a store at its replicas, where a mistake shows long before a client meets it:
 *
 * - one value per ballot: whoever accepts at a ballot accepts the same version and value;
 * - what was chosen stays: once a majority has accepted at a ballot, whatever is accepted at higher ballots is that
 *   version again or a newer one.
 *
 * Judged where the trace tells of acceptances (in the simulated substrate), and where every write waits for a majority;
 * the second only of what was accepted under a stable topology, since a quorum is another while members change.
 *
 * @see Lamport 1998, "The part-time parliament", conditions B1 to B3; Rystsov 2018, "CASPaxos", section 2.2.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { StorageEvent } from "../../../implementations/storage/contract.ts";
import type { CheckResult } from "../../check/verdict.ts";
import type { Watch, WatchOptions } from "../room.ts";
import type { StorageTypes } from "./room.ts";

type Accept = Extract<StorageEvent, { readonly kind: "accept" }>;

/** What was accepted at one ballot of one key. */
interface Accepted {
  readonly version: number;
  readonly digest: number;
  readonly by: Set<NodeId>;
  /** By epoch: who accepted it then. */
  readonly under: Map<number, Set<NodeId>>;
}

interface KeyRecord {
  readonly byBallot: Map<number, Accepted>;
  /** The highest ballot known to be chosen; 0: none. */
  chosen: number;
}

const copies = 3;
const shownViolations = 3;

export class StorageWatch implements Watch {
  readonly #keys = new Map<string, KeyRecord>();
  /** Epochs of topologies in which members changed. */
  readonly #changing = new Set<number>();
  readonly #isJudged: boolean;
  readonly #quorum: number;
  readonly #violations = new Map<string, string[]>([
    ["one-value-per-ballot", []],
    ["chosen-values-stay", []],
  ]);
  #accepts = 0;

  constructor({ deployment, plan }: WatchOptions<StorageTypes>) {
    const { replicationFactor } = plan.settings;
    const group = Math.min(plan.nodes, typeof replicationFactor === "number" ? replicationFactor : copies);
    this.#quorum = Math.floor(group / 2) + 1;
    this.#isJudged = plan.workload.level !== "one";
    deployment.observe((traced) => this.#observe(traced));
  }

  struck(): void {
    return undefined;
  }

  ended(): void {
    return undefined;
  }

  elections(): readonly [] {
    return [];
  }

  results(): readonly CheckResult[] {
    if (this.#accepts === 0 || !this.#isJudged) return [];
    return [...this.#violations].map(([id, violations]) => {
      const common = { id, count: this.#accepts, unit: "acceptances" } as const;
      const [first] = violations;
      if (first === undefined) return { ...common, validity: "valid", summary: `${this.#accepts} acceptances` };
      const counterexample = violations.slice(0, shownViolations).join("\n");
      return { ...common, validity: "invalid", summary: first, counterexample };
    });
  }

  #observe({ timeMs, node, event }: Traced<StorageEvent>): void {
    if (event.kind === "topology") {
      if (event.isChanging) this.#changing.add(event.epoch);
    } else if (event.kind === "accept") {
      this.#accepts++;
      this.#accepted(timeMs, node, event);
    }
  }

  #accepted(timeMs: Millis, node: NodeId, { key, epoch, ballot, version, digest }: Accept): void {
    const record = this.#recordOf(key);
    const known = record.byBallot.get(ballot);
    const accepted = known ?? { version, digest, by: new Set<NodeId>(), under: new Map<number, Set<NodeId>>() };
    record.byBallot.set(ballot, accepted);
    const at = `${timeMs.toFixed(3)} ms: ${node} accepts version ${version} of ${key} at ballot ${ballot}`;
    if (accepted.version !== version || accepted.digest !== digest) {
      const others = [...accepted.by].join(", ");
      this.#violations.get("one-value-per-ballot")?.push(`${at}, where ${others} accepted another value or version`);
    }
    accepted.by.add(node);
    const together = accepted.under.get(epoch) ?? new Set<NodeId>();
    accepted.under.set(epoch, together.add(node));
    const chosen = record.byBallot.get(record.chosen);
    if (chosen !== undefined && ballot > record.chosen && isOlder(accepted, chosen)) {
      const what = `version ${chosen.version}, chosen at ballot ${record.chosen} by ${[...chosen.by].join(", ")}`;
      this.#violations.get("chosen-values-stay")?.push(`${at}, which loses ${what}`);
    }
    const isQuorum = together.size >= this.#quorum && !this.#changing.has(epoch);
    if (isQuorum && ballot > record.chosen) record.chosen = ballot;
  }

  #recordOf(key: string): KeyRecord {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const record = { byBallot: new Map<number, Accepted>(), chosen: 0 };
    this.#keys.set(key, record);
    return record;
  }
}

function isOlder(accepted: Accepted, chosen: Accepted): boolean {
  if (accepted.version !== chosen.version) return accepted.version < chosen.version;
  return accepted.digest !== chosen.digest;
}
