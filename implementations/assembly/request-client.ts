/**
 * The clients' side of a module's protocol: asks node after node, retries what may be retried, gives up at the
 * deadline.
 *
 * Which node is asked is a route's business, and every module brings its own: all calls may follow one leader, or each
 * go through the replicas of its key. Whether an attempt whose fate is unknown may be followed by another one depends
 * on what the nodes remember: where a request is executed once however often it comes it may; where it would be
 * executed twice, the client goes on waiting for the one answer. A late answer to an attempt that was given up is an
 * answer to the request: a cluster that is slower than an attempt may last would otherwise answer nobody. The outcome
 * is definite only if every attempt ended definitely; one attempt without an answer makes the whole request indefinite.
 * All logical clients share one transport.
 */

import type { Outcome, Request } from "../foundation/deployment.ts";
import { failedWith } from "../foundation/deployment.ts";
import type { Clock, Random, Timer, Transport } from "../foundation/effects.ts";
import { decode, encode } from "../foundation/codec.ts";
import { assert } from "../foundation/assert.ts";
import type { ErrorCode } from "../foundation/errors.ts";
import { certaintyOf } from "../foundation/errors.ts";
import type { Millis, NodeId } from "../foundation/units.ts";
import type { AdminCommand } from "./module-kit.ts";

/** What a client stands on. */
export interface ClientPorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** As they are now. */
  readonly nodes: () => readonly NodeId[];
  /** An attempt without an answer is given up after this long, and the next node is asked. */
  readonly attemptTimeoutMs: Millis;
  /** Pause before another attempt after a refusal without a hint. */
  readonly retryPauseMs: Millis;
}

/** Which node the attempts of a call ask, learning from what became of the ones before. */
export interface Route {
  /** Whom to ask now. */
  readonly node: NodeId;
  answered(by: NodeId): void;
  /** No answer came in time. */
  unanswered(asked: NodeId): void;
  /**
   * `by` refused, for a reason that may pass.
   *
   * @param hint where it would rather be asked.
   * @returns when to ask `node`: at once, after a pause, or never: the refusal is the answer.
   */
  refused(by: NodeId, code: ErrorCode, hint: NodeId | undefined): "now" | "later" | "never";
}

/** What a module decides about one kind of call. */
export interface CallRules {
  readonly route: Route;
  /** Refusals after which another attempt makes sense. */
  readonly retried: ReadonlySet<ErrorCode>;
  /** Returns what of the call would not arrive as it is, for a person; undefined: nothing. It may throw. */
  readonly flawOf?: () => string | undefined;
  /** Whether it may be sent again while nobody knows what became of it. */
  readonly repeats: boolean;
  /** Whether a refusal speaks only of the copy it answers: an earlier one without an answer may be taken yet. */
  readonly refusesCopies?: boolean;
}

export interface ClientRules<Operation> {
  readonly rulesOf: (operation: Operation) => CallRules;
  readonly rulesOfAdministration: () => CallRules;
}

interface Reply<Result> {
  readonly id: number;
  readonly reply:
    | { readonly kind: "ok"; readonly result: Result }
    | { readonly kind: "error"; readonly code: ErrorCode; readonly reason?: string }
    | { readonly kind: "done" };
  readonly leader?: NodeId;
}

/** Later answers than to so many attempts are not waited for. */
const maxLateIds = 64;
/** A change waits for a node to catch up; asking again joins the change that is under way. */
const administrationTimeoutMs: Millis = 2000;

interface Call<Operation, Result> extends CallRules {
  /** An attempt's message is this with the attempt's id. */
  readonly body: Request<Operation> | { readonly command: AdminCommand };
  readonly onReply: (reply: Exclude<Reply<Result>["reply"], { readonly kind: "error" }>) => void;
  readonly onFailure: (code: ErrorCode, reason: string | undefined) => void;
  readonly attemptTimeoutMs: Millis;
  readonly deadlineAtMs: Millis;
  /** An attempt may have taken effect without our knowing. */
  uncertain: boolean;
  lastCode: ErrorCode;
  /** That came with `lastCode`. */
  lastReason: string | undefined;
  /** Of the attempt under way. */
  id: number;
  /** Of the newest attempts that were given up and may still be answered. */
  readonly lateIds: number[];
  askedNode: NodeId;
  timer: Timer | undefined;
}

export class RequestClient<Operation, Result> {
  readonly #ports: ClientPorts;
  readonly #rules: ClientRules<Operation>;
  readonly #calls = new Map<number, Call<Operation, Result>>();
  #isClosed = false;
  #nextId = 1;

