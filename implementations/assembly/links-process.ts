/**
 * The entry point of the links process: it hosts the proxy of every link of one deployment, and is its warden.
 *
 * A process of its own, so that the driver's load and the nodes' work do not slow the network. It lives as long as its
 * driver: when the IPC channel closes, however the driver ended, it kills every process under its watch and is gone.
 */

import type { FaultHandle } from "../foundation/faults.ts";
import { assert, unreachable } from "../foundation/assert.ts";
import { nodeClock } from "../platform/node/clock.ts";
import { LinkGateway } from "../platform/node/link-gateway.ts";
import { LinkProxy } from "../platform/node/link-proxy.ts";
import { nodeRandom } from "../platform/node/random.ts";
import { combinedHandle } from "../foundation/fault-handle.ts";
import type { GatewayPlan, LinksReply, LinksRequest } from "./links-messages.ts";
import { Warden } from "./warden.ts";

class LinksProcess {
  readonly #warden = new Warden();
  readonly #handles = new Map<number, FaultHandle>();
  readonly #proxies: LinkProxy[] = [];
  readonly #gateways: LinkGateway[] = [];

  constructor() {
    process.on("message", (request) => this.#handle(request as LinksRequest));
    process.on("disconnect", () => this.#end());
    // Ctrl-C and a closed terminal reach the whole foreground group; here the driver alone decides when to end.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  }

  #handle(request: LinksRequest): void {
    switch (request.kind) {
      case "listen":
        void this.#listen(request);
        return;
      case "target":
        return this.#proxy(request.proxy).setTarget(request.address);
      case "apply":
        return this.#apply(request);
      case "heal":
        this.#handles.get(request.handle)?.heal();
        return;
      case "ward":
        return this.#warden.ward(request.pid);
      case "unward":
        return this.#warden.unward(request.pid);
      case "report":
        return this.#report(request.question);
      case "stop":
        process.disconnect();
        return;
      default:
        unreachable(request);
    }
  }

  async #listen({ links, gateways }: Extract<LinksRequest, { kind: "listen" }>): Promise<void> {
    try {
      const random = nodeRandom();
      const proxies = await Promise.all(
        links.map(({ from, to }) => LinkProxy.listen({ clock: nodeClock, random: random.fork(`${from}>${to}`) })),
      );
      this.#proxies.push(...proxies);
      const opened = await Promise.all(gateways.map((gateway) => this.#openGateway(gateway)));
      this.#gateways.push(...opened);
      const [addresses, ways] = [proxies, opened].map((each) => each.map(({ address }) => address));
      this.#reply({ kind: "listening", addresses: addresses ?? [], gateways: ways ?? [] });
    } catch (error) {
      this.#reply({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #openGateway({ hosts }: GatewayPlan): Promise<LinkGateway> {
    const routes = new Map(hosts);
    return LinkGateway.listen((host, connection) => {
      const proxy = routes.get(host);
      if (proxy !== undefined) this.#proxy(proxy).accept(connection);
      return proxy !== undefined;
    });
  }

  #apply({ handle, places, fault }: Extract<LinksRequest, { kind: "apply" }>): void {
    const handles = places.map(({ proxy, directions }) => this.#proxy(proxy).apply(fault, directions));
    this.#handles.set(handle, combinedHandle(handles));
  }

  #report(question: number): void {
    const efficacy = [...this.#handles].map(([handle, fault]) => [handle, fault.efficacy().count] as const);
    const counters = this.#proxies.map((proxy) => proxy.counters);
    this.#reply({ kind: "report", question, report: { efficacy, counters } });
  }

  #proxy(index: number): LinkProxy {
    const proxy = this.#proxies[index];
    assert(proxy !== undefined, `proxy ${index} is one of ${this.#proxies.length}`);
    return proxy;
  }

  #reply(reply: LinksReply): void {
    if (process.connected) process.send?.(reply, undefined, undefined, () => undefined);
  }

  /** Nothing is left that would keep the process up. */
  #end(): void {
    this.#warden.endAll();
    for (const each of [...this.#proxies, ...this.#gateways]) void each.close();
  }
}

new LinksProcess();
