/** Assertions for broken invariants: bugs of ours, never expected faults. An expected fault is an error with a code. */

/** A broken invariant: a programmer's error that stops the run. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * Throws unless `condition` holds.
 *
 * @throws AssertionError with `message`, which states the invariant that should have held.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(`Invariant broken: ${message}`);
}

/**
 * Closes a switch over a union: the compiler refuses the call while a case is missing.
 *
 * @throws AssertionError always; it is reached only when a value escaped its type.
 */
export function unreachable(value: never): never {
  throw new AssertionError(`Invariant broken: unexpected value ${JSON.stringify(value)}`);
}
