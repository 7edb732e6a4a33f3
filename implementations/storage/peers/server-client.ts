/**
 * The clients' side of a peer that is one server: repeats what may be repeated, and gives up at the deadline.
 *
 * A request that was never sent, or that the server refused before it looked at it, is tried again until the deadline.
 * A request whose fate is unknown is asked again only if that does no harm: a read always; a change only where
 * `repeats` says that the workload itself may ask again under the same session and sequence. Such a workload gives
 * every key one writing client, so the record's last writer is all the memory that is needed to recognise an attempt
 * that arrives twice, or late. Where several clients write a key, one of them could come in between, and the attempt
 * would be done twice; so there a change is sent once, and has all the time there is. The outcome is definite only if
 * every attempt ended definitely.
 */

import type { Outcome, Request } from "../../foundation/deployment.ts";
import { failedWith } from "../../foundation/deployment.ts";
import type { Clock, Random } from "../../foundation/effects.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import { certaintyOf } from "../../foundation/errors.ts";
import type { Millis } from "../../foundation/units.ts";
import { limits } from "../contract.ts";
import type { StorageOperation, StorageReply, StorageResult } from "../contract.ts";

/** How one attempt ended. */
export type AttemptEnd =
  | StorageReply
  /** It was never sent. */
  | { readonly kind: "unsent" }
  /** The connection ended, or the time did, with the request under way. */
  | { readonly kind: "lost" | "silence" };

/** Performs one attempt; `done` is called exactly once, no later than `timeoutMs` from now. */
export type Attempt = (request: Request<StorageOperation>, timeoutMs: Millis, done: (end: AttemptEnd) => void) => void;

export interface ServerClientOptions {
  readonly attempt: Attempt;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether requests may be invoked again under the same session and sequence. */
  readonly repeats: boolean;
  /** An attempt that may be repeated is given up after this long. */
  readonly attemptTimeoutMs: Millis;
  /** Pause before another attempt after a refusal. */
  readonly retryPauseMs: Millis;
}

interface Asked {
  readonly request: Request<StorageOperation>;
  readonly done: (outcome: Outcome<StorageResult>) => void;
  readonly deadlineAtMs: Millis;
  readonly repeatable: boolean;
  /** An attempt may have taken effect without our knowing. */
  uncertain: boolean;
  lastCode: ErrorCode;
}

/** Definite refusals after which another attempt makes sense. */
const retried: ReadonlySet<ErrorCode> = new Set(["UNAVAILABLE", "OVERLOADED"] satisfies ErrorCode[]);

export class ServerClient {
  readonly #options: ServerClientOptions;

  constructor(options: ServerClientOptions) {
    this.#options = options;
  }

  invoke(request: Request<StorageOperation>, deadlineMs: Millis, done: Asked["done"]): void {
    if (!fitsLimits(request.operation)) return done(failedWith("MALFORMED_REQUEST"));
    this.#attempt({
      request,
      done,
      deadlineAtMs: this.#options.clock.nowMs() + deadlineMs,
      repeatable: request.operation.kind === "get" || this.#options.repeats,
      uncertain: false,
      lastCode: "REPLY_TIMEOUT",
    });
  }

  #attempt(asked: Asked): void {
    const { attempt, clock, attemptTimeoutMs } = this.#options;
    const remainingMs = asked.deadlineAtMs - clock.nowMs();
    if (remainingMs <= 0) return giveUp(asked);
    const timeoutMs = asked.repeatable ? Math.min(attemptTimeoutMs, remainingMs) : remainingMs;
    attempt(asked.request, timeoutMs, (end) => this.#ended(asked, end));
  }

  #ended(asked: Asked, end: AttemptEnd): void {
    switch (end.kind) {
      case "ok":
        return asked.done({ kind: "ok", result: end.result });
      case "error":
        return this.#failed(asked, end.code);
      case "unsent":
        return this.#failed(asked, "UNAVAILABLE");
      case "lost":
        return this.#failed(asked, "CONNECTION_LOST");
      case "silence":
        return this.#failed(asked, "REPLY_TIMEOUT");
    }
  }

  #failed(asked: Asked, code: ErrorCode): void {
    const definite = certaintyOf[code] === "definite";
    asked.lastCode = code;
    if (!definite) asked.uncertain = true;
    if (isAnswer(code)) return asked.done(failedWith(code));
    if (!(definite ? retried.has(code) : asked.repeatable)) return giveUp(asked);
    const { clock } = this.#options;
    const remainingMs = Math.max(0, asked.deadlineAtMs - clock.nowMs());
    clock.after(Math.min(remainingMs, this.#pauseMs()), () => this.#attempt(asked));
  }

  #pauseMs(): Millis {
    return this.#options.retryPauseMs * (0.5 + this.#options.random.float());
  }
}

/**
 * Whether a code is what the operation came to, whatever became of the attempts before. One that took effect would be
 * recognised by its writer, so a later one that finds the wrong value, or none, knows that none of them did. One that
 * finds a later request of its session will find the same for ever.
 */
function isAnswer(code: ErrorCode): boolean {
  return code === "PRECONDITION_FAILED" || code === "NOT_FOUND" || code === "SESSION_EXPIRED";
}

function giveUp({ done, uncertain, lastCode }: Asked): void {
  if (!uncertain) return done(failedWith(lastCode));
  done({ kind: "info", code: certaintyOf[lastCode] === "indefinite" ? lastCode : "REPLY_TIMEOUT" });
}

function fitsLimits(operation: StorageOperation): boolean {
  if (operation.key === "" || !fits(operation.key, limits.keyBytes)) return false;
  return valuesOf(operation).every((value) => fits(value, limits.valueBytes));
}

function valuesOf(operation: StorageOperation): readonly string[] {
  if (operation.kind === "put") return [operation.value];
  return operation.kind === "cas" ? [operation.from ?? "", operation.to] : [];
}

const utf8 = new TextEncoder();

/** No UTF-16 unit takes more than three bytes, so most texts need not be encoded to be measured. */
function fits(text: string, bytes: number): boolean {
  return text.length * 3 <= bytes || (text.length <= bytes && utf8.encode(text).length <= bytes);
}
