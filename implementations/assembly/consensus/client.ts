/**
 * The clients' side of the consensus protocol: finds the leader, retries what may be retried, gives up at the deadline.
 *
 * A request keeps its session and sequence number over all attempts, so an attempt whose fate is unknown may be sent
 * again: the state machine executes it once. The outcome is definite only if every attempt ended definitely; one
 * attempt without an answer makes the whole request indefinite. All logical clients share one transport.
 */

import type { Outcome, Request } from "../../foundation/deployment.ts";
import { failedWith } from "../../foundation/deployment.ts";
import type { Clock, Random, Timer, Transport } from "../../foundation/effects.ts";
import { decode, encode } from "../../foundation/codec.ts";
import { assert } from "../../foundation/assert.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import { certaintyOf } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type {
  AdminCommand,
  AdminRequest,
  ClientReply,
  ClientRequest,
  ConsensusOperation,
  ConsensusReply,
  ConsensusResult,
} from "../../consensus/contract.ts";

export interface ClientOptions {
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

/** Refusals after which another attempt makes sense. */
const retried: ReadonlySet<ErrorCode> = new Set([
  "NOT_LEADER",
  "OVERLOADED",
  "UNAVAILABLE",
  "PROPOSAL_DROPPED",
  "CONNECTION_LOST",
] satisfies ErrorCode[]);

/** Whatever stands in the way of a change passes. */
const retriedForAdministration: ReadonlySet<ErrorCode> = new Set([
  ...retried,
  "CHANGE_UNDER_WAY",
  "LEARNER_BEHIND",
] satisfies ErrorCode[]);
/** A change waits for a node to catch up; asking again joins the change that is under way. */
const administrationTimeoutMs: Millis = 2000;

interface Call {
  /** An attempt's message is this with the attempt's id. */
  readonly body: Omit<ClientRequest, "id"> | Omit<AdminRequest, "id">;
  readonly onReply: (reply: Exclude<ClientReply["reply"], { readonly kind: "error" }>) => void;
  readonly onFailure: (code: ErrorCode) => void;
  readonly retried: ReadonlySet<ErrorCode>;
  readonly attemptTimeoutMs: Millis;
  readonly deadlineAtMs: Millis;
  /** An attempt may have taken effect without our knowing. */
  uncertain: boolean;
  lastCode: ErrorCode;
  id: number;
  askedNode: NodeId;
  timer: Timer | undefined;
}

export class ConsensusClient {
  readonly #options: ClientOptions;
  readonly #calls = new Map<number, Call>();
  #nextId = 1;
  /** Whom to ask first; undefined before the first answer. */
  #believedLeader: NodeId | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    options.transport.onMessage((from, bytes) => this.#receive(from, bytes));
  }

  invoke(
    request: Request<ConsensusOperation>,
    deadlineMs: Millis,
    done: (outcome: Outcome<ConsensusResult>) => void,
  ): void {
    const { clock, attemptTimeoutMs } = this.#options;
    this.#begin({
      body: request,
      onReply: (reply) => done({ kind: "ok", result: resultOf(reply) }),
      onFailure: (code) => done(failedWith(code)),
      retried,
      attemptTimeoutMs,
      deadlineAtMs: clock.nowMs() + deadlineMs,
    });
  }

  /** Asks for `command` until the cluster has carried it out, however long that takes. */
  administer(command: AdminCommand, done: () => void): void {
    this.#begin({
      body: { command },
      onReply: () => done(),
      onFailure: (code) => assert(false, `a change is asked for until it is done, not given up over ${code}`),
      retried: retriedForAdministration,
      attemptTimeoutMs: administrationTimeoutMs,
      deadlineAtMs: Infinity,
    });
  }

  #begin(kind: Omit<Call, "uncertain" | "lastCode" | "id" | "askedNode" | "timer">): void {
    const call: Call = {
      ...kind,
      uncertain: false,
      lastCode: "REPLY_TIMEOUT",
      id: 0,
      askedNode: this.#leader,
      timer: undefined,
    };
    this.#attempt(call, this.#leader);
  }

  get #leader(): NodeId {
    return this.#believedLeader ?? this.#options.nodes()[0] ?? "";
  }

  #attempt(call: Call, node: NodeId): void {
    const { clock, transport } = this.#options;
    const { attemptTimeoutMs } = call;
    const remainingMs = call.deadlineAtMs - clock.nowMs();
    if (remainingMs <= 0) return this.#giveUp(call);
    call.id = this.#nextId++;
    call.askedNode = node;
    this.#calls.set(call.id, call);
    const message: ClientRequest | AdminRequest = { id: call.id, ...call.body };
    call.timer = clock.after(Math.min(attemptTimeoutMs, remainingMs), () => this.#onSilence(call));
    transport.send(node, encode(message));
  }

  #onSilence(call: Call): void {
    this.#calls.delete(call.id);
    // A read changes nothing, so an unanswered one leaves nothing uncertain but its own answer.
    call.uncertain = true;
    call.lastCode = "REPLY_TIMEOUT";
    const next = this.#nextAfter(call.askedNode);
    if (this.#leader === call.askedNode) this.#believedLeader = next;
    this.#attempt(call, this.#leader);
  }

  #receive(from: NodeId, bytes: Uint8Array): void {
    let message: ClientReply;
    try {
      message = decode(bytes) as ClientReply;
    } catch {
      return; // Damaged on the way; the attempt times out.
    }
    const call = this.#calls.get(message.id);
    if (call === undefined) return; // The answer to an attempt that was given up.
    this.#calls.delete(message.id);
    call.timer?.cancel();
    const { reply } = message;
    if (reply.kind !== "error") {
      this.#believedLeader = from;
      return call.onReply(reply);
    }
    call.lastCode = reply.code;
    if (!call.retried.has(reply.code)) return call.onFailure(reply.code);
    if (certaintyOf[reply.code] === "indefinite") call.uncertain = true;
    this.#retry(call, from, message.leader);
  }

  #retry(call: Call, from: NodeId, hint: NodeId | undefined): void {
    const { clock, random, retryPauseMs } = this.#options;
    if (hint !== undefined && hint !== from) {
      this.#believedLeader = hint;
      return this.#attempt(call, hint);
    }
    if (this.#leader === from) this.#believedLeader = this.#nextAfter(from);
    const remainingMs = Math.max(0, call.deadlineAtMs - clock.nowMs());
    const pauseMs = Math.min(remainingMs, retryPauseMs * (0.5 + random.float()));
    call.timer = clock.after(pauseMs, () => this.#attempt(call, this.#leader));
  }

  #giveUp(call: Call): void {
    call.onFailure(call.uncertain ? "REPLY_TIMEOUT" : call.lastCode);
  }

  #nextAfter(node: NodeId): NodeId {
    const nodes = this.#options.nodes();
    return nodes[(nodes.indexOf(node) + 1) % nodes.length] ?? node;
  }
}

function resultOf(
  reply: Extract<ConsensusReply, { readonly kind: "ok" }> | { readonly kind: "done" },
): ConsensusResult {
  assert(reply.kind === "ok", "an operation is answered with its result");
  return reply.result;
}
