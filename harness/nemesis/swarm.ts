/**
 * Random schedules: each seed switches a random subset of the fault kinds on, and mixes only those in one of a few
 * styles.
 *
 * A schedule with every kind at once tends to test the same few interactions again and again; leaving kinds out lets
 * the others develop. The styles differ in what they let develop:
 *
 * - mix: anything at any time, and at moments of the protocol (before a sync, before a message);
 * - usurpers: leaders fall as soon as they have sent a message or two, while old messages come late and twice: terms
 *   with diverging logs (figure 8 of the Raft paper);
 * - outages: power is lost, or processes are killed, while slow disks have writes under way;
 * - patient: one node at a time is away for long, and the cluster settles in between: what should not happen then
 *   shows. Or a leader returns with entries of its own just when its successor goes: two logs must agree which one
 *   leads.
 * - heirs: a leader that is cut off gathers entries of its own; its successor goes for long as soon as one other node
 *   has its first entry. Of the two that are left, one has the longer log and the other the later one.
 * - laggards: nodes are away until others must send them snapshots, which come twice, the second time much later.
 * - changes: members come and go one after the other while leaders fall and links are cut: two majorities that do not
 *   know of each other.
 *
 * Damage that no restart repairs stays within a minority of the nodes, all runs together.
 *
 * @see Groce et al. 2012, "Swarm testing".
 */

import type { Random } from "../../implementations/foundation/effects.ts";
import type { FaultKind, Moment } from "../../implementations/foundation/faults.ts";
import type { Millis, NodeId } from "../../implementations/foundation/units.ts";
import type { FaultSpec, Placement, Target } from "../plan/plan.ts";
import { pick } from "./pick.ts";

export interface SwarmOptions {
  readonly kinds: readonly FaultKind[];
  readonly nodes: readonly NodeId[];
  /** The schedule lies within [300, durationMs - 300). */
  readonly durationMs: Millis;
  /** The unit of time of what happens in the cluster. */
  readonly electionTimeoutMs: Millis;
  /**
   * Names of messages, with the highest count at which a fault is placed; those of Raft unless others are given, and
   * none where the nodes exchange no messages.
   */
  readonly messages?: readonly MessageMoments[];
}

export interface MessageMoments {
  readonly name: string;
  readonly mostCount: number;
}

/** A node hit by one of these may never come back: it refuses to run on damaged or lost data. */
const permanent: ReadonlySet<FaultKind> = new Set(["bit-flip", "misdirect", "wipe"]);
const edgeMs = 300;

const leaderFalls: readonly FaultKind[] = [
  "kill",
  "isolate-one",
  "leader",
  "one-way",
  "pause",
  "flapping",
  "lost-sync",
];
const powerFalls: readonly FaultKind[] = ["lost-sync", "torn-write", "kill", "crash-loop", "write-error"];
const absences: readonly FaultKind[] = ["kill", "pause", "isolate-one", "leader", "one-way", "graceful-restart"];
const disturbances: readonly FaultKind[] = ["duplicate", "reorder", "delay", "loss"];

const memberSteps = ["add", "remove", "replace", "replace", "transfer"] as const satisfies readonly FaultKind[];

/** They leave a leader at work, so that it gets entries that nobody else has. */
const separations: readonly FaultKind[] = ["isolate-one", "leader", "one-way"];

/** @returns faults, those placed in time in order; the same for the same random stream. */
export function swarmSchedule(options: SwarmOptions, random: Random): FaultSpec[] {
  const faults = drawn(options, random);
  const [first, ...rest] = faults;
  // Moments may never come: a schedule of nothing else would now and then do nothing at all.
  if (first === undefined || faults.some(({ placement }) => placement.at === "time")) return faults;
  const ms = edgeMs + random.float() * (options.durationMs - 2 * edgeMs);
  return [{ ...first, placement: { at: "time", ms } }, ...rest];
}

/** Styles that need neither leaders nor terms. */
const leaderless = ["mix", "mix", "mix", "mix", "outages", "patient"] as const;

