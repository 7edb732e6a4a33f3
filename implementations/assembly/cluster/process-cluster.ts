/**
 * A deployment in the cluster substrate: real processes, real sockets, real disks, on this machine's loopback.
 *
 * Production runs one process per node, minimal one process for all; everything else is the same for both, and for all
 * modules, so the comparison is of like with like. The processes and their supervision are in `process-seat.ts`, links
 * and certificates in `cluster-network.ts`. The links process is also the warden: should the driver be killed, it ends
 * every node process, stopped ones included.
 */

import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { DeployOptions, NodeResources, NodeState } from "../../foundation/deployment.ts";
import { assert, unreachable } from "../../foundation/assert.ts";
import { HarnessError, NodeFailure, UsageError } from "../../foundation/errors.ts";
import type { Fault, FaultHandle, Moment } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { NodeId } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { combinedHandle } from "../../foundation/fault-handle.ts";
import { DrivenRun } from "../driven-run.ts";
import { MemberChanges } from "../member-changes.ts";
import type { ModuleDeployment, ModuleKit, ModuleTypes } from "../module-kit.ts";
import { nodeNames } from "../node-names.ts";
import type { RequestClient } from "../request-client.ts";
import { TraceHub } from "../trace-hub.ts";
import { ClusterNetwork } from "./cluster-network.ts";
import type { Knock } from "./cluster-network.ts";
import type { ProcessEfficacy, ProcessMessage, ProcessResources, ProcessStates } from "./control.ts";
import type { NodeExit, NodeProcess } from "./node-process.ts";
import { ProcessFaults } from "./process-faults.ts";
import { ProcessSeat } from "./process-seat.ts";

/** What differs between the implementations. */
export interface ClusterLayout {
  readonly entry: string;
  /** The nodes each process hosts. */
  readonly processes: (nodes: readonly NodeId[]) => readonly (readonly NodeId[])[];
  /** Whether nodes talk over links; otherwise by calls inside their one process. */
  readonly networked: boolean;
}

const defaultAttemptTimeoutMs = 400;

/** @throws HarnessError when a process does not start or its directory cannot be had; nothing is left running then. */
export async function deployCluster<Types extends ModuleTypes>(
  kit: ModuleKit<Types>,
  layout: ClusterLayout,
  options: DeployOptions,
): Promise<ModuleDeployment<Types>> {
  const cluster = new ProcessCluster(kit, layout, options);
  try {
    await cluster.launch();
    return cluster;
  } catch (error) {
    await cluster.stop();
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new HarnessError(`Cannot start a cluster in ${options.directory}: ${error.message}`, { cause: error });
  }
}

class ProcessCluster<Types extends ModuleTypes> implements ModuleDeployment<Types> {
  readonly clock = nodeClock;
  readonly #kit: ModuleKit<Types>;
  readonly #founders: readonly NodeId[];
  readonly #members: MemberChanges;
  readonly #layout: ClusterLayout;
  readonly #options: DeployOptions;
  readonly #trace: TraceHub<Types["event"]>;
  readonly #run = new DrivenRun();
  readonly #seats: ProcessSeat<Types>[] = [];
  readonly #reached = new Map<number, () => void>();
  readonly #faults = new ProcessFaults(() => this.#refreshEfficacy());
  /** Processes that were removed and are ending. */
  readonly #retiring: Promise<void>[] = [];
  #network: ClusterNetwork | undefined;
  #client: RequestClient<Types["operation"], Types["result"]> | undefined;
  #moments = 0;
  #stopping: Promise<void> | undefined;

