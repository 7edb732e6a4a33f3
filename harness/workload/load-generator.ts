/**
 * Offers a plan's load to a deployment and records what becomes of every operation.
 *
 * Open loop: arrivals are drawn from the seed before anyone knows how fast the system is, and latency counts from the
 * intended start, so a system that stalls cannot hide the requests it kept from being sent (coordinated omission).
 * Closed loop: each client issues its next operation when the last one ended; for maximum throughput only. Batch: all
 * clients issue at once, and again when the last of them was answered; for the cost of a batch.
 *
 * A process of the history is a client of the system under a session of its own. After an unknown outcome the process
 * is retired and the client goes on as a new one, because the old operation may still take effect; workloads that
 * repeat until definite keep the process and repeat the same request instead.
 *
 * @see Tene, "How NOT to measure latency"; Schroeder, Wierman & Harchol-Balter 2006, "Open versus closed".
 */

import { assert } from "../../implementations/foundation/assert.ts";
import type { Outcome } from "../../implementations/foundation/deployment.ts";
import type { Clock, Random, Timer } from "../../implementations/foundation/effects.ts";
import type { ErrorCode } from "../../implementations/foundation/errors.ts";
import type { Millis } from "../../implementations/foundation/units.ts";
import type { HistoryFunction } from "../history/event.ts";
import type { HistoryRecorder } from "../history/recorder.ts";
import type { Plan } from "../plan/plan.ts";
import type { AnyDeployment, AnyTypes } from "../rooms/room.ts";
import type { Call, Workload } from "./workload.ts";

/** One finished operation, as the measurements need it. Times are milliseconds since the load began. */
export interface OperationRecord {
  readonly client: number;
  readonly f: HistoryFunction;
  /** When it should have started: equal to `startMs` in a closed loop. */
  readonly intendedMs: Millis;
  /**
   * When the generator got round to it. Later than intended, the generator was late; from there to `startMs` the
   * operation waited for a free client, which is the system's doing.
   */
  readonly noticedMs: Millis;
  readonly startMs: Millis;
  readonly endMs: Millis;
  readonly outcome: Outcome<unknown>["kind"];
}

export interface LoadOptions {
  readonly deployment: AnyDeployment;
  readonly workload: Workload<AnyTypes>;
  /** A request that changes nothing. */
  readonly probe: AnyTypes["operation"];
  readonly history: HistoryRecorder;
  readonly plan: Plan;
  readonly random: Random;
  /**
   * Called after each finished operation of the load, not after final reads; `completed` counts its client's, from 1.
   */
  readonly onOperation: (record: OperationRecord, completed: number) => void;
  /** Before an operation is offered for the first time. */
  readonly onCall?: (operation: AnyTypes["operation"]) => void;
  /** When an operation, also one of the final reads, was served. */
  readonly onAnswer?: (operation: AnyTypes["operation"], result: AnyTypes["result"]) => void;
}

/** Arrivals that wait for a free client; more than this are dropped, counted, and void the block. */
const maxWaiting = 10_000;
/** Pause before an operation is repeated; the client library already paused between its own attempts. */
const repeatPauseMs = 20;

interface Arrival {
  readonly intendedMs: Millis;
  readonly noticedMs: Millis;
}

interface Client {
  readonly number: number;
  process: number;
  sequence: number;
  completed: number;
}

export class LoadGenerator {
  readonly #options: LoadOptions;
  readonly #clock: Clock;
  readonly #startMs: Millis;
  readonly #clients: Client[];
  readonly #idle: Client[] = [];
  readonly #waiting: Arrival[] = [];
  #arrivals: Timer | undefined;
  #issuing = true;
  #busy = 0;
  #dropped = 0;
  #issued = 0;
  #onQuiet: (() => void) | undefined;

  constructor(options: LoadOptions) {
    const { clients } = options.plan.load;
    assert(clients >= 1 && clients <= 1000, "a plan has 1 to 1000 clients");
    this.#options = options;
    this.#clock = options.deployment.clock;
    this.#startMs = this.#clock.nowMs();
    this.#clients = Array.from({ length: clients }, (_, number) => newClient(number));
  }

  get dropped(): number {
    return this.#dropped;
  }

  get issued(): number {
    return this.#issued;
  }

  /**
   * Offers load for the plan's duration, or until every client did its share, then calls `done` when all is answered.
   */
  start(done: () => void): void {
    const { load, durationMs } = this.#options.plan;
    this.#onQuiet = done;
    this.#clock.after(durationMs, () => this.stopIssuing());
    if (load.loop !== "open") return this.#everyClient();
    this.#idle.push(...this.#clients);
    this.#scheduleArrival(this.#interarrivalMs(load.ratePerS), load.ratePerS);
  }

  /** Milliseconds since the load began. */
  elapsedMs(): Millis {
    return this.#clock.nowMs() - this.#startMs;
  }

