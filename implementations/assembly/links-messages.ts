/** What the driver and the links process say to each other over the IPC channel between them. */

import type { Link } from "../foundation/faults.ts";
import type { LaneDirection, ProxyCounters, ProxyFault } from "../platform/node/link-proxy.ts";
import type { NodeId } from "../foundation/units.ts";
import type { PeerAddress } from "../platform/node/outgoing-link.ts";

/**
 * One proxy and the directions of it that a fault is done to. `proxy` counts the links in the order of their request.
 */
export interface FaultPlace {
  readonly proxy: number;
  readonly directions: readonly LaneDirection[];
}

/** A way out for `node`, which dials the others by the addresses in `hosts`: for each, the index of the link there. */
export interface GatewayPlan {
  readonly node: NodeId;
  readonly hosts: readonly (readonly [host: string, proxy: number])[];
}

export type LinksRequest =
  /** More links, and gateways to them; the answer comes before the next such request is made. */
  | { readonly kind: "listen"; readonly links: readonly Link[]; readonly gateways: readonly GatewayPlan[] }
  | { readonly kind: "target"; readonly proxy: number; readonly address: PeerAddress }
  | {
      readonly kind: "apply";
      readonly handle: number;
      readonly places: readonly FaultPlace[];
      readonly fault: ProxyFault;
    }
  | { readonly kind: "heal"; readonly handle: number }
  | { readonly kind: "ward"; readonly pid: number }
  | { readonly kind: "unward"; readonly pid: number }
  /** Requests are carried out in order, so the answer also says that all before it are done. */
  | { readonly kind: "report"; readonly question: number }
  | { readonly kind: "stop" };

export interface LinksReport {
  /** By handle number, healed ones included. */
  readonly efficacy: readonly (readonly [handle: number, count: number])[];
  /** By proxy number. */
  readonly counters: readonly ProxyCounters[];
}

export type LinksReply =
  | {
      readonly kind: "listening";
      readonly addresses: readonly PeerAddress[];
      readonly gateways: readonly PeerAddress[];
    }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "report"; readonly question: number; readonly report: LinksReport };
