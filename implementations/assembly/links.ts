/**
 * The driver's handle of the links process: where each link's proxy listens, its faults, and the warden's list.
 *
 * A directed link between two nodes is a proxy of its own. A client link is one connection that carries requests
 * forward and replies backward, so `{ from: "clients", to: "n1" }` and `{ from: "n1", to: "clients" }` are the two
 * directions of one proxy. Between nodes of ours nothing but TLS bookkeeping travels backward; a cut stops that too, as
 * the loss of acknowledgements would. Nodes that answer on the connections others made (`twoWay`) speak to each other
 * on both proxies of a pair: what n1 says to n2 goes forward on the one from n1 and backward on the one from n2, and
 * that is where a fault of the link from n1 to n2 is done. So a cut in one direction stops every word of n1 to n2, and
 * none of n2 to n1.
 *
 * Requests go out at once and are carried out in the order in which they were made; `settled` waits until they are.
 */

import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { assert } from "../foundation/assert.ts";
import { HarnessError } from "../foundation/errors.ts";
import { faultHandle } from "../foundation/fault-handle.ts";
import type { FaultHandle, Link, PacketFault } from "../foundation/faults.ts";
import { clientsEndpoint } from "../foundation/faults.ts";
import type { Millis, NodeId } from "../foundation/units.ts";
import { nodeClock } from "../platform/node/clock.ts";
import { proxyUnitOf } from "../platform/node/link-proxy.ts";
import type { LaneDirection, ProxyCounters, ProxyFault } from "../platform/node/link-proxy.ts";
import type { PeerAddress } from "../platform/node/outgoing-link.ts";
import type { FaultPlace, GatewayPlan, LinksReply, LinksReport, LinksRequest } from "./links-messages.ts";

type LinksSubprocess = ReturnType<typeof startProcess>;

const entry = fileURLToPath(new URL("links-process.ts", import.meta.url));
/** How long the process may take to start, and to end after it was asked to. */
const startLimitMs: Millis = 10_000;
const stopLimitMs: Millis = 3000;

export interface LinksOptions {
  /** Links between nodes in each direction that is used; client links from the clients to the node. */
  readonly links: readonly Link[];
  /** The working directory of the process. */
  readonly directory: string;
  /** Whether nodes also speak on the connections that others made to them. */
  readonly twoWay?: boolean;
  /** Nodes that dial each other by these addresses, each through a gateway of its own. */
  readonly hosts?: ReadonlyMap<NodeId, string>;
}

type Callers = "clients" | "nodes";

/** Where a node listens, for all callers or for some. */
interface Target {
  readonly node: NodeId;
  readonly port: number;
  readonly callers: Callers | undefined;
}

export class Links {
  readonly #subprocess: LinksSubprocess;
  readonly #links: Link[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #twoWay: boolean;
  readonly #gateways: GatewayPlan[] = [];
  readonly #addresses: PeerAddress[] = [];
  readonly #gatewayAddresses: PeerAddress[] = [];
  /** Where the nodes listen, for links that are added later. */
  readonly #targets: Target[] = [];
  #listening: ((reply: LinksReply | undefined) => void) | undefined;
  #handles = 0;
  #questions = 0;
  readonly #waiting = new Map<number, (report: LinksReport | undefined) => void>();
  readonly #efficacy = new Map<number, number>();
  #counters: readonly ProxyCounters[] = [];
  #stderr = "";
  #exitListener: (description: string) => void = () => undefined;
  #stopping = false;

