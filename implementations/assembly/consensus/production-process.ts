/**
 * The entry point of one production node's process: real disk on its own thread, real TLS connections, real clock, with
 * the fault wrappers on disk and clock that the driver switches over the control channel.
 */

import type { NodeResources } from "../../foundation/deployment.ts";
import type { Fault, FaultHandle, Moment } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusEvent, ConsensusState } from "../../consensus/contract.ts";
import { resolveSettings } from "../../consensus/production/defaults.ts";
import { FaultyClock } from "../../platform/faulty-clock.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type { Address, ProcessConfiguration } from "../cluster/control.ts";
import { openPorts } from "../cluster/open-ports.ts";
import type { OpenedPorts } from "../cluster/open-ports.ts";
import { ownMemory, ownUsage, prefixed } from "../cluster/own-usage.ts";
import { runNodeProcess } from "../cluster/process-entry.ts";
import type { ProcessHost, ProcessReports } from "../cluster/process-entry.ts";
import { MessageMoments } from "../moments.ts";
import { consensusKit } from "./consensus-kit.ts";
import { isBeyondRestart, ProductionNode } from "./production-node.ts";

class RaftProcess implements ProcessHost<ConsensusState> {
  readonly ports: Readonly<Record<NodeId, number>>;
  readonly #configuration: ProcessConfiguration;
  readonly #reports: ProcessReports<ConsensusEvent>;
  readonly #opened: OpenedPorts;
  readonly #clock = new FaultyClock(nodeClock);
  readonly #moments = new MessageMoments();
  #node: ProductionNode | undefined;

  constructor(configuration: ProcessConfiguration, reports: ProcessReports<ConsensusEvent>, opened: OpenedPorts) {
    this.#configuration = configuration;
    this.#reports = reports;
    this.#opened = opened;
    this.ports = { [opened.id]: opened.port };
  }

  connect(peers: Readonly<Record<NodeId, Address>>): void {
    this.#opened.door.connect(new Map(Object.entries(peers)));
    this.#node ??= this.#start();
  }

  inject(fault: Fault): FaultHandle | undefined {
    if (fault.kind === "disk") return this.#opened.disk.inject(fault.fault);
    return fault.kind === "clock" ? this.#clock.inject(fault.fault) : undefined;
  }

  arm(moment: Moment, reached: (resume: () => void) => void): void {
    if (moment.kind === "message") this.#moments.arm(moment, reached);
    else this.#opened.disk.holdNextSync(moment.count, reached);
  }

  states: ProcessHost<ConsensusState>["states"] = (done) => {
    const { id } = this.#opened;
    const node = this.#node;
    if (node?.view() !== undefined) done([[id, { kind: "state", state: node.canonical() }]]);
    else done([[id, { kind: "out-of-service", reason: `${id} is down` }]]);
  };

  resources(): readonly NodeResources[] {
    const { id, base, door } = this.#opened;
    const counters = {
      ...this.#node?.counters(),
      ...ownMemory(),
      // This one, and the disk's if it ever took the lock that hands work over to it.
      threads: 1 + ((base.counters["lock acquisitions"] ?? 0) > 0 ? 1 : 0),
      ...prefixed("disk thread", base.counters),
      ...prefixed("transport", door.counters),
    };
    return [{ node: id, ...ownUsage(), counters }];
  }

  stop(done: () => void): void {
    const finish = (): void => {
      this.#reports.trace(this.#opened.id, { kind: "stop", orderly: true });
      void this.#opened.base.close().finally(done);
    };
    if (this.#node === undefined) finish();
    else this.#node.stop(finish);
  }

  #start(): ProductionNode {
    const { founders, life, forming, settings, seed } = this.#configuration;
    const { id, disk, door } = this.#opened;
    return new ProductionNode({
      id,
      voters: founders,
      isPeer: (peer) => peer !== clientsEndpoint,
      life,
      forming,
      settings: resolveSettings(settings),
      disk,
      transport: door,
      clock: this.#clock,
      random: seededRandom(`${seed}/${id}/life ${life}/raft`),
      defer: (callback) => setImmediate(callback),
      trace: (event) => this.#reports.trace(id, event),
      beforeSend: (to, message, proceed) => this.#moments.before(id, to, message, proceed),
      onStarted: (repairs) => this.#reports.started(id, repairs),
      onFatal: (error) => this.#reports.failed(id, error, isBeyondRestart(error)),
    });
  }
}

runNodeProcess(consensusKit, async (configuration, reports) => {
  return new RaftProcess(configuration, reports, await openPorts(configuration));
});
