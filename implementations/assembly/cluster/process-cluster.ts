/**
 * A deployment in the cluster substrate: real processes, real sockets, real disks, on this machine's loopback.
 *
 * Production runs one process per node, minimal one process for all; everything else is the same for both, so the
 * comparison is of like with like. Every directed link between two processes and every client link passes through a
 * proxy in the links process, whether or not a fault is planned. The links process is also the warden: should the
 * driver be killed, it ends every node process, stopped ones included.
 */

import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { DeployOptions, NodeResources, NodeState } from "../../foundation/deployment.ts";
import { assert, unreachable } from "../../foundation/assert.ts";
import { HarnessError, NodeFailure, UsageError } from "../../foundation/errors.ts";
import type { Fault, FaultHandle, Link, Moment } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ConsensusDeployment, ConsensusState } from "../../consensus/contract.ts";
import type { Authority, Credentials } from "../../platform/node/certificates.ts";
import { issueAuthority, issueCertificate } from "../../platform/node/certificates.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { TlsTransport } from "../../platform/node/transport.ts";
import { ConsensusClient } from "../consensus/client.ts";
import { combinedHandle, faultHandle } from "../../foundation/fault-handle.ts";
import { MemberChanges } from "../consensus/member-changes.ts";
import { nodeNames } from "../consensus/simulated-world.ts";
import { TraceHub } from "../consensus/trace-hub.ts";
import { DrivenRun } from "../driven-run.ts";
import { Links } from "../links.ts";
import type { Address, ProcessEfficacy, ProcessMessage } from "./control.ts";
import { labelOf, NodeProcess } from "./node-process.ts";
import { ProcessFaults } from "./process-faults.ts";
import type { NodeExit } from "./node-process.ts";

/** What differs between the implementations. */
export interface ClusterLayout {
  readonly entry: string;
  /** The nodes each process hosts. */
  readonly processes: (nodes: readonly NodeId[]) => readonly (readonly NodeId[])[];
  /** Whether nodes talk over links; otherwise by calls inside their one process. */
  readonly networked: boolean;
}

const startLimitMs = 30_000;
const restartPauseMs = { first: 50, most: 1000 } as const;
const defaultAttemptTimeoutMs = 400;

/** @throws HarnessError when a process does not start or its directory cannot be had; nothing is left running then. */
export async function deployCluster(layout: ClusterLayout, options: DeployOptions): Promise<ConsensusDeployment> {
  const cluster = new ProcessCluster(layout, options);
  try {
    await cluster.launch();
    return cluster;
  } catch (error) {
    await cluster.stop();
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new HarnessError(`Cannot start a cluster in ${options.directory}: ${error.message}`, { cause: error });
  }
}

/** One process and what the driver knows of it. */
interface Seat {
  readonly hosted: readonly NodeId[];
  readonly process: NodeProcess;
  /** Faults that hold it down. */
  heldDown: number;
  restartMs: Millis;
  /** It will not run again, and why. */
  outReason: string | undefined;
  /** It has started once: from then on an empty disk is a lost disk. */
  formed: boolean;
  readonly moments: Map<number, Moment>;
}

class ProcessCluster implements ConsensusDeployment {
  readonly clock = nodeClock;
  readonly #founders: readonly NodeId[];
  readonly #members: MemberChanges;
  readonly #layout: ClusterLayout;
  readonly #options: DeployOptions;
  readonly #trace = new TraceHub();
  readonly #run = new DrivenRun();
  readonly #seats: Seat[] = [];
  readonly #reached = new Map<number, () => void>();
  readonly #questions = new Map<number, (value: unknown) => void>();
  readonly #faults = new ProcessFaults(() => this.#refreshEfficacy());
  readonly #credentials: Record<NodeId, Credentials> = {};
  #authority: Authority | undefined;
  /** Processes that were removed and are ending. */
  readonly #retiring: Promise<void>[] = [];
  #links: Links | undefined;
  #clientTransport: TlsTransport | undefined;
  #client: ConsensusClient | undefined;
  #number = 0;
  #stopping: Promise<void> | undefined;

