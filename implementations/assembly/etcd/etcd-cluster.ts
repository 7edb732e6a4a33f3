/**
 * A deployment of etcd in the cluster substrate: its own binary, one process per node, on this machine's loopback.
 *
 * What is injected is injected from outside: signals to the processes, and faults in the links. Each member dials the
 * others through its own gateway into the links (`platform/node/link-gateway.ts`), and the clients through theirs, so
 * every byte between two of them passes one proxy, as with our own implementations. A stream of etcd's carries the
 * messages of the member that answers it, so a directed link is a lane of two connections: see `twoWay` in `Links`.
 *
 * It is observed from outside too: who leads is what the members say of themselves, asked every 50 ms, so elections are
 * dated up to that much late. Of log entries and votes etcd says nothing, and so does the trace.
 */

import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { DeployOptions, NodeResources, NodeState } from "../../foundation/deployment.ts";
import { assert, unreachable } from "../../foundation/assert.ts";
import { HarnessError, NodeFailure, UsageError } from "../../foundation/errors.ts";
import { combinedHandle, faultHandle } from "../../foundation/fault-handle.ts";
import type { Fault, FaultHandle, Link } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ConsensusDeployment, ConsensusState } from "../../consensus/contract.ts";
import type { MemberStatus } from "../../consensus/peers/etcd.ts";
import { readState, stateRequest } from "../../consensus/peers/etcd.ts";
import { EtcdClient } from "../../consensus/peers/etcd-client.ts";
import type { Credentials } from "../../platform/node/certificates.ts";
import { issueAuthority, issueCertificate } from "../../platform/node/certificates.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { GrpcChannel } from "../../platform/node/grpc-channel.ts";
import { processUsage } from "../../platform/node/process-usage.ts";
import { nodeNames } from "../consensus/simulated-world.ts";
import { TraceHub } from "../consensus/trace-hub.ts";
import { Links } from "../links.ts";
import { EtcdMember, untilServing } from "./etcd-member.ts";
import type { MemberExit, MemberPorts } from "./etcd-member.ts";
import type { EtcdSettings } from "./etcd-settings.ts";
import { memberArguments } from "./member-arguments.ts";
import { refusesStrangers } from "./refuses-strangers.ts";

const startLimitMs: Millis = 30_000;
const retryPauseMs: Millis = 10;
const leastAttemptTimeoutMs: Millis = 400;

/** @throws HarnessError when a member does not start or the directory cannot be had; nothing is left running then. */
export async function deployEtcd(
  binary: string,
  settings: EtcdSettings,
  options: DeployOptions,
): Promise<ConsensusDeployment> {
  const cluster = new EtcdCluster(binary, settings, options);
  try {
    await cluster.launch();
    return cluster;
  } catch (error) {
    await cluster.stop();
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new HarnessError(`Cannot start etcd in ${options.directory}: ${error.message}`, { cause: error });
  }
}

/** One member and what the driver knows of it. */
interface Seat {
  readonly node: NodeId;
  readonly member: EtcdMember;
  /** Faults that hold it down. */
  heldDown: number;
  /** The life of which "start" was told. */
  toldLife: number;
  /** The term in which it said it leads; 0 while it does not. */
  leadsTerm: number;
  ended: string | undefined;
}

