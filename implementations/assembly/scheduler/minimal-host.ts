/**
 * The host of a minimal scheduler: one scheduler for the whole deployment, with a door for clients and some workers at
 * every node, all in one thread. The same host stands in the simulator and in the one process of a cluster deployment.
 *
 * The scheduler lives at the first node, the home of all tasks. The others pass their clients' requests on to it, and
 * have their workers execute what it assigns to them; both are direct calls. Workers are numbered through: those of the
 * second node follow those of the first, and so do the lanes.
 *
 * What faults make of that:
 * - A worker that is killed, or whose node is, loses its attempt: the task waits again, and no harm is done.
 * - With the first node all tasks are forgotten, the accepted ones and the ended ones: that a minimal scheduler keeps
 *   nothing through a crash is a documented tradeoff, and this is where it shows.
 * - A node that cannot reach the first one answers UNAVAILABLE, its workers get nothing, and what they finish they tell
 *   when they can. Nobody takes their attempts from them meanwhile: there are no leases.
 * - A worker that stands still, or whose node does, tells of an end when it goes on.
 */

import { assert } from "../../foundation/assert.ts";
import type { NodeResources, NodeState } from "../../foundation/deployment.ts";
import type { Clock, Random, Transport } from "../../foundation/effects.ts";
import type { Fault, FaultHandle } from "../../foundation/faults.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type {
  ClientRequest,
  SchedulerEvent,
  SchedulerOperation,
  SchedulerReply,
  SchedulerState,
} from "../../scheduler/contract.ts";
import { Scheduler } from "../../scheduler/minimal.ts";
import type { Assignment, AttemptOutcome } from "../../scheduler/minimal.ts";
import { CallGate } from "../calls/call-gate.ts";
import type { CallingCluster } from "../calls/calling-cluster.ts";
import { injectIntoCalls } from "../calls/inject-into-calls.ts";
import type { AttemptExecutor } from "./attempt-executor.ts";
import { KnownFunctions } from "./known-functions.ts";
import { MinimalSeat } from "./minimal-seat.ts";
import type { MinimalSchedulerSettings } from "./minimal-settings.ts";
import { WaitingClients } from "./waiting-clients.ts";

export interface MinimalHostOptions {
  readonly nodes: readonly NodeId[];
  readonly settings: MinimalSchedulerSettings;
  readonly clock: Clock;
  readonly random: Random;
  /** Counts the starts of the process from 1. */
  readonly life: number;
  readonly executor: AttemptExecutor;
  /** The clients' door of a node. */
  readonly transportOf: (id: NodeId) => Transport;
  readonly trace: (id: NodeId, event: SchedulerEvent) => void;
}

/** As the production one has them. */
const maxLiveTasks = 65_536;
const rememberedTasks = 100_000;
const maxWaitingClients = 10_000;
/** More lives of the first node than a process is expected to see. */
const livesPerProcess = 1000;
/** How long to wait before a node that was out of reach is tried again. */
const retryMs: Millis = 10;

type Answer = (reply: SchedulerReply) => void;

export class MinimalHost implements CallingCluster<SchedulerState> {
  readonly #options: MinimalHostOptions;
  readonly #gate: CallGate;
  readonly #seats: readonly MinimalSeat[];
  readonly #functions: KnownFunctions;
  /** What the first node has in its memory. */
  #scheduler: Scheduler | undefined;
  #clients = new WaitingClients(maxWaitingClients);
  /** What each worker executes. */
  #assignments: (Assignment | undefined)[] = [];
  /** Whether a node that was out of reach will be tried again. */
  #isRetrying = false;

  constructor(options: MinimalHostOptions) {
    this.#options = options;
    this.#gate = new CallGate(options.random.fork("calls"), options.clock);
    this.#functions = new KnownFunctions(options.executor);
    this.#seats = options.nodes.map((id) => this.#seatFor(id));
    for (const seat of this.#seats) seat.start();
  }

  inject(fault: Fault): FaultHandle {
    return injectIntoCalls(fault, this.#gate, (id) => {
      const seat = this.#seats.find((each) => each.id === id);
      assert(seat !== undefined, `${id} is a node of the deployment`);
      return seat;
    });
  }

