/**
 * The production cluster in the simulated substrate: the same node host as in a real process, on simulated ports.
 *
 * A supervisor restarts a node that fell silent over a disk error, as the process supervisor does in the cluster. A
 * node whose log is damaged or lost stays out of service: restarting cannot help it, and letting it vote again would
 * break its old promises.
 */

import type { DeployOptions, NodeResources, NodeState } from "../../foundation/deployment.ts";
import type { Fault, FaultHandle, Moment } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { Clock, Random, Transport } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { assert, unreachable } from "../../foundation/assert.ts";
import type { ConsensusDeployment, ConsensusState } from "../../consensus/contract.ts";
import type { ProductionSettings } from "../../consensus/production/defaults.ts";
import { resolveSettings } from "../../consensus/production/defaults.ts";
import { LogDamage } from "../../consensus/production/log-store.ts";
import { FaultyClock } from "../../platform/faulty-clock.ts";
import { FaultyDisk } from "../../platform/faulty-disk.ts";
import { SimulatedDisk } from "../../platform/simulated/disk.ts";
import type { SimulatedEndpoint } from "../../platform/simulated/transport.ts";
import { LifeClock } from "../life-clock.ts";
import { combinedHandle, faultHandle } from "../../foundation/fault-handle.ts";
import { MemberChanges } from "./member-changes.ts";
import { MessageMoments } from "./moments.ts";
import { failureOf } from "./node-failure.ts";
import { DiskLost, ProductionNode } from "./production-node.ts";
import { SimulatedWorld } from "./simulated-world.ts";

/** How long a supervisor waits before it restarts a node that failed; doubles up to the maximum. */
const restartPauseMs = { first: 50, most: 1000 } as const;
const defaultAttemptTimeoutMs = 400;

export async function deploySimulatedProduction(options: DeployOptions): Promise<ConsensusDeployment> {
  const cluster = new SimulatedProduction(options);
  return Promise.resolve(cluster.deployment());
}

class SimulatedProduction {
  readonly #world: SimulatedWorld;
  readonly #nodes = new Map<NodeId, SimulatedNode>();
  readonly #moments = new MessageMoments();
  readonly #members: MemberChanges;

  constructor(options: DeployOptions) {
    const settings = resolveSettings(options.settings);
    const members = (): readonly NodeId[] => this.#members?.members ?? this.#world.founders;
    const attemptTimeoutMs = options.clientAttemptTimeoutMs ?? defaultAttemptTimeoutMs;
    this.#world = new SimulatedWorld({ ...options, attemptTimeoutMs, members });
    const create = (id: NodeId): SimulatedNode => {
      const node = new SimulatedNode(this.#world, this.#moments, id, settings);
      this.#nodes.set(id, node);
      return node;
    };
    for (const node of this.#world.founders.map(create)) node.start();
    this.#members = new MemberChanges(this.#world.founders, {
      start: (id) => create(id).start(),
      retire: (id) => this.#node(id).retire(),
      administer: (command, done) => this.#world.administer(command, done),
    });
  }

