/**
 * The entry point of one production node's process: real disk on its own thread, real TLS connections, real clock, with
 * the fault wrappers on disk and clock that the driver switches over the control channel.
 */

import { unreachable } from "../../foundation/assert.ts";
import type { FaultHandle } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { UsageError } from "../../foundation/errors.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { NodeId } from "../../foundation/units.ts";
import { resolveSettings } from "../../consensus/production/defaults.ts";
import { LogDamage } from "../../consensus/production/log-store.ts";
import { FaultyClock } from "../../platform/faulty-clock.ts";
import { FaultyDisk } from "../../platform/faulty-disk.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { NodeDisk } from "../../platform/node/disk.ts";
import { TlsTransport } from "../../platform/node/transport.ts";
import { MessageMoments } from "../consensus/moments.ts";
import { DiskLost, ProductionNode } from "../consensus/production-node.ts";
import { ChildChannel } from "./child-channel.ts";
import type { Address, DriverMessage, ProcessConfiguration, ProcessEfficacy } from "./control.ts";

class ProductionProcess {
  readonly #channel = new ChildChannel((message) => this.#handle(message));
  readonly #clock = new FaultyClock(nodeClock);
  readonly #moments = new MessageMoments();
  readonly #handles = new Map<number, FaultHandle>();
  readonly #resumes = new Map<number, () => void>();
  #configuration: ProcessConfiguration | undefined;
  #id: NodeId = "";
  #transport: TlsTransport | undefined;
  #baseDisk: NodeDisk | undefined;
  #disk: FaultyDisk | undefined;
  #node: ProductionNode | undefined;

  #handle(message: DriverMessage): void {
    switch (message.kind) {
      case "configure":
        void this.#configure(message.configuration);
        return;
      case "connect":
        return this.#start(message.peers);
      case "inject":
        return this.#inject(message);
      case "heal":
        this.#handles.get(message.handle)?.heal();
        return;
      case "arm":
        return this.#arm(message);
      case "resume":
        this.#resumes.get(message.number)?.();
        this.#resumes.delete(message.number);
        return;
      case "ask":
        return this.#answer(message.what, message.question);
      case "stop":
        return this.#stop();
      default:
        unreachable(message);
    }
  }

  async #configure(configuration: ProcessConfiguration): Promise<void> {
    const [id = ""] = configuration.hosted;
    this.#configuration = configuration;
    this.#id = id;
    const random = seededRandom(`${configuration.seed}/${id}/life ${configuration.life}`);
    try {
      this.#baseDisk = await NodeDisk.open(configuration.directory);
      this.#disk = new FaultyDisk(this.#baseDisk, {
        clock: nodeClock,
        random: random.fork("disk"),
        onPowerLoss: () => process.kill(process.pid, "SIGKILL"),
      });
      const credentials = configuration.credentials[id];
      if (credentials === undefined) throw new UsageError(`Cannot start ${id}: no certificate was given`);
      this.#transport = new TlsTransport({ id, credentials, clock: nodeClock, random: random.fork("transport") });
      this.#channel.send({ kind: "listening", ports: { [id]: await this.#transport.listen() } });
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Also called again, when a node has joined. */
  #start(peers: Readonly<Record<NodeId, Address>>): void {
    const configuration = this.#configuration;
    const transport = this.#transport;
    const disk = this.#disk;
    if (configuration === undefined || transport === undefined || disk === undefined) return;
    const id = this.#id;
    transport.connect(new Map(Object.entries(peers)));
    if (this.#node !== undefined) return;
    this.#node = new ProductionNode({
      id,
      voters: configuration.voters,
      isPeer: (peer) => peer !== clientsEndpoint,
      life: configuration.life,
      forming: configuration.forming,
      settings: resolveSettings(configuration.settings),
      disk,
      transport,
      clock: this.#clock,
      random: seededRandom(`${configuration.seed}/${id}/life ${configuration.life}/raft`),
      defer: (callback) => setImmediate(callback),
      trace: (event) => this.#channel.trace(id, event),
      beforeSend: (to, message, proceed) => this.#moments.before(id, to, message, proceed),
      onStarted: (repairs) => this.#channel.send({ kind: "started", node: id, repairs }),
      onFatal: (error) => this.#fail(error),
    });
  }

  #inject({ fault, handle }: Extract<DriverMessage, { kind: "inject" }>): void {
    if (fault.kind === "disk" && this.#disk !== undefined) this.#handles.set(handle, this.#disk.inject(fault.fault));
    if (fault.kind === "clock") this.#handles.set(handle, this.#clock.inject(fault.fault));
  }

  #arm({ moment, number }: Extract<DriverMessage, { kind: "arm" }>): void {
    const reached = (resume: () => void): void => {
      this.#resumes.set(number, resume);
      this.#channel.flush();
      this.#channel.send({ kind: "reached", number });
    };
    if (moment.kind === "message") this.#moments.arm(moment, reached);
    else this.#disk?.holdNextSync(moment.count, reached);
  }

  #answer(what: Extract<DriverMessage, { kind: "ask" }>["what"], question: number): void {
    this.#channel.flush();
    const id = this.#id;
    if (what === "states") {
      const node = this.#node;
      const ready = node?.view() !== undefined;
      const state = ready
        ? ({ kind: "state", state: node.canonical() } as const)
        : ({ kind: "out-of-service", reason: `${id} is down` } as const);
      this.#channel.send({ kind: "answer", question, value: { states: [[id, state]] } });
    } else if (what === "efficacy") {
      this.#channel.send({ kind: "answer", question, value: { efficacy: this.#efficacy() } });
    } else {
      this.#channel.send({ kind: "answer", question, value: { resources: [this.#resources()] } });
    }
  }

  #resources(): { node: NodeId; residentBytes: number; cpuMs: number; counters: Record<string, number> } {
    const { user, system } = process.cpuUsage();
    return {
      node: this.#id,
      residentBytes: process.memoryUsage.rss(),
      cpuMs: (user + system) / 1000,
      counters: {
        ...this.#node?.counters(),
        // This one, and the disk's if it ever took the lock that hands work over to it.
        threads: 1 + ((this.#baseDisk?.counters["lock acquisitions"] ?? 0) > 0 ? 1 : 0),
        ...prefixed("disk thread", this.#baseDisk?.counters ?? {}),
        ...prefixed("transport", this.#transport?.counters ?? {}),
      },
    };
  }

  #stop(): void {
    const finish = (): void => {
      this.#channel.trace(this.#id, { kind: "stop", orderly: true });
      this.#channel.flush();
      void this.#baseDisk?.close().finally(() => this.#channel.exitAfter(undefined, 0));
    };
    if (this.#node === undefined) finish();
    else this.#node.stop(finish);
  }

  #fail(error: Error): void {
    const permanent = error instanceof LogDamage || error instanceof DiskLost;
    const efficacy = this.#efficacy();
    this.#channel.exitAfter({ kind: "failed", node: this.#id, reason: error.message, permanent, efficacy }, 1);
  }

  #efficacy(): ProcessEfficacy["efficacy"] {
    return [...this.#handles].map(([number, handle]) => [number, handle.efficacy()] as const);
  }
}

function prefixed(prefix: string, counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [`${prefix} ${name}`, value]));
}

new ProductionProcess();
