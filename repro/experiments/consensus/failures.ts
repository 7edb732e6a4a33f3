/** What the case study and the stress tests claim about failing leaders, nodes and networks. */

import { blockStage } from "../../../harness/block-stage.ts";
import { candidacyToLeader } from "../../../harness/measure/election-probes.ts";
import {
  forcedElections,
  isolation,
  lostAppends,
  minoritySide,
  throughputDuringElection,
  timeToNewLeader,
  withoutQuorum,
} from "../../../harness/measure/probes.ts";
import { membershipChange } from "../../../harness/measure/membership-probe.ts";
import type { Probe } from "../../../harness/measure/probes.ts";
import { recoveryTimes } from "../../../harness/measure/recovery-probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { FaultSpec, Plan } from "../../../harness/plan/plan.ts";
import type { Substrate } from "../../../implementations/foundation/deployment.ts";

const appends = { id: "append", valueBytes: 64, keys: 1, readFraction: 0, casFraction: 0 } as const;

/** A fault every `periodMs`, the first after `firstMs`. */
function every(periodMs: number, count: number, firstMs: number, fault: Omit<FaultSpec, "placement">): FaultSpec[] {
  return Array.from({ length: count }, (_, index) => ({
    ...fault,
    placement: { at: "time", ms: firstMs + index * periodMs },
  }));
}

/** These experiments count, and time what takes hundreds of milliseconds, while processes start on the same cores. */
const generatorLimitMs = 200;

interface FailureExperiment {
  readonly id: string;
  readonly title: string;
  readonly purpose: string;
  readonly label: string;
  readonly blocks: Readonly<Record<Profile, number>>;
  readonly substrate: Substrate;
  readonly probes: readonly Probe[];
  readonly plan: (profile: Profile) => Partial<Plan> & Pick<Plan, "durationMs">;
}

/** One kind of stage, repeated: most of these experiments are that. */
function failureExperiment(options: FailureExperiment): Experiment {
  const { id, title, purpose, label, blocks, substrate, probes, plan } = options;
  return {
    id,
    module: "consensus",
    title,
    purpose,
    stages: (profile, seed) =>
      Array.from({ length: blocks[profile] }, (_, block) => {
        const chosen = plan(profile);
        return blockStage({
          experiment: id,
          block,
          label,
          implementations: ["production"],
          substrate,
          plan: planOf({ workload: appends, generatorLimitMs, ...chosen, seed: `${seed}/${id}/${block}` }),
          estimateS: substrate === "cluster" ? chosen.durationMs / 1000 + 1.5 : 0.5,
          probes,
        });
      }),
  };
}

const kills: Readonly<Record<Profile, number>> = { smoke: 2, quick: 6, full: 12 };

export const consensusLeaderFailure = failureExperiment({
  id: "consensus-leader-failure",
  title: "The leader is killed",
  purpose: "How long from a SIGKILL of the leader until another node leads?",
  label: "leader killed again and again",
  blocks: { smoke: 1, quick: 1, full: 5 },
  substrate: "cluster",
  probes: [timeToNewLeader, lostAppends],
  plan: (profile) => ({
    load: { loop: "open", clients: 16, ratePerS: 100 },
    durationMs: 800 + kills[profile] * 1200,
    faults: every(1200, kills[profile], 500, { kind: "kill", target: "leader", durationMs: 600 }),
  }),
});

export const consensusIsolateOne = failureExperiment({
  id: "consensus-isolate-one",
  title: "One node of three is cut off",
  purpose: "Do writes go on while one node is isolated, and how long does it take to catch up?",
  label: "a follower isolated for a second, then healed",
  blocks: { smoke: 0, quick: 2, full: 10 },
  substrate: "cluster",
  probes: [isolation, lostAppends],
  plan: () => ({
    load: { loop: "open", clients: 16, ratePerS: 200 },
    durationMs: 2600,
    faults: [{ kind: "isolate-one", target: "one", placement: { at: "time", ms: 600 }, durationMs: 1000 }],
  }),
});

