/** Drives a storage deployment by hand, for tests: operations one after the other, faults in between. */

import assert from "node:assert/strict";
import type { DeployOptions, NodeState, Outcome } from "../../foundation/deployment.ts";
import type { NodeId } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type {
  QuorumLevel,
  StorageDeployment,
  StorageImplementation,
  StorageOperation,
  StorageResult,
  StorageState,
} from "../../storage/contract.ts";
import { untilHolds } from "../until.fixture.ts";

export class StorageTrial {
  readonly deployment: StorageDeployment;
  /** How much longer than in virtual time things may take that have to happen: real machines are busy. */
  readonly #patience: number;
  #sequence = 0;

  constructor(deployment: StorageDeployment) {
    this.deployment = deployment;
    this.#patience = deployment.clock === nodeClock ? 5 : 1;
  }

  static async begin(implementation: StorageImplementation, options: Partial<DeployOptions>): Promise<StorageTrial> {
    const defaults = { substrate: "simulated", nodes: 3, seed: "trial", directory: "/nowhere" } as const;
    return new StorageTrial(await implementation.deploy({ ...defaults, ...options }));
  }

  async invoke(operation: StorageOperation, deadlineMs = 2000 * this.#patience): Promise<Outcome<StorageResult>> {
    const request = { session: 0, sequence: ++this.#sequence, operation };
    let answer: Outcome<StorageResult> | undefined;
    await this.deployment.run(deadlineMs + 1000, (finish) => {
      this.deployment.invoke(request, deadlineMs, (outcome) => {
        answer = outcome;
        finish();
      });
    });
    assert.ok(answer !== undefined, "an operation ends by its deadline");
    return answer;
  }

  put(key: string, value: string, level: QuorumLevel = "majority"): Promise<Outcome<StorageResult>> {
    return this.invoke({ kind: "put", key, value, level });
  }

  /** @returns the value, or how the read failed. */
  async get(key: string, level: QuorumLevel = "majority"): Promise<string | null> {
    const outcome = await this.invoke({ kind: "get", key, level });
    if (outcome.kind !== "ok") return outcome.code;
    return outcome.result.kind === "get" ? outcome.result.value : "no read";
  }

  async stateOf(node: NodeId): Promise<NodeState<StorageState>> {
    const state = (await this.deployment.states()).get(node);
    assert.ok(state !== undefined, `${node} is a node`);
    return state;
  }

  /** Lets `ms` of the deployment's time pass. */
  async pass(ms: number): Promise<void> {
    await this.deployment.run(ms, () => undefined);
  }

  /** Drives the deployment until `condition` holds; it fails after `limitMs` of the deployment's time. */
  until(what: string, condition: () => boolean | Promise<boolean>, limitMs = 20_000 * this.#patience): Promise<void> {
    return untilHolds(this.deployment, what, condition, limitMs);
  }
}
