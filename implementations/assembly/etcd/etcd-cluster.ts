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

import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { DeployOptions, NodeResources, NodeState } from "../../foundation/deployment.ts";
import { assert, unreachable } from "../../foundation/assert.ts";
import { HarnessError, NodeFailure, UsageError } from "../../foundation/errors.ts";
import { combinedHandle } from "../../foundation/fault-handle.ts";
import type { Fault, FaultHandle, Link } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ConsensusDeployment, ConsensusState } from "../../consensus/contract.ts";
import { readState, stateRequest } from "../../consensus/peers/etcd-state.ts";
import { EtcdClient } from "../../consensus/peers/etcd-client.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { GrpcChannel } from "../../platform/node/grpc-channel.ts";
import { processUsage } from "../../platform/node/process-usage.ts";
import { consensusVocabulary } from "../consensus/vocabulary.ts";
import { DrivenRun } from "../driven-run.ts";
import { Links } from "../links.ts";
import { nodeNames } from "../node-names.ts";
import { TraceHub } from "../trace-hub.ts";
import { EtcdIdentities } from "./etcd-identities.ts";
import { EtcdMember, untilServing } from "./etcd-member.ts";
import type { MemberExit, MemberPorts } from "./etcd-member.ts";
import type { EtcdSettings } from "./etcd-settings.ts";
import { memberArguments } from "./member-arguments.ts";
import { pause, takeDown } from "./member-faults.ts";
import type { HeldSeat } from "./member-faults.ts";
import { MemberTrace } from "./member-trace.ts";
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
interface Seat extends HeldSeat {
  readonly node: NodeId;
  readonly trace: MemberTrace;
  ended: string | undefined;
}

class EtcdCluster implements ConsensusDeployment {
  readonly nodes: readonly NodeId[];
  readonly clock = nodeClock;
  readonly #binary: string;
  readonly #settings: EtcdSettings;
  readonly #options: DeployOptions;
  readonly #hosts: ReadonlyMap<NodeId, string>;
  readonly #trace = new TraceHub(consensusVocabulary);
  readonly #leaders = new Map<number, NodeId>();
  readonly #run = new DrivenRun();
  readonly #seats: Seat[] = [];
  readonly #channels = new Map<NodeId, GrpcChannel>();
  /** With TLS. */
  #identities: EtcdIdentities | undefined;
  #links: Links | undefined;
  #client: EtcdClient | undefined;
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
    if (this.#settings.tls) this.#identities = await EtcdIdentities.issue(this.#hosts);
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
        return takeDown(this.#seatsOf(fault.nodes), fault.kind, () => this.#stopping === undefined);
      case "pause":
        return combinedHandle(this.#seatsOf(fault.nodes).map(({ member }) => pause(member)));
      case "wipe":
      case "disk":
      case "clock":
      case "membership":
      case "thread":
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

  /** Its members stay as they were. */
  isSettled(): boolean {
    return true;
  }

  /** etcd does not tell its steps. */
  observeViews(): void {
    return undefined;
  }

  run(limitMs: Millis, work: (finish: () => void) => void): Promise<boolean> {
    return this.#run.run(limitMs, work);
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
    if (this.#identities === undefined) return undefined;
    const addresses = this.nodes.map((node) => this.#clientAddress(node));
    const refused = await refusesStrangers(addresses, this.nodes, this.#identities.authorityPem);
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
    await this.#identities?.write(node, directory);
    assert(this.#links !== undefined, "the links process was launched");
    const gateway = this.#links.gateway(node);
    const proxy = `socks5://${gateway.host}:${gateway.port}`;
    const trace = new MemberTrace(node, this.#trace, this.#leaders);
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
      credentials: this.#identities?.towards(node) ?? {},
      onStart: (ports, life) => {
        this.#setTargets(node, ports);
        trace.started(life);
      },
      onStatus: (status) => trace.observed(status),
      onExit: (exit) => this.#onExit(seat, exit),
      ward: (pid, watched) => (watched ? this.#links?.ward(pid) : this.#links?.unward(pid)),
    });
    const seat: Seat = { node, member, trace, heldDown: 0, ended: undefined };
    return seat;
  }

  #setTargets(node: NodeId, { client, peer }: MemberPorts): void {
    this.#links?.setTarget(node, client, "clients");
    this.#links?.setTarget(node, peer, "nodes");
  }

  #openClient(): void {
    for (const node of this.nodes) {
      const address = this.#clientAddress(node);
      this.#channels.set(node, new GrpcChannel({ address, clock: nodeClock, ...this.#identities?.towards(node) }));
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

  #onExit(seat: Seat, exit: MemberExit): void {
    seat.ended = exit.description;
    const timeMs = nodeClock.nowMs();
    seat.trace.ended(timeMs);
    if (exit.asked) return;
    if (exit.failed) return this.#run.break(new NodeFailure(seat.node, timeMs, `ended itself: ${exit.description}`));
    this.#break(exit.description);
  }

  #break(description: string): void {
    if (this.#stopping === undefined) this.#run.breakFromOutside(description);
  }

  #seatsOf(nodes: readonly NodeId[]): Seat[] {
    return this.#seats.filter(({ node }) => nodes.includes(node));
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
