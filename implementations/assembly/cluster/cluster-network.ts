/**
 * The network of a cluster deployment: its certificates, the proxies every link passes through, and the clients' end.
 *
 * Every directed link between two processes and every client link passes through a proxy in the links process, whether
 * or not a fault is planned.
 */

import { assert } from "../../foundation/assert.ts";
import type { Random } from "../../foundation/effects.ts";
import type { Fault, FaultHandle, Link } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { Authority, Credentials } from "../../platform/node/certificates.ts";
import { issueAuthority, issueCertificate } from "../../platform/node/certificates.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { TlsTransport } from "../../platform/node/transport.ts";
import { Links } from "../links.ts";
import type { Address } from "./control.ts";

export interface ClusterNetworkOptions {
  readonly founders: readonly NodeId[];
  /** Whether nodes talk over links; otherwise by calls inside their one process. */
  readonly networked: boolean;
  readonly directory: string;
  readonly onLinksExit: (description: string) => void;
}

/** How many nodes were tried with a stranger's certificate, and how many refused. */
export interface Knock {
  readonly tried: number;
  readonly refused: number;
}

/** How long every node has to refuse a stranger. */
const knockLimitMs = 3000;

export class ClusterNetwork {
  readonly links: Links;
  readonly #networked: boolean;
  readonly #authority: Authority;
  readonly #credentials: Record<NodeId, Credentials>;
  #clients: TlsTransport | undefined;

  static async launch(options: ClusterNetworkOptions): Promise<ClusterNetwork> {
    const { founders, networked, directory, onLinksExit } = options;
    const authority = await issueAuthority("grey cluster");
    const credentials: Record<NodeId, Credentials> = {};
    for (const id of [...founders, clientsEndpoint]) credentials[id] = await issueCertificate(authority, id);
    const links = await Links.launch({ links: linksOf(founders, networked), directory });
    links.onExit(onLinksExit);
    return new ClusterNetwork(links, networked, authority, credentials);
  }

  private constructor(
    links: Links,
    networked: boolean,
    authority: Authority,
    credentials: Record<NodeId, Credentials>,
  ) {
    this.links = links;
    this.#networked = networked;
    this.#authority = authority;
    this.#credentials = credentials;
  }

  credentialsOf(ids: readonly NodeId[]): Readonly<Record<NodeId, Credentials>> {
    return Object.fromEntries(ids.map((id) => [id, this.#credentialOf(id)]));
  }

  /** Makes the way between `id`, which joins, and all `others`. */
  async add(id: NodeId, others: readonly NodeId[]): Promise<void> {
    const links = others.flatMap((other) => [
      { from: other, to: id },
      { from: id, to: other },
    ]);
    this.#credentials[id] = await issueCertificate(this.#authority, id);
    await this.links.add([...links, { from: clientsEndpoint, to: id }]);
  }

  /** Where the nodes `hosted` by one process reach all others. */
  peersOf(hosted: readonly NodeId[], everyone: readonly NodeId[]): Readonly<Record<NodeId, Address>> {
    const peers: Record<NodeId, Address> = {};
    if (!this.#networked) return peers;
    for (const from of hosted) {
      for (const to of everyone) if (to !== from) peers[to] = this.links.address({ from, to });
    }
    return peers;
  }

  /** Opens the clients' end. */
  openClients(random: Random): TlsTransport {
    assert(this.#clients === undefined, "the clients' end is opened once");
    const credentials = this.#credentialOf(clientsEndpoint);
    this.#clients = new TlsTransport({ id: clientsEndpoint, credentials, clock: nodeClock, random });
    return this.#clients;
  }

  /** Leads the clients to `everyone`; again when there are more. */
  connectClients(everyone: readonly NodeId[]): void {
    this.#clients?.connect(this.#clientAddresses(everyone));
  }

  /** Begins a fault on links that are proxied. */
  inject(fault: Extract<Fault, { kind: "cut" | "packet" }>): FaultHandle {
    return fault.kind === "cut" ? this.links.cut(fault.links) : this.links.packet(fault.links, fault.fault);
  }

  /** What each node sent to the others, as the proxies between them counted it. */
  nodeToNodeBytes(): Map<NodeId, number> {
    const sent = new Map<NodeId, number>();
    for (const { from, forwardBytes } of this.links.counters()) {
      if (from !== clientsEndpoint) sent.set(from, (sent.get(from) ?? 0) + forwardBytes);
    }
    return sent;
  }

  /**
   * Tries to speak to `nodes` with a certificate of another authority, until all refused or the time is up.
   *
   * @param refusals how many strangers each node refused so far.
   */
  async knock(
    nodes: readonly NodeId[],
    random: Random,
    refusals: () => Promise<ReadonlyMap<NodeId, number>>,
  ): Promise<Knock> {
    const before = await refusals();
    const credentials = await issueCertificate(await issueAuthority("stranger"), clientsEndpoint);
    const stranger = new TlsTransport({ id: clientsEndpoint, credentials, clock: nodeClock, random });
    try {
      stranger.connect(this.#clientAddresses(nodes));
      const limitMs = nodeClock.nowMs() + knockLimitMs;
      for (;;) {
        for (const node of nodes) stranger.send(node, new Uint8Array([0]));
        const after = await refusals();
        const refused = nodes.filter((node) => (after.get(node) ?? 0) > (before.get(node) ?? 0)).length;
        if (refused === nodes.length || nodeClock.nowMs() > limitMs) return { tried: nodes.length, refused };
        await new Promise<void>((resolve) => nodeClock.after(20, resolve));
      }
    } finally {
      await stranger.close();
    }
  }

  async close(): Promise<void> {
    await this.#clients?.close();
    await this.links.stop();
  }

  #clientAddresses(nodes: readonly NodeId[]): Map<NodeId, Address> {
    return new Map(nodes.map((node) => [node, this.links.address({ from: clientsEndpoint, to: node })] as const));
  }

  #credentialOf(id: NodeId): Credentials {
    const credentials = this.#credentials[id];
    assert(credentials !== undefined, `${id} has a certificate`);
    return credentials;
  }
}

function linksOf(nodes: readonly NodeId[], networked: boolean): Link[] {
  const clientLinks = nodes.map((to) => ({ from: clientsEndpoint, to }));
  if (!networked) return clientLinks;
  const between = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => ({ from, to })));
  return [...between, ...clientLinks];
}