  /** No new operations from now on; those under way end by their deadlines. */
  stopIssuing(): void {
    if (!this.#issuing) return;
    this.#issuing = false;
    this.#arrivals?.cancel();
    this.#dropped += this.#waiting.length;
    this.#waiting.length = 0;
    this.#settle();
  }

  /**
   * Reads the final value of every key, as a process of its own and until each read is definite, then calls `done`.
   * A workload without keys still gets one read: it proves that the system serves, and a leader without a no-op commits
   * what earlier leaders left only with an entry of its own.
   */
  readFinal(done: () => void): void {
    const keys = [...this.#options.workload.finalKeys()];
    if (keys.length === 0) return this.#knock(done);
    const reader = newClient(this.#clients.length);
    const readNext = (): void => {
      const key = keys.shift();
      if (key === undefined) return done();
      this.#perform(reader, this.#options.workload.read(key), this.#arrivalNow(), true, readNext);
    };
    readNext();
  }

  /** A read outside the history: its key is nobody's, and its answer does not matter. */
  #knock(done: () => void): void {
    const { deployment, plan, probe } = this.#options;
    const request = { session: this.#clients.length, sequence: 1, operation: probe };
    deployment.invoke(request, plan.deadlineMs, (outcome) => {
      if (outcome.kind === "ok") done();
      else this.#clock.after(repeatPauseMs, () => this.#knock(done));
    });
  }

  #interarrivalMs(ratePerS: number): Millis {
    return (-Math.log(1 - this.#options.random.float()) * 1000) / ratePerS;
  }

  /** Walks the arrival trace: `intendedMs` is fixed by the seed, whenever the timer really fires. */
  #scheduleArrival(intendedMs: Millis, ratePerS: number): void {
    this.#arrivals = this.#clock.after(Math.max(0, intendedMs - this.elapsedMs()), () => {
      // The timer's own arrival is due whatever rounding says; a late timer finds more of them.
      let next = intendedMs;
      do {
        this.#arrive(next);
        next += this.#interarrivalMs(ratePerS);
      } while (this.#issuing && next <= this.elapsedMs());
      if (this.#issuing) this.#scheduleArrival(next, ratePerS);
    });
  }

  #arrive(intendedMs: Millis): void {
    const arrival = { intendedMs, noticedMs: this.elapsedMs() };
    const client = this.#idle.pop();
    if (client !== undefined) this.#next(client, arrival);
    else if (this.#waiting.length < maxWaiting) this.#waiting.push(arrival);
    else this.#dropped++;
  }

  #everyClient(): void {
    for (const client of this.#clients) this.#next(client, this.#arrivalNow());
  }

  #arrivalNow(): Arrival {
    const nowMs = this.elapsedMs();
    return { intendedMs: nowMs, noticedMs: nowMs };
  }

  #next(client: Client, arrival: Arrival): void {
    const { operationsPerClient, load } = this.#options.plan;
    if (!this.#issuing || (operationsPerClient !== undefined && client.completed >= operationsPerClient)) {
      return this.#settle();
    }
    const call = this.#options.workload.next(client.number);
    this.#options.onCall?.(call.operation);
    this.#busy++;
    this.#perform(client, call, arrival, this.#options.workload.untilDefinite, () => {
      this.#busy--;
      if (load.loop === "closed") return this.#next(client, this.#arrivalNow());
      if (load.loop === "batch") return this.#busy === 0 ? this.#everyClient() : undefined;
      const waiting = this.#waiting.shift();
      if (waiting !== undefined) return this.#next(client, waiting);
      this.#idle.push(client);
      this.#settle();
    });
  }

  #perform(
    client: Client,
    call: Call<AnyTypes["operation"]>,
    arrival: Arrival,
    untilDefinite: boolean,
    done: () => void,
  ): void {
    const { deployment, workload, history, plan, onOperation } = this.#options;
    const startMs = this.elapsedMs();
    const request = { session: client.process, sequence: ++client.sequence, operation: call.operation };
    this.#issued++;
    history.invoke(nanos(startMs), client.process, call.f, call.key, call.value);
    const attempt = (): void => {
      deployment.invoke(request, plan.deadlineMs, (outcome) => {
        const again =
          untilDefinite && (outcome.kind === "info" || (outcome.kind === "fail" && isTransient(outcome.code)));
        if (again) {
          this.#clock.after(repeatPauseMs, attempt);
          return;
        }
        const endMs = this.elapsedMs();
        if (outcome.kind === "ok") this.#options.onAnswer?.(call.operation, outcome.result);
        const { value, version } = workload.completed(client.number, call, outcome);
        const error = outcome.kind === "ok" ? undefined : outcome.code;
        history.complete(nanos(endMs), outcome.kind, client.process, value, error, version);
        if (outcome.kind === "info") this.#retire(client);
        client.completed++;
        const record = { client: client.number, f: call.f, ...arrival, startMs, endMs, outcome: outcome.kind };
        if (client.number < this.#clients.length) onOperation(record, client.completed);
        done();
      });
    };
    attempt();
  }

  /** The client goes on under a process number nobody had: numbers step by more than the clients and the reader. */
  #retire(client: Client): void {
    client.process += this.#clients.length + 1;
    client.sequence = 0;
  }

  #settle(): void {
    const shareDone = this.#options.plan.operationsPerClient;
    const finished =
      !this.#issuing || (shareDone !== undefined && this.#clients.every((client) => client.completed >= shareDone));
    if (!finished || this.#busy > 0) return;
    this.#issuing = false;
    const onQuiet = this.#onQuiet;
    this.#onQuiet = undefined;
    onQuiet?.();
  }
}

function newClient(number: number): Client {
  return { number, process: number, sequence: 0, completed: 0 };
}

/** Answers, not refusals: a later attempt would meet them too. */
const answers: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "PRECONDITION_FAILED",
  "NOT_FOUND",
  "MALFORMED_REQUEST",
  "UNKNOWN_TASK",
  "UNKNOWN_TENANT",
  "UNKNOWN_DEPENDENCY",
  "DEPENDENCY_CYCLE",
  "QUOTA_EXCEEDED",
  "ALREADY_EXISTS",
]);

function isTransient(code: ErrorCode): boolean {
  return !answers.has(code);
}

function nanos(ms: Millis): number {
  return Math.round(ms * 1e6);
}
