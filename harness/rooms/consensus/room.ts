/** Consensus as the harness knows it. */

import { assert } from "../../../implementations/foundation/assert.ts";
import type { Random } from "../../../implementations/foundation/effects.ts";
import { consensusImplementations } from "../../../implementations/assembly/registry.ts";
import { applyToRegister } from "../../../implementations/assembly/consensus/sequential-model.ts";
import type {
  ConsensusDeployment,
  ConsensusEvent,
  ConsensusImplementation,
  ConsensusOperation,
  ConsensusResult,
  ConsensusState,
} from "../../../implementations/consensus/contract.ts";
import { checkAppendList } from "../../check/append-list.ts";
import { checkFinalState } from "../../check/final-state.ts";
import { checkLinearizability } from "../../check/linearizability.ts";
import { registerModel } from "../../check/register-model.ts";
import type { CheckResult } from "../../check/verdict.ts";
import type { KeyWorkloadSpec } from "../../plan/plan.ts";
import { createWorkload } from "../../workload/workload.ts";
import { valueNumber } from "../../workload/value-text.ts";
import type { JudgedBlock, Room, States } from "../room.ts";
import { describeEvent } from "./describe-event.ts";
import { consensusDialect } from "./dialect.ts";
import { siegePlan } from "./siege-plan.ts";
import { sweepPlan } from "./sweep-plan.ts";
import { ConsensusWatch } from "./watch.ts";

export interface ConsensusTypes {
  readonly workload: KeyWorkloadSpec;
  readonly operation: ConsensusOperation;
  readonly result: ConsensusResult;
  readonly state: ConsensusState;
  readonly event: ConsensusEvent;
  readonly implementation: ConsensusImplementation;
  readonly deployment: ConsensusDeployment;
}

export const consensusRoom: Room<ConsensusTypes> = {
  module: "consensus",
  implementations: consensusImplementations,
  workloads: {
    register: "read, write and compare-and-swap over a few shared keys",
    append: "unique entries added to one list",
    confluent: "each client writes its own keys and retries until the outcome is definite: one final state",
  },
  comparedWorkload: (id, valueBytes) => ({
    id,
    valueBytes,
    keys: id === "confluent" ? 2 : 20,
    readFraction: 0.3,
    casFraction: 0.1,
  }),
  createWorkload: (spec, clients, random) => createWorkload(spec, clients, random, consensusDialect(spec)),
  probe: () => ({ kind: "read", key: "settled" }),
  isReady: (deployment) => deployment.leader() !== undefined,
  watch: (options) => new ConsensusWatch(options),
  agree: (states, { nodes }) => agree(states, nodes),
  judge,
  describeState: ({ registers, list }) => `${registers.length} registers, ${list.length} list entries`,
  describeEvent,
  atRest: (states) => states,
  afterStep: async (deployment) => {
    const leader = deployment.leader();
    const state = leader === undefined ? undefined : (await deployment.states()).get(leader);
    return state?.kind === "state" ? state.state : undefined;
  },
  steps,
  sweepPlans: { swarm: sweepPlan, siege: siegePlan },
};

/** Whether a majority is in service, nobody is merely down, and all in service hold the same state. */
function agree(states: States<ConsensusTypes>, nodes: number): boolean {
  const held: ConsensusState[] = [];
  for (const state of states.values()) {
    if (state.kind === "state") held.push(state.state);
    else if (state.reason.endsWith("is down")) return false;
  }
  const first = held[0];
  if (first === undefined || held.length <= nodes / 2) return false;
  return held.every((state) => sameState(state, first));
}

function sameState(a: ConsensusState, b: ConsensusState): boolean {
  if (a.list.length !== b.list.length || a.registers.length !== b.registers.length) return false;
  return (
    a.registers.every(([key, value], index) => b.registers[index]?.[0] === key && b.registers[index][1] === value) &&
    a.list.every((value, index) => value === b.list[index])
  );
}

function judge({ plan, history, states }: JudgedBlock<ConsensusTypes>): readonly CheckResult[] {
  const { events } = history;
  const finalState = checkFinalState({ history: events, states, decodeValue: valueNumber });
  const byHistory = plan.workload.id === "append" ? checkAppendList(events) : checkLinearizability(events, model);
  return [byHistory, ...finalState];
}

/** The executable specification is the model: what it would have answered is what is right. */
const model = registerModel((value, operation) => {
  assert(operation.kind !== "append", "a history of registers has no appends");
  return applyToRegister(value, operation);
});

/** Operations over two keys and the list. */
function steps(count: number, random: Random): readonly ConsensusOperation[] {
  return Array.from({ length: count }, (_, index) => {
    const key = `k${random.below(2)}`;
    const value = `v${index}`;
    const guess = `v${Math.max(0, index - 1 - random.below(4))}`;
    const operations: readonly ConsensusOperation[] = [
      { kind: "read", key },
      { kind: "write", key, value },
      { kind: "cas", key, from: random.below(8) === 0 ? null : guess, to: value },
      { kind: "append", value },
    ];
    return operations[random.below(operations.length)] ?? { kind: "read", key };
  });
}