  constructor(ports: ClientPorts, rules: ClientRules<Operation>) {
    this.#ports = ports;
    this.#rules = rules;
    ports.transport.onMessage((from, bytes) => this.#receive(from, bytes));
  }

  invoke(request: Request<Operation>, deadlineMs: Millis, done: (outcome: Outcome<Result>) => void): void {
    const { clock, attemptTimeoutMs } = this.#ports;
    this.#begin({
      ...this.#rules.rulesOf(request.operation),
      body: request,
      onReply: (reply) => done({ kind: "ok", result: resultOf(reply) }),
      onFailure: (code, reason) => done(failedWith(code, reason)),
      attemptTimeoutMs,
      deadlineAtMs: clock.nowMs() + deadlineMs,
    });
  }

  /** Asks for `command` until the cluster has carried it out, however long that takes. */
  administer(command: AdminCommand, done: () => void): void {
    this.#begin({
      ...this.#rules.rulesOfAdministration(),
      body: { command },
      onReply: () => done(),
      onFailure: (code) => assert(false, `a change is asked for until it is done, not given up over ${code}`),
      attemptTimeoutMs: administrationTimeoutMs,
      deadlineAtMs: Infinity,
    });
  }

  /** Asks nobody any more; what was not answered stays unanswered. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#calls.values()) call.timer?.cancel();
  }

  #begin(
    kind: Omit<
      Call<Operation, Result>,
      "uncertain" | "lastCode" | "lastReason" | "id" | "lateIds" | "askedNode" | "timer"
    >,
  ): void {
    const askedNode = kind.route.node;
    this.#attempt({
      ...kind,
      uncertain: false,
      lastCode: "REPLY_TIMEOUT",
      lastReason: undefined,
      id: 0,
      lateIds: [],
      askedNode,
      timer: undefined,
    });
  }

  #attempt(call: Call<Operation, Result>): void {
    const { clock, transport } = this.#ports;
    if (this.#isClosed) return;
    const remainingMs = call.deadlineAtMs - clock.nowMs();
    if (remainingMs <= 0) return this.#giveUp(call);
    call.id = this.#nextId++;
    call.askedNode = call.route.node;
    this.#calls.set(call.id, call);
    let bytes: Uint8Array;
    try {
      const flaw = call.flawOf?.();
      if (flaw !== undefined) return this.#refuse(call, flaw);
      bytes = encode({ id: call.id, ...call.body });
    } catch (error) {
      // A value without a form on the wire, or one that contains itself.
      const reason = error instanceof Error ? error.message : String(error);
      return this.#refuse(call, `the request does not serialise: ${reason}`);
    }
    call.timer = clock.after(Math.min(call.attemptTimeoutMs, remainingMs), () => this.#onSilence(call));
    transport.send(call.askedNode, bytes);
  }

  /** Later, as every answer comes. */
  #refuse(call: Call<Operation, Result>, reason: string): void {
    call.timer = this.#ports.clock.after(0, () => this.#fail(call, "MALFORMED_REQUEST", reason));
  }

  #onSilence(call: Call<Operation, Result>): void {
    // A read changes nothing, so an unanswered one leaves nothing uncertain but its own answer.
    call.uncertain = true;
    call.lastCode = "REPLY_TIMEOUT";
    call.lastReason = undefined;
    call.route.unanswered(call.askedNode);
    if (!call.repeats) return this.#waitOn(call);
    call.lateIds.push(call.id);
    if (call.lateIds.length > maxLateIds) this.#calls.delete(call.lateIds.shift() ?? 0);
    this.#attempt(call);
  }

  /** To ask again could do it twice: only the answer that is outstanding can tell now. */
  #waitOn(call: Call<Operation, Result>): void {
    const { clock } = this.#ports;
    const remainingMs = call.deadlineAtMs - clock.nowMs();
    if (remainingMs <= 0) return this.#giveUp(call);
    call.timer = clock.after(remainingMs, () => this.#giveUp(call));
  }

  #receive(from: NodeId, bytes: Uint8Array): void {
    let message: Reply<Result>;
    try {
      message = decode(bytes) as Reply<Result>;
    } catch {
      return; // Damaged on the way; the attempt times out.
    }
    const call = this.#calls.get(message.id);
    if (call === undefined) return; // The answer to a request that has its outcome.
    this.#calls.delete(message.id);
    const { reply } = message;
    if (reply.kind !== "error") {
      call.route.answered(from);
      this.#end(call);
      return call.onReply(reply);
    }
    this.#onError(call, from, message, reply);
  }

  #onError(
    call: Call<Operation, Result>,
    from: NodeId,
    { id, leader }: Reply<Result>,
    { code, reason }: Extract<Reply<Result>["reply"], { readonly kind: "error" }>,
  ): void {
    if (!call.retried.has(code)) {
      const isOpen = call.refusesCopies === true && call.uncertain;
      return this.#fail(call, isOpen ? "REPLY_TIMEOUT" : code, reason);
    }
    const isIndefinite = certaintyOf[code] === "indefinite";
    if (isIndefinite && !call.repeats) return this.#fail(call, code, reason);
    if (isIndefinite) call.uncertain = true;
    // The only attempt there was did nothing, late as its answer comes.
    else if (!call.repeats) call.uncertain = false;
    if (id !== call.id) return; // Another attempt is under way already.
    call.timer?.cancel();
    call.lastCode = code;
    call.lastReason = reason;
    const when = call.route.refused(from, code, leader);
    if (when === "never") this.#giveUp(call);
    else if (when === "now") this.#attempt(call);
    else this.#pause(call);
  }

  #pause(call: Call<Operation, Result>): void {
    const { clock, random, retryPauseMs } = this.#ports;
    const remainingMs = Math.max(0, call.deadlineAtMs - clock.nowMs());
    const pauseMs = Math.min(remainingMs, retryPauseMs * (0.5 + random.float()));
    call.timer = clock.after(pauseMs, () => this.#attempt(call));
  }

  #giveUp(call: Call<Operation, Result>): void {
    if (call.uncertain) this.#fail(call, "REPLY_TIMEOUT", undefined);
    else this.#fail(call, call.lastCode, call.lastReason);
  }

  #fail(call: Call<Operation, Result>, code: ErrorCode, reason: string | undefined): void {
    this.#end(call);
    call.onFailure(code, reason);
  }

  #end(call: Call<Operation, Result>): void {
    call.timer?.cancel();
    for (const id of [call.id, ...call.lateIds]) this.#calls.delete(id);
  }
}

function resultOf<Result>(reply: { readonly kind: "ok"; readonly result: Result } | { readonly kind: "done" }): Result {
  assert(reply.kind === "ok", "an operation is answered with its result");
  return reply.result;
}
