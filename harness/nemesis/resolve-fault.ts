/**
 * From a fault's name to what a deployment is asked to do: draws the nodes, builds the set of links, fills in numbers.
 *
 * Partitions cut links between nodes only, never those to clients: a client that still reaches an isolated node is the
 * dangerous case. A fault that damages stored data shows when the data is next read, so it comes with a restart.
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { Random } from "../../implementations/foundation/effects.ts";
import type { Fault, FaultKind, Link } from "../../implementations/foundation/faults.ts";
import { clientsEndpoint } from "../../implementations/foundation/faults.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { FaultSpec, Target } from "../plan/plan.ts";

/** Numbers of the kinds that have any; a plan's `parameters` override them by name. */
export const faultParameters: Readonly<Partial<Record<FaultKind, Readonly<Record<string, number>>>>> = {
  "crash-loop": { times: 3 },
  flapping: { periodMs: 200 },
  delay: { meanMs: 20, jitterMs: 10 },
  loss: { probability: 0.1 },
  duplicate: { probability: 0.2, holdMs: 0 },
  reorder: { probability: 0.2, holdMs: 30 },
  corrupt: { probability: 0.05 },
  bandwidth: { bytesPerS: 50_000 },
  "slow-close": { lingerMs: 500 },
  "read-error": { probability: 0.3 },
  "write-error": { probability: 0.2 },
  slow: { extraMs: 10 },
  jump: { byMs: 500 },
  skew: { rate: 1.5 },
  strobe: { byMs: 200, periodMs: 50 },
};

/** A thread is drawn from so many, and taken modulo the number a node has. */
const mostWorkers = 64;

/**
 * One thing to do at a time after the fault's injection; `heal` ends all earlier injections, or the one so numbered.
 */
export interface FaultStep {
  readonly afterMs: number;
  readonly action: { readonly inject: Fault } | { readonly heal: "all" | number };
}

export interface ResolvedFault {
  /** What it hits, for people: "n2", "n1 n3 | n2", "n1>n2". */
  readonly target: string;
  readonly nodes: readonly NodeId[];
  readonly steps: readonly FaultStep[];
}

/**
 * @param leader the leader now, if one is known; `leader` falls back to a random node without one.
 * @param damaged nodes whose disk was damaged for good.
 */