  constructor(kit: ModuleKit<Types>, layout: ClusterLayout, options: DeployOptions) {
    this.#kit = kit;
    this.#layout = layout;
    this.#options = options;
    this.#trace = new TraceHub(kit.vocabulary);
    this.#founders = nodeNames(options.nodes);
    this.#members = new MemberChanges(this.#founders, {
      start: (id) => void this.#join(id).catch((error: unknown) => this.#break(messageOf(error))),
      retire: (id) => this.#retire(id),
      administer: (command, done) => this.#client?.administer(command, done),
      hasLeaders: kit.vocabulary.leadershipOf !== undefined,
    });
  }

  get nodes(): readonly NodeId[] {
    return this.#members.members;
  }

  async launch(): Promise<void> {
    const { directory, seed, clientAttemptTimeoutMs = defaultAttemptTimeoutMs } = this.#options;
    await mkdir(directory, { recursive: true });
    const network = await ClusterNetwork.launch({
      founders: this.#founders,
      networked: this.#layout.networked,
      directory,
      onLinksExit: (description) => this.#break(`the links process ended: ${description}`),
    });
    this.#network = network;
    for (const hosted of this.#layout.processes(this.#founders)) this.#seats.push(this.#seat(hosted));
    await Promise.all(this.#seats.map((seat) => seat.startFirst()));
    const random = seededRandom(seed).fork("client");
    const transport = network.openClients(random.fork("transport"));
    network.connectClients(this.#everyone());
    this.#client = this.#kit.createClient({
      transport,
      clock: nodeClock,
      random,
      nodes: () => this.nodes,
      attemptTimeoutMs: clientAttemptTimeoutMs,
      retryPauseMs: 10,
    });
  }

  invoke: ModuleDeployment<Types>["invoke"] = (request, deadlineMs, done) => {
    assert(this.#client !== undefined, "the cluster was launched");
    this.#client.invoke(request, deadlineMs, done);
  };

  inject(fault: Fault): FaultHandle {
    switch (fault.kind) {
      case "cut":
      case "packet":
        return this.#injectLinks(fault);
      case "kill":
      case "graceful-restart":
      case "wipe":
        return this.#areProcesses(fault.nodes)
          ? ProcessSeat.takeDown(this.#seatsOf(fault.nodes), fault.kind)
          : this.#injectInside(fault, this.#seats);
      case "pause":
        return this.#areProcesses(fault.nodes)
          ? combinedHandle(this.#seatsOf(fault.nodes).map((seat) => seat.pause()))
          : this.#injectInside(fault, this.#seatsOf(fault.nodes));
      case "disk":
      case "clock":
      case "thread":
        return this.#injectInside(fault, this.#seatsOf(fault.nodes));
      case "membership":
        return this.#members.inject(fault);
      default:
        return unreachable(fault);
    }
  }

  at(moment: Moment, reached: () => void): void {
    if (!this.#layout.networked) {
      throw new UsageError(
        "Cannot place a fault at a moment of a minimal cluster process: its calls cannot wait; use --substrate simulated",
      );
    }
    const number = ++this.#moments;
    this.#reached.set(number, reached);
    const [seat] = this.#seatsOf([moment.kind === "sync" ? moment.node : moment.from]);
    assert(seat !== undefined, "a moment has a node");
    seat.arm(moment, number);
  }

  leader(): NodeId | undefined {
    return this.#trace.leader;
  }

  observe: ModuleDeployment<Types>["observe"] = (listener) => this.#trace.observe(listener);

  run(limitMs: number, work: (finish: () => void) => void): Promise<boolean> {
    return this.#run.run(limitMs, work);
  }

  async states(): Promise<ReadonlyMap<NodeId, NodeState<Types["state"]>>> {
    const states = new Map<NodeId, NodeState<Types["state"]>>();
    await Promise.all(
      this.#seats.map(async (seat) => {
        // A process that is about to end would leave the question unanswered.
        const answer = seat.outReason === undefined ? await seat.ask("states") : undefined;
        const known = new Map((answer as ProcessStates<Types["state"]> | undefined)?.states);
        for (const node of seat.hosted) {
          const reason = seat.outReason ?? `${node} is down`;
          states.set(node, known.get(node) ?? { kind: "out-of-service", reason });
        }
      }),
    );
    return new Map(this.nodes.map((node) => [node, states.get(node) ?? { kind: "out-of-service", reason: "unknown" }]));
  }

  async resources(): Promise<readonly NodeResources[]> {
    const answers = await Promise.all(
      this.#seats.map((seat) => seat.ask("resources") as Promise<ProcessResources | undefined>),
    );
    await this.#refreshEfficacy();
    const bytes = this.#network?.nodeToNodeBytes();
    return answers
      .flatMap((answer) => answer?.resources ?? [])
      .map((each) => ({ ...each, counters: { ...each.counters, "node to node bytes": bytes?.get(each.node) ?? 0 } }));
  }

  isSettled(): boolean {
    return this.#members.isSettled;
  }

  knock(): Promise<Knock> {
    const random = seededRandom(this.#options.seed).fork("stranger");
    return this.#launched.knock(this.nodes, random, () => this.#refusals());
  }

  traceHash(): undefined {
    return undefined;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  get #launched(): ClusterNetwork {
    assert(this.#network !== undefined, "the cluster was launched");
    return this.#network;
  }

  async #stopAll(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.process.stop()));
    await Promise.all(this.#retiring);
    this.#client?.close();
    await this.#network?.close();
    for (const seat of this.#seats) await seat.remove();
  }

  /** Every node that has a seat: members, and those that are about to join or to leave. */
  #everyone(): readonly NodeId[] {
    return this.#seats.flatMap(({ hosted }) => hosted);
  }

  /** Starts a node that joins: its links, its process, and the way to it for all others. */
  async #join(id: NodeId): Promise<void> {
    await this.#launched.add(id, this.#everyone());
    if (this.#stopping !== undefined) return;
    const seat = this.#seat([id]);
    this.#seats.push(seat);
    for (const other of this.#seats) if (other !== seat) this.#connectPeers(other);
    this.#launched.connectClients(this.#everyone());
    await seat.startFirst();
  }

  /** Stops a node that is no member any more, and what it kept. */
  #retire(id: NodeId): void {
    const [seat] = this.#seatsOf([id]);
    if (seat !== undefined) this.#retiring.push(seat.retire(`${id} was removed from the cluster`));
  }

  #seat(hosted: readonly NodeId[]): ProcessSeat<Types> {
    const { directory, seed, settings = {} } = this.#options;
    const network = this.#launched;
    const seat: ProcessSeat<Types> = new ProcessSeat({
      hosted,
      directory: path.join(directory, hosted.length === 1 ? (hosted[0] ?? "node") : "nodes"),
      entry: this.#layout.entry,
      configure: () => ({
        founders: this.#founders,
        seed: String(seed),
        settings,
        credentials: network.credentialsOf(hosted),
      }),
      onMessage: (message) => this.#onMessage(seat, message),
      onExit: (exit) => this.#onExit(seat, exit),
      ward: (pid, watched) => (watched ? network.links.ward(pid) : network.links.unward(pid)),
      mayRun: () => this.#stopping === undefined,
    });
    return seat;
  }

  #onMessage(seat: ProcessSeat<Types>, message: ProcessMessage<Types>): void {
    switch (message.kind) {
      case "listening":
        return this.#connect(seat, message.ports);
      case "failed":
      case "stopped":
        this.#faults.reported(message.efficacy);
        return;
      case "trace":
        for (const [node, wallMs, event] of message.events) {
          this.#trace.emit(wallMs - performance.timeOrigin, node, event);
        }
        return;
      case "reached":
        this.#reached.get(message.number)?.();
        return;
      case "started":
      case "answer":
        return; // The seat's own business.
      default:
        unreachable(message);
    }
  }

  #connect(seat: ProcessSeat<Types>, ports: Readonly<Record<NodeId, number>>): void {
    for (const [node, port] of Object.entries(ports)) this.#launched.links.setTarget(node, port);
    this.#faults.resumed(seat.process);
    seat.rearm();
    this.#connectPeers(seat);
  }

  #connectPeers(seat: ProcessSeat<Types>): void {
    seat.process.send({ kind: "connect", peers: this.#launched.peersOf(seat.hosted, this.#everyone()) });
  }

  #onExit(seat: ProcessSeat<Types>, exit: NodeExit): void {
    this.#faults.ended(seat.process);
    const timeMs = nodeClock.nowMs();
    for (const node of seat.hosted) this.#trace.emit(timeMs, node, this.#kit.vocabulary.stopped(false));
    if (this.#stopping !== undefined) return;
    if (!exit.asked && exit.failed) {
      return this.#run.break(new NodeFailure(seat.process.label, timeMs, `ended itself: ${exit.description}`));
    }
    if (!exit.asked) return this.#break(exit.description);
    seat.restartLater();
  }

  #break(description: string): void {
    if (this.#stopping === undefined) this.#run.breakFromOutside(description);
  }

  #seatsOf(nodes: readonly NodeId[]): ProcessSeat<Types>[] {
    return this.#seats.filter((seat) => seat.hosted.some((node) => nodes.includes(node)));
  }

  /** Whether `nodes` make up whole processes: a signal then reaches them and nobody else. */
  #areProcesses(nodes: readonly NodeId[]): boolean {
    return this.#layout.networked || nodes.length === this.nodes.length;
  }

  #injectInside(fault: Fault, seats: readonly ProcessSeat<Types>[]): FaultHandle {
    return this.#faults.inject(fault, processesOf(seats));
  }

  #injectLinks(fault: Extract<Fault, { kind: "cut" | "packet" }>): FaultHandle {
    const proxied = fault.links.filter(
      (link) => this.#layout.networked || link.from === clientsEndpoint || link.to === clientsEndpoint,
    );
    const inside = fault.links.filter((link) => !proxied.includes(link));
    const handles: FaultHandle[] = [];
    if (proxied.length > 0) handles.push(this.#launched.inject({ ...fault, links: proxied }));
    if (inside.length > 0) handles.push(this.#injectInside({ ...fault, links: inside }, this.#seats));
    return combinedHandle(handles);
  }

  async #refusals(): Promise<Map<NodeId, number>> {
    const resources = await this.resources();
    return new Map(resources.map(({ node, counters }) => [node, counters["transport handshakes refused"] ?? 0]));
  }

  async #refreshEfficacy(): Promise<void> {
    await Promise.all([
      this.#network?.links.refreshEfficacy(),
      ...this.#seats.map(async (seat) => {
        const answer = (await seat.ask("efficacy")) as ProcessEfficacy | undefined;
        this.#faults.reported(answer?.efficacy ?? []);
      }),
    ]);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function processesOf<Types extends ModuleTypes>(seats: readonly ProcessSeat<Types>[]): readonly NodeProcess<Types>[] {
  return seats.map(({ process }) => process);
}
