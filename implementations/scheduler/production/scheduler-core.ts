/**
 * The brain of a production scheduler node: what it does with requests, messages and the ends of attempts.
 *
 * It reads no clock and touches no disk, network or thread but through its ports, all of them with callbacks, so that
 * the same file runs in virtual time and in a real process. What happens in one turn is settled at its end: what became
 * ready is offered to the run queue, the best first, and only then are workers woken, so that a submission becomes
 * visible to them as a whole.
 *
 * - `admission.ts` decides what is taken, `home.ts` what becomes of it, `journal.ts` what survives;
 * - `lending.ts` is work between nodes, `watches.ts` both ends of a dependency between homes;
 * - `preemption-policy.ts` says which attempt makes room for another.
 */

import { assert } from "../../foundation/assert.ts";
import type { Clock, Disk, Timer } from "../../foundation/effects.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ClientRequest, SchedulerEvent, SchedulerReply, SchedulerState } from "../contract.ts";
import { homeOf, jobOf, rememberedStarts } from "../contract.ts";
import { AdmissionControl } from "./admission.ts";
import type { Refusal } from "./admitted-task.ts";
import { Attempts } from "./attempts.ts";
import { ClientService } from "./client-service.ts";
import type { SchedulerSettings } from "./defaults.ts";
import { Home } from "./home.ts";
import { Journal } from "./journal.ts";
import { captureKnown } from "./journal-capture.ts";
import { JournalDamage, recoverJournal } from "./journal-recovery.ts";
import type { RecoveredJournal } from "./journal-recovery.ts";
import { Lending } from "./lending.ts";
import { decodeMessage } from "./messages.ts";
import type { Message } from "./messages.ts";
import type { AttemptEvents, EndedAttempt, ExecutorPort, QueuePort, StartedAttempt } from "./ports.ts";
import { Preemptor } from "./preemptor.ts";
import { allowancesOf, chargesOf, sharesOf, tenantNumbersOf } from "./shares.ts";
import { TaskTable } from "./task-table.ts";
import { Tokens } from "./tokens.ts";
import { Watches } from "./watches.ts";

export interface SchedulerCoreOptions {
  readonly id: NodeId;
  readonly founders: readonly NodeId[];
  /** No earlier life has started: an empty disk is right. */
  readonly forming: boolean;
  readonly settings: SchedulerSettings;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly defer: (callback: () => void) => void;
  readonly queue: QueuePort;
  readonly executor: ExecutorPort;
  readonly send: (to: NodeId, message: Message) => void;
  readonly trace: (event: SchedulerEvent) => void;
  /** It has recovered, and serves. */
  readonly onStarted: (repairs: readonly string[]) => void;
  /** It cannot go on; `permanent`: no restart will help. */
  readonly onFatal: (error: Error, permanent: boolean) => void;
}

/** Between two looks whether an attempt should make room, and whether there is room for what found none. */
const lookMs: Millis = 2;

export class SchedulerCore implements AttemptEvents {
  readonly #options: SchedulerCoreOptions;
  /** Whose callbacks are turns of the core; none comes after its end. */
  readonly #clock: Clock;
  readonly #table: TaskTable;
  readonly #attempts: Attempts;
  readonly #home: Home;
  readonly #clients: ClientService;
  readonly #watches: Watches;
  readonly #lending: Lending;
  readonly #preemptor: Preemptor;
  readonly #starts: string[] = [];
  #journal: Journal | undefined;
  #tokens: Tokens | undefined;
  #state: "starting" | "serving" | "stopping" | "ended" = "starting";
  #depth = 0;
  /** Something was offered in this turn, or room was made. */
  #hasOffered = false;
  #lookTimer: Timer | undefined;

