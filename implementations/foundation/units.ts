/**
 * The units and identities every room of the house shares.
 *
 * They are aliases, not branded types: a unit stands at the end of a name (`electionTimeoutMs`), which a reader sees
 * at every use, and arithmetic on them stays plain arithmetic.
 */

/** Milliseconds, fractions allowed. On a clock: since an arbitrary origin that differs from node to node. */
export type Millis = number;

/** Names a node of a deployment: "n1", "n2", ... */
export type NodeId = string;

/** Names a logical client of a deployment; a client has at most one operation in flight. */
export type ProcessId = number;
