/**
 * The clients' side of the consensus protocol: finds the leader, retries what may be retried, gives up at the deadline.
 *
 * A request keeps its session and sequence number over all attempts, so an attempt whose fate is unknown may be sent
 * again: the state machine executes it once. For the same reason a late answer to an attempt that was given up is an
 * answer to the request: a cluster that is slower than an attempt may last would otherwise answer nobody. The outcome
 * is definite only if every attempt ended definitely; one attempt without an answer makes the whole request indefinite.
 * All logical clients share one transport.
 */

import type { Outcome, Request } from "../../foundation/deployment.ts";
import { failedWith } from "../../foundation/deployment.ts";
import type { Clock, Random, Timer, Transport } from "../../foundation/effects.ts";
import { decode, encode } from "../../foundation/codec.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import { certaintyOf } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ClientReply, ClientRequest, ConsensusOperation, ConsensusResult } from "../../consensus/contract.ts";

export interface ClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly nodes: readonly NodeId[];
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

interface Call {
  readonly request: Request<ConsensusOperation>;
  readonly done: (outcome: Outcome<ConsensusResult>) => void;
  readonly deadlineAtMs: Millis;
  /** An attempt may have taken effect without our knowing. */
  uncertain: boolean;
  lastCode: ErrorCode;
  /** Of the attempt under way. */
  id: number;
  /**
   * Of attempts that were given up and may still be answered; at most one for each attempt's time until the deadline.
   */
  readonly lateIds: number[];
  askedNode: NodeId;
  timer: Timer | undefined;
}

export class ConsensusClient {
  readonly #options: ClientOptions;
  readonly #calls = new Map<number, Call>();
  #nextId = 1;
  #leader: NodeId;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#leader = options.nodes[0] ?? "";
    options.transport.onMessage((from, bytes) => this.#receive(from, bytes));
  }

  invoke(request: Request<ConsensusOperation>, deadlineMs: Millis, done: Call["done"]): void {
    const call: Call = {
      request,
      done,
      deadlineAtMs: this.#options.clock.nowMs() + deadlineMs,
      uncertain: false,
      lastCode: "REPLY_TIMEOUT",
      id: 0,
      lateIds: [],
      askedNode: this.#leader,
      timer: undefined,
    };
    this.#attempt(call, this.#leader);
  }

  #attempt(call: Call, node: NodeId): void {
    const { clock, transport, attemptTimeoutMs } = this.#options;
    const remainingMs = call.deadlineAtMs - clock.nowMs();
    if (remainingMs <= 0) return this.#giveUp(call);
    call.id = this.#nextId++;
    call.askedNode = node;
    this.#calls.set(call.id, call);
    const message: ClientRequest = { id: call.id, ...call.request };
    call.timer = clock.after(Math.min(attemptTimeoutMs, remainingMs), () => this.#onSilence(call));
    transport.send(node, encode(message));
  }

  #onSilence(call: Call): void {
    call.lateIds.push(call.id);
    // A read changes nothing, so an unanswered one leaves nothing uncertain but its own answer.
    call.uncertain = true;
    call.lastCode = "REPLY_TIMEOUT";
    const next = this.#nextAfter(call.askedNode);
    if (this.#leader === call.askedNode) this.#leader = next;
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
    if (call === undefined) return; // The answer to a request that has its outcome.
    this.#calls.delete(message.id);
    const { reply } = message;
    if (reply.kind === "ok") {
      this.#leader = from;
      return this.#end(call, { kind: "ok", result: reply.result });
    }
    if (!retried.has(reply.code)) return this.#end(call, failedWith(reply.code));
    if (certaintyOf[reply.code] === "indefinite") call.uncertain = true;
    if (message.id !== call.id) return; // Another attempt is under way already.
    call.timer?.cancel();
    call.lastCode = reply.code;
    this.#retry(call, from, message.leader);
  }

  #retry(call: Call, from: NodeId, hint: NodeId | undefined): void {
    const { clock, random, retryPauseMs } = this.#options;
    if (hint !== undefined && hint !== from) {
      this.#leader = hint;
      return this.#attempt(call, hint);
    }
    // A leader that is overloaded is still the leader: others would only send us back to it.
    if (this.#leader === from && call.lastCode !== "OVERLOADED") this.#leader = this.#nextAfter(from);
    const remainingMs = Math.max(0, call.deadlineAtMs - clock.nowMs());
    const pauseMs = Math.min(remainingMs, retryPauseMs * (0.5 + random.float()));
    call.timer = clock.after(pauseMs, () => this.#attempt(call, this.#leader));
  }

  #giveUp(call: Call): void {
    this.#end(call, call.uncertain ? { kind: "info", code: "REPLY_TIMEOUT" } : failedWith(call.lastCode));
  }

  #end(call: Call, outcome: Outcome<ConsensusResult>): void {
    call.timer?.cancel();
    for (const id of [call.id, ...call.lateIds]) this.#calls.delete(id);
    call.done(outcome);
  }

  #nextAfter(node: NodeId): NodeId {
    const { nodes } = this.#options;
    return nodes[(nodes.indexOf(node) + 1) % nodes.length] ?? node;
  }
}