  constructor(layout: ClusterLayout, options: DeployOptions) {
    this.#layout = layout;
    this.#options = options;
    this.#founders = nodeNames(options.nodes);
    this.#members = new MemberChanges(this.#founders, {
      start: (id) => void this.#join(id).catch((error: unknown) => this.#break(messageOf(error))),
      retire: (id) => this.#retire(id),
      administer: (command, done) => this.#client?.administer(command, done),
    });
  }

  get nodes(): readonly NodeId[] {
    return this.#members.members;
  }

  async launch(): Promise<void> {
    const { directory, seed, clientAttemptTimeoutMs = defaultAttemptTimeoutMs } = this.#options;
    await mkdir(directory, { recursive: true });
    this.#authority = await issueAuthority("grey cluster");
    for (const id of [...this.#founders, clientsEndpoint]) await this.#issueCertificate(id);
    this.#links = await Links.launch({ links: this.#linksOf(this.#founders), directory });
    this.#links.onExit((description) => this.#break(`the links process ended: ${description}`));
    for (const hosted of this.#layout.processes(this.#founders)) this.#seats.push(this.#seat(hosted));
    await Promise.all(this.#seats.map((seat) => this.#startFirst(seat)));
    const random = seededRandom(seed).fork("client");
    const transport = new TlsTransport({
      id: clientsEndpoint,
      credentials: this.#credentialsOf(clientsEndpoint),
      clock: nodeClock,
      random: random.fork("transport"),
    });
    this.#clientTransport = transport;
    this.#connectClients();
    this.#client = new ConsensusClient({
      transport,
      clock: nodeClock,
      random,
      nodes: () => this.nodes,
      attemptTimeoutMs: clientAttemptTimeoutMs,
      retryPauseMs: 10,
    });
  }

  invoke: ConsensusDeployment["invoke"] = (request, deadlineMs, done) => {
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
        return this.#takeDown(fault);
      case "pause":
        return this.#layout.networked || this.#isEverything(fault.nodes)
          ? combinedHandle(this.#seatsOf(fault.nodes).map((seat) => this.#pause(seat)))
          : this.#faults.inject(fault, processesOf(this.#seatsOf(fault.nodes)));
      case "disk":
      case "clock":
        return this.#faults.inject(fault, processesOf(this.#seatsOf(fault.nodes)));
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
    const number = ++this.#number;
    this.#reached.set(number, reached);
    const [seat] = this.#seatsOf([moment.kind === "sync" ? moment.node : moment.from]);
    assert(seat !== undefined, "a moment has a node");
    seat.moments.set(number, moment);
    seat.process.send({ kind: "arm", moment, number });
  }

  leader(): NodeId | undefined {
    return this.#trace.leader;
  }

  observe: ConsensusDeployment["observe"] = (listener) => this.#trace.observe(listener);

  /** Real processes have no moment between two steps at which another process could look at them. */
  observeViews(): void {
    return undefined;
  }

  run(limitMs: Millis, work: (finish: () => void) => void): Promise<boolean> {
    return this.#run.run(limitMs, work);
  }

  async states(): Promise<ReadonlyMap<NodeId, NodeState<ConsensusState>>> {
    const states = new Map<NodeId, NodeState<ConsensusState>>();
    await Promise.all(
      this.#seats.map(async (seat) => {
        const answer = (await this.#ask(seat, "states")) as
          { states: [NodeId, NodeState<ConsensusState>][] } | undefined;
        const known = new Map(answer?.states);
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
      this.#seats.map((seat) => this.#ask(seat, "resources") as Promise<{ resources: NodeResources[] } | undefined>),
    );
    await this.#refreshEfficacy();
    const bytes = this.#nodeToNodeBytes();
    return answers
      .flatMap((answer) => answer?.resources ?? [])
      .map((each) => ({ ...each, counters: { ...each.counters, "node to node bytes": bytes.get(each.node) ?? 0 } }));
  }

  /** What each node sent to the others, as the proxies between them counted it. */
  #nodeToNodeBytes(): Map<NodeId, number> {
    const sent = new Map<NodeId, number>();
    for (const { from, forwardBytes } of this.#links?.counters() ?? []) {
      if (from !== clientsEndpoint) sent.set(from, (sent.get(from) ?? 0) + forwardBytes);
    }
    return sent;
  }

  isSettled(): boolean {
    return this.#members.isSettled;
  }

  async knock(): Promise<{ tried: number; refused: number }> {
    const before = await this.#refusals();
    const credentials = await issueCertificate(await issueAuthority("stranger"), clientsEndpoint);
    const random = seededRandom(this.#options.seed).fork("stranger");
    const stranger = new TlsTransport({ id: clientsEndpoint, credentials, clock: nodeClock, random });
    try {
      stranger.connect(new Map(this.nodes.map((node) => [node, this.#address({ from: clientsEndpoint, to: node })])));
      const limitMs = nodeClock.nowMs() + knockLimitMs;
      for (;;) {
        for (const node of this.nodes) stranger.send(node, new Uint8Array([0]));
        const after = await this.#refusals();
        const refused = this.nodes.filter((node) => (after.get(node) ?? 0) > (before.get(node) ?? 0)).length;
        if (refused === this.nodes.length || nodeClock.nowMs() > limitMs) return { tried: this.nodes.length, refused };
        await new Promise<void>((resolve) => nodeClock.after(20, resolve));
      }
    } finally {
      await stranger.close();
    }
  }

  async #refusals(): Promise<Map<NodeId, number>> {
    const resources = await this.resources();
    return new Map(resources.map(({ node, counters }) => [node, counters["transport handshakes refused"] ?? 0]));
  }

  traceHash(): undefined {
    return undefined;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.process.stop()));
    await Promise.all(this.#retiring);
    this.#client?.close();
    await this.#clientTransport?.close();
    await this.#links?.stop();
    for (const seat of this.#seats) await rm(this.#directoryOf(seat.hosted), { recursive: true, force: true });
  }

  async #issueCertificate(id: NodeId): Promise<void> {
    assert(this.#authority !== undefined, "the cluster has an authority");
    this.#credentials[id] = await issueCertificate(this.#authority, id);
  }

  #connectClients(): void {
    const addresses = this.#everyone().map(
      (node) => [node, this.#address({ from: clientsEndpoint, to: node })] as const,
    );
    this.#clientTransport?.connect(new Map(addresses));
  }

  /** Every node that has a seat: members, and those that are about to join or to leave. */
  #everyone(): readonly NodeId[] {
    return this.#seats.flatMap(({ hosted }) => hosted);
  }

  /** Starts a node that joins: its links, its process, and the way to it for all others. */
  async #join(id: NodeId): Promise<void> {
    const others = this.#everyone();
    const links = others.flatMap((other) => [
      { from: other, to: id },
      { from: id, to: other },
    ]);
    await this.#issueCertificate(id);
    await this.#links?.add([...links, { from: clientsEndpoint, to: id }]);
    if (this.#stopping !== undefined) return;
    const seat = this.#seat([id]);
    this.#seats.push(seat);
    for (const other of this.#seats) if (other !== seat) this.#connectPeers(other);
    this.#connectClients();
    await this.#startFirst(seat);
  }

  /** Stops a node that is no member any more, and what it kept. */
  #retire(id: NodeId): void {
    const [seat] = this.#seatsOf([id]);
    if (seat === undefined) return;
    seat.outReason = `${id} was removed from the cluster`;
    this.#retiring.push(seat.process.stop().then(() => rm(this.#directoryOf([id]), { recursive: true, force: true })));
  }

  #credentialsOf(id: NodeId): Credentials {
    const credentials = this.#credentials[id];
    assert(credentials !== undefined, `${id} has a certificate`);
    return credentials;
  }

  #linksOf(nodes: readonly NodeId[]): Link[] {
    const clientLinks = nodes.map((to) => ({ from: clientsEndpoint, to }));
    if (!this.#layout.networked) return clientLinks;
    const between = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => ({ from, to })));
    return [...between, ...clientLinks];
  }

  #address(link: Link): Address {
    assert(this.#links !== undefined, "the links process was launched");
    return this.#links.address(link);
  }

  #directoryOf(hosted: readonly NodeId[]): string {
    return path.join(this.#options.directory, hosted.length === 1 ? (hosted[0] ?? "node") : "nodes");
  }

  #seat(hosted: readonly NodeId[]): Seat {
    const seat: Seat = {
      hosted,
      heldDown: 0,
      restartMs: restartPauseMs.first,
      outReason: undefined,
      formed: false,
      moments: new Map(),
      process: new NodeProcess({
        entry: this.#layout.entry,
        label: labelOf(hosted),
        configure: (life) => ({
          hosted,
          voters: this.#founders,
          seed: String(this.#options.seed),
          life,
          forming: !seat.formed,
          settings: this.#options.settings ?? {},
          directory: this.#directoryOf(hosted),
          credentials: Object.fromEntries(hosted.map((id) => [id, this.#credentialsOf(id)])),
        }),
        onMessage: (message) => this.#onMessage(seat, message),
        onExit: (exit) => this.#onExit(seat, exit),
        ward: (pid, watched) => (watched ? this.#links?.ward(pid) : this.#links?.unward(pid)),
      }),
    };
    return seat;
  }

  async #startFirst(seat: Seat): Promise<void> {
    // A deployment begins from nothing, also where one that was killed left its data.
    await rm(this.#directoryOf(seat.hosted), { recursive: true, force: true });
    await mkdir(this.#directoryOf(seat.hosted), { recursive: true });
    seat.process.start();
    const limit = nodeClock.after(startLimitMs, () => seat.process.signal("SIGKILL"));
    try {
      await seat.process.started();
    } finally {
      limit.cancel();
    }
  }

  #onMessage(seat: Seat, message: ProcessMessage): void {
    switch (message.kind) {
      case "listening":
        return this.#connect(seat, message.ports);
      case "started":
        seat.formed = true;
        seat.restartMs = restartPauseMs.first;
        return;
      case "failed":
        if (message.permanent) seat.outReason = message.reason;
        this.#faults.reported(message.efficacy);
        seat.process.expectEnd();
        return;
      case "trace":
        for (const [node, wallMs, event] of message.events) {
          this.#trace.emit(wallMs - performance.timeOrigin, node, event);
        }
        return;
      case "reached":
        this.#reached.get(message.number)?.();
        seat.moments.delete(message.number);
        seat.process.send({ kind: "resume", number: message.number });
        return;
      case "answer":
        this.#questions.get(message.question)?.(message.value);
        return;
      default:
        unreachable(message);
    }
  }

  #connect(seat: Seat, ports: Readonly<Record<NodeId, number>>): void {
    for (const [node, port] of Object.entries(ports)) this.#links?.setTarget(node, port);
    this.#faults.resumed(seat.process);
    for (const [number, moment] of seat.moments) seat.process.send({ kind: "arm", moment, number });
    this.#connectPeers(seat);
  }

  #connectPeers(seat: Seat): void {
    const peers: Record<NodeId, Address> = {};
    if (this.#layout.networked) {
      for (const from of seat.hosted) {
        for (const to of this.#everyone()) if (to !== from) peers[to] = this.#address({ from, to });
      }
    }
    seat.process.send({ kind: "connect", peers });
  }

  #onExit(seat: Seat, exit: NodeExit): void {
    this.#faults.ended(seat.process);
    const timeMs = nodeClock.nowMs();
    for (const node of seat.hosted) this.#trace.emit(timeMs, node, { kind: "stop", orderly: false });
    if (this.#stopping !== undefined) return;
    if (!exit.asked && exit.failed) {
      return this.#run.break(new NodeFailure(seat.process.label, timeMs, `ended itself: ${exit.description}`));
    }
    if (!exit.asked) return this.#break(exit.description);
    if (seat.heldDown === 0 && seat.outReason === undefined) this.#restartLater(seat);
  }

  /** The supervisor: a node that failed by itself (a disk error, a power loss) comes back after a pause. */
  #restartLater(seat: Seat): void {
    const pauseMs = seat.restartMs;
    seat.restartMs = Math.min(restartPauseMs.most, pauseMs * 2);
    nodeClock.after(pauseMs, () => this.#revive(seat));
  }

  #revive(seat: Seat): void {
    if (this.#stopping === undefined && seat.heldDown === 0 && seat.outReason === undefined) seat.process.start();
  }

  #break(description: string): void {
    if (this.#stopping === undefined) this.#run.breakFromOutside(description);
  }

  #seatsOf(nodes: readonly NodeId[]): Seat[] {
    return this.#seats.filter((seat) => seat.hosted.some((node) => nodes.includes(node)));
  }

  #isEverything(nodes: readonly NodeId[]): boolean {
    return nodes.length === this.nodes.length;
  }

  #injectLinks(fault: Extract<Fault, { kind: "cut" | "packet" }>): FaultHandle {
    const proxied = fault.links.filter(
      (link) => this.#layout.networked || link.from === clientsEndpoint || link.to === clientsEndpoint,
    );
    const inside = fault.links.filter((link) => !proxied.includes(link));
    const handles: FaultHandle[] = [];
    const links = this.#links;
    assert(links !== undefined, "the links process was launched");
    if (proxied.length > 0) {
      handles.push(fault.kind === "cut" ? links.cut(proxied) : links.packet(proxied, fault.fault));
    }
    if (inside.length > 0) handles.push(this.#faults.inject({ ...fault, links: inside }, processesOf(this.#seats)));
    return combinedHandle(handles);
  }

  async #refreshEfficacy(): Promise<void> {
    await Promise.all([
      this.#links?.refreshEfficacy(),
      ...this.#seats.map(async (seat) => {
        const answer = (await this.#ask(seat, "efficacy")) as ProcessEfficacy | undefined;
        this.#faults.reported(answer?.efficacy ?? []);
      }),
    ]);
  }

  #takeDown(fault: Extract<Fault, { kind: "kill" | "graceful-restart" | "wipe" }>): FaultHandle {
    if (!this.#layout.networked && !this.#isEverything(fault.nodes))
      return this.#faults.inject(fault, processesOf(this.#seats));
    const seats = this.#seatsOf(fault.nodes);
    let count = 0;
    const ends = seats.map((seat) => {
      seat.heldDown++;
      if (!seat.process.running) return Promise.resolve();
      count += 1;
      return fault.kind === "graceful-restart" ? seat.process.stop() : seat.process.kill();
    });
    const down = Promise.all(ends).then(async () => {
      if (fault.kind !== "wipe") return;
      for (const seat of seats) await rm(this.#directoryOf(seat.hosted), { recursive: true, force: true });
      for (const seat of seats) await mkdir(this.#directoryOf(seat.hosted), { recursive: true });
    });
    return faultHandle(
      "processes ended",
      () => count,
      () => {
        void down.then(() => {
          for (const seat of seats) {
            seat.heldDown--;
            this.#revive(seat);
          }
        });
      },
    );
  }

  #pause(seat: Seat): FaultHandle {
    const startMs = nodeClock.nowMs();
    const stopped = seat.process.signal("SIGSTOP");
    let pausedMs: Millis | undefined;
    return faultHandle(
      "ms paused",
      () => (stopped ? Math.round(pausedMs ?? nodeClock.nowMs() - startMs) : 0),
      () => {
        pausedMs = nodeClock.nowMs() - startMs;
        seat.process.signal("SIGCONT");
      },
    );
  }

  /** @returns the answer, or undefined when the process is not there to give one. */
  async #ask(seat: Seat, what: "states" | "resources" | "efficacy"): Promise<unknown> {
    if (!seat.process.running) return undefined;
    const question = ++this.#number;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#questions.set(question, resolve);
    seat.process.send({ kind: "ask", what, question });
    const limit = nodeClock.after(askLimitMs, () => resolve(undefined));
    try {
      return await promise;
    } finally {
      limit.cancel();
      this.#questions.delete(question);
    }
  }
}

/** How long a process may take to answer the driver; one that is stopped or just ended gives none. */
const askLimitMs = 5000;
/** How long every node has to refuse a stranger. */
const knockLimitMs = 3000;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function processesOf(seats: readonly Seat[]): readonly NodeProcess[] {
  return seats.map(({ process }) => process);
}
