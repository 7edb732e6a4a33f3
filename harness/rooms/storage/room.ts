/** Storage as the harness knows it. */

import type { Random } from "../../../implementations/foundation/effects.ts";
import { storageImplementations } from "../../../implementations/assembly/registry.ts";
import { mergeStates } from "../../../implementations/storage/contract.ts";
import type {
  StorageDeployment,
  StorageEvent,
  StorageImplementation,
  StorageOperation,
  StorageResult,
  StorageState,
} from "../../../implementations/storage/contract.ts";
import type { KeyWorkloadSpec } from "../../plan/plan.ts";
import { createWorkload } from "../../workload/workload.ts";
import type { Room, States } from "../room.ts";
import { agree } from "./agree.ts";
import { describeEvent } from "./describe-event.ts";
import { storageDialect } from "./dialect.ts";
import { judge } from "./judge.ts";
import { siegePlan, sweepPlan } from "./sweep-plan.ts";
import { StorageWatch } from "./watch.ts";

export interface StorageTypes {
  readonly workload: KeyWorkloadSpec;
  readonly operation: StorageOperation;
  readonly result: StorageResult;
  readonly state: StorageState;
  readonly event: StorageEvent;
  readonly implementation: StorageImplementation;
  readonly deployment: StorageDeployment;
}

export const storageRoom: Room<StorageTypes> = {
  module: "storage",
  implementations: storageImplementations,
  workloads: {
    register: "get, put, delete and compare-and-swap over a few shared keys",
    confluent: "each client writes its own keys and retries until the outcome is definite: one final state",
  },
  comparedWorkload: (id, valueBytes) => ({
    id,
    valueBytes,
    keys: id === "confluent" ? 2 : 1000,
    readFraction: 0.3,
    casFraction: 0.1,
    deleteFraction: 0.05,
  }),
  createWorkload: (spec, clients, random) => createWorkload(spec, clients, random, storageDialect(spec)),
  probe: ({ level = "majority" }) => ({ kind: "get", key: "settled", level }),
  watch: (options) => new StorageWatch(options),
  agree: (states, _plan, implementation) => agree(states, implementation),
  judge,
  describeState: ({ entries }) => {
    const deleted = entries.filter(([, value]) => value === null).length;
    return `${entries.length - deleted} keys, ${deleted} deleted ones`;
  },
  describeEvent,
  atRest: (states) => new Map([["all nodes", { kind: "state", state: merged(states) }]]),
  afterStep: async (deployment) => merged(await deployment.states()),
  steps,
  sweepPlans: { swarm: sweepPlan, siege: siegePlan },
};

function merged(states: States<StorageTypes>): ReturnType<typeof mergeStates> {
  return mergeStates([...states.values()].flatMap((state) => (state.kind === "state" ? [state.state] : [])));
}

/** Operations over three keys at levels at which one client alone sees what it wrote. */
function steps(count: number, random: Random): readonly StorageOperation[] {
  return Array.from({ length: count }, (_, index) => {
    const key = `k${random.below(3)}`;
    const value = `v${index}`;
    const guess = `v${Math.max(0, index - 1 - random.below(4))}`;
    const level = random.below(4) === 0 ? "all" : "majority";
    const operations: readonly StorageOperation[] = [
      { kind: "get", key, level: random.below(3) === 0 ? "one" : level },
      { kind: "put", key, value, level },
      { kind: "cas", key, from: random.below(4) === 0 ? null : guess, to: value },
      { kind: "delete", key, level },
    ];
    return operations[random.below(operations.length)] ?? { kind: "get", key, level };
  });
}
