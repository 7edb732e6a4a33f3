/**
 * One node's place in the simulated substrate: what survives its crashes (disk, clock, random) and what does not (host,
 * endpoint, timers).
 *
 * A supervisor restarts a node that fell silent over an error, as the process supervisor does in the cluster. A node
 * that says that no restart will help stays out of service.
 */

import type { NodeResources, NodeState } from "../../foundation/deployment.ts";
import type { Clock, Random, Transport } from "../../foundation/effects.ts";
import { faultHandle } from "../../foundation/fault-handle.ts";
import type { DiskFault, FaultHandle } from "../../foundation/faults.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { FaultyClock } from "../../platform/faulty-clock.ts";
import { FaultyDisk } from "../../platform/faulty-disk.ts";
import { SimulatedDisk } from "../../platform/simulated/disk.ts";
import type { SimulatedEndpoint } from "../../platform/simulated/transport.ts";
import type { ModuleTypes } from "../module-kit.ts";
import type { MessageMoments } from "../moments.ts";
import { failureOf } from "../node-failure.ts";
import { DiskTroubles, inertHandle } from "./disk-troubles.ts";
import { LifeClock } from "./life-clock.ts";
import type { HostPorts, NodeHost, ThreadFault } from "./node-host.ts";
import type { SimulatedWorld } from "./world.ts";

/** How long a supervisor waits before it restarts a node that failed; doubles up to the maximum. */
const restartPauseMs = { first: 50, most: 1000 } as const;

export interface SeatOptions<Types extends ModuleTypes> {
  readonly world: SimulatedWorld<Types>;
  readonly moments: MessageMoments;
  readonly id: NodeId;
  readonly createHost: (ports: HostPorts<Types["event"]>) => NodeHost<Types["state"]>;
}

export class NodeSeat<Types extends ModuleTypes> {
  readonly clock: FaultyClock;
  readonly #options: SeatOptions<Types>;
  readonly #world: SimulatedWorld<Types>;
  readonly #id: NodeId;
  readonly #random: Random;
  readonly #disk: SimulatedDisk;
  readonly #troubles = new DiskTroubles();
  #diskLife: LifeClock;
  #hostLife: LifeClock;
  #endpoint: SimulatedEndpoint | undefined;
  #host: NodeHost<Types["state"]> | undefined;
  #life = 0;
  /** It has started once: from then on an empty disk is a lost disk. */
  #formed = false;
  #outReason: string | undefined;
  #restartMs: Millis = restartPauseMs.first;
  /** Faults that hold the node down; the supervisor must not start it while there are any. */
  #heldDown = 0;

  constructor(options: SeatOptions<Types>) {
    const { world, id } = options;
    this.#options = options;
    this.#world = world;
    this.#id = id;
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

  /** @returns whether the node was up: otherwise the fault did nothing to it. */
  takeDown(kind: "kill" | "graceful-restart" | "wipe"): boolean {
    this.#heldDown++;
    const host = this.#host;
    if (host !== undefined) {
      if (kind === "graceful-restart") this.#stopOrderly(host);
      else this.#down(false);
    }
    if (kind === "wipe") this.#disk.wipe();
    return host !== undefined;
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

  injectDisk(fault: DiskFault): FaultHandle {
    return this.#troubles.inject(fault);
  }

  /** Does nothing to a node that is down: its threads are gone with it. */
  injectThread(fault: ThreadFault): FaultHandle {
    return this.#host?.injectThread?.(fault) ?? inertHandle;
  }

  holdSync(count: number, reached: () => void): void {
    this.#troubles.holdSync(count, reached);
  }

  /** Gives the canonical state, or why there is none; a node that ends meanwhile gives nothing. */
  state(done: (state: NodeState<Types["state"]>) => void): void {
    const host = this.#host;
    if (this.#outReason !== undefined) return done({ kind: "out-of-service", reason: this.#outReason });
    if (host?.isServing !== true) return done({ kind: "out-of-service", reason: `${this.#id} is down` });
    host.state((state) => done({ kind: "state", state }));
  }

  resources(): NodeResources {
    const counters = this.#host?.counters() ?? {};
    return { node: this.#id, residentBytes: undefined, cpuMs: undefined, counters };
  }

  /** Starts the node's next life unless it is up, held down by a fault, or out of service. */
  #startIfFree(): void {
    if (this.#host !== undefined || this.#heldDown > 0 || this.#outReason !== undefined) return;
    this.#life++;
    const random = this.#random.fork(`life ${this.#life}`);
    this.#diskLife = this.#lifeOn(this.#world.time);
    this.#hostLife = this.#lifeOn(this.clock);
    const disk = new FaultyDisk(this.#disk.open(this.#diskLife), {
      clock: this.#diskLife,
      random: random.fork("disk"),
      onPowerLoss: () => this.#losePower(),
    });
    this.#troubles.begin(disk);
    const endpoint = this.#world.network.endpoint(this.#id);
    this.#endpoint = endpoint;
    this.#host = this.#createHost(disk, endpoint, random);
  }

  #createHost(disk: FaultyDisk, endpoint: SimulatedEndpoint, random: Random): NodeHost<Types["state"]> {
    const { moments, createHost } = this.#options;
    return createHost({
      id: this.#id,
      founders: this.#world.founders,
      life: this.#life,
      forming: !this.#formed,
      disk,
      transport: this.#guarded(this.#world.sealed(endpoint)),
      clock: this.#hostLife,
      random,
      defer: (callback) => this.#hostLife.after(0, callback),
      trace: (event) => this.#world.emit(this.#id, event),
      isWatched: () => moments.isWatching,
      beforeSend: (to, message, proceed) => moments.before(this.#id, to, message, proceed),
      onStarted: () => {
        this.#formed = true;
        this.#restartMs = restartPauseMs.first;
      },
      onFatal: (error, permanent) => this.#onFatal(error, permanent),
    });
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

  /** An orderly stop takes as long as the disk does; the fault that asked for it may have ended meanwhile. */
  #stopOrderly(host: NodeHost<Types["state"]>): void {
    host.stop(() => {
      if (this.#host !== host) return;
      this.#down(true);
      this.#startIfFree();
    });
  }

  #losePower(): void {
    this.#down(false, true);
    this.#restartLater();
  }

  #onFatal(error: Error, permanent: boolean): void {
    if (permanent) this.#outReason = error.message;
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
    const wasServing = host.isServing;
    host.crash();
    if (wasServing) this.#world.emitStop(this.#id, orderly);
    this.#host = undefined;
    this.#hostLife.kill();
    this.#diskLife.kill();
    this.#endpoint?.close();
    this.#options.moments.forget(this.#id);
    this.#troubles.end();
    this.#disk.crash({ powerLoss });
  }
}
