/**
 * What a module brings so that its implementations can be deployed; everything else in this folder serves all modules.
 *
 * It says what an event of its trace means and how a client finds its node. Nodes themselves are brought by each
 * implementation: `simulated/node-host.ts` and `cluster/process-entry.ts` are their sockets.
 */

import type { Deployment } from "../foundation/deployment.ts";
import type { NodeId } from "../foundation/units.ts";
import type { ClientPorts, RequestClient } from "./request-client.ts";

/** The types of one module, as one parameter. */
export interface ModuleTypes {
  readonly operation: unknown;
  readonly result: unknown;
  readonly state: unknown;
  readonly event: unknown;
}

export interface TraceVocabulary<Event> {
  /** A small number per kind of event. */
  readonly codeOf: (event: Event) => number;
  /** One number that tells two events of a kind apart; a run's hash needs no more, since it folds every message too. */
  readonly numberOf: (event: Event) => number;
  /**
   * What an event says of its node: that it leads (by a number that grows with every leader), that it does not (null),
   * or neither. A module without leaders leaves it out.
   */
  readonly leadershipOf?: (event: Event) => number | null | undefined;
  /** Whether the driver acts on the event: it is not kept back to be sent with others. */
  readonly isUrgent: (event: Event) => boolean;
  /** The event of a node that stops. */
  readonly stopped: (orderly: boolean) => Event;
}

export interface ModuleKit<Types extends ModuleTypes> {
  readonly vocabulary: TraceVocabulary<Types["event"]>;
  readonly createClient: (ports: ClientPorts) => RequestClient<Types["operation"], Types["result"]>;
}

/** What every deployment of ours can besides. */
export interface ModuleDeployment<Types extends ModuleTypes> extends Deployment<
  Types["operation"],
  Types["result"],
  Types["state"],
  Types["event"]
> {
  /** Whether no change of members is under way or waiting. */
  isSettled(): boolean;
  /**
   * Tries to speak to every node with a certificate of another authority.
   *
   * @returns how many nodes were tried and how many refused; undefined where nodes have no certificates.
   */
  knock(): Promise<{ readonly tried: number; readonly refused: number } | undefined>;
}

/** What an operator asks of a cluster, whatever the module: each understands those its faults need. */
export type AdminCommand =
  | { readonly kind: "change"; readonly add: readonly NodeId[]; readonly remove: readonly NodeId[] }
  /** Where there are leaders: this one shall hand its office over. */
  | { readonly kind: "transfer" };