  states(): ReadonlyMap<NodeId, NodeState<SchedulerState>> {
    return new Map(this.#seats.map((seat) => [seat.id, this.#stateOf(seat)]));
  }

  resources(): readonly NodeResources[] {
    return this.#seats.map((seat) => {
      const atHome = { "live tasks": this.#scheduler?.liveTasks ?? 0, "waiting clients": this.#clients.size };
      const counters = { requests: seat.requests, ...(seat === this.#home && atHome) };
      return { node: seat.id, residentBytes: undefined, cpuMs: undefined, counters };
    });
  }

  get #home(): MinimalSeat {
    const [home] = this.#seats;
    assert(home !== undefined, "a deployment has a node");
    return home;
  }

  #seatFor(id: NodeId): MinimalSeat {
    const { clock, settings, transportOf } = this.#options;
    return new MinimalSeat({
      id,
      clock,
      workers: settings.workers,
      transport: transportOf(id),
      started: (seat) => this.#started(seat),
      stopped: (seat, orderly) => this.#stopped(seat, orderly),
      lost: (seat, worker) => this.#lose(this.#seats.indexOf(seat) * settings.workers + worker),
      resumed: () => this.#dispatch(),
      serve: (seat, request, answer) => this.#serve(seat, request, answer),
    });
  }