export const consensusNoQuorum = failureExperiment({
  id: "consensus-no-quorum",
  title: "A node without a quorum",
  purpose: "Does a node that lost its quorum accept writes, and how soon are writes served once it is back?",
  label: "both followers stopped, so that the leader stands alone, then resumed",
  blocks: { smoke: 0, quick: 2, full: 10 },
  substrate: "cluster",
  probes: [withoutQuorum, lostAppends],
  plan: () => ({
    load: { loop: "open", clients: 32, ratePerS: 100 },
    durationMs: 3000,
    deadlineMs: 800,
    faults: [{ kind: "pause", target: "followers", placement: { at: "time", ms: 600 }, durationMs: 1200 }],
  }),
});

export const consensusLinearizability: Experiment = {
  id: "consensus-linearizability",
  module: "consensus",
  title: "Linearizability of a contended history",
  purpose: "Is a history of many clients on few keys, with the leader killed in the middle, linearizable?",
  stages: (profile, seed) =>
    Array.from({ length: { smoke: 1, quick: 1, full: 5 }[profile] }, (_, block) =>
      blockStage({
        experiment: "consensus-linearizability",
        block,
        label: "64 clients on 5 keys, leader killed",
        implementations: ["production"],
        substrate: "cluster",
        plan: planOf({
          seed: `${seed}/linearizability/${block}`,
          workload: { id: "register", valueBytes: 256, keys: 5, readFraction: 0.4, casFraction: 0.2 },
          load: { loop: "closed", clients: 64 },
          durationMs: profile === "smoke" ? 1500 : 3000,
          generatorLimitMs,
          faults: [{ kind: "kill", target: "leader", placement: { at: "time", ms: 500 }, durationMs: 600 }],
        }),
        estimateS: 4,
        keepHistory: true,
      }),
    ),
};

/**
 * Forced elections of one block of real processes; the simulated block has the published 120.
 */
const churn: Readonly<Record<Profile, number>> = { smoke: 3, quick: 11, full: 13 };
const churnBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 5 };
const churnPeriodMs = 1000;
/** Before the first: what throughput is without any election, which the others are compared with. */
const calmMs = 1500;

export const consensusChurn: Experiment = {
  id: "consensus-churn",
  module: "consensus",
  title: "Leader churn",
  purpose:
    "Does every one of 120 forced elections succeed without losing a write, and what does it cost in throughput?",
  stages: (profile, seed) => {
    const count = churn[profile];
    const simulated = blockStage({
      experiment: "consensus-churn",
      block: 0,
      label: "120 forced elections, simulated",
      implementations: ["production"],
      substrate: "simulated",
      plan: planOf({
        seed: `${seed}/churn/simulated`,
        workload: appends,
        load: { loop: "open", clients: 8, ratePerS: 10 },
        durationMs: 120 * 1500 + 1000,
        faults: every(1500, 120, 500, { kind: "kill", target: "leader", durationMs: 700 }),
      }),
      estimateS: 3,
      probes: [forcedElections, lostAppends],
    });
    const cluster = Array.from({ length: churnBlocks[profile] }, (_, index) =>
      blockStage({
        experiment: "consensus-churn",
        block: 1 + index,
        label: `${count} forced elections on real processes`,
        implementations: ["production"],
        substrate: "cluster",
        plan: planOf({
          seed: `${seed}/churn/${index}`,
          workload: appends,
          load: { loop: "open", clients: 64, ratePerS: 150 },
          durationMs: calmMs + count * churnPeriodMs + 300,
          deadlineMs: 3000,
          generatorLimitMs,
          faults: every(churnPeriodMs, count, calmMs, { kind: "kill", target: "leader", durationMs: 400 }),
        }),
        estimateS: (calmMs + count * churnPeriodMs) / 1000 + 1.5,
        probes: [forcedElections, throughputDuringElection, candidacyToLeader, lostAppends],
        measures: ["throughput"],
        windowS: 0.1,
      }),
    );
    return [simulated, ...cluster];
  },
};

