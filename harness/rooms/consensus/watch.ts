/** Watches a run of consensus: the claims about votes and log entries, elections, and the liveness of leadership. */

import type { Millis } from "../../../implementations/foundation/units.ts";
import { ConsensusInvariants } from "../../check/consensus-invariants.ts";
import { LeadershipLiveness } from "../../check/leadership-liveness.ts";
import type { CheckResult } from "../../check/verdict.ts";
import { ElectionWatch } from "../../measure/election-watch.ts";
import type { Election } from "../../measure/election-watch.ts";
import type { StruckFault } from "../../nemesis/nemesis.ts";
import type { Watch, WatchOptions } from "../room.ts";
import type { ConsensusTypes } from "./room.ts";

/** Of every implementation. */
const defaultElectionTimeoutMs = 150;

export class ConsensusWatch implements Watch {
  readonly #options: WatchOptions<ConsensusTypes>;
  readonly #invariants: ConsensusInvariants;
  readonly #elections: ElectionWatch;
  /** In virtual time only: on a busy machine real time says little about liveness. */
  readonly #liveness: LeadershipLiveness | undefined;

  constructor(options: WatchOptions<ConsensusTypes>) {
    const { deployment, implementation, plan, substrate } = options;
    this.#options = options;
    this.#invariants = new ConsensusInvariants({ durable: implementation.durable, founders: deployment.nodes });
    this.#elections = new ElectionWatch(plan.nodes);
    this.#liveness = substrate === "simulated" ? livenessOf(options) : undefined;
    deployment.observe((traced) => {
      if (implementation.tracesLog) this.#invariants.observe(traced);
      this.#elections.observe(traced);
      this.#liveness?.observe(traced);
    });
    deployment.observeViews((node, view) => this.#invariants.view(node, view));
  }

  struck(fault: StruckFault, atMs: Millis): void {
    this.#elections.faultStruck(fault, atMs);
    this.#liveness?.struck(fault, atMs);
    if (fault.spec.kind === "wipe") for (const node of fault.nodes) this.#invariants.wiped(node);
  }

  ended(fault: StruckFault, atMs: Millis): void {
    this.#liveness?.ended(fault, atMs);
  }

  elections(): readonly Election[] {
    return this.#elections.elections;
  }

  results(nowMs: Millis): readonly CheckResult[] {
    const liveness = this.#liveness?.result(nowMs);
    // Of an implementation that does not tell its log nothing was judged, which is not the same as valid.
    const invariants = this.#options.implementation.tracesLog ? this.#invariants.results() : [];
    return [...invariants, ...(liveness === undefined ? [] : [liveness])];
  }
}

function livenessOf({ plan, implementation }: WatchOptions<ConsensusTypes>): LeadershipLiveness {
  const { electionTimeoutMs } = plan.settings;
  return new LeadershipLiveness({
    nodes: plan.nodes,
    electionTimeoutMs: typeof electionTimeoutMs === "number" ? electionTimeoutMs : defaultElectionTimeoutMs,
    keepsLeaders: implementation.keepsLeaders,
  });
}
