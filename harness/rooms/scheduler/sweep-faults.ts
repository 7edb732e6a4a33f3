/**
 * The faults of a scheduler's sweeps, by what they are to bring about: any mix of them; lapses of leases; messages that
 * come late and twice; restarts while the disk is slow.
 */

import { nodeNames } from "../../../implementations/assembly/node-names.ts";
import type { Random } from "../../../implementations/foundation/effects.ts";
import { faultKinds } from "../../../implementations/foundation/faults.ts";
import type { FaultKind } from "../../../implementations/foundation/faults.ts";
import type { Millis } from "../../../implementations/foundation/units.ts";
import { pick } from "../../nemesis/pick.ts";
import { swarmSchedule } from "../../nemesis/swarm.ts";
import type { MessageMoments } from "../../nemesis/swarm.ts";
import type { FaultSpec } from "../../plan/plan.ts";
import type { Cluster } from "./sweep-loads.ts";

/** Messages at which faults are placed, as production names them. */
const messages: readonly MessageMoments[] = [
  { name: "steal", mostCount: 20 },
  { name: "lease", mostCount: 20 },
  { name: "renew", mostCount: 20 },
  { name: "result", mostCount: 20 },
  { name: "received", mostCount: 20 },
  { name: "watch", mostCount: 20 },
  { name: "watched", mostCount: 20 },
];

/** What takes as long as an election does elsewhere: until a node notices that another one is away. */
const noticeMs = 200;
const edgeMs = 300;

/** They part a home from those who execute its tasks, and both go on. */
export const separations: readonly FaultKind[] = ["isolate-one", "one-way", "halves", "delay"];
/** A message comes after those that were sent later, or once more. */
export const echoes: readonly FaultKind[] = ["duplicate", "reorder"];
/** After them a node has what its disk has, and nothing else. */
export const restarts: readonly FaultKind[] = ["kill", "lost-sync", "crash-loop", "torn-write", "graceful-restart"];
const slownesses: readonly FaultKind[] = ["slow", "full"];
const needNodes: ReadonlySet<FaultKind> = new Set<FaultKind>([...faultKinds.partition, "duplicate", "loss"]);

/** A random mix of `kinds` for `durationMs`. */
export function mixOf(kinds: readonly FaultKind[], nodes: number, durationMs: Millis, random: Random): FaultSpec[] {
  const offered = nodes === 1 ? kinds.filter((kind) => !needNodes.has(kind)) : kinds;
  if (offered.length === 0) return [];
  return swarmSchedule(
    {
      kinds: offered,
      nodes: nodeNames(nodes),
      durationMs,
      electionTimeoutMs: noticeMs,
      // Nodes that are parted exchange messages, and alone there is nobody to send them to.
      messages: offered.includes("loss") && nodes > 1 ? messages : [],
    },
    random,
  );
}

/** Nodes are parted for about as long as a lease lasts, again and again. */
export function lapsesOf(
  kinds: readonly FaultKind[],
  { leaseMs }: Cluster,
  durationMs: Millis,
  random: Random,
): FaultSpec[] {
  const faults: FaultSpec[] = [];
  const gapMs = (): Millis => leaseMs * (1 + 2 * random.float());
  for (let ms = edgeMs + gapMs(); ms < durationMs - 3 * leaseMs; ms += gapMs()) {
    const kind = pick(kinds, random);
    const lastsMs = leaseMs * (0.8 + 1.5 * random.float());
    const parameters = kind === "delay" ? { parameters: { meanMs: leaseMs, jitterMs: leaseMs / 2 } } : {};
    const target = kind === "delay" ? "all" : "one";
    faults.push({ kind, target, placement: { at: "time", ms }, durationMs: lastsMs, ...parameters });
    ms += lastsMs;
  }
  return faults;
}

/** From beginning to end messages come late and twice or not at all, and nodes are started again between them. */
export function echoesOf(kinds: readonly FaultKind[], durationMs: Millis, random: Random): FaultSpec[] {
  const background = (kind: FaultKind, parameters: Readonly<Record<string, number>>): FaultSpec[] =>
    kinds.includes(kind)
      ? [
          {
            kind,
            target: "all",
            placement: { at: "time", ms: edgeMs },
            durationMs: durationMs - 2 * edgeMs,
            parameters,
          },
        ]
      : [];
  const held = (): Readonly<Record<string, number>> => ({
    probability: 0.2 + 0.4 * random.float(),
    holdMs: 100 + 500 * random.float(),
  });
  const faults = [
    ...echoes.flatMap((kind) => background(kind, held())),
    ...(random.below(2) === 0 ? background("loss", { probability: 0.1 }) : []),
  ];
  const falls = restarts.filter((kind) => kinds.includes(kind));
  const gapMs = (): Millis => 200 + 600 * random.float();
  for (let ms = edgeMs + gapMs(); falls.length > 0 && ms < durationMs - edgeMs; ms += gapMs()) {
    const downMs = 10 + 100 * random.float();
    faults.push({ kind: pick(falls, random), target: "one", placement: { at: "time", ms }, durationMs: downMs });
  }
  return faults;
}

/** Restarts, again and again, half of them while what was accepted or has ended takes long to become durable. */
export function restartsOf(kinds: readonly FaultKind[], durationMs: Millis, random: Random): FaultSpec[] {
  const faults: FaultSpec[] = [];
  const falls = restarts.filter((kind) => kinds.includes(kind));
  const slow = slownesses.filter((kind) => kinds.includes(kind));
  const gapMs = (): Millis => 300 + 700 * random.float();
  for (let ms = edgeMs + gapMs(); ms < durationMs - edgeMs; ms += gapMs()) {
    if (slow.length > 0 && random.below(2) === 0) {
      const kind = pick(slow, random);
      const parameters = kind === "slow" ? { parameters: { extraMs: 50 + 150 * random.float() } } : {};
      const lastsMs = 100 + 400 * random.float();
      faults.push({ kind, target: "all", placement: { at: "time", ms }, durationMs: lastsMs, ...parameters });
      ms += lastsMs * (0.4 + 0.6 * random.float());
    }
    const target = pick(["one", "all"] as const, random);
    const downMs = 10 + 100 * random.float();
    faults.push({ kind: pick(falls, random), target, placement: { at: "time", ms }, durationMs: downMs });
  }
  return faults;
}