export const consensusSplit = failureExperiment({
  id: "consensus-split",
  title: "Five nodes split 2 and 3",
  purpose: "Does the minority step down and accept nothing, the majority serve, and all converge without duplicates?",
  label: "leader and one follower cut off from the other three",
  blocks: { smoke: 0, quick: 1, full: 10 },
  substrate: "cluster",
  probes: [minoritySide, servedDuringSplit, lostAppends],
  plan: () => ({
    nodes: 5,
    load: { loop: "open", clients: 32, ratePerS: 150 },
    durationMs: 3000,
    faults: [{ kind: "halves", target: "leader", placement: { at: "time", ms: 500 }, durationMs: 1800 }],
  }),
});

export const consensusMajorityKilled = failureExperiment({
  id: "consensus-majority-killed",
  title: "A majority is killed",
  purpose:
    "Is the cluster unavailable without a majority, and does it serve again, having lost nothing, with one back?",
  label: "two of three nodes killed, then restarted",
  blocks: { smoke: 1, quick: 2, full: 10 },
  substrate: "cluster",
  probes: [withoutQuorum, lostAppends],
  plan: () => ({
    load: { loop: "open", clients: 32, ratePerS: 100 },
    durationMs: 3600,
    deadlineMs: 800,
    faults: [{ kind: "kill", target: "majority", placement: { at: "time", ms: 600 }, durationMs: 1500 }],
  }),
});

/** Every founder is replaced once, whichever of them leads then. */
const founders = ["n1", "n2", "n3"] as const;
const replacementMs = 2500;

export const consensusMembership = failureExperiment({
  id: "consensus-membership",
  title: "Members replaced by joint consensus",
  purpose: "How long does a cluster live under two configurations while a member is replaced, and is nothing lost?",
  label: "each of three members replaced by a new one, under load",
  blocks: { smoke: 0, quick: 1, full: 6 },
  substrate: "cluster",
  probes: [membershipChange, lostAppends],
  plan: () => ({
    load: { loop: "open", clients: 16, ratePerS: 100 },
    durationMs: 400 + founders.length * replacementMs,
    faults: founders.map((node, index) => ({
      kind: "replace",
      target: [node],
      placement: { at: "time", ms: 400 + index * replacementMs },
      durationMs: replacementMs - 200,
    })),
  }),
});

/** One node of seven, a third of them, and one drawn at random: the nearest to a tenth that seven nodes have. */
export const consensusIsolations = failureExperiment({
  id: "consensus-isolations",
  title: "Recovery after isolating one, a third and a random node of seven",
  purpose: "How soon after the healing is service back and has every node that was cut off caught up?",
  label: "the leader, then two nodes, then a random one of seven cut off for a second each",
  blocks: { smoke: 0, quick: 1, full: 4 },
  substrate: "cluster",
  probes: [recoveryTimes, lostAppends],
  plan: () => ({
    nodes: 7,
    load: { loop: "open", clients: 32, ratePerS: 150 },
    durationMs: 6600,
    deadlineMs: 3000,
    faults: [
      { kind: "isolate-one", target: "leader", placement: { at: "time", ms: 500 }, durationMs: 1000 },
      { kind: "isolate-one", target: ["n1", "n2"], placement: { at: "time", ms: 2500 }, durationMs: 1000 },
      { kind: "isolate-one", target: "one", placement: { at: "time", ms: 4500 }, durationMs: 1000 },
    ],
  }),
});

/** Successful writes while the split lasted: the majority must have served. */
function servedDuringSplit(block: Parameters<Probe>[0]): ReturnType<Probe> {
  return isolation(block).filter(({ metric }) => metric === "writes-during-isolation");
}
