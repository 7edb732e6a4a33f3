/**
 * What the driver and its node processes say to each other over the control channel (Node's IPC pipe).
 *
 * The control channel is the driver's, not the cluster's: no protocol message travels on it, so closing, cutting or
 * slowing the network never touches it, and what it carries never helps the cluster.
 */

import type { NodeResources, NodeState } from "../../foundation/deployment.ts";
import type { Fault, Moment } from "../../foundation/faults.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { Credentials } from "../../platform/node/certificates.ts";
import type { ModuleTypes } from "../module-kit.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a process needs to host its nodes. */
export interface ProcessConfiguration {
  /** The nodes this process hosts: one in production, all of them in minimal. */
  readonly hosted: readonly NodeId[];
  /** The founders of the cluster. */
  readonly founders: readonly NodeId[];
  readonly seed: string;
  readonly life: number;
  /** No earlier life has started: an empty disk is right. */
  readonly forming: boolean;
  readonly settings: Readonly<Record<string, number | boolean | string>>;
  readonly directory: string;
  readonly credentials: Readonly<Record<NodeId, Credentials>>;
}

export type DriverMessage =
  | { readonly kind: "configure"; readonly configuration: ProcessConfiguration }
  /** Where the proxies of this process's outgoing links listen; again when there are more. */
  | { readonly kind: "connect"; readonly peers: Readonly<Record<NodeId, Address>> }
  /** A fault the process performs on itself: disk, clock, and everything between minimal nodes. */
  | { readonly kind: "inject"; readonly fault: Fault; readonly handle: number }
  | { readonly kind: "heal"; readonly handle: number }
  | { readonly kind: "arm"; readonly moment: Moment; readonly number: number }
  | { readonly kind: "resume"; readonly number: number }
  | { readonly kind: "ask"; readonly what: "states" | "resources" | "efficacy"; readonly question: number }
  | { readonly kind: "stop" };

export interface ProcessStates<State> {
  readonly states: readonly (readonly [NodeId, NodeState<State>])[];
}
export interface ProcessResources {
  readonly resources: readonly NodeResources[];
}
/** By handle number. */
export interface ProcessEfficacy {
  readonly efficacy: readonly (readonly [number, { readonly count: number; readonly unit: string }])[];
}

export type ProcessMessage<Types extends ModuleTypes> =
  | { readonly kind: "listening"; readonly ports: Readonly<Record<NodeId, number>> }
  | { readonly kind: "started"; readonly node: NodeId; readonly repairs: readonly string[] }
  /** The node cannot run; `permanent`: no restart will help. The process exits afterwards. */
  | {
      readonly kind: "failed";
      readonly node: NodeId;
      readonly reason: string;
      readonly permanent: boolean;
      /** What the faults inside it did: it cannot be asked later. */
      readonly efficacy: ProcessEfficacy["efficacy"];
    }
  /** It was asked to stop, and exits now. */
  | { readonly kind: "stopped"; readonly efficacy: ProcessEfficacy["efficacy"] }
  | { readonly kind: "trace"; readonly events: readonly TraceRecord<Types["event"]>[] }
  | { readonly kind: "reached"; readonly number: number }
  | {
      readonly kind: "answer";
      readonly question: number;
      readonly value: ProcessStates<Types["state"]> | ProcessResources | ProcessEfficacy;
    };

/** A trace event with the wall time of its process, milliseconds since the epoch with fractions. */
export type TraceRecord<Event> = readonly [node: NodeId, wallMs: Millis, event: Event];
