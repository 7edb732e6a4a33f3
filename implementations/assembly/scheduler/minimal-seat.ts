/** One node of a minimal scheduler: its door, and whether it and its workers are up and awake. */

import { encode } from "../../foundation/codec.ts";
import type { Clock, Transport } from "../../foundation/effects.ts";
import { faultHandle } from "../../foundation/fault-handle.ts";
import type { FaultHandle } from "../../foundation/faults.ts";
import { listOf, problemOfFields, text } from "../../foundation/fields.ts";
import type { Fields } from "../../foundation/fields.ts";
import type { NodeId } from "../../foundation/units.ts";
import { limits } from "../../scheduler/contract.ts";
import type { ClientReply, ClientRequest, SchedulerReply } from "../../scheduler/contract.ts";
import type { CalledSeat } from "../calls/inject-into-calls.ts";
import { Wakefulness } from "../calls/wakefulness.ts";
import { failureOf } from "../node-failure.ts";
import type { ThreadFault } from "../simulated/node-host.ts";
import { decodeRequest } from "../decode-request.ts";

export interface MinimalSeatOptions {
  readonly id: NodeId;
  readonly clock: Clock;
  readonly workers: number;
  readonly transport: Transport;
  readonly started: (seat: MinimalSeat) => void;
  readonly stopped: (seat: MinimalSeat, orderly: boolean) => void;
  /** One of its workers, counted from 0, is killed. */
  readonly lost: (seat: MinimalSeat, worker: number) => void;
  /** It, or a worker of it, goes on after it stood still. */
  readonly resumed: () => void;
  readonly serve: (seat: MinimalSeat, request: ClientRequest, answer: (reply: SchedulerReply) => void) => void;
}

export class MinimalSeat implements CalledSeat {
  readonly #options: MinimalSeatOptions;
  readonly #wakefulness: Wakefulness;
  /** Of each worker by itself. */
  readonly #workers: readonly Wakefulness[];
  #isUp = false;
  #life = 0;
  /** Faults that hold the node down. */
  #heldDown = 0;
  #requests = 0;

  constructor(options: MinimalSeatOptions) {
    this.#options = options;
    const awake = (): Wakefulness => new Wakefulness(options.clock, (act) => this.#guard(act));
    this.#wakefulness = awake();
    this.#workers = Array.from({ length: options.workers }, awake);
    options.transport.onMessage((client, bytes) => this.whenAwake(() => this.#receive(client, bytes)));
  }

  get id(): NodeId {
    return this.#options.id;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Counts its starts from 1. */
  get life(): number {
    return this.#life;
  }

  get requests(): number {
    return this.#requests;
  }

  /** Whether `worker` could take a task now. */
  canWork(worker: number): boolean {
    return this.#isUp && this.#wakefulness.isAwake && this.#workers[worker]?.isAwake === true;
  }

  whenAwake(act: () => void): void {
    this.#wakefulness.whenAwake(act);
  }

  /** What `worker` does waits for it, and for its node. */
  whenWorks(worker: number, act: () => void): void {
    this.#workers[worker]?.whenAwake(() => this.whenAwake(act));
  }

  start(): void {
    if (this.#heldDown > 0) this.#heldDown--;
    if (this.#isUp || this.#heldDown > 0) return;
    this.#isUp = true;
    this.#life++;
    this.#options.started(this);
  }

  takeDown(orderly: boolean): boolean {
    this.#heldDown++;
    if (!this.#isUp) return false;
    this.#isUp = false;
    this.#requests = 0;
    this.#options.stopped(this, orderly);
    return true;
  }

  pause(): FaultHandle {
    return this.#wakefulness.pause(this.#options.resumed);
  }

  injectThread({ worker: any, change }: ThreadFault): FaultHandle {
    const worker = any % this.#workers.length;
    if (change === "stall") return this.#workers[worker]!.pause(this.#options.resumed);
    const wasUp = this.#isUp;
    if (wasUp) this.#options.lost(this, worker);
    return faultHandle(
      "workers ended",
      () => (wasUp ? 1 : 0),
      () => undefined,
    );
  }

  #receive(client: NodeId, bytes: Uint8Array): void {
    if (!this.#isUp) return; // A dead process does not answer.
    const request = decodeRequest(bytes) as ClientRequest | undefined;
    if (request === undefined) return;
    this.#requests++;
    const { id } = request;
    const answer = (reply: SchedulerReply): void => {
      if (this.#isUp) this.#options.transport.send(client, encode({ id, reply } satisfies ClientReply));
    };
    const reason = problemOf(request.operation);
    if (reason === undefined) this.#options.serve(this, request, answer);
    else answer({ kind: "error", code: "MALFORMED_REQUEST", reason });
  }

  /** Puts the node's name to an error that comes out of it. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw failureOf(this.id, this.#options.clock.nowMs(), error);
    }
  }
}

const untilEnded = { allowed: "true or false", fits: (value: unknown): boolean => typeof value === "boolean" };
/** The tasks of a submission are the scheduler's to judge. */
const tasks = { allowed: "a list of tasks", fits: (value: unknown): boolean => Array.isArray(value) };

const operations: ReadonlyMap<unknown, Fields> = new Map([
  ["submit", { kind: text, tasks, untilEnded }],
  ["wait", { kind: text, tasks: listOf(text, limits.tasks) }],
  ["status", { kind: text, task: text }],
]);

/** What came by the door claims to be an operation. */
function problemOf(operation: unknown): string | undefined {
  const kind: unknown = typeof operation === "object" && operation !== null && "kind" in operation && operation.kind;
  const fields = operations.get(kind);
  if (fields === undefined) return `Cannot serve the request: allowed are ${[...operations.keys()].join(", ")}`;
  const problem = problemOfFields(operation, fields);
  return problem === undefined ? undefined : `Cannot ${String(kind)}: ${problem}`;
}
