/**
 * The clients' side of etcd: chooses the member to ask, repeats what may be repeated, gives up at the deadline.
 *
 * Requests go to the leader where it is known, which spares etcd the forwarding. A request that is repeatable is asked
 * again after silence; one that is not gets all the time there is for its one attempt, and its fate stays unknown if
 * that is not enough. The outcome is definite only if every attempt ended definitely.
 */

import type { Outcome, Request } from "../../foundation/deployment.ts";
import { failedWith } from "../../foundation/deployment.ts";
import type { Clock, Random } from "../../foundation/effects.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import { certaintyOf } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { ConsensusOperation, ConsensusResult } from "../contract.ts";
import { errorCodeOf, exchangeOf, refusalOf } from "./etcd.ts";
import type { Exchange } from "./etcd.ts";

/** How a remote call ended. */
export type CallEnd =
  | { readonly kind: "answer"; readonly message: Uint8Array }
  /** The server answered with an error. */
  | { readonly kind: "error"; readonly status: number; readonly message: string }
  /** It was never sent, or the server says that it looked at nothing of it. */
  | { readonly kind: "unsent" }
  /** The connection ended, or the time did, with the call under way. */
  | { readonly kind: "lost" | "silence" };

/** Performs one remote call at a member; `done` is called exactly once, no later than `timeoutMs` from now. */
export type Call = (
  node: NodeId,
  exchange: Pick<Exchange, "method" | "message">,
  timeoutMs: Millis,
  done: (end: CallEnd) => void,
) => void;

export interface EtcdClientOptions {
  readonly call: Call;
  readonly clock: Clock;
  readonly random: Random;
  readonly nodes: readonly NodeId[];
  /** The leader as last heard of. */
  readonly leader: () => NodeId | undefined;
  /** Whether requests may be invoked again under the same session and sequence, and so have to be remembered. */
  readonly repeats: boolean;
  /** A repeatable attempt without an answer is given up after this long, and the next member is asked. */
  readonly attemptTimeoutMs: Millis;
  /** Pause before another attempt after a refusal. */
  readonly retryPauseMs: Millis;
}

interface Attempted {
  readonly done: (outcome: Outcome<ConsensusResult>) => void;
  readonly deadlineAtMs: Millis;
  exchange: Exchange;
  node: NodeId;
  /** An attempt may have taken effect without our knowing. */
  uncertain: boolean;
  lastCode: ErrorCode;
}

/** Definite refusals after which another attempt makes sense. */
const retried: ReadonlySet<ErrorCode> = new Set(["UNAVAILABLE", "OVERLOADED"] satisfies ErrorCode[]);

export class EtcdClient {
  readonly #options: EtcdClientOptions;
  /** Asked while no leader is known. */
  #node: NodeId;

  constructor(options: EtcdClientOptions) {
    this.#options = options;
    this.#node = options.nodes[0] ?? "";
  }

  invoke(request: Request<ConsensusOperation>, deadlineMs: Millis, done: Attempted["done"]): void {
    const refusal = refusalOf(request.operation);
    if (refusal !== undefined) return done(failedWith(refusal));
    this.#attempt({
      done,
      deadlineAtMs: this.#options.clock.nowMs() + deadlineMs,
      exchange: exchangeOf(request, this.#options.repeats),
      node: this.#options.leader() ?? this.#node,
      uncertain: false,
      lastCode: "REPLY_TIMEOUT",
    });
  }

  #attempt(attempted: Attempted): void {
    const { call, clock, attemptTimeoutMs } = this.#options;
    const remainingMs = attempted.deadlineAtMs - clock.nowMs();
    if (remainingMs <= 0) return this.#giveUp(attempted);
    const timeoutMs = attempted.exchange.repeatable ? Math.min(attemptTimeoutMs, remainingMs) : remainingMs;
    call(attempted.node, attempted.exchange, timeoutMs, (end) => this.#ended(attempted, end));
  }

  #ended(attempted: Attempted, end: CallEnd): void {
    switch (end.kind) {
      case "answer":
        return this.#answered(attempted, end.message);
      case "error":
        return this.#failed(attempted, errorCodeOf(end.status, end.message));
      case "unsent":
        return this.#failed(attempted, "UNAVAILABLE");
      case "lost":
        return this.#failed(attempted, "CONNECTION_LOST");
      case "silence":
        return this.#failed(attempted, "REPLY_TIMEOUT");
    }
  }

  #answered(attempted: Attempted, message: Uint8Array): void {
    let reply;
    try {
      reply = attempted.exchange.read(message);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return this.#failed(attempted, "CONNECTION_LOST"); // Damaged on the way.
    }
    if ("method" in reply) {
      attempted.exchange = reply;
      attempted.uncertain = true; // It took effect; what is still asked is only how.
      return this.#attempt(attempted);
    }
    this.#node = attempted.node;
    attempted.done(reply.kind === "ok" ? { kind: "ok", result: reply.result } : failedWith(reply.code));
  }

  #failed(attempted: Attempted, code: ErrorCode): void {
    const definite = certaintyOf[code] === "definite";
    attempted.lastCode = code;
    if (!definite) attempted.uncertain = true;
    const again = definite ? retried.has(code) : attempted.exchange.repeatable;
    if (!again) return this.#giveUp(attempted);
    this.#retry(attempted, code === "REPLY_TIMEOUT" ? 0 : this.#pauseMs());
  }

  #retry(attempted: Attempted, pauseMs: Millis): void {
    const { clock, nodes } = this.#options;
    const next = nodes[(nodes.indexOf(attempted.node) + 1) % nodes.length] ?? attempted.node;
    if (this.#node === attempted.node) this.#node = next;
    const remainingMs = Math.max(0, attempted.deadlineAtMs - clock.nowMs());
    clock.after(Math.min(remainingMs, pauseMs), () => {
      const leader = this.#options.leader();
      attempted.node = leader === undefined || leader === attempted.node ? next : leader;
      this.#attempt(attempted);
    });
  }

  #pauseMs(): Millis {
    return this.#options.retryPauseMs * (0.5 + this.#options.random.float());
  }

  #giveUp({ done, uncertain, lastCode }: Attempted): void {
    if (!uncertain) return done(failedWith(lastCode));
    done({ kind: "info", code: certaintyOf[lastCode] === "indefinite" ? lastCode : "REPLY_TIMEOUT" });
  }
}
