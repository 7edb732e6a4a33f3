/**
 * The entry point of one production node's process: the engine in the node's directory, real TLS connections, real
 * clock, with the faults that the driver switches over the control channel.
 */

import { faultHandle } from "../../foundation/fault-handle.ts";
import type { NodeResources } from "../../foundation/deployment.ts";
import type { Fault, FaultHandle, Moment } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { StorageEvent, StorageState } from "../../storage/contract.ts";
import { FaultyClock } from "../../platform/faulty-clock.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { deviceBytesWritten } from "../../platform/node/process-usage.ts";
import type { TlsTransport } from "../../platform/node/transport.ts";
import type { Address, ProcessConfiguration } from "../cluster/control.ts";
import { openDoor } from "../cluster/open-door.ts";
import { ownMemory, ownUsage, prefixed } from "../cluster/own-usage.ts";
import { runNodeProcess } from "../cluster/process-entry.ts";
import type { ProcessHost, ProcessReports } from "../cluster/process-entry.ts";
import { MessageMoments } from "../moments.ts";
import { NodeEngine } from "./node-engine.ts";
import { resolveProductionSettings } from "./production-settings.ts";
import { ringPreference } from "./ring-preference.ts";
import { storageKit } from "./storage-kit.ts";
import { StoreNode } from "./store-node.ts";

class StoreProcess implements ProcessHost<StorageState> {
  readonly ports: Readonly<Record<NodeId, number>>;
  readonly #configuration: ProcessConfiguration;
  readonly #reports: ProcessReports<StorageEvent>;
  readonly #id: NodeId;
  readonly #door: TlsTransport;
  readonly #clock = new FaultyClock(nodeClock);
  readonly #moments = new MessageMoments();
  readonly #engine: NodeEngine;
  #node: StoreNode | undefined;

  constructor(
    configuration: ProcessConfiguration,
    reports: ProcessReports<StorageEvent>,
    id: NodeId,
    { door, port }: { readonly door: TlsTransport; readonly port: number },
  ) {
    this.#configuration = configuration;
    this.#reports = reports;
    this.#id = id;
    this.#door = door;
    this.ports = { [id]: port };
    const { directory, settings, seed, life } = configuration;
    this.#engine = new NodeEngine({
      node: id,
      settings: resolveProductionSettings(settings),
      directory,
      clock: nodeClock,
      random: seededRandom(`${seed}/${id}/life ${life}/disk`),
    });
  }

  connect(peers: Readonly<Record<NodeId, Address>>): void {
    this.#door.connect(new Map(Object.entries(peers)));
    this.#node ??= this.#start();
  }

  inject(fault: Fault): FaultHandle | undefined {
    if (fault.kind === "disk" && fault.fault.kind === "bit-flip") return this.#flipBit();
    if (fault.kind === "disk") return this.#engine.inject(fault.fault);
    return fault.kind === "clock" ? this.#clock.inject(fault.fault) : undefined;
  }

  arm(moment: Moment, reached: (resume: () => void) => void): void {
    if (moment.kind === "message") this.#moments.arm(moment, reached);
  }

  states: ProcessHost<StorageState>["states"] = (done) => {
    const node = this.#node;
    if (node?.isServing === true) node.state((state) => done([[this.#id, { kind: "state", state }]]));
    else done([[this.#id, { kind: "out-of-service", reason: `${this.#id} is down` }]]);
  };

  resources(): readonly NodeResources[] {
    const counters = {
      ...this.#node?.counters,
      ...ownMemory(),
      ...prefixed("transport", this.#door.counters),
      "device bytes written": deviceBytesWritten() ?? 0,
    };
    return [{ node: this.#id, ...ownUsage(), counters }];
  }

  stop(done: () => void): void {
    const close = (): void => void this.#engine.close().finally(done);
    if (this.#node === undefined) close();
    else this.#node.stop(close);
  }

  /** The node goes down, its files are damaged, and the supervisor starts it again. */
  #flipBit(): FaultHandle {
    let count = 0;
    const flip = (): void => {
      count = this.#engine.flipBit() ? 1 : 0;
      this.#reports.failed(this.#id, new Error(`Cannot go on ${this.#id}: a fault took it down`), false);
    };
    this.#node?.halt(flip);
    return faultHandle(
      "bits flipped",
      () => count,
      () => undefined,
    );
  }

  #start(): StoreNode {
    const { founders, forming, settings, seed, life } = this.#configuration;
    const id = this.#id;
    return new StoreNode({
      id,
      founders,
      isPeer: (peer) => peer !== clientsEndpoint,
      forming,
      settings: resolveProductionSettings(settings),
      openEngine: this.#engine.open,
      setAside: this.#engine.setAside,
      transport: this.#door,
      clock: this.#clock,
      random: seededRandom(`${seed}/${id}/life ${life}/store`),
      // Two turns, so that what arrives together is answered together: a message and a group of writes more or less.
      defer: (callback) => setImmediate(() => setImmediate(callback)),
      tracesAccepts: false,
      trace: (event) => this.#reports.trace(id, event),
      isWatched: () => this.#moments.isWatching,
      beforeSend: (to, message, proceed) => this.#moments.before(id, to, message, proceed),
      onStarted: () => this.#reports.started(id, []),
      onFatal: (error, permanent) => this.#reports.failed(id, error, permanent),
    });
  }
}

// The clients' preference is of no use in here: nobody asks from inside a node.
const kit = storageKit(ringPreference(resolveProductionSettings({})));
runNodeProcess(kit, async (configuration, reports) => {
  const [id = ""] = configuration.hosted;
  const random = seededRandom(`${configuration.seed}/${id}/life ${configuration.life}`);
  return new StoreProcess(configuration, reports, id, await openDoor(configuration, id, random.fork("transport")));
});