  constructor(options: SchedulerCoreOptions) {
    const { id, founders, settings, queue, executor } = options;
    this.#options = options;
    this.#clock = {
      nowMs: () => options.clock.nowMs(),
      after: (delayMs, callback) => options.clock.after(delayMs, () => this.#turn(callback)),
    };
    const clock = this.#clock;
    const send = (to: NodeId, message: Message): void => this.#send(to, message);
    this.#table = new TaskTable(settings.remembered);
    this.#attempts = new Attempts({ queue, executor, clock }, settings);
    this.#home = this.#createHome();
    const { watchMs } = settings;
    this.#watches = new Watches({
      clock,
      founders,
      watchMs,
      table: this.#table,
      send,
      ended: (dependency, state) => this.#home.dependencyEnded(dependency, state),
    });
    this.#lending = new Lending({
      others: founders.filter((other) => other !== id),
      clock,
      settings,
      queue,
      attempts: this.#attempts,
      home: this.#home,
      send,
      offered: () => {
        this.#hasOffered = true;
      },
      firstStart: (task) => this.#noteStart(task),
      trace: this.#taskTrace,
    });
    const admission = new AdmissionControl({
      id,
      founders,
      table: this.#table,
      allowances: allowancesOf(settings, founders.length),
      queueLimit: settings.queueLimit,
      requestTimeoutMs: settings.requestTimeoutMs,
      resolveCall: (module, exported, done) => {
        executor.resolveCall(module, exported, (problem) => this.#turn(() => done(problem)));
      },
      inquire: (tasks, limitMs, done) => this.#watches.inquire(tasks, limitMs, done),
      obstacle: () => this.#obstacle(),
    });
    this.#clients = new ClientService({
      maxPendingRequests: settings.maxPendingRequests,
      admission,
      table: this.#table,
      accept: (admitted, done) => this.#home.accept(admitted, done),
      afterAll: (done) => this.#journal?.afterAll(done),
    });
    const shares = sharesOf(settings, founders.length);
    const { attempts, trace } = { attempts: this.#attempts, trace: this.#taskTrace };
    this.#preemptor = new Preemptor({ queue, shares, quantumMs: settings.quantumMs, attempts, trace });
  }

  get isServing(): boolean {
    return this.#state === "serving";
  }

  get counters(): Readonly<Record<string, number>> {
    return {
      ...this.#home.counters,
      ...this.#lending.counters,
      ...this.#watches.counters,
      ...this.#journal?.counters,
      ...this.#clients.counters,
      ...this.#options.queue.counters,
      preemptions: this.#preemptor.asked,
    };
  }

  /** Recovers what earlier lives left; `onStarted` or `onFatal` is called. */
  start(): void {
    const { disk, id, forming, onFatal } = this.#options;
    recoverJournal(disk, id, (error, recovered) => {
      if (this.#state === "ended") return;
      if (recovered === undefined) {
        if (error instanceof JournalDamage) this.#options.trace({ kind: "damage", what: error.message });
        return onFatal(error ?? new Error(`Cannot recover ${id}`), error instanceof JournalDamage);
      }
      if (recovered.isEmpty && !forming) {
        return onFatal(new JournalDamage(id, "its directory", "the journal is gone"), true);
      }
      this.#takeOver(recovered);
    });
  }

  request(request: ClientRequest, answer: (reply: SchedulerReply) => void): void {
    if (this.#state === "ended") return;
    if (this.#state !== "serving") {
      return answer({ kind: "error", code: "UNAVAILABLE", reason: `${this.#options.id} is ${this.#state}` });
    }
    this.#turn(() => this.#clients.request(request, answer));
  }

  receive(from: NodeId, bytes: Uint8Array): void {
    const message = decodeMessage(bytes);
    // A node that is recovering knows nothing yet: to say so would be taken for an answer.
    if (message !== undefined && this.#state === "serving") this.#turn(() => this.#handle(from, message));
  }

  started(slot: number, started: StartedAttempt): void {
    if (this.#state === "ended") return;
    this.#turn(() => {
      const attempt = this.#attempts.at(slot);
      assert(attempt?.token === started.token, `slot ${slot} holds the attempt that started`);
      this.#attempts.begin(attempt, started.worker, started.startedMs);
      if (attempt.task !== undefined) this.#home.started(attempt.task, attempt, started);
      else if (attempt.guest !== undefined) this.#lending.guestStarted(attempt.guest, started);
    });
  }

  ended(slot: number, ended: EndedAttempt): void {
    if (this.#state === "ended") return;
    this.#turn(() => {
      const attempt = this.#attempts.at(slot);
      assert(attempt?.token === ended.token, `slot ${slot} holds the attempt that ended`);
      this.#attempts.finish(attempt);
      if (attempt.task !== undefined) this.#home.ended(attempt.task, attempt.token, ended.worker, ended);
      else if (attempt.guest !== undefined) this.#lending.guestEnded(attempt.guest, ended);
    });
  }

  state(done: (state: SchedulerState) => void): void {
    done({ tasks: this.#table.canonical(), starts: this.#starts.slice(-rememberedStarts) });
  }

  /** Takes nothing on any more; `done` is called when all that happened is durable. */
  stop(done: () => void): void {
    if (this.#state === "serving") this.#state = "stopping";
    const finish = (): void => {
      this.crash();
      done();
    };
    if (this.#journal === undefined || this.#state !== "stopping") finish();
    else this.#journal.drain(finish);
  }

  /** Falls silent at once. */
  crash(): void {
    this.#state = "ended";
    this.#journal?.end();
    this.#lending.end();
    this.#watches.end();
    this.#lookTimer?.cancel();
  }

  get #taskTrace(): ((event: SchedulerEvent) => void) | undefined {
    if (!this.#options.settings.trace) return undefined;
    // A crash in the middle of a turn (a fault at a message that it sends) leaves the rest of it without effect.
    return (event) => (this.#hasEnded() ? undefined : this.#options.trace(event));
  }

  #createHome(): Home {
    const { id, founders, settings, queue } = this.#options;
    const table = this.#table;
    return new Home({
      clock: this.#clock,
      table,
      queue,
      attempts: this.#attempts,
      workers: settings.workers,
      ageingMs: settings.ageingMs,
      tenantNumbers: tenantNumbersOf(settings),
      chargeOf: chargesOf(settings, founders.length),
      isLocal: (task) => homeOf(jobOf(task), founders) === id,
      tokens: () => {
        assert(this.#tokens !== undefined, "tokens are given out once a life has begun");
        return this.#tokens;
      },
      append: (record, durable) => this.#journal?.append(record, durable),
      note: (record) => this.#journal?.note(record),
      follow: (dependency) => this.#watches.follow(dependency),
      committed: (task, end) => {
        this.#clients.committed(task, end);
        this.#watches.committed(task, end);
      },
      revoke: (token) => this.#lending.revoke(token),
      firstStart: (task) => this.#noteStart(task),
      trace: this.#taskTrace,
    });
  }

  #takeOver({ state, files, nextSequence, repairs }: RecoveredJournal): void {
    const { disk, defer, settings, onFatal } = this.#options;
    const life = state.life + 1;
    this.#home.restore(state);
    const journal = new Journal(
      {
        disk,
        clock: this.#clock,
        defer: (callback) => defer(() => this.#turn(callback)),
        turn: (work) => this.#turn(work),
        life,
        compactionBytes: settings.compactionBytes,
        sliceRecords: settings.compactionSlice,
        capture: () => {
          const { orders, toldBelow } = this.#home;
          const { reservedBelow: tokensBelow } = tokens;
          const atMs = this.#clock.nowMs();
          return captureKnown({ kind: "life", life, tokensBelow, orders, toldBelow, atMs }, this.#table);
        },
        onFatal: (error) => onFatal(error, false),
      },
      nextSequence,
    );
    const tokens = new Tokens(life, state.tokensBelow, (below, durable) => {
      journal.append({ kind: "tokens", below }, durable);
    });
    this.#tokens = tokens;
    this.#journal = journal;
    journal.begin(files, (error) => {
      if (error !== undefined) onFatal(error, false);
      else if (this.#state === "starting") this.#begin(life, repairs);
    });
  }

  #begin(life: number, repairs: readonly string[]): void {
    const { trace, onStarted } = this.#options;
    this.#lending.begin(life);
    this.#watches.begin(life);
    this.#state = "serving";
    trace({ kind: "start", life, tasks: this.#table.liveCount });
    onStarted(repairs);
    this.#turn(() => this.#home.resume());
    this.#lending.gossip();
  }

  #noteStart(task: string): void {
    this.#starts.push(task);
    if (this.#starts.length >= 2 * rememberedStarts) this.#starts.splice(0, rememberedStarts);
  }

  #obstacle(): Refusal | undefined {
    if (this.#state !== "serving") return { code: "UNAVAILABLE", reason: `${this.#options.id} is stopping` };
    if (this.#journal?.isStalled !== true) return undefined;
    return { code: "UNAVAILABLE", reason: `the disk of ${this.#options.id} is full; free some space` };
  }

  #handle(from: NodeId, message: Message): void {
    switch (message.kind) {
      case "watch":
        return this.#watches.onWatch(from, message);
      case "watched":
        return this.#watches.onWatched(message);
      default:
        return this.#lending.receive(from, message);
    }
  }

  #send(to: NodeId, message: Message): void {
    if (this.#state !== "ended") this.#options.send(to, message);
  }

  #turn(work: () => void): void {
    if (this.#state === "ended") return;
    this.#depth++;
    work();
    this.#depth--;
    if (this.#depth === 0 && !this.#hasEnded()) this.#settle();
  }

  #hasEnded(): boolean {
    return this.#state === "ended";
  }

  #settle(): void {
    const hasOffered = this.#home.offerReady() || this.#hasOffered;
    this.#hasOffered = false;
    if (hasOffered) this.#options.executor.wake();
    const mayPreempt = this.#preemptor.isOn && this.#options.queue.waiting() > 0;
    if (mayPreempt || this.#home.hasBacklog) this.#lookTimer ??= this.#clock.after(lookMs, () => this.#look());
  }

  #look(): void {
    this.#lookTimer = undefined;
    this.#preemptor.look(this.#clock.nowMs());
  }
}