export function resolveFault(
  spec: FaultSpec,
  nodes: readonly NodeId[],
  leader: NodeId | undefined,
  random: Random,
  damaged: readonly NodeId[] = [],
): ResolvedFault {
  const targets = resolveTarget(spec.kind === "leader" ? "leader" : spec.target, nodes, leader, random, damaged);
  const numbers = { ...faultParameters[spec.kind], ...spec.parameters };
  const number = (name: string): number => {
    const value = numbers[name];
    assert(value !== undefined, `fault ${spec.kind} has a parameter ${name}`);
    return value;
  };
  const once = (...faults: Fault[]): ResolvedFault => ({
    target: targets.join(" "),
    nodes: targets,
    steps: faults.map((inject) => ({ afterMs: 0, action: { inject } })),
  });
  const cut = (links: readonly Link[], target: string, hit: readonly NodeId[]): ResolvedFault => ({
    target,
    nodes: hit,
    steps: [{ afterMs: 0, action: { inject: { kind: "cut", links } } }],
  });
  const packet = (fault: Extract<Fault, { kind: "packet" }>["fault"]): ResolvedFault =>
    once({ kind: "packet", links: linksOf(targets, nodes), fault });
  const disk = (fault: Extract<Fault, { kind: "disk" }>["fault"]): ResolvedFault =>
    once({ kind: "disk", nodes: targets, fault });
  const restart: Fault = { kind: "kill", nodes: targets };

  switch (spec.kind) {
    case "kill":
    case "pause":
    case "graceful-restart":
    case "wipe":
      return once({ kind: spec.kind, nodes: targets });
    case "crash-loop":
      return repeated(targets, restart, spec.durationMs, number("times"));
    case "isolate-one":
    case "leader":
      return cut(between(targets, others(targets, nodes)), `${targets.join(" ")} | rest`, targets);
    case "halves":
    case "majority-minority": {
      const size = spec.kind === "halves" ? Math.floor(nodes.length / 2) : Math.floor((nodes.length - 1) / 2);
      const side = sideOf(spec.target, targets, nodes, size, random);
      const rest = others(side, nodes);
      return cut(between(side, rest), `${side.join(" ")} | ${rest.join(" ")}`, side);
    }
    case "majorities-ring": {
      const ring = sample(nodes, nodes.length, random);
      return cut(ringCuts(ring), `ring ${ring.join(" ")}`, ring);
    }
    case "bridge": {
      const [bridge, ...rest] = sample(nodes, nodes.length, random);
      const side = rest.slice(0, Math.floor(rest.length / 2));
      const far = rest.slice(side.length);
      return cut(between(side, far), `${side.join(" ")} | ${bridge} | ${far.join(" ")}`, rest);
    }
    case "one-way": {
      const outward = random.below(2) === 0;
      const links = targets.flatMap((from) => others(targets, nodes).map((to) => ({ from, to })));
      const cuts = outward ? links : links.map(({ from, to }) => ({ from: to, to: from }));
      return cut(cuts, `${targets.join(" ")} ${outward ? ">" : "<"} rest`, targets);
    }
    case "flapping": {
      const links = between(targets, others(targets, nodes));
      const times = Math.max(1, Math.floor(spec.durationMs / (2 * number("periodMs"))));
      return repeated(targets, { kind: "cut", links }, spec.durationMs, times);
    }
    case "delay": {
      const meanMs = number("meanMs");
      const jitterMs = Math.min(number("jitterMs"), meanMs);
      const distribution = { shape: "uniform", lowMs: meanMs - jitterMs, highMs: meanMs + jitterMs } as const;
      return packet({ kind: "delay", distribution });
    }
    case "duplicate":
      return packet({ kind: "duplicate", probability: number("probability"), holdMs: number("holdMs") });
    case "loss":
    case "corrupt":
      return packet({ kind: spec.kind, probability: number("probability") });
    case "reorder":
      return packet({ kind: "reorder", probability: number("probability"), holdMs: number("holdMs") });
    case "bandwidth":
      return packet({ kind: "bandwidth", bytesPerS: number("bytesPerS") });
    case "reset":
    case "half-open":
      return packet({ kind: spec.kind });
    case "slow-close":
      return packet({ kind: "slow-close", lingerMs: number("lingerMs") });
    case "torn-write":
    case "lost-sync":
      return disk({ kind: spec.kind });
    case "bit-flip":
    case "misdirect":
      return noticedByRestart(targets, { kind: "disk", nodes: targets, fault: { kind: spec.kind } }, spec.durationMs);
    case "read-error": {
      const fault = { kind: "read-error", probability: number("probability") } as const;
      return noticedByRestart(targets, { kind: "disk", nodes: targets, fault }, spec.durationMs);
    }
    case "write-error":
      return disk({ kind: "write-error", probability: number("probability") });
    case "full":
      return disk({ kind: "full" });
    case "slow":
      return disk({ kind: "slow", extraMs: number("extraMs") });
    case "jump":
      return once({ kind: "clock", nodes: targets, fault: { kind: "jump", byMs: number("byMs") } });
    case "skew":
      return once({ kind: "clock", nodes: targets, fault: { kind: "skew", rate: number("rate") } });
    case "add":
    case "remove":
    case "replace":
    case "transfer":
      return { ...once({ kind: "membership", nodes: targets.slice(0, 1), change: spec.kind }), ...firstOf(targets) };
    case "thread-kill":
    case "thread-stall": {
      const change = spec.kind === "thread-kill" ? "kill" : "stall";
      return once({ kind: "thread", nodes: targets, worker: random.below(mostWorkers), change });
    }
    case "strobe": {
      const fault = { kind: "strobe", byMs: number("byMs"), periodMs: number("periodMs") } as const;
      return once({ kind: "clock", nodes: targets, fault });
    }
  }
}

