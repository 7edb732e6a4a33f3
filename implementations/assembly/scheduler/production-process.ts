/**
 * The entry point of one production node's process: real threads that execute its tasks, real disk on its own thread,
 * real TLS connections, real clock, with the fault wrappers that the driver switches over the control channel.
 *
 * The threads die with the process: what they executed waits again after the next start, under new tokens.
 */

import type { NodeResources } from "../../foundation/deployment.ts";
import type { Fault, FaultHandle, Moment } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { SchedulerEvent, SchedulerState } from "../../scheduler/contract.ts";
import { FaultyClock } from "../../platform/faulty-clock.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type { Address, ProcessConfiguration } from "../cluster/control.ts";
import { openPorts } from "../cluster/open-ports.ts";
import type { OpenedPorts } from "../cluster/open-ports.ts";
import { ownMemory, ownUsage, prefixed } from "../cluster/own-usage.ts";
import { runNodeProcess } from "../cluster/process-entry.ts";
import type { ProcessHost, ProcessReports } from "../cluster/process-entry.ts";
import { MessageMoments } from "../moments.ts";
import { homeAlone } from "./client.ts";
import { resolveProductionSettings } from "./production-settings.ts";
import { schedulerKit } from "./scheduler-kit.ts";
import { SchedulerNode } from "./scheduler-node.ts";
import type { ExecutorPlace } from "./scheduler-node.ts";
import { TaskThreads } from "./threads/task-threads.ts";

class SchedulerProcess implements ProcessHost<SchedulerState> {
  readonly ports: Readonly<Record<NodeId, number>>;
  readonly #configuration: ProcessConfiguration;
  readonly #reports: ProcessReports<SchedulerEvent>;
  readonly #opened: OpenedPorts;
  readonly #clock = new FaultyClock(nodeClock);
  readonly #moments = new MessageMoments();
  #threads: TaskThreads | undefined;
  #node: SchedulerNode | undefined;

  constructor(configuration: ProcessConfiguration, reports: ProcessReports<SchedulerEvent>, opened: OpenedPorts) {
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
    if (fault.kind === "thread") return this.#node?.injectThread(fault);
    return fault.kind === "clock" ? this.#clock.inject(fault.fault) : undefined;
  }

  arm(moment: Moment, reached: (resume: () => void) => void): void {
    if (moment.kind === "message") this.#moments.arm(moment, reached);
    else this.#opened.disk.holdNextSync(moment.count, reached);
  }

  states: ProcessHost<SchedulerState>["states"] = (done) => {
    const { id } = this.#opened;
    const node = this.#node;
    if (node?.isServing === true) node.state((state) => done([[id, { kind: "state", state }]]));
    else done([[id, { kind: "out-of-service", reason: `${id} is down` }]]);
  };

  resources(): readonly NodeResources[] {
    const { id, base, door } = this.#opened;
    const counters = {
      ...this.#node?.counters,
      ...this.#threads?.counters,
      ...ownMemory(),
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

  #start(): SchedulerNode {
    const { founders, forming, settings } = this.#configuration;
    const { id, disk, door } = this.#opened;
    return new SchedulerNode({
      id,
      founders,
      isPeer: (peer) => peer !== clientsEndpoint,
      forming,
      settings: resolveProductionSettings(settings),
      disk,
      transport: door,
      clock: this.#clock,
      // Two turns, so that what arrives together is written together: a message and a batch of ends more or less.
      defer: (callback) => setImmediate(() => setImmediate(callback)),
      createExecutor: (place) => this.#startThreads(place),
      trace: (event) => this.#reports.trace(id, event),
      isWatched: () => this.#moments.isWatching,
      beforeSend: (to, message, proceed) => this.#moments.before(id, to, message, proceed),
      onStarted: (repairs) => this.#reports.started(id, repairs),
      onFatal: (error, permanent) => this.#reports.failed(id, error, permanent),
    });
  }

  #startThreads({ shared, owner, slots, settings, events }: ExecutorPlace): TaskThreads {
    const { workers, stealing } = settings;
    this.#threads = new TaskThreads({ runQueue: shared, owner, slots, workers, stealing, events });
    return this.#threads;
  }
}

runNodeProcess(schedulerKit(homeAlone), async (configuration, reports) => {
  return new SchedulerProcess(configuration, reports, await openPorts(configuration));
});