function drawn(options: SwarmOptions, random: Random): FaultSpec[] {
  const canChange = both(memberSteps, options.kinds).length >= 4;
  const styles =
    options.messages !== undefined
      ? leaderless
      : (["mix", "mix", "mix", "mix", "usurpers", "usurpers", "outages", "patient", "heirs", "laggards"] as const);
  const style = pick(canChange ? ([...styles, "changes", "changes"] as const) : styles, random);
  switch (style) {
    case "mix":
      return mix(options, subset(options.kinds, random), pick([120, 350, 350, 700], random), random);
    case "usurpers":
      return usurpers(options, random);
    case "outages":
      return outages(options, random);
    case "patient":
      return patient(options, random);
    case "heirs":
      return heirs(options, random);
    case "laggards":
      return laggards(options, random);
    case "changes":
      return changes(options, random);
  }
}

function mix(options: SwarmOptions, kindsOfRun: readonly FaultKind[], meanGapMs: Millis, random: Random): FaultSpec[] {
  const { nodes, durationMs } = options;
  const faults: FaultSpec[] = [];
  let chosen = kindsOfRun;
  // One node takes all permanent damage, so that the others stay a majority; nor may another leave for good.
  const victim = pick(nodes, random);
  if (chosen.some((kind) => permanent.has(kind)))
    chosen = orAll(
      chosen.filter((kind) => kind !== "remove"),
      chosen,
    );
  let damaged = false;
  for (const atMs of arrivals(edgeMs, durationMs - edgeMs, meanGapMs, random)) {
    const kind = pick(chosen, random);
    const isPermanent = permanent.has(kind);
    if (isPermanent && (damaged || nodes.length < 3)) continue;
    damaged ||= isPermanent;
    const isLogical = random.below(4) === 0;
    faults.push({
      kind,
      target: isPermanent ? [victim] : targetOf(kind, random),
      placement: isLogical ? momentOf(options, random) : { at: "time", ms: atMs },
      durationMs: Math.min(50 + random.float() ** 2 * 1500, durationMs - atMs),
      ...parametersOf(kind, random),
    });
  }
  return faults;
}

function usurpers({ kinds, nodes, durationMs, electionTimeoutMs }: SwarmOptions, random: Random): FaultSpec[] {
  const falls = orAll(subset(both(leaderFalls, kinds), random), kinds);
  const background = subset(both(disturbances, kinds), random).map((kind): FaultSpec => {
    const lasts = durationMs - 2 * edgeMs;
    return {
      kind,
      target: "all",
      placement: { at: "time", ms: edgeMs },
      durationMs: lasts,
      ...parametersOf(kind, random),
    };
  });
  const faults = arrivals(edgeMs, durationMs - edgeMs, electionTimeoutMs * (1 + random.float()), random).map(
    (ms): FaultSpec => {
      const isLogical = random.below(2) === 0;
      const from = pick(nodes, random);
      const to = pick(others(nodes, from), random);
      const early = {
        kind: "message",
        message: "AppendEntries",
        from,
        to,
        count: 1 + random.below(4),
        inTerm: true,
      } as const;
      return {
        kind: pick(falls, random),
        target: isLogical ? [from] : pick(["leader", "leader", "leader", "one"], random),
        placement: isLogical ? { at: "moment", moment: early } : { at: "time", ms },
        durationMs: electionTimeoutMs * (0.5 + random.float() * 4),
      };
    },
  );
  return [...background, ...faults];
}

function outages(options: SwarmOptions, random: Random): FaultSpec[] {
  const { kinds, durationMs } = options;
  const falls = orAll(subset(both(powerFalls, kinds), random), kinds);
  const slow = both(["slow"], kinds).map((kind): FaultSpec => {
    const target = pick(["one", "all", "minority", "majority"] as const, random);
    const lasts = durationMs - 2 * edgeMs;
    return { kind, target, placement: { at: "time", ms: edgeMs }, durationMs: lasts, ...parametersOf(kind, random) };
  });
  const faults = arrivals(edgeMs, durationMs - edgeMs, 300, random).map((ms): FaultSpec => {
    const isLogical = random.below(2) === 0;
    return {
      kind: pick(falls, random),
      target: pick(["one", "leader", "majority", "all", "followers"] as const, random),
      placement: isLogical ? momentOf(options, random) : { at: "time", ms },
      durationMs: 50 + random.float() * 400,
    };
  });
  return [...slow, ...faults];
}