/** One member at a time changes. */
function firstOf(targets: readonly NodeId[]): Pick<ResolvedFault, "target" | "nodes"> {
  const nodes = targets.slice(0, 1);
  return { target: nodes.join(" "), nodes };
}

function resolveTarget(
  target: Target,
  nodes: readonly NodeId[],
  leader: NodeId | undefined,
  random: Random,
  damaged: readonly NodeId[],
): readonly NodeId[] {
  const chosenLeader = leader ?? nodes[random.below(nodes.length)] ?? "";
  switch (target) {
    case "one":
    case "dispensable":
      return sample(nodes, 1, random);
    case "minority":
      return sample(nodes, Math.max(1, Math.floor((nodes.length - 1) / 2)), random);
    case "majority":
      return sample(nodes, Math.floor(nodes.length / 2) + 1, random);
    case "all":
      return nodes;
    case "leader":
      return [chosenLeader];
    case "damaged":
      return damaged.length > 0 ? damaged : sample(nodes, 1, random);
    case "followers":
      return nodes.filter((node) => node !== chosenLeader);
    default:
      return target;
  }
}

/** The smaller side of a split: the nodes that were named, a random few, or with the leader among them. */
function sideOf(
  target: Target,
  targets: readonly NodeId[],
  nodes: readonly NodeId[],
  size: number,
  random: Random,
): readonly NodeId[] {
  if (typeof target !== "string") return targets;
  if (target !== "leader") return sample(nodes, size, random);
  return [...targets, ...sample(others(targets, nodes), size - targets.length, random)];
}

/** Fisher-Yates, stopped early. */
function sample(nodes: readonly NodeId[], count: number, random: Random): NodeId[] {
  const rest = [...nodes];
  const chosen: NodeId[] = [];
  while (chosen.length < count && rest.length > 0) {
    chosen.push(...rest.splice(random.below(rest.length), 1));
  }
  return chosen;
}

function others(some: readonly NodeId[], nodes: readonly NodeId[]): readonly NodeId[] {
  return nodes.filter((node) => !some.includes(node));
}

function between(side: readonly NodeId[], rest: readonly NodeId[]): Link[] {
  return side.flatMap((one) =>
    rest.flatMap((other) => [
      { from: one, to: other },
      { from: other, to: one },
    ]),
  );
}

/** Every link from or to one of `some`; a node that is alone has none but that to the clients. */
function linksOf(some: readonly NodeId[], nodes: readonly NodeId[]): Link[] {
  const [alone, ...rest] = nodes;
  if (alone !== undefined && rest.length === 0) return between([clientsEndpoint], some);
  return nodes.flatMap((from) =>
    nodes.filter((to) => to !== from && (some.includes(from) || some.includes(to))).map((to) => ({ from, to })),
  );
}

/** Each node hears just enough successors on the ring to see a majority, and no two see the same one. */
function ringCuts(ring: readonly NodeId[]): Link[] {
  const heard = Math.floor(ring.length / 2);
  return ring.flatMap((to, position) =>
    ring.flatMap((from, other) => {
      const distance = (other - position + ring.length) % ring.length;
      return distance > heard ? [{ from, to }] : [];
    }),
  );
}

function repeated(targets: readonly NodeId[], fault: Fault, durationMs: number, times: number): ResolvedFault {
  const periodMs = durationMs / times;
  const steps = Array.from({ length: times }, (_, index): FaultStep[] => [
    { afterMs: index * periodMs, action: { inject: fault } },
    { afterMs: (index + 0.5) * periodMs, action: { heal: "all" } },
  ]).flat();
  return { target: targets.join(" "), nodes: targets, steps };
}

/** Damages, crashes so that the damage will be read, and restarts half way through while the fault is still there. */
function noticedByRestart(targets: readonly NodeId[], damage: Fault, durationMs: number): ResolvedFault {
  return {
    target: targets.join(" "),
    nodes: targets,
    steps: [
      { afterMs: 0, action: { inject: damage } },
      { afterMs: durationMs * 0.25, action: { inject: { kind: "graceful-restart", nodes: targets } } },
      { afterMs: durationMs * 0.5, action: { heal: 1 } },
    ],
  };
}
