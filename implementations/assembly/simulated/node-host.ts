/**
 * The socket into which an implementation puts its node in the simulated substrate: what one life of a node is given,
 * and what its seat asks of it.
 */

import type { Clock, Random, Transport } from "../../foundation/effects.ts";
import type { Fault, FaultHandle } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { FaultyDisk } from "../../platform/faulty-disk.ts";

/** What one life of a node stands on. */
export interface HostPorts<Event> {
  readonly id: NodeId;
  readonly founders: readonly NodeId[];
  /** Counts the starts of this node from 1. */
  readonly life: number;
  /** No earlier life has started: an empty disk is right. */
  readonly forming: boolean;
  readonly disk: FaultyDisk;
  readonly transport: Transport;
  /** The node's own clock, which may be wrong. */
  readonly clock: Clock;
  /** For this life; to be forked. */
  readonly random: Random;
  /** Runs `callback` after the current turn. */
  readonly defer: (callback: () => void) => void;
  readonly trace: (event: Event) => void;
  /** Called before a message leaves; it leaves when `proceed` is called. */
  readonly beforeSend: (
    to: NodeId,
    message: { readonly kind: string; readonly term: number },
    proceed: () => void,
  ) => void;
  /** Whether anybody waits for a message, so that what is sent has to be told to `beforeSend`. */
  readonly isWatched: () => boolean;
  /** The node has recovered and takes part. */
  readonly onStarted: () => void;
  /** The node cannot go on and has fallen silent; `permanent`: no restart will help. */
  readonly onFatal: (error: Error, permanent: boolean) => void;
}

export type ThreadFault = Extract<Fault, { readonly kind: "thread" }>;

/** One life of a node. */
export interface NodeHost<State> {
  /** Whether it has recovered and takes part. */
  readonly isServing: boolean;
  /** Gives the canonical state, now or later; never, should it end before. */
  state(done: (state: State) => void): void;
  counters(): Readonly<Record<string, number>>;
  /** Of nodes that execute tasks on threads. */
  injectThread?(fault: ThreadFault): FaultHandle;
  /** Ends it orderly. */
  stop(done: () => void): void;
  /** Ends it where it stands: it does and says nothing more. */
  crash(): void;
}