function patient({ kinds, durationMs, electionTimeoutMs }: SwarmOptions, random: Random): FaultSpec[] {
  const chosen = orAll(subset(both(absences, kinds), random), kinds);
  const separating = orAll(both(separations, chosen), chosen);
  const faults: FaultSpec[] = [];
  const pauseMs = 6 * electionTimeoutMs;
  let atMs = pauseMs;
  const absence = (kind: FaultKind, target: Target, timeouts: number): void => {
    const lastsMs = Math.min(timeouts * electionTimeoutMs, durationMs - edgeMs - atMs);
    if (lastsMs > 0) faults.push({ kind, target, placement: { at: "time", ms: atMs }, durationMs: lastsMs });
    atMs += lastsMs;
  };
  while (atMs < durationMs - edgeMs) {
    if (random.below(2) === 0) {
      absence(pick(chosen, random), pick(["one", "leader"], random), 2 + random.float() * 12);
    } else {
      absence(pick(separating, random), "leader", 1.2 + random.float() * 1.5);
      atMs += random.float() * 20;
      absence(pick(chosen, random), "leader", 11 + random.float() * 3);
    }
    atMs += pauseMs * (1 + random.float());
  }
  return faults;
}

function heirs(options: SwarmOptions, random: Random): FaultSpec[] {
  const { kinds, nodes, electionTimeoutMs } = options;
  const one = pick(nodes, random);
  const other = pick(others(nodes, one), random);
  const separating = orAll(both(separations, kinds), kinds);
  const absent = orAll(subset(both(absences, kinds), random), kinds);
  // Whichever of the two is elected goes before it hears that the other one has its first entry.
  const reigns = [
    [one, other],
    [other, one],
  ].map(([heir = one, follower = other]): FaultSpec => ({
    kind: pick(absent, random),
    target: [heir],
    placement: {
      at: "moment",
      moment: { kind: "message", message: "AppendReply", from: follower, to: heir, count: 1, inTerm: false },
    },
    durationMs: (14 + random.float() * 2) * electionTimeoutMs,
  }));
  const separation: FaultSpec = {
    kind: pick(separating, random),
    target: "leader",
    placement: { at: "time", ms: edgeMs + random.float() * 3 * electionTimeoutMs },
    durationMs: (2.2 + random.float()) * electionTimeoutMs,
  };
  return [separation, ...reigns];
}

function laggards({ kinds, durationMs }: SwarmOptions, random: Random): FaultSpec[] {
  const absent = orAll(subset(both(absences, kinds), random), kinds);
  const background = both(["duplicate", "reorder"], kinds).map((kind): FaultSpec => {
    const parameters = { probability: 0.2 + random.float() * 0.3, holdMs: 300 + random.float() * 1200 };
    const lasts = durationMs - 2 * edgeMs;
    return { kind, target: "all", placement: { at: "time", ms: edgeMs }, durationMs: lasts, parameters };
  });
  const faults = arrivals(edgeMs, durationMs - edgeMs, 700, random).map((ms): FaultSpec => {
    const lastsMs = Math.min(200 + random.float() * 1000, durationMs - ms);
    return { kind: pick(absent, random), target: "one", placement: { at: "time", ms }, durationMs: lastsMs };
  });
  return [...background, ...faults];
}

function changes({ kinds, durationMs, electionTimeoutMs }: SwarmOptions, random: Random): FaultSpec[] {
  const falls = orAll(subset(both([...leaderFalls, "halves", "bridge", "majorities-ring"], kinds), random), kinds);
  const steps = arrivals(edgeMs, durationMs - edgeMs, 700, random).map((ms): FaultSpec => {
    const kind = pick(both(memberSteps, kinds), random);
    const target = pick(["one", "leader"] as const, random);
    return {
      kind,
      target,
      placement: { at: "time", ms },
      durationMs: Math.min(durationMs - ms, 300 + random.float() * 1500),
    };
  });
  const faults = arrivals(edgeMs, durationMs - edgeMs, 400, random).map((ms): FaultSpec => {
    const target = pick(["leader", "leader", "one", "minority"] as const, random);
    return {
      kind: pick(falls, random),
      target,
      placement: { at: "time", ms },
      durationMs: electionTimeoutMs * (0.5 + random.float() * 5),
    };
  });
  return [...steps, ...faults];
}

