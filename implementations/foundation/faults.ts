/**
 * The fault vocabulary of every module and substrate, and the primitives a deployment is asked to perform.
 *
 * A person names a fault by its kind ("halves", "torn-write"); the nemesis resolves the kind, the target and the
 * moment into primitives, and a deployment performs primitives only. So every deployment implements a dozen things,
 * and the vocabulary can grow without touching one.
 *
 * @see Kingsbury, Jepsen (partition names); the etcd robustness tests and TigerBeetle's simulator (disk faults).
 */

import type { Millis, NodeId } from "./units.ts";

export const faultKinds = {
  process: ["kill", "pause", "crash-loop", "graceful-restart", "wipe"],
  partition: [
    "isolate-one",
    "halves",
    "majority-minority",
    "majorities-ring",
    "bridge",
    "one-way",
    "leader",
    "flapping",
  ],
  packet: ["delay", "loss", "duplicate", "reorder", "corrupt", "bandwidth", "reset", "slow-close", "half-open"],
  disk: ["torn-write", "lost-sync", "bit-flip", "misdirect", "read-error", "write-error", "full", "slow"],
  clock: ["jump", "skew", "strobe"],
  membership: ["add", "remove", "replace", "transfer"],
  thread: ["thread-kill", "thread-stall"],
} as const;

export type FaultGroup = keyof typeof faultKinds;
export type FaultKind = (typeof faultKinds)[FaultGroup][number];

/** One direction of one link. Either end may be `clientsEndpoint`: all clients together. */
export interface Link {
  readonly from: NodeId;
  readonly to: NodeId;
}

/** The name under which the clients' side of every client link goes. */
export const clientsEndpoint: NodeId = "clients";

/** How a delayed message's extra latency is drawn, in milliseconds. */
export type DelayDistribution =
  | { readonly shape: "constant"; readonly ms: Millis }
  | { readonly shape: "uniform"; readonly lowMs: Millis; readonly highMs: Millis }
  | { readonly shape: "exponential"; readonly meanMs: Millis };

/** What a faulty link does to each message (simulated) or chunk of bytes (cluster). Probabilities lie in [0, 1]. */
export type PacketFault =
  | { readonly kind: "delay"; readonly distribution: DelayDistribution }
  | { readonly kind: "loss"; readonly probability: number }
  /** With `probability` a message comes a second time, up to `holdMs` (default 0) late. */
  | { readonly kind: "duplicate"; readonly probability: number; readonly holdMs?: Millis }
  /** With `probability` a message is held for `holdMs`, so that later ones overtake it. */
  | { readonly kind: "reorder"; readonly probability: number; readonly holdMs: Millis }
  /** With `probability` one bit of a message is flipped. */
  | { readonly kind: "corrupt"; readonly probability: number }
  | { readonly kind: "bandwidth"; readonly bytesPerS: number }
  /** Connections of the link are reset at once (and, in the simulator, what is in flight is lost). */
  | { readonly kind: "reset" }
  /** Closing takes `lingerMs`: the other side sees the end late. */
  | { readonly kind: "slow-close"; readonly lingerMs: Millis }
  /** The sender believes the connection is up; nothing arrives and nothing says so. */
  | { readonly kind: "half-open" };

/** What a faulty disk does. Counts select operations after injection; probabilities apply to each operation. */
export type DiskFault =
  /** The next append writes only a prefix of its bytes, then the node loses power. */
  | { readonly kind: "torn-write" }
  /** Power loss now: everything appended and not synced is dropped, then the node restarts. */
  | { readonly kind: "lost-sync" }
  /** One bit of stored, synced data is flipped; noticed when it is next read. */
  | { readonly kind: "bit-flip" }
  /** The next append lands over earlier bytes of the same file. */
  | { readonly kind: "misdirect" }
  | { readonly kind: "read-error"; readonly probability: number }
  | { readonly kind: "write-error"; readonly probability: number }
  /** Appends fail with FULL. */
  | { readonly kind: "full" }
  /** Every operation takes `extraMs` longer. */
  | { readonly kind: "slow"; readonly extraMs: Millis };

export type ClockFault =
  /** The clock jumps once by `byMs` (negative: backwards). */
  | { readonly kind: "jump"; readonly byMs: Millis }
  /** The clock runs `rate` times as fast as real time, rate > 0. */
  | { readonly kind: "skew"; readonly rate: number }
  /** The clock jumps forth and back by `byMs` every `periodMs`. */
  | { readonly kind: "strobe"; readonly byMs: Millis; readonly periodMs: Millis };

export type MembershipChange = (typeof faultKinds)["membership"][number];

/** What a deployment is asked to perform until healed. */
export type Fault =
  /** SIGKILL; heal: restart on the same data. */
  | { readonly kind: "kill"; readonly nodes: readonly NodeId[] }
  /** SIGSTOP; heal: SIGCONT. */
  | { readonly kind: "pause"; readonly nodes: readonly NodeId[] }
  /** An orderly stop; heal: restart on the same data. */
  | { readonly kind: "graceful-restart"; readonly nodes: readonly NodeId[] }
  /** SIGKILL and loss of the disk; heal: start on an empty one. */
  | { readonly kind: "wipe"; readonly nodes: readonly NodeId[] }
  /** Nothing passes in these directions; connections stay up. */
  | { readonly kind: "cut"; readonly links: readonly Link[] }
  | { readonly kind: "packet"; readonly links: readonly Link[]; readonly fault: PacketFault }
  | { readonly kind: "disk"; readonly nodes: readonly NodeId[]; readonly fault: DiskFault }
  | { readonly kind: "clock"; readonly nodes: readonly NodeId[]; readonly fault: ClockFault }
  /**
   * The cluster takes a new node in, lets the first of `nodes` go, or does both at once; or its leader hands its office
   * over. heal: the cluster gets its former size back.
   */
  | { readonly kind: "membership"; readonly nodes: readonly NodeId[]; readonly change: MembershipChange }
  /**
   * Of nodes that execute tasks on threads: thread `worker` (modulo their number) is ended wherever it is, and another
   * one takes its place; or it stands still, and goes on when healed.
   */
  | {
      readonly kind: "thread";
      readonly nodes: readonly NodeId[];
      readonly worker: number;
      readonly change: "kill" | "stall";
    };

/** What a fault did so far. A scheduled fault whose `count` stays 0 is inert and voids its run. */
export interface Efficacy {
  readonly count: number;
  /** What was counted: "messages cut", "bytes lost", "ms paused", "processes killed", ... */
  readonly unit: string;
}

/** A fault at work. */
export interface FaultHandle {
  /** Ends the fault; idempotent. What it had destroyed stays destroyed. */
  heal(): void;
  efficacy(): Efficacy;
}

/**
 * A moment placed by what happens rather than by time, so that one plan hits the same moment in every implementation.
 * The node that reaches it waits until the fault has been injected.
 */
export type Moment =
  /** Before the `count`-th (1-based) sync of a file on `node` since it last started. */
  | { readonly kind: "sync"; readonly node: NodeId; readonly count: number }
  /** Before the `count`-th message of type `message` from `from` to `to`; in each term anew when `inTerm`. */
  | {
      readonly kind: "message";
      readonly message: string;
      readonly from: NodeId;
      readonly to: NodeId;
      readonly count: number;
      readonly inTerm: boolean;
    };
