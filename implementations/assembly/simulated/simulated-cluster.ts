/** A cluster of nodes in the simulated substrate, each in a seat of its own, talking over the simulated network. */

import { assert, unreachable } from "../../foundation/assert.ts";
import type { DeployOptions, NodeState } from "../../foundation/deployment.ts";
import { combinedHandle, faultHandle } from "../../foundation/fault-handle.ts";
import type { Fault, FaultHandle, Moment } from "../../foundation/faults.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { MemberChanges } from "../member-changes.ts";
import type { ModuleDeployment, ModuleKit, ModuleTypes } from "../module-kit.ts";
import { MessageMoments } from "../moments.ts";
import type { HostPorts, NodeHost } from "./node-host.ts";
import { NodeSeat } from "./node-seat.ts";
import { SimulatedWorld } from "./world.ts";

/** How long nodes have to tell their states; one that ended meanwhile never does. */
const stateLimitMs: Millis = 10_000;

export class SimulatedCluster<Types extends ModuleTypes> {
  readonly #world: SimulatedWorld<Types>;
  readonly #seats = new Map<NodeId, NodeSeat<Types>>();
  readonly #moments = new MessageMoments();
  readonly #members: MemberChanges;

  constructor(
    kit: ModuleKit<Types>,
    options: DeployOptions,
    createHost: (ports: HostPorts<Types["event"]>) => NodeHost<Types["state"]>,
  ) {
    const members = (): readonly NodeId[] => this.#members?.members ?? this.#world.founders;
    const world = new SimulatedWorld(kit, { ...options, members });
    this.#world = world;
    const create = (id: NodeId): NodeSeat<Types> => {
      const seat = new NodeSeat({ world, moments: this.#moments, id, createHost });
      this.#seats.set(id, seat);
      return seat;
    };
    for (const seat of world.founders.map(create)) seat.start();
    this.#members = new MemberChanges(world.founders, {
      start: (id) => create(id).start(),
      retire: (id) => this.#seat(id).retire(),
      administer: (command, done) => world.administer(command, done),
      hasLeaders: kit.vocabulary.leadershipOf !== undefined,
    });
  }

  deployment(): ModuleDeployment<Types> {
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
      run: (limitMs, work) => world.run(limitMs, work),
      states: () => this.#states(),
      resources: () => Promise.resolve(this.#memberSeats.map(([, seat]) => seat.resources())),
      isSettled: () => members.isSettled,
      knock: () => Promise.resolve(undefined),
      traceHash: () => world.trace.hash(),
      stop: () => Promise.resolve(),
    };
  }

  get #memberSeats(): readonly (readonly [NodeId, NodeSeat<Types>])[] {
    return this.#members.members.map((id) => [id, this.#seat(id)] as const);
  }

  #seat(id: NodeId): NodeSeat<Types> {
    const seat = this.#seats.get(id);
    assert(seat !== undefined, `${id} is a node of the deployment`);
    return seat;
  }

  /** Time passes only where nodes have to look at their disks for it. */
  async #states(): Promise<ReadonlyMap<NodeId, NodeState<Types["state"]>>> {
    const seats = this.#memberSeats;
    const known = new Map<NodeId, NodeState<Types["state"]>>();
    let finish = (): void => undefined;
    for (const [id, seat] of seats) {
      seat.state((state) => {
        known.set(id, state);
        if (known.size === seats.length) finish();
      });
    }
    if (known.size < seats.length) {
      await this.#world.run(stateLimitMs, (finished) => {
        finish = finished;
      });
    }
    const silent = { kind: "out-of-service", reason: "it ended before it told its state" } as const;
    return new Map(seats.map(([id]) => [id, known.get(id) ?? silent]));
  }

  #at(moment: Moment, reached: () => void): void {
    if (moment.kind === "sync") return this.#seat(moment.node).holdSync(moment.count, reached);
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
        const seats = fault.nodes.map((id) => this.#seat(id));
        const stopped = seats.filter((seat) => seat.takeDown(fault.kind)).length;
        // Also those that were down already: this fault held them down too.
        const heal = (): void => seats.forEach((seat) => seat.start());
        return faultHandle("nodes stopped", () => stopped, heal);
      }
      case "pause":
        return combinedHandle(fault.nodes.map((id) => this.#seat(id).pause()));
      case "disk":
        return combinedHandle(fault.nodes.map((id) => this.#seat(id).injectDisk(fault.fault)));
      case "clock":
        return combinedHandle(fault.nodes.map((id) => this.#seat(id).clock.inject(fault.fault)));
      case "thread":
        return combinedHandle(fault.nodes.map((id) => this.#seat(id).injectThread(fault)));
      case "membership":
        return this.#members.inject(fault);
      default:
        return unreachable(fault);
    }
  }
}