class EtcdCluster implements ConsensusDeployment {
  readonly nodes: readonly NodeId[];
  readonly clock = nodeClock;
  readonly #binary: string;
  readonly #settings: EtcdSettings;
  readonly #options: DeployOptions;
  readonly #hosts: ReadonlyMap<NodeId, string>;
  readonly #trace = new TraceHub();
  readonly #seats: Seat[] = [];
  readonly #channels = new Map<NodeId, GrpcChannel>();
  readonly #credentials = new Map<NodeId, Credentials>();
  #links: Links | undefined;
  #client: EtcdClient | undefined;
  #broken: HarnessError | NodeFailure | undefined;
  #onBroken: ((error: HarnessError | NodeFailure) => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor(binary: string, settings: EtcdSettings, options: DeployOptions) {
    this.#binary = binary;
    this.#settings = settings;
    this.#options = options;
    this.nodes = nodeNames(options.nodes);
    this.#hosts = new Map(this.nodes.map((node, index) => [node, `192.0.2.${index + 1}`]));
  }

  async launch(): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true });
    if (this.#settings.tls) await this.#issueCertificates();
    this.#links = await Links.launch({ links: this.#allLinks(), directory, twoWay: true, hosts: this.#hosts });
    this.#links.onExit((description) => this.#break(`the links process ended: ${description}`));
    for (const node of this.nodes) this.#seats.push(await this.#seat(node));
    for (const { member } of this.#seats) member.start();
    await Promise.all(this.#seats.map((seat) => untilServing(seat.member, () => seat.ended, startLimitMs)));
    this.#openClient();
  }

  invoke: ConsensusDeployment["invoke"] = (request, deadlineMs, done) => {
    assert(this.#client !== undefined, "the cluster was launched");
    this.#client.invoke(request, deadlineMs, done);
  };

  inject(fault: Fault): FaultHandle {
    const links = this.#links;
    assert(links !== undefined, "the links process was launched");
    switch (fault.kind) {
      case "cut":
        return links.cut(fault.links);
      case "packet":
        return links.packet(fault.links, fault.fault);
      case "kill":
      case "graceful-restart":
        return this.#takeDown(fault);
      case "pause":
        return combinedHandle(this.#seatsOf(fault.nodes).map((seat) => this.#pause(seat)));
      case "wipe":
      case "disk":
      case "clock":
        throw new UsageError(`Cannot inject ${fault.kind} into etcd: it is not supported there`);
      default:
        return unreachable(fault);
    }
  }

  at(): void {
    throw new UsageError("Cannot place a fault at a moment of etcd: its processes do not wait for the driver");
  }

  leader(): NodeId | undefined {
    return this.#trace.leader;
  }

  observe: ConsensusDeployment["observe"] = (listener) => this.#trace.observe(listener);

  /** etcd does not tell its steps. */
  observeViews(): void {
    return undefined;
  }

  async run(limitMs: Millis, work: (finish: () => void) => void): Promise<boolean> {
    if (this.#broken !== undefined) throw this.#broken;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const limit = nodeClock.after(limitMs, () => resolve(false));
    this.#onBroken = reject;
    try {
      work(() => resolve(true));
      return await promise;
    } finally {
      limit.cancel();
      this.#onBroken = undefined;
    }
  }

  async states(): Promise<ReadonlyMap<NodeId, NodeState<ConsensusState>>> {
    const states = this.#seats.map(async ({ node, member }) => {
      const answer = await member.ask(stateRequest.method, stateRequest.message);
      const state: NodeState<ConsensusState> =
        answer === undefined
          ? { kind: "out-of-service", reason: `${node} is down` }
          : { kind: "state", state: readState(answer) };
      return [node, state] as const;
    });
    return new Map(await Promise.all(states));
  }

  async resources(): Promise<readonly NodeResources[]> {
    await this.#links?.refreshEfficacy();
    const bytes = this.#nodeToNodeBytes();
    return this.#seats
      .filter(({ member }) => member.running)
      .map(({ node, member }) => ({
        node,
        ...processUsage(member.pid),
        counters: countersOf(member, bytes.get(node)),
      }));
  }

  async knock(): Promise<{ tried: number; refused: number } | undefined> {
    if (!this.#settings.tls) return undefined;
    const addresses = this.nodes.map((node) => this.#clientAddress(node));
    const refused = await refusesStrangers(addresses, this.nodes, this.#credentialsOf(clientsEndpoint).authorityPem);
    return { tried: addresses.length, refused };
  }

  traceHash(): undefined {
    return undefined;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /** Nothing of it is needed any more, so nothing is asked to finish. */
  async #stopAll(): Promise<void> {
    await Promise.all(this.#seats.map(({ member }) => member.kill()));
    for (const channel of this.#channels.values()) channel.close();
    await this.#links?.stop();
    for (const node of this.nodes) await rm(this.#directoryOf(node), { recursive: true, force: true });
  }

  async #issueCertificates(): Promise<void> {
    const authority = await issueAuthority("grey etcd");
    for (const node of this.nodes) {
      const addresses = ["127.0.0.1", this.#hosts.get(node) ?? ""];
      this.#credentials.set(node, await issueCertificate(authority, node, addresses));
    }
    // etcd looks for the caller's address in the caller's certificate, too.
    this.#credentials.set(clientsEndpoint, await issueCertificate(authority, clientsEndpoint, ["127.0.0.1"]));
  }

  #credentialsOf(id: NodeId): Credentials {
    const credentials = this.#credentials.get(id);
    assert(credentials !== undefined, `${id} has a certificate`);
    return credentials;
  }

  #allLinks(): Link[] {
    const between = this.nodes.flatMap((from) => this.nodes.filter((to) => to !== from).map((to) => ({ from, to })));
    return [...between, ...this.nodes.map((to) => ({ from: clientsEndpoint, to }))];
  }

  #clientAddress(node: NodeId) {
    assert(this.#links !== undefined, "the links process was launched");
    return this.#links.address({ from: clientsEndpoint, to: node });
  }

  #directoryOf(node: NodeId): string {
    return path.join(this.#options.directory, node);
  }

  async #seat(node: NodeId): Promise<Seat> {
    const directory = this.#directoryOf(node);
    // A deployment begins from nothing, also where one that was killed left its data.
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    if (this.#settings.tls) await writeCredentials(directory, this.#credentialsOf(node));
    assert(this.#links !== undefined, "the links process was launched");
    const gateway = this.#links.gateway(node);
    const proxy = `socks5://${gateway.host}:${gateway.port}`;
    const member = new EtcdMember({
      node,
      binary: this.#binary,
      argumentsOf: (ports) =>
        memberArguments({
          node,
          directory,
          ports,
          hosts: this.#hosts,
          settings: this.#settings,
          seed: this.#options.seed,
        }),
      environment: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: "" },
      credentials: this.#channelSecurity(node),
      onPorts: (ports) => this.#setTargets(node, ports),
      onStatus: (status, life) => this.#observed(seat, status, life),
      onExit: (exit) => this.#onExit(seat, exit),
      ward: (pid, watched) => (watched ? this.#links?.ward(pid) : this.#links?.unward(pid)),
    });
    const seat: Seat = { node, member, heldDown: 0, toldLife: 0, leadsTerm: 0, ended: undefined };
    return seat;
  }

  #channelSecurity(node: NodeId): { credentials?: Credentials; serverName?: string } {
    return this.#settings.tls ? { credentials: this.#credentialsOf(clientsEndpoint), serverName: node } : {};
  }

  #setTargets(node: NodeId, { client, peer }: MemberPorts): void {
    this.#links?.setTarget(node, client, "clients");
    this.#links?.setTarget(node, peer, "nodes");
  }

  #openClient(): void {
    for (const node of this.nodes) {
      const address = this.#clientAddress(node);
      this.#channels.set(node, new GrpcChannel({ address, clock: nodeClock, ...this.#channelSecurity(node) }));
    }
    this.#client = new EtcdClient({
      call: (node, { method, message }, timeoutMs, done) => {
        const channel = this.#channels.get(node);
        assert(channel !== undefined, `${node} has a channel`);
        channel.call(method, message, timeoutMs, done);
      },
      clock: nodeClock,
      random: seededRandom(this.#options.seed).fork("client"),
      nodes: this.nodes,
      leader: () => this.#trace.leader,
      repeats: this.#settings.sessions,
      attemptTimeoutMs: Math.max(leastAttemptTimeoutMs, this.#settings.electionTimeoutMs),
      retryPauseMs,
    });
  }

  /** Turns what a member says of itself into the events that every implementation's trace has. */
  #observed(seat: Seat, status: MemberStatus, life: number): void {
    const { node } = seat;
    const { term, appliedIndex } = status;
    const timeMs = nodeClock.nowMs();
    if (seat.toldLife !== life) {
      seat.toldLife = life;
      const log = { snapshotIndex: appliedIndex, snapshotTerm: 0, entries: [] };
      this.#trace.emit(timeMs, node, { kind: "start", life, term, votedFor: null, ...log });
    }
    const leadsTerm = status.leader === status.member ? term : 0;
    if (leadsTerm === seat.leadsTerm) return;
    seat.leadsTerm = leadsTerm;
    this.#trace.emit(timeMs, node, { kind: "role", term, role: leadsTerm > 0 ? "leader" : "follower" });
  }

  #onExit(seat: Seat, exit: MemberExit): void {
    seat.ended = exit.description;
    seat.leadsTerm = 0;
    const timeMs = nodeClock.nowMs();
    this.#trace.emit(timeMs, seat.node, { kind: "stop", orderly: false });
    if (exit.asked) return;
    if (exit.failed) return this.#end(new NodeFailure(seat.node, timeMs, `ended itself: ${exit.description}`));
    this.#break(exit.description);
  }

  #break(description: string): void {
    this.#end(new HarnessError(`The run is void: a process was ended from outside: ${description}`));
  }

  #end(error: HarnessError | NodeFailure): void {
    if (this.#stopping !== undefined || this.#broken !== undefined) return;
    this.#broken = error;
    this.#onBroken?.(error);
  }

  #seatsOf(nodes: readonly NodeId[]): Seat[] {
    return this.#seats.filter(({ node }) => nodes.includes(node));
  }

  #takeDown({ kind, nodes }: Extract<Fault, { kind: "kill" | "graceful-restart" }>): FaultHandle {
    const seats = this.#seatsOf(nodes);
    let count = 0;
    const ends = seats.map(({ member }, index) => {
      const seat = seats[index];
      if (seat !== undefined) seat.heldDown++;
      if (!member.running) return Promise.resolve();
      count++;
      return kind === "graceful-restart" ? member.stop() : member.kill();
    });
    const down = Promise.all(ends);
    return faultHandle(
      "processes ended",
      () => count,
      () => {
        void down.then(() => {
          for (const seat of seats) {
            seat.heldDown--;
            if (seat.heldDown === 0 && this.#stopping === undefined) seat.member.start();
          }
        });
      },
    );
  }

  #pause({ member }: Seat): FaultHandle {
    const startMs = nodeClock.nowMs();
    const stopped = member.signal("SIGSTOP");
    let pausedMs: Millis | undefined;
    return faultHandle(
      "ms paused",
      () => (stopped ? Math.round(pausedMs ?? nodeClock.nowMs() - startMs) : 0),
      () => {
        pausedMs = nodeClock.nowMs() - startMs;
        member.signal("SIGCONT");
      },
    );
  }

  /** What each node sent to the others, forward on its own connections and backward on those made to it. */
  #nodeToNodeBytes(): Map<NodeId, number> {
    const sent = new Map<NodeId, number>();
    const add = (node: NodeId, bytes: number): Map<NodeId, number> => sent.set(node, (sent.get(node) ?? 0) + bytes);
    for (const { from, to, forwardBytes, backwardBytes } of this.#links?.counters() ?? []) {
      if (from === clientsEndpoint) continue;
      add(from, forwardBytes);
      add(to, backwardBytes);
    }
    return sent;
  }
}

function countersOf({ status }: EtcdMember, sentBytes: number | undefined): Record<string, number> {
  const counters = { "node to node bytes": sentBytes ?? 0 };
  if (status === undefined) return counters;
  const { raftIndex, appliedIndex, databaseBytes } = status;
  return { ...counters, "raft index": raftIndex, "applied index": appliedIndex, "database bytes": databaseBytes };
}

/** In files, as etcd wants them; readable by nobody else, and gone with the run. */
async function writeCredentials(directory: string, credentials: Credentials): Promise<void> {
  const { authorityPem, certificatePem, keyPem } = credentials;
  await writeFile(path.join(directory, "authority.pem"), authorityPem);
  await writeFile(path.join(directory, "certificate.pem"), certificatePem);
  await writeFile(path.join(directory, "key.pem"), keyPem, { mode: 0o600 });
}
