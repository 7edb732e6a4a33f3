/**
 * What can go wrong behind the storage engines' port: engines in `platform/` raise it, stores in their rooms read it.
 *
 * It stands here and not with the port because the platform knows a room's port by type only, and this is a value.
 */

/**
 * Why an engine could not do what it was asked.
 * - FULL, IO: nothing of a write was applied that a reader will ever see, and a later attempt may succeed.
 * - DAMAGED: what was stored fails its checksums; the engine serves nothing more of it.
 * - LOCKED: another process uses the files.
 * - REFUSED: a server does not answer, or turns us away.
 * - CLOSED: it was closed, or has failed for good and says why; a write that was under way may have been applied.
 */
export type EngineErrorCode = "FULL" | "IO" | "DAMAGED" | "LOCKED" | "REFUSED" | "CLOSED";

/** An expected failure of an engine; the message says what, where, and what can be done. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
