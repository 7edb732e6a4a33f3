/** What slow links cost: commits under added latency, and the election timeout that a stable leader needs. */

import { seriesStage } from "../../../harness/block-stage.ts";
import { spuriousElections } from "../../../harness/measure/election-probes.ts";
import { commitsUnderDelay } from "../../../harness/measure/load-probes.ts";
import type { Measurement } from "../../../harness/measure/probes.ts";
import type { Experiment, Profile } from "../../../harness/plan/experiment.ts";
import { planOf } from "../../../harness/plan/plan.ts";
import type { FaultSpec } from "../../../harness/plan/plan.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import { overheadS, writes } from "./performance.ts";

/**
 * Milliseconds added to the round trip between any two nodes, half in each direction; a commit takes one round trip.
 * How long each lasts beyond what is left out at its beginning, in parts of the profile's.
 */
const added: readonly { readonly ms: Millis; readonly parts: number }[] = [
  { ms: 10, parts: 1 },
  { ms: 50, parts: 1 },
  { ms: 100, parts: 1.5 },
  { ms: 500, parts: 4 },
];
const partMs: Readonly<Record<Profile, number>> = { smoke: 300, quick: 500, full: 1000 };
const addedBlocks: Readonly<Record<Profile, number>> = { smoke: 0, quick: 1, full: 5 };
/** A delay's first milliseconds are left out: see `commitsUnderDelay`. */
const drainMs = 100;
const warmUpMs = 1000;

/**
 * Operations in flight. The published numbers are those of a fixed number of them: by Little's law 3,192 commits per
 * second at +500 ms are 1,600 in flight, and those are 40 ms' worth of the 42,000 per second at +0 ms. Here it is the
 * most that the generator has, 40 ms' worth of the 25,000 per second that three nodes reach on two fast cores.
 */
const inFlight = 1000;

export const consensusAddedLatency: Experiment = {
  id: "consensus-added-latency",
  module: "consensus",
  title: "Commits against added latency",
  purpose:
    "How many commits per second are left when every round trip between nodes takes 10 to 500 ms longer, with a fixed " +
    "number of writes in flight, and with a fixed rate of arrivals?",
  stages: (profile, seed) => {
    const schedule = delaySchedule(profile);
    const durationMs = schedule.endMs;
    return Array.from({ length: addedBlocks[profile] }, (_, block) =>
      seriesStage({
        experiment: "consensus-added-latency",
        block,
        label: "3 nodes, 0 to 500 ms added to every round trip",
        implementations: ["production"],
        substrate: "cluster",
        seed: `${seed}/added-latency/${block}`,
        // The open loop shows the other side once; it hardly varies.
        variants: (block === 0 ? (["closed", "open"] as const) : (["closed"] as const)).map((loop) => ({
          name: `${loop}-loop`,
          plan: planOf({
            seed: `${seed}/added-latency/${block}/${loop}`,
            workload: writes,
            load: loop === "closed" ? { loop, clients: inFlight } : { loop, clients: inFlight, ratePerS: 300 },
            durationMs,
            warmUpMs,
            deadlineMs: 10_000,
            attemptTimeoutMs: 5000,
            generatorLimitMs: 200,
            faults: schedule.faults,
            // Twice the longest round trip keeps a leader (N-ST-18), and as many messages may be on their way as the
            // way is long: the default window is made for a network without added latency.
            settings: { electionTimeoutMs: 1000, heartbeatIntervalMs: 100, maxInFlight: 256 },
          }),
        })),
        estimateS: (block === 0 ? 2 : 1) * (durationMs / 1000 + overheadS + 2),
        probes: [commitsUnderDelay],
      }),
    );
  },
};

function delaySchedule(profile: Profile): { readonly faults: readonly FaultSpec[]; readonly endMs: Millis } {
  const faults: FaultSpec[] = [];
  let atMs = warmUpMs + 2 * partMs[profile];
  for (const { ms, parts } of added) {
    const durationMs = drainMs + ms + parts * partMs[profile];
    const parameters = { meanMs: ms / 2, jitterMs: 0 };
    faults.push({ kind: "delay", target: "all", placement: { at: "time", ms: atMs }, durationMs, parameters });
    atMs += durationMs;
  }
  return { faults, endMs: atMs };
}

/** Election timeout in round trips; the published rule puts the limit at ten. */
const timeoutsInRoundTrips = [0.5, 1, 2, 5, 8, 11, 20] as const;
const ruleInRoundTrips = 10;
const roundTripMs = 40;
const timeoutSeeds: Readonly<Record<Profile, number>> = { smoke: 0, quick: 3, full: 10 };

export const consensusTimeoutRule: Experiment = {
  id: "consensus-timeout-rule",
  module: "consensus",
  title: "Election timeout in round trips",
  purpose:
    "From how many round trips on does an election timeout keep a healthy leader in office (virtual time, exact)?",
  stages: (profile, seed) =>
    Array.from({ length: timeoutSeeds[profile] }, (_, block) =>
      seriesStage({
        experiment: "consensus-timeout-rule",
        block,
        label: `round trips of ${roundTripMs} ms, timeouts of ${timeoutsInRoundTrips.join(", ")} of them (simulated)`,
        implementations: ["production"],
        substrate: "simulated",
        seed: `${seed}/timeout-rule/${block}`,
        variants: timeoutsInRoundTrips.map((times) => ({
          name: `${times}-round-trips`,
          plan: planOf({
            seed: `${seed}/timeout-rule/${block}/${times}`,
            workload: { id: "append", valueBytes: 16, keys: 1, readFraction: 0, casFraction: 0 },
            load: { loop: "open", clients: 16, ratePerS: 20 },
            durationMs: 60_000,
            deadlineMs: 5000,
            attemptTimeoutMs: 2000,
            // Between half and one and a half of the mean: a network's latency is no constant.
            faults: [
              {
                kind: "delay",
                target: "all",
                placement: { at: "time", ms: 0 },
                durationMs: 60_000,
                parameters: { meanMs: roundTripMs / 2, jitterMs: roundTripMs / 4 },
              },
            ],
            settings: { electionTimeoutMs: times * roundTripMs, heartbeatIntervalMs: (times * roundTripMs) / 5 },
            convergenceMs: 30_000,
          }),
        })),
        probes: [spuriousElections(5000)],
        relate: (measured) => spuriousBySide([...measured].flatMap(([name, values]) => sideOf(name, values))),
        estimateS: 2,
      }),
    ),
};

interface Side {
  readonly times: number;
  readonly spurious: number;
}

function sideOf(name: string, values: readonly Measurement[]): readonly Side[] {
  const spurious = values.find(({ metric }) => metric === "spurious-elections")?.value;
  return spurious === undefined ? [] : [{ times: Number.parseFloat(name), spurious }];
}

/** Above the rule none may occur; below it, every timeout is said to be too short: the most stable of them decides. */
function spuriousBySide(sides: readonly Side[]): readonly Measurement[] {
  const above = sides.filter(({ times }) => times > ruleInRoundTrips).map(({ spurious }) => spurious);
  const below = sides.filter(({ times }) => times < ruleInRoundTrips).map(({ spurious }) => spurious);
  return [
    { metric: "spurious-elections-above-rule", value: Math.max(...above), unit: "count" },
    { metric: "spurious-elections-below-rule", value: Math.min(...below), unit: "count" },
  ];
}