  #started(seat: MinimalSeat): void {
    const { settings, nodes, life, trace } = this.#options;
    trace(seat.id, { kind: "start", life: seat.life, tasks: 0 });
    if (seat === this.#home) {
      this.#scheduler = new Scheduler({
        workers: nodes.length * settings.workers,
        life: (life - 1) * livesPerProcess + seat.life,
        maxLiveTasks,
        rememberedTasks,
        trace: (event) => this.#traced(event),
      });
    }
    this.#dispatch();
  }

  #stopped(seat: MinimalSeat, orderly: boolean): void {
    if (seat === this.#home) {
      this.#scheduler = undefined;
      this.#clients = new WaitingClients(maxWaitingClients);
      this.#assignments = [];
    }
    this.#options.trace(seat.id, { kind: "stop", orderly });
    for (const [worker] of this.#assignments.entries()) if (this.#seatOf(worker) === seat) this.#lose(worker);
  }

  #stateOf(seat: MinimalSeat): NodeState<SchedulerState> {
    if (!seat.isUp) return { kind: "out-of-service", reason: `${seat.id} is down` };
    const held = seat === this.#home ? this.#scheduler?.state() : undefined;
    return { kind: "state", state: held ?? { tasks: [], starts: [] } };
  }

  #seatOf(worker: number): MinimalSeat {
    const seat = this.#seats[Math.floor(worker / this.#options.settings.workers)];
    assert(seat !== undefined, `worker ${worker} has a node`);
    return seat;
  }

  /** Does `act` at the first node, if it is up, once it is awake. */
  #atHome(act: () => void): void {
    const scheduler = this.#scheduler;
    this.#home.whenAwake(() => {
      if (scheduler !== undefined && scheduler === this.#scheduler) act();
    });
  }

  /** Puts the place where it happens to what the scheduler tells. */
  #traced(event: SchedulerEvent): void {
    const { trace } = this.#options;
    const { id: home } = this.#home;
    if (event.kind === "started") {
      const { id: node } = this.#seatOf(event.worker);
      if (node !== home) trace(home, { kind: "leased", task: event.task, token: event.token, to: node });
      return trace(node, event);
    }
    const isElsewhere = event.kind === "ended" && this.#seatOf(event.worker).id !== home;
    trace(home, isElsewhere ? { ...event, worker: -1 } : event);
    if (event.kind !== "committed") return;
    const end = this.#scheduler?.status(event.task)?.end;
    if (end !== undefined) this.#clients.ended(event.task, end);
  }

  #dispatch(): void {
    const { clock, executor } = this.#options;
    this.#atHome(() => {
      for (;;) {
        const assignment = this.#scheduler?.schedule(clock.nowMs(), (worker) => this.#isAvailable(worker));
        if (assignment === undefined) return;
        this.#assignments[assignment.worker] = assignment;
        const seat = this.#seatOf(assignment.worker);
        const worker = assignment.worker % this.#options.settings.workers;
        executor.execute(assignment, (outcome) => seat.whenWorks(worker, () => this.#report(assignment, outcome)));
      }
    });
  }

  #isAvailable(worker: number): boolean {
    const seat = this.#seatOf(worker);
    if (!seat.canWork(worker % this.#options.settings.workers)) return false;
    if (this.#connects(this.#home, seat)) return true;
    if (this.#isRetrying) return false;
    this.#isRetrying = true;
    this.#options.clock.after(retryMs, () => {
      this.#isRetrying = false;
      this.#dispatch();
    });
    return false;
  }

  #connects(from: MinimalSeat, to: MinimalSeat): boolean {
    return from === to || this.#gate.connects(from.id, to.id);
  }

  /** A worker tells the first node how an attempt ended, as soon as it reaches it. */
  #report(assignment: Assignment, outcome: AttemptOutcome): void {
    if (this.#assignments[assignment.worker] !== assignment) return; // It was taken from the worker meanwhile.
    const seat = this.#seatOf(assignment.worker);
    if (this.#connects(seat, this.#home)) return this.#atHome(() => this.#complete(assignment, outcome));
    this.#options.clock.after(retryMs, () => seat.whenAwake(() => this.#report(assignment, outcome)));
  }

  /** A worker, or its node, is gone: whatever it executes will never be told. */
  #lose(worker: number): void {
    const assignment = this.#assignments[worker];
    if (assignment !== undefined) this.#atHome(() => this.#complete(assignment, { kind: "lost" }));
  }

  #complete(assignment: Assignment, outcome: AttemptOutcome): void {
    const { worker, token } = assignment;
    if (this.#scheduler?.complete(worker, token, outcome, this.#options.clock.nowMs()) !== true) return;
    this.#assignments[worker] = undefined;
    this.#dispatch();
  }

  #serve(door: MinimalSeat, request: ClientRequest, answer: Answer): void {
    const isThere = this.#home.isUp && this.#connects(door, this.#home);
    if (!isThere) return answer({ kind: "error", code: "UNAVAILABLE", reason: `${this.#home.id} is out of reach` });
    this.#atHome(() =>
      this.#execute(request, (reply) => {
        if (this.#connects(this.#home, door)) answer(reply); // Otherwise the client will ask again.
      }),
    );
  }

  #execute({ operation, ...request }: ClientRequest, answer: Answer): void {
    switch (operation.kind) {
      case "submit":
        return this.#functions.find(operation.tasks, () =>
          this.#atHome(() => this.#submit({ ...request, operation }, answer)),
        );
      case "wait":
        return this.#wait({ ...request, operation }, answer);
      case "status": {
        const status = this.#scheduler?.status(operation.task) ?? null;
        return answer({ kind: "ok", result: { kind: "status", status } });
      }
    }
  }

  #submit(request: RequestOf<"submit">, answer: Answer): void {
    const { tasks, untilEnded } = request.operation;
    const nowMs = this.#options.clock.nowMs();
    const refusal = this.#scheduler?.submit(tasks, nowMs, (module, name) => this.#functions.has(module, name));
    if (refusal !== undefined) return answer(refusal);
    const ids = untilEnded ? tasks.map(({ id }) => id) : [];
    this.#answerWhenEnded(request, ids, answer);
    this.#dispatch();
  }

  #wait(request: RequestOf<"wait">, answer: Answer): void {
    const { tasks } = request.operation;
    const unknown = tasks.find((task) => this.#scheduler?.status(task) === undefined);
    if (unknown === undefined) return this.#answerWhenEnded(request, tasks, answer);
    answer({ kind: "error", code: "NOT_FOUND", reason: `Cannot wait for ${unknown}: nobody knows such a task` });
  }

  #answerWhenEnded(request: RequestOf<"submit" | "wait">, tasks: readonly string[], answer: Answer): void {
    const endOf = (task: string) => this.#scheduler?.status(task)?.end;
    const { kind } = request.operation;
    const hasRoom = this.#clients.add(request, tasks, endOf, (ended) =>
      answer({ kind: "ok", result: { kind, ended } }),
    );
    const reason = `${maxWaitingClients} clients wait already`;
    if (!hasRoom) answer({ kind: "error", code: "OVERLOADED", reason });
  }
}

type RequestOf<Kind extends SchedulerOperation["kind"]> = Omit<ClientRequest, "operation"> & {
  readonly operation: Extract<SchedulerOperation, { readonly kind: Kind }>;
};