  private constructor(subprocess: LinksSubprocess, { twoWay }: LinksOptions) {
    this.#subprocess = subprocess;
    this.#twoWay = twoWay ?? false;
    subprocess.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-2000);
    });
    subprocess.on("message", (message) => this.#receive(message as unknown as LinksReply));
    void subprocess.then(({ exitCode, signal }) => this.#ended(signal ?? `exit code ${exitCode ?? "unknown"}`));
  }

  /** Starts the process with a proxy for each of `links`. @throws HarnessError when it does not start. */
  static async launch(options: LinksOptions): Promise<Links> {
    const subprocess = startProcess(options.directory);
    const links = new Links(subprocess, options);
    const limit = nodeClock.after(startLimitMs, () => subprocess.kill("SIGKILL"));
    try {
      await links.add(options.links, options.hosts);
      return links;
    } catch (error) {
      subprocess.kill("SIGKILL");
      throw error;
    } finally {
      limit.cancel();
    }
  }

  /**
   * Adds a proxy for each of `links`, and a gateway for each of `hosts`.
   *
   * @throws HarnessError when that is not possible.
   */
  async add(links: readonly Link[], hosts?: LinksOptions["hosts"]): Promise<void> {
    assert(this.#listening === undefined, "links are added one call after the other");
    for (const link of links) this.#indexes.set(keyOf(link), this.#links.push(link) - 1);
    const gateways = [...(hosts ?? [])].map(([node]) => ({ node, hosts: this.#routesFrom(node, hosts) }));
    const { promise, resolve } = Promise.withResolvers<LinksReply | undefined>();
    this.#listening = resolve;
    this.#send({ kind: "listen", links, gateways });
    if (!this.#subprocess.connected) resolve(undefined);
    const reply = await promise;
    this.#listening = undefined;
    if (reply?.kind !== "listening") {
      const reason = reply?.kind === "failed" ? reply.reason : `it ended${this.#lastWords()}`;
      throw new HarnessError(`Cannot start the links process: ${reason}`);
    }
    this.#gateways.push(...gateways);
    this.#addresses.push(...reply.addresses);
    this.#gatewayAddresses.push(...reply.gateways);
    for (const target of this.#targets) this.#point(links, target);
  }

  get pid(): number | undefined {
    return this.#subprocess.pid;
  }

  /** Where to connect for the other end of `link`. */
  address(link: Link): PeerAddress {
    const address = this.#addresses[this.#indexOf(link)];
    assert(address !== undefined, "the links process listens");
    return address;
  }

  /** Where the SOCKS server listens through which `node` reaches the others. */
  gateway(node: NodeId): PeerAddress {
    const address = this.#gatewayAddresses[this.#gateways.findIndex((each) => each.node === node)];
    assert(address !== undefined, `${node} has a gateway`);
    return address;
  }

  /** `node` listens on loopback port `port` from now on, for everyone, or for the clients or the nodes alone. */
  setTarget(node: NodeId, port: number, callers?: Callers): void {
    const target = { node, port, callers };
    const replaced = this.#targets.findIndex((each) => each.node === node && each.callers === callers);
    this.#targets.splice(replaced < 0 ? this.#targets.length : replaced, 1, target);
    this.#point(this.#links, target);
  }

  #point(links: readonly Link[], { node, port, callers }: Target): void {
    for (const link of links) {
      const calls = callers === undefined || (link.from === clientsEndpoint) === (callers === "clients");
      if (link.to !== node || !calls) continue;
      this.#send({ kind: "target", proxy: this.#indexOf(link), address: { host: "127.0.0.1", port } });
    }
  }

  /** Holds everything in these directions until healed; cuts may overlap. */
  cut(links: readonly Link[]): FaultHandle {
    return this.#apply(links, { kind: "cut" });
  }

  /** @throws UsageError for `duplicate` and `reorder`, which TCP hides. */
  packet(links: readonly Link[], fault: PacketFault): FaultHandle {
    return this.#apply(links, fault);
  }

  /** Resolves when everything asked for so far is in effect. */
  async settled(): Promise<void> {
    await this.#report();
  }

  /**
   * Brings the efficacy of all fault handles, and the counters, up to date. A process that ended leaves the last known.
   */
  async refreshEfficacy(): Promise<void> {
    const report = await this.#report();
    if (report === undefined) return;
    for (const [handle, count] of report.efficacy) this.#efficacy.set(handle, count);
    this.#counters = report.counters;
  }

  /** What each link has carried, as of the last `refreshEfficacy`. */
  counters(): readonly (Link & Readonly<ProxyCounters>)[] {
    return this.#counters.flatMap((counters, index) => {
      const link = this.#links[index];
      return link === undefined ? [] : [{ ...link, ...counters }];
    });
  }

  /** Has `pid` killed should the driver end, in whatever way, before `unward`. */
  ward(pid: number): void {
    this.#send({ kind: "ward", pid });
  }

  unward(pid: number): void {
    this.#send({ kind: "unward", pid });
  }

  /** Tells `listener` when the process ends without having been asked to. */
  onExit(listener: (description: string) => void): void {
    this.#exitListener = listener;
  }

  /** Ends the process, and whatever is still under its watch; idempotent. */
  async stop(): Promise<void> {
    if (!this.#stopping) this.#send({ kind: "stop" });
    this.#stopping = true;
    const limit = nodeClock.after(stopLimitMs, () => this.#subprocess.kill("SIGKILL"));
    await this.#subprocess;
    limit.cancel();
  }

  #apply(links: readonly Link[], fault: ProxyFault): FaultHandle {
    const unit = proxyUnitOf(fault);
    const handle = ++this.#handles;
    this.#send({ kind: "apply", handle, places: this.#placesOf(links, fault), fault });
    return faultHandle(
      unit,
      () => this.#efficacy.get(handle) ?? 0,
      () => this.#send({ kind: "heal", handle }),
    );
  }

  /** One place per proxy, also when both directions of a link are named: its connections are reset once. */
  #placesOf(links: readonly Link[], fault: ProxyFault): readonly FaultPlace[] {
    const directions = new Map<number, Set<LaneDirection>>();
    for (const link of links) {
      for (const [proxy, direction] of this.#lanesOf(link, fault)) {
        directions.set(proxy, (directions.get(proxy) ?? new Set()).add(direction));
      }
    }
    return [...directions].map(([proxy, place]) => ({ proxy, directions: [...place] }));
  }

  #lanesOf(link: Link, fault: ProxyFault): readonly (readonly [proxy: number, direction: LaneDirection])[] {
    const proxy = this.#indexOf(link);
    if (link.to === clientsEndpoint) return [[proxy, "backward"]];
    if (link.from === clientsEndpoint) return [[proxy, "forward"]];
    if (this.#twoWay) {
      return [
        [proxy, "forward"],
        [this.#indexOf({ from: link.to, to: link.from }), "backward"],
      ];
    }
    const silencesBoth = fault.kind === "cut" || fault.kind === "half-open";
    return silencesBoth
      ? [
          [proxy, "forward"],
          [proxy, "backward"],
        ]
      : [[proxy, "forward"]];
  }

  #routesFrom(node: NodeId, hosts: LinksOptions["hosts"]): GatewayPlan["hosts"] {
    return [...(hosts ?? [])].flatMap(([to, host]) =>
      to === node ? [] : [[host, this.#indexOf({ from: node, to })] as const],
    );
  }

  #indexOf(link: Link): number {
    const forward = link.to === clientsEndpoint ? { from: link.to, to: link.from } : link;
    const index = this.#indexes.get(keyOf(forward));
    assert(index !== undefined, `the link from ${link.from} to ${link.to} has a proxy`);
    return index;
  }

  /** @returns undefined when the process has ended. */
  #report(): Promise<LinksReport | undefined> {
    if (!this.#subprocess.connected) return Promise.resolve(undefined);
    const question = ++this.#questions;
    const { promise, resolve } = Promise.withResolvers<LinksReport | undefined>();
    this.#waiting.set(question, resolve);
    this.#send({ kind: "report", question });
    return promise;
  }

  #receive(reply: LinksReply): void {
    if (reply.kind !== "report") return this.#listening?.(reply);
    this.#waiting.get(reply.question)?.(reply.report);
    this.#waiting.delete(reply.question);
  }

  /** A request to a process that has ended is lost: `onExit` says what matters. */
  #send(request: LinksRequest): void {
    if (this.#subprocess.connected) {
      this.#subprocess.send(request, undefined, undefined, () => undefined);
    }
  }

  #ended(how: string): void {
    this.#listening?.(undefined);
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
    if (!this.#stopping) this.#exitListener(`ended with ${how}${this.#lastWords()}`);
  }

  #lastWords(): string {
    const last = this.#stderr.trim().split("\n").at(-1) ?? "";
    return last === "" ? "" : `: ${last}`;
  }
}

function keyOf(link: Link): string {
  return `${link.from}>${link.to}`;
}

function startProcess(directory: string) {
  return execa(process.execPath, [entry], {
    cwd: directory,
    ipc: true,
    serialization: "advanced",
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    buffer: false,
    reject: false,
    // It must outlive a driver that exits: ending the nodes then is its task.
    cleanup: false,
  });
}
