/**
 * Watches a run of a store at its replicas, where a mistake shows long before a client meets it:
 *
 * - one value per ballot: whoever accepts at a ballot accepts the same version and value;
 * - what was chosen stays: once a majority has accepted at a ballot, whatever is accepted at higher ballots is that
 *   version again or a newer one.
 *
 * Judged where the trace tells of acceptances (in the simulated substrate), and where every write waits for a majority;
 * the second only while no topology changes, since a quorum is another then. Of a topology that was told, a majority
 * is one of the replicas that its ring names: what somebody accepted who has left since does not count.
 *
 * @see Lamport 1998, "The part-time parliament", conditions B1 to B3; Rystsov 2018, "CASPaxos", section 2.2.
 */

import type { Traced } from "../../../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../../../implementations/foundation/units.ts";
import type { StorageEvent } from "../../../implementations/storage/contract.ts";
import type { Preference } from "../../../implementations/assembly/storage/client.ts";
import { resolveProductionSettings } from "../../../implementations/assembly/storage/production-settings.ts";
import { ringPreference } from "../../../implementations/assembly/storage/ring-preference.ts";
import { settingsOf } from "../../plan/settings-of.ts";
import type { CheckResult } from "../../check/verdict.ts";
import type { Watch, WatchOptions } from "../room.ts";
import type { StorageTypes } from "./room.ts";

type Accept = Extract<StorageEvent, { readonly kind: "accept" }>;

/** What was accepted at one ballot of one key. */
interface Accepted {
  readonly version: number;
  readonly digest: number;
  readonly by: Set<NodeId>;
}

interface KeyRecord {
  readonly byBallot: Map<number, Accepted>;
  /** The highest ballot known to be chosen; 0: none. */
  chosen: number;
}

const shownViolations = 3;
/** Settings that say where keys belong. */
const ofPlacement: ReadonlySet<string> = new Set(["replicationFactor", "virtualNodes"]);

export class StorageWatch implements Watch {
  readonly #keys = new Map<string, KeyRecord>();
  readonly #changing = new Set<NodeId>();
  readonly #isJudged: boolean;
  readonly #quorum: number;
  readonly #copies: number;
  readonly #preference: Preference;
  /** Of the newest stable topology; undefined: none was told. */
  #topology: { readonly epoch: number; readonly members: readonly NodeId[] } | undefined;
  readonly #violations = new Map<string, string[]>([
    ["one-value-per-ballot", []],
    ["chosen-values-stay", []],
  ]);
  #accepts = 0;

  constructor({ deployment, plan }: WatchOptions<StorageTypes>) {
    const placing = Object.entries(settingsOf("production", plan.settings)).filter(([name]) => ofPlacement.has(name));
    const settings = resolveProductionSettings(Object.fromEntries(placing));
    this.#copies = settings.replicationFactor;
    this.#preference = ringPreference(settings);
    this.#quorum = Math.floor(Math.min(plan.nodes, this.#copies) / 2) + 1;
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
      if (event.isChanging) this.#changing.add(node);
      else this.#changing.delete(node);
      const isNewer = event.epoch > (this.#topology?.epoch ?? 0);
      if (!event.isChanging && isNewer) this.#topology = { epoch: event.epoch, members: event.members };
    } else if (event.kind === "stop") {
      this.#changing.delete(node);
    } else if (event.kind === "accept") {
      this.#accepts++;
      this.#accepted(timeMs, node, event);
    }
  }

  #accepted(timeMs: Millis, node: NodeId, { key, ballot, version, digest }: Accept): void {
    const record = this.#recordOf(key);
    const known = record.byBallot.get(ballot);
    const accepted = known ?? { version, digest, by: new Set<NodeId>() };
    record.byBallot.set(ballot, accepted);
    const at = `${timeMs.toFixed(3)} ms: ${node} accepts version ${version} of ${key} at ballot ${ballot}`;
    if (accepted.version !== version || accepted.digest !== digest) {
      const others = [...accepted.by].join(", ");
      this.#violations.get("one-value-per-ballot")?.push(`${at}, where ${others} accepted another value or version`);
    }
    accepted.by.add(node);
    const chosen = record.byBallot.get(record.chosen);
    if (chosen !== undefined && ballot > record.chosen && isOlder(accepted, chosen)) {
      const what = `version ${chosen.version}, chosen at ballot ${record.chosen} by ${[...chosen.by].join(", ")}`;
      this.#violations.get("chosen-values-stay")?.push(`${at}, which loses ${what}`);
    }
    if (this.#changing.size === 0 && ballot > record.chosen && this.#isChosen(key, accepted.by)) {
      record.chosen = ballot;
    }
  }

  #isChosen(key: string, by: ReadonlySet<NodeId>): boolean {
    if (this.#topology === undefined) return by.size >= this.#quorum;
    const preferred = this.#preference({ kind: "get", key, level: "majority" }, this.#topology.members);
    const replicas = preferred.slice(0, this.#copies);
    return replicas.filter((node) => by.has(node)).length > replicas.length / 2;
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
