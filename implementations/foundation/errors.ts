/**
 * Errors that are part of normal operation.
 *
 * Every such error has a code, and the code fixes its certainty: after a *definite* error the operation did not happen
 * and never will; after an *indefinite* one it may have happened, or may happen later. Checkers keep both futures of
 * an indefinite operation, so a code that is wrongly called definite turns into a false verdict.
 *
 * @see Kingsbury, Maelstrom protocol documentation, section "Errors": the distinction and its use by a checker.
 */

/** Whether an operation that ended in an error can have taken effect. */
export type Certainty = "definite" | "indefinite";

/** What a client can be told instead of a result, and what it may conclude from it. */
export const certaintyOf = {
  /** The node asked is not the leader; nothing was proposed. */
  NOT_LEADER: "definite",
  /** The node's queue is full; nothing was proposed. */
  OVERLOADED: "definite",
  /** The node is shutting down or has not started; nothing was proposed. */
  UNAVAILABLE: "definite",
  /** Another change of the cluster's members is under way; nothing was changed. */
  CHANGE_UNDER_WAY: "definite",
  /** A new node did not catch up with the log in time; the voters are as they were. */
  LEARNER_BEHIND: "definite",
  /** A compare-and-swap found another value; a result with a meaning of its own. */
  PRECONDITION_FAILED: "definite",
  /** The key is not there; a result with a meaning of its own. */
  NOT_FOUND: "definite",
  /** The store holds as many keys or bytes, or the queue as many tasks, as it may; nothing was written. */
  CAPACITY_EXCEEDED: "definite",
  /** A task names a module, an export or a kind that does not exist; nothing was enqueued. */
  UNKNOWN_TASK: "definite",
  /** A task belongs to a tenant that is not configured; nothing was enqueued. */
  UNKNOWN_TENANT: "definite",
  /** A task depends on one that was never accepted, or is forgotten; nothing was enqueued. */
  UNKNOWN_DEPENDENCY: "definite",
  /** Tasks depend on each other in a circle; nothing was enqueued. */
  DEPENDENCY_CYCLE: "definite",
  /** A task needs more than its tenant or a node may ever use; nothing was enqueued. */
  QUOTA_EXCEEDED: "definite",
  /** Another task has that id; nothing was enqueued. */
  ALREADY_EXISTS: "definite",
  /** Too few replicas answered before anything was written. */
  QUORUM_NOT_MET: "definite",
  /** The request exceeds a stated limit or cannot be parsed. */
  MALFORMED_REQUEST: "definite",
  /** No reply before the deadline. */
  REPLY_TIMEOUT: "indefinite",
  /** A write reached some replicas, and not enough of them said so in time. */
  WRITE_UNCERTAIN: "indefinite",
  /** The connection ended with the request under way. */
  CONNECTION_LOST: "indefinite",
  /** The leader lost its office, or its disk, with the entry in its log: a successor may commit it. */
  PROPOSAL_DROPPED: "indefinite",
  /** The server no longer knows the client's session, so it cannot tell whether the request was applied. */
  SESSION_EXPIRED: "indefinite",
} as const satisfies Record<string, Certainty>;

export type ErrorCode = keyof typeof certaintyOf;

/**
 * Bad input from a person: a flag, a file, a directory. The command line prints `message` as one line and exits with
 * code 3; the message says what is wrong, where, and what is allowed.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * A node of the system under test ended itself: an invariant it asserts was broken, or it met an error it did not
 * expect. That is a finding about the system, not a failure of the harness. `cause` is the node's error, if known.
 */
export class NodeFailure extends Error {
  override readonly name = "NodeFailure";
  readonly node: string;
  /** On the driver's clock. */
  readonly timeMs: number;

  constructor(node: string, timeMs: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.node = node;
    this.timeMs = timeMs;
  }
}

/**
 * The harness could not do its work through no fault of the system under test: a directory that cannot be written, a
 * process that does not start, a child that was killed from outside. Printed as one line, exit code 3.
 */
export class HarnessError extends Error {
  override readonly name = "HarnessError";
}
