/** What an election costs once a node stands: on 3 and 5 nodes, and on links as long as those between regions. */

import type { MeasuredVariants } from "../../../harness/block-outcome.ts";
import { seriesStage } from "../../../harness/block-stage.ts";
import type { Variant } from "../../../harness/block-stage.ts";
import { candidacyToLeader } from "../../../harness/measure/election-probes.ts";
import { median } from "../../../harness/measure/order.ts";
import type { Measurement } from "../../../harness/measure/probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { FaultSpec } from "../../../harness/plan/plan.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import { overheadS, writes } from "./performance.ts";

const blocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 5 };
const elections: Readonly<Record<Profile, number>> = { smoke: 1, quick: 3, full: 6 };
const firstMs = 400;
/** The others stand 150 to 300 ms after they last heard from the leader. */
const cutMs = 480;
const periodMs = 700;

/** One-way latency between regions: a round trip of 25 ms, by which two of them are the published 50 ms. */
const regionsOneWayMs = 12.5;

export const consensusElections: Experiment = {
  id: "consensus-elections",
  module: "consensus",
  title: "Cost of an election",
  purpose:
    "How long from a node's candidacy until it leads, on 3 and on 5 nodes, and with a pre-vote before it on links with " +
    "a round trip of 25 ms?",
  stages: (profile, seed) =>
    Array.from({ length: blocks[profile] }, (_, block) => {
      const variantOf = (name: string, nodes: number, oneWayMs: Millis): Variant => ({
        name,
        plan: planOf({
          seed: `${seed}/elections/${block}/${name}`,
          nodes,
          workload: writes,
          load: { loop: "open", clients: 16, ratePerS: 50 },
          durationMs: firstMs + elections[profile] * periodMs,
          deadlineMs: 3000,
          generatorLimitMs: 200,
          faults: [...delayed(oneWayMs, profile), ...leaderCutOff(elections[profile])],
        }),
      });
      return seriesStage({
        experiment: "consensus-elections",
        block,
        label: "the leader of 3 and of 5 nodes cut off again and again, near and far",
        implementations: ["production"],
        substrate: "cluster",
        seed: `${seed}/elections/${block}`,
        variants: [
          variantOf("3-nodes", 3, 0),
          variantOf("5-nodes", 5, 0),
          variantOf("5-nodes-regions", 5, regionsOneWayMs),
        ],
        probes: [candidacyToLeader],
        relate: related,
        estimateS: 3 * ((firstMs + elections[profile] * periodMs) / 1000 + overheadS),
      });
    }),
};

function leaderCutOff(count: number): FaultSpec[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: "leader",
    target: "leader",
    placement: { at: "time", ms: firstMs + index * periodMs },
    durationMs: cutMs,
  }));
}

function delayed(oneWayMs: Millis, profile: Profile): FaultSpec[] {
  if (oneWayMs === 0) return [];
  const durationMs = firstMs + elections[profile] * periodMs;
  const parameters = { meanMs: oneWayMs, jitterMs: 0 };
  return [{ kind: "delay", target: "all", placement: { at: "time", ms: 0 }, durationMs, parameters }];
}

function related(measured: MeasuredVariants): readonly Measurement[] {
  const p50 = (variant: string, metric: string): number | undefined => {
    const values = (measured.get(variant) ?? []).filter((each) => each.metric === metric).map(({ value }) => value);
    return values.length === 0 ? undefined : median(values);
  };
  const [of3, of5] = [p50("3-nodes", "candidacy-to-leader-ms"), p50("5-nodes", "candidacy-to-leader-ms")];
  const near = p50("5-nodes", "pre-candidacy-to-leader-ms");
  const far = p50("5-nodes-regions", "pre-candidacy-to-leader-ms");
  return [
    ...(of3 === undefined || of5 === undefined
      ? []
      : [{ metric: "election-ratio-5-to-3-nodes", value: of5 / of3, unit: "ratio" }]),
    ...(near === undefined || far === undefined
      ? []
      : [{ metric: "election-far-minus-near-ms", value: far - near, unit: "ms" }]),
  ];
}