/** A moment any cluster comes to now and then. Without a disk there are no syncs. */
function momentOf({ kinds, nodes, messages, durationMs }: SwarmOptions, random: Random): Placement {
  if (messages?.length === 0) return { at: "time", ms: edgeMs + random.float() * (durationMs - 2 * edgeMs) };
  const moment = (): Moment => {
    if (kinds.includes("lost-sync") && random.below(2) === 0) return sync(nodes, random);
    return messages === undefined ? message(nodes, random) : messageOf(messages, nodes, random);
  };
  return { at: "moment", moment: moment() };
}

function messageOf(messages: readonly MessageMoments[], nodes: readonly NodeId[], random: Random): Moment {
  const from = pick(nodes, random);
  const to = pick(others(nodes, from), random);
  const { name, mostCount } = pick(messages, random);
  return { kind: "message", message: name, from, to, count: 1 + random.below(mostCount), inTerm: false };
}

function sync(nodes: readonly NodeId[], random: Random): Moment {
  return { kind: "sync", node: pick(nodes, random), count: 1 + random.below(200) };
}

function message(nodes: readonly NodeId[], random: Random): Moment {
  const from = pick(nodes, random);
  const to = pick(others(nodes, from), random);
  const inTerm = random.below(2) === 0;
  const name = pick(
    ["AppendEntries", "AppendEntries", "VoteRequest", "VoteReply", "AppendReply", "InstallSnapshot"],
    random,
  );
  const count = 1 + random.below(name.startsWith("Append") ? (inTerm ? 10 : 300) : 4);
  return { kind: "message", message: name, from, to, count, inTerm };
}

function targetOf(kind: FaultKind, random: Random): Target {
  const packet: readonly FaultKind[] = ["delay", "loss", "duplicate", "reorder", "corrupt", "bandwidth"];
  if (packet.includes(kind)) return pick(["all", "one"], random);
  return pick(["one", "one", "leader", "leader", "minority", "majority", "all", "followers"], random);
}

/** How strong a fault is, for kinds that have degrees; from hardly felt to hardly bearable. */
function parametersOf(kind: FaultKind, random: Random): Pick<FaultSpec, "parameters"> {
  const between = (low: number, high: number): number => low + random.float() ** 2 * (high - low);
  switch (kind) {
    case "delay":
      return { parameters: { meanMs: between(5, 120), jitterMs: between(0, 120) } };
    case "loss":
      return { parameters: { probability: between(0.05, 0.5) } };
    case "duplicate":
      return { parameters: { probability: between(0.1, 0.5), holdMs: between(0, 600) } };
    case "reorder":
      return { parameters: { probability: between(0.1, 0.5), holdMs: between(10, 600) } };
    case "slow":
      return { parameters: { extraMs: between(2, 60) } };
    default:
      return {};
  }
}

/** Times of a Poisson process. */
function arrivals(fromMs: Millis, untilMs: Millis, meanGapMs: Millis, random: Random): Millis[] {
  const times: Millis[] = [];
  for (
    let atMs = fromMs + random.float() * meanGapMs;
    atMs < untilMs;
    atMs += -Math.log(1 - random.float()) * meanGapMs
  ) {
    times.push(atMs);
  }
  return times;
}

/** About half of `kinds`, and at least one if there is one. */
function subset(kinds: readonly FaultKind[], random: Random): readonly FaultKind[] {
  const chosen = kinds.filter(() => random.below(2) === 0);
  return chosen.length > 0 || kinds.length === 0 ? chosen : [pick(kinds, random)];
}

function both<Kind extends FaultKind>(some: readonly Kind[], kinds: readonly FaultKind[]): readonly Kind[] {
  return some.filter((kind) => kinds.includes(kind));
}

function orAll(some: readonly FaultKind[], kinds: readonly FaultKind[]): readonly FaultKind[] {
  return some.length > 0 ? some : kinds.filter((kind) => !permanent.has(kind));
}

function others(nodes: readonly NodeId[], node: NodeId): readonly NodeId[] {
  return nodes.filter((other) => other !== node);
}
