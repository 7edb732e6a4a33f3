/** Drives a consensus deployment by hand, for tests: one client, operations one after the other, faults in between. */

import assert from "node:assert/strict";
import type { DeployOptions, NodeState, Outcome, Substrate } from "../../foundation/deployment.ts";
import type { NodeId } from "../../foundation/units.ts";
import type {
  ConsensusDeployment,
  ConsensusImplementation,
  ConsensusOperation,
  ConsensusResult,
  ConsensusState,
} from "../../consensus/contract.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { minimalConsensus, productionConsensus } from "./implementations.ts";
import { untilHolds } from "../until.fixture.ts";

export const implementations = { minimal: minimalConsensus, production: productionConsensus } as const;

export interface TrialOptions {
  readonly implementation: ConsensusImplementation;
  readonly substrate?: Substrate;
  readonly nodes?: number;
  readonly seed?: string;
  readonly directory?: string;
  readonly settings?: DeployOptions["settings"];
}

export class Trial {
  readonly deployment: ConsensusDeployment;
  /** How much longer than in virtual time things may take that have to happen: real machines are busy. */
  readonly #patience: number;
  #sequence = 0;

  constructor(deployment: ConsensusDeployment) {
    this.deployment = deployment;
    this.#patience = deployment.clock === nodeClock ? 5 : 1;
  }

  /** Deploys, and waits for the first leader. */
  static async begin(options: TrialOptions): Promise<Trial> {
    const { implementation, substrate = "simulated", nodes = 3, seed = "trial", directory = "/nowhere" } = options;
    const { settings = {} } = options;
    const trial = new Trial(await implementation.deploy({ substrate, nodes, seed, directory, settings }));
    await trial.until("there is a leader", () => trial.deployment.leader() !== undefined);
    return trial;
  }

  /** Performs one operation under a request identity of its own. */
  async invoke(operation: ConsensusOperation, deadlineMs = 5000 * this.#patience): Promise<Outcome<ConsensusResult>> {
    const request = { session: 0, sequence: ++this.#sequence, operation };
    let answer: Outcome<ConsensusResult> | undefined;
    const finished = await this.deployment.run(deadlineMs + 1000, (finish) => {
      this.deployment.invoke(request, deadlineMs, (outcome) => {
        answer = outcome;
        finish();
      });
    });
    assert.ok(finished && answer !== undefined, "an operation ends by its deadline");
    return answer;
  }

  /** Adds `value` to the list. @returns whether it was acknowledged. */
  async append(value: string, deadlineMs?: number): Promise<boolean> {
    return (await this.invoke({ kind: "append", value }, deadlineMs)).kind === "ok";
  }

  /** What `node` counted since it last started. */
  async counter(node: NodeId, name: string): Promise<number> {
    const resources = (await this.deployment.resources()).find((each) => each.node === node);
    return resources?.counters[name] ?? 0;
  }

  /** Lets `ms` of the deployment's time pass. */
  async pass(ms: number): Promise<void> {
    assert.equal(await this.deployment.run(ms, () => undefined), false);
  }

  /** Drives the deployment until `condition` holds; it fails after `limitMs` of the deployment's time. */
  until(what: string, condition: () => boolean | Promise<boolean>, limitMs = 20_000 * this.#patience): Promise<void> {
    return untilHolds(this.deployment, what, condition, limitMs);
  }

  leader(): NodeId {
    const leader = this.deployment.leader();
    assert.ok(leader !== undefined, "there is a leader");
    return leader;
  }

  follower(): NodeId {
    const leader = this.leader();
    const follower = this.deployment.nodes.find((node) => node !== leader);
    assert.ok(follower !== undefined, "there is a follower");
    return follower;
  }

  async stateOf(node: NodeId): Promise<NodeState<ConsensusState>> {
    const state = (await this.deployment.states()).get(node);
    assert.ok(state !== undefined, `${node} is a node`);
    return state;
  }

  /** Waits until `nodes` hold one and the same state. @returns its list. */
  async agreement(nodes: readonly NodeId[] = this.deployment.nodes): Promise<readonly string[]> {
    let list: readonly string[] = [];
    await this.until(`${nodes.join(" ")} agree`, async () => {
      const states = await this.deployment.states();
      const held = nodes
        .map((node) => states.get(node))
        .map((each) => (each?.kind === "state" ? each.state : undefined));
      list = held[0]?.list ?? [];
      return held.every((each) => each !== undefined && JSON.stringify(each) === JSON.stringify(held[0]));
    });
    return list;
  }
}