  get #memberNodes(): readonly (readonly [NodeId, SimulatedNode])[] {
    return this.#members.members.map((id) => [id, this.#node(id)] as const);
  }

  deployment(): ConsensusDeployment {
    const world = this.#world;
    const members = this.#members;
    return {
      get nodes() {
        return members.members;
      },
      clock: world.time,
      invoke: (request, deadlineMs, done) => world.invoke(request, deadlineMs, done),
      inject: (fault) => this.#inject(fault),
      at: (moment, reached) => this.#at(moment, reached),
      leader: () => world.trace.leader,
      observe: (listener) => world.trace.observe(listener),
      observeViews: (listener) => world.observeViews(listener),
      run: (limitMs, work) => world.run(limitMs, work),
      states: () => Promise.resolve(new Map(this.#memberNodes.map(([id, node]) => [id, node.state()]))),
      resources: () => Promise.resolve(this.#memberNodes.map(([, node]) => node.resources())),
      isSettled: () => members.isSettled,
      knock: () => Promise.resolve(undefined),
      traceHash: () => world.trace.hash(),
      stop: () => Promise.resolve(),
    };
  }

  #node(id: NodeId): SimulatedNode {
    const node = this.#nodes.get(id);
    assert(node !== undefined, `${id} is a node of the deployment`);
    return node;
  }

  #at(moment: Moment, reached: () => void): void {
    if (moment.kind === "sync") return this.#node(moment.node).holdSync(moment.count, reached);
    this.#moments.arm(moment, (resume) => {
      reached();
      resume();
    });
  }

  #inject(fault: Fault): FaultHandle {
    switch (fault.kind) {
      case "cut":
        return this.#world.network.cut(fault.links);
      case "packet":
        return this.#world.network.packet(fault.links, fault.fault);
      case "kill":
      case "graceful-restart":
      case "wipe": {
        const nodes = fault.nodes.map((id) => this.#node(id));
        const stopped = nodes.filter((node) => node.takeDown(fault.kind)).length;
        // Also those that were down already: this fault held them down too.
        const heal = (): void => nodes.forEach((node) => node.start());
        return faultHandle("nodes stopped", () => stopped, heal);
      }
      case "pause":
        return combinedHandle(fault.nodes.map((id) => this.#node(id).pause()));
      case "disk":
        return combinedHandle(fault.nodes.map((id) => this.#node(id).injectDisk(fault.fault)));
      case "clock":
        return combinedHandle(fault.nodes.map((id) => this.#node(id).clock.inject(fault.fault)));
      case "membership":
        return this.#members.inject(fault);
      default:
        return unreachable(fault);
    }
  }
}

/** One node: what survives its crashes (disk, clock, random) and what does not (host, endpoint, timers). */
class SimulatedNode {
  readonly clock: FaultyClock;
  readonly #world: SimulatedWorld;
  readonly #moments: MessageMoments;
  readonly #id: NodeId;
  readonly #settings: ProductionSettings;
  readonly #random: Random;
  readonly #disk: SimulatedDisk;
  #diskLife: LifeClock;
  #hostLife: LifeClock;
  #faultyDisk: FaultyDisk | undefined;
  #endpoint: SimulatedEndpoint | undefined;
  #host: ProductionNode | undefined;
  #life = 0;
  /** It has started once: from then on an empty disk is a lost disk. */
  #formed = false;
  #outReason: string | undefined;
  #restartMs: Millis = restartPauseMs.first;
  /** Faults that hold the node down; the supervisor must not start it while there are any. */
  #heldDown = 0;
  readonly #diskFaults = new Set<{ readonly fault: Fault & { kind: "disk" }; handle: FaultHandle; past: number }>();
  readonly #syncMoments: { count: number; reached: () => void }[] = [];

  constructor(world: SimulatedWorld, moments: MessageMoments, id: NodeId, settings: ProductionSettings) {
    this.#world = world;
    this.#moments = moments;
    this.#id = id;
    this.#settings = settings;
    this.#random = world.random.fork(id);
    this.clock = new FaultyClock(world.time);
    this.#diskLife = this.#lifeOn(world.time);
    this.#hostLife = this.#lifeOn(this.clock);
    this.#disk = new SimulatedDisk({ clock: world.time, random: this.#random.fork("disk") });
  }

  /** Ends one fault's hold on the node, which starts again unless others hold it. */
  start(): void {
    if (this.#heldDown > 0) this.#heldDown--;
    this.#startIfFree();
  }

  /** Stops the node for good. */
  retire(): void {
    this.#outReason = `${this.#id} was removed from the cluster`;
    this.#down(false);
  }

  /** Starts the node's next life unless it is up, held down by a fault, or out of service. */
  #startIfFree(): void {
    if (this.#host !== undefined || this.#heldDown > 0 || this.#outReason !== undefined) return;
    this.#life++;
    const life = this.#random.fork(`life ${this.#life}`);
    this.#diskLife = this.#lifeOn(this.#world.time);
    this.#hostLife = this.#lifeOn(this.clock);
    const faultyDisk = new FaultyDisk(this.#disk.open(this.#diskLife), {
      clock: this.#diskLife,
      random: life.fork("disk"),
      onPowerLoss: () => this.#losePower(),
    });
    this.#faultyDisk = faultyDisk;
    for (const entry of this.#diskFaults) entry.handle = faultyDisk.inject(entry.fault.fault);
    for (const { count, reached } of this.#syncMoments) this.#arm(faultyDisk, count, reached);
    const endpoint = this.#world.network.endpoint(this.#id);
    this.#endpoint = endpoint;
    const host: ProductionNode = new ProductionNode({
      id: this.#id,
      voters: this.#world.founders,
      isPeer: (id) => id !== clientsEndpoint,
      life: this.#life,
      forming: !this.#formed,
      settings: this.#settings,
      disk: faultyDisk,
      transport: this.#guarded(this.#world.sealed(endpoint)),
      clock: this.#hostLife,
      random: life.fork("raft"),
      defer: (callback) => this.#hostLife.after(0, callback),
      trace: (event) => this.#world.emit(this.#id, event),
      onStep: () => this.#reportView(),
      beforeSend: (to, message, proceed) => this.#moments.before(this.#id, to, message, proceed),
      onStarted: () => {
        this.#formed = true;
        this.#restartMs = restartPauseMs.first;
        this.#reportView();
      },
      onFatal: (error) => this.#onFatal(error),
    });
    this.#host = host;
  }

  /** Everything that runs in the node runs on these timers, or is a message that reaches it. */
  #lifeOn(clock: Clock): LifeClock {
    return new LifeClock(clock, (callback) => this.#guard(callback));
  }

  #guarded(transport: Transport): Transport {
    return {
      send: (to, bytes) => transport.send(to, bytes),
      onMessage: (receive) => transport.onMessage((from, bytes) => this.#guard(() => receive(from, bytes))),
    };
  }

  /** Puts the node's name to an error that comes out of it. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw failureOf(this.#id, this.#world.time.nowMs(), error);
    }
  }

  /** @returns whether the node was up: otherwise the fault did nothing to it. */
  takeDown(kind: "kill" | "graceful-restart" | "wipe"): boolean {
    this.#heldDown++;
    const host = this.#host;
    if (host === undefined) {
      if (kind === "wipe") this.#disk.wipe();
      return false;
    }
    if (kind === "graceful-restart") this.#stopOrderly(host);
    else this.#down(false);
    if (kind === "wipe") this.#disk.wipe();
    return true;
  }

  pause(): FaultHandle {
    const pausedAtMs = this.#world.time.nowMs();
    let pausedMs: Millis | undefined;
    const lives = [this.#hostLife, this.#diskLife];
    for (const life of lives) life.pause();
    this.#world.network.pause(this.#id);
    return faultHandle(
      "ms paused",
      () => Math.round(pausedMs ?? this.#world.time.nowMs() - pausedAtMs),
      () => {
        pausedMs = this.#world.time.nowMs() - pausedAtMs;
        this.#world.network.resume(this.#id);
        for (const life of lives) life.resume();
      },
    );
  }

  /** A disk fault outlives the node's lives: it is injected again into the disk of each. */
  injectDisk(fault: (Fault & { kind: "disk" })["fault"]): FaultHandle {
    const full: Fault & { kind: "disk" } = { kind: "disk", nodes: [this.#id], fault };
    const handle = this.#faultyDisk?.inject(fault);
    if (handle === undefined)
      return faultHandle(
        "operations",
        () => 0,
        () => undefined,
      );
    const entry = { fault: full, handle, past: 0 };
    const lasting = fault.kind === "full" || fault.kind === "slow" || fault.kind.endsWith("-error");
    if (lasting) this.#diskFaults.add(entry);
    return {
      heal: () => {
        entry.handle.heal();
        this.#diskFaults.delete(entry);
      },
      efficacy: () => {
        const { count, unit } = entry.handle.efficacy();
        return { count: entry.past + count, unit };
      },
    };
  }

  holdSync(count: number, reached: () => void): void {
    const moment = { count, reached };
    this.#syncMoments.push(moment);
    if (this.#faultyDisk !== undefined) this.#arm(this.#faultyDisk, count, reached);
  }

  state(): NodeState<ConsensusState> {
    if (this.#outReason !== undefined) return { kind: "out-of-service", reason: this.#outReason };
    if (this.#host?.view() === undefined) return { kind: "out-of-service", reason: `${this.#id} is down` };
    return { kind: "state", state: this.#host.canonical() };
  }

  resources(): NodeResources {
    const counters = this.#host?.counters() ?? {};
    return { node: this.#id, residentBytes: undefined, cpuMs: undefined, counters };
  }

  /** An orderly stop takes as long as the disk does; the fault that asked for it may have ended meanwhile. */
  #stopOrderly(host: ProductionNode): void {
    host.stop(() => {
      if (this.#host !== host) return;
      this.#down(true);
      this.#startIfFree();
    });
  }

  #arm(disk: FaultyDisk, count: number, reached: () => void): void {
    disk.holdNextSync(count, (resume) => {
      this.#syncMoments.splice(0, this.#syncMoments.length, ...this.#syncMoments.filter((m) => m.reached !== reached));
      reached();
      resume();
    });
  }

  #losePower(): void {
    this.#down(false, true);
    this.#restartLater();
  }

  #onFatal(error: Error): void {
    if (error instanceof LogDamage || error instanceof DiskLost) this.#outReason = error.message;
    this.#down(false);
    this.#restartLater();
  }

  #restartLater(): void {
    const pauseMs = this.#restartMs;
    this.#restartMs = Math.min(restartPauseMs.most, pauseMs * 2);
    this.#heldDown++;
    this.#world.time.after(pauseMs, () => this.start());
  }

  #down(orderly: boolean, powerLoss = false): void {
    const host = this.#host;
    if (host === undefined) return;
    host.crash();
    if (host.view() !== undefined) this.#world.emit(this.#id, { kind: "stop", orderly });
    this.#host = undefined;
    this.#hostLife.kill();
    this.#diskLife.kill();
    this.#endpoint?.close();
    this.#moments.forget(this.#id);
    for (const entry of this.#diskFaults) entry.past += entry.handle.efficacy().count;
    this.#disk.crash({ powerLoss });
  }

  #reportView(): void {
    const listeners = this.#world.viewListeners;
    if (listeners.length === 0) return;
    const view = this.#host?.view();
    if (view !== undefined) for (const listener of listeners) listener(this.#id, view);
  }
}
