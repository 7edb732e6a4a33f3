/**
 * The entry point of the one process that hosts a whole minimal cluster: direct calls between its nodes, a TLS door for
 * clients per node.
 */

import type { FaultHandle } from "../../foundation/faults.ts";
import { UsageError } from "../../foundation/errors.ts";
import { unreachable } from "../../foundation/assert.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { NodeId } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { TlsTransport } from "../../platform/node/transport.ts";
import { MinimalCluster } from "../consensus/minimal-cluster.ts";
import { resolveMinimalSettings } from "../consensus/minimal-settings.ts";
import { ChildChannel } from "./child-channel.ts";
import type { DriverMessage, ProcessConfiguration } from "./control.ts";

class MinimalProcess {
  readonly #channel = new ChildChannel((message) => this.#handle(message));
  readonly #handles = new Map<number, FaultHandle>();
  readonly #doors = new Map<NodeId, TlsTransport>();
  #configuration: ProcessConfiguration | undefined;
  #cluster: MinimalCluster | undefined;

  #handle(message: DriverMessage): void {
    switch (message.kind) {
      case "configure":
        void this.#configure(message.configuration);
        return;
      case "connect":
        return this.#start();
      case "inject":
        if (this.#cluster !== undefined) this.#handles.set(message.handle, this.#cluster.inject(message.fault));
        return;
      case "heal":
        this.#handles.get(message.handle)?.heal();
        return;
      case "ask":
        return this.#answer(message.what, message.question);
      case "stop":
        return this.#channel.exitAfter(undefined, 0);
      case "arm":
      case "resume":
        return; // The driver refuses moments in a minimal process: its calls cannot wait for the driver.
      default:
        unreachable(message);
    }
  }

  async #configure(configuration: ProcessConfiguration): Promise<void> {
    this.#configuration = configuration;
    const random = seededRandom(`${configuration.seed}/minimal/life ${configuration.life}`);
    const ports: Record<NodeId, number> = {};
    try {
      for (const id of configuration.hosted) {
        const credentials = configuration.credentials[id];
        if (credentials === undefined) throw new UsageError(`Cannot start ${id}: no certificate was given`);
        const door = new TlsTransport({ id, credentials, clock: nodeClock, random: random.fork(`door ${id}`) });
        this.#doors.set(id, door);
        ports[id] = await door.listen();
      }
      this.#channel.send({ kind: "listening", ports });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#channel.exitAfter(
        { kind: "failed", node: configuration.hosted[0] ?? "", reason, permanent: false, efficacy: [] },
        1,
      );
    }
  }

  #start(): void {
    const configuration = this.#configuration;
    if (configuration === undefined) return;
    this.#cluster = new MinimalCluster({
      nodes: configuration.hosted,
      settings: resolveMinimalSettings(configuration.settings),
      clock: nodeClock,
      random: seededRandom(`${configuration.seed}/minimal/life ${configuration.life}/nodes`),
      transportOf: (id) => {
        const door = this.#doors.get(id);
        if (door === undefined) throw new UsageError(`Cannot start ${id}: it has no door`);
        return door;
      },
      trace: (id, event) => this.#channel.trace(id, event),
    });
    for (const node of configuration.hosted) this.#channel.send({ kind: "started", node, repairs: [] });
  }

  #answer(what: Extract<DriverMessage, { kind: "ask" }>["what"], question: number): void {
    this.#channel.flush();
    const cluster = this.#cluster;
    if (what === "efficacy") {
      const efficacy = [...this.#handles].map(([number, handle]) => [number, handle.efficacy()] as const);
      this.#channel.send({ kind: "answer", question, value: { efficacy } });
    } else if (what === "states") {
      this.#channel.send({ kind: "answer", question, value: { states: [...(cluster?.states() ?? [])] } });
    } else {
      const { user, system } = process.cpuUsage();
      const residentBytes = process.memoryUsage.rss();
      // One process hosts all nodes; what it used is told once, at its first node.
      const resources = (cluster?.resources() ?? []).map((node, index) =>
        index === 0
          ? { ...node, residentBytes, cpuMs: (user + system) / 1000, counters: { ...node.counters, threads: 1 } }
          : node,
      );
      this.#channel.send({ kind: "answer", question, value: { resources } });
    }
  }
}

new MinimalProcess();
