/**
 * Mistakes in Raft, as changes of the production implementation: those of the catalogue of known ones (M-CON-01 to 22)
 * and some of our own about leases and joint consensus (M-CON-5x).
 *
 * Each is made the way a programmer would make it: where the mistake alone would trip an assertion on the spot, the
 * assertion is left in, since it is part of the implementation that is tested; where the assertion would hide what the
 * mistake leads to, it goes as well.
 */

import type { Mutant, Replacement } from "../../harness/mutants/mutant.ts";

const production = "implementations/consensus/production";

function change(file: string, before: string, after: string): Replacement {
  return { file: file.includes("/") ? file : `${production}/${file}`, before, after };
}

function mutant(
  id: string,
  mistake: string,
  violates: string,
  origin: string,
  ...replacements: readonly Replacement[]
): Mutant {
  return { id, module: "consensus", implementation: "production", mistake, violates, origin, replacements };
}

const wild = "seen in the wild";
const libraries = "seen in several Raft libraries";
const own = "our own";

const elections: readonly Mutant[] = [
  mutant(
    "M-CON-02",
    "votedFor is not persisted: a restarted node votes again in the same term",
    "election safety",
    libraries,
    change(
      "segment-log.ts",
      "        writeHardState(writer, hardState);\n        this.#hardState = hardState;",
      `        this.#hardState = { term: hardState.term, votedFor: null };
        writeHardState(writer, this.#hardState);`,
    ),
  ),
  mutant(
    "M-CON-03",
    "term and vote are persisted in two writes; a crash falls between them",
    "election safety",
    wild,
    change(
      "log-store.ts",
      "    this.#waiting.push({ batch, bytes, done });\n    this.#flush();",
      `    const { hardState } = batch;
    const first = hardState === undefined ? batch : { ...batch, hardState: { ...hardState, votedFor: null } };
    this.#waiting.push({ batch: first, bytes, done });
    this.#flush();
    if (hardState === undefined || hardState.votedFor === null) return;
    const second: StoredBatch = { hardState, entries: [], snapshot: undefined };
    this.#waiting.push({ batch: second, bytes: 0, done: () => undefined });
    this.#flush();`,
    ),
  ),
  mutant(
    "M-CON-04",
    "the up-to-date check requires both a higher index and a higher term",
    "leader completeness or liveness",
    wild,
    change(
      "replica.ts",
      `    if (lastLogTerm !== this.log.lastTerm) return lastLogTerm > this.log.lastTerm;
    return lastLogIndex >= this.log.lastIndex;`,
      "    return lastLogTerm >= this.log.lastTerm && lastLogIndex >= this.log.lastIndex;",
    ),
  ),
  mutant(
    "M-CON-05",
    "a second vote from the same voter is counted",
    "election safety",
    wild,
    change(
      "raft.ts",
      "    this.#votes.add(voter);",
      `    const uncounted = this.#otherVoters().find((other) => !this.#votes.has(other));
    this.#votes.add(this.#votes.has(voter) ? (uncounted ?? voter) : voter);`,
    ),
  ),
  mutant(
    "M-CON-06",
    "a leader grants a vote in its own term",
    "election safety",
    wild,
    change(
      "raft.ts",
      "const granted = term === this.#term && isFree && this.#replica.isUpToDate(lastLogIndex, lastLogTerm);",
      `const mayVote = isFree && this.#replica.isUpToDate(lastLogIndex, lastLogTerm);
    const granted = term === this.#term && (mayVote || this.#leadership !== undefined);`,
    ),
  ),
  mutant(
    "M-CON-21",
    "no pre-vote: a returning isolated node inflates terms and unseats the leader",
    "liveness",
    wild,
    change(
      "raft.ts",
      "if (this.#canStand()) return this.#startPreVote();",
      "if (this.#canStand()) return this.#startElection();",
    ),
  ),
  mutant(
    "M-CON-22",
    "election timeouts are not randomised",
    "liveness",
    "",
    change("raft.ts", "electionTimeoutMs * (1 + this.#random.float())", "electionTimeoutMs * 1.5"),
  ),
];

const replication: readonly Mutant[] = [
  mutant(
    "M-CON-01",
    "commit an entry of an earlier term by counting replicas",
    "leader completeness",
    "Raft paper, figure 8",
    change(
      "leadership.ts",
      "if (index <= commitIndex || log.termAt(index) !== this.#term) return;",
      "if (index <= commitIndex) return;",
    ),
  ),
  mutant(
    "M-CON-07",
    "every AppendEntries truncates the follower's log after its entries, also a late duplicate",
    "committed entries lost",
    libraries,
    change(
      "replica.ts",
      "    if (first === undefined) return false;\n    this.#cutAfter(first.index - 1);",
      `    if (first === undefined) {
      const last = entries.at(-1);
      if (last !== undefined) this.#cutAfter(last.index);
      return false;
    }
    this.#cutAfter(first.index - 1);`,
    ),
    change(
      "replica.ts",
      // Nothing in the way of losing what is committed.
      "    assert(index >= this.#commitIndex, `committed entry ${index + 1} is not replaced; commit is ${this.#commitIndex}`);\n",
      "    if (index < this.log.baseIndex) return;\n",
    ),
  ),
  mutant(
    "M-CON-08",
    "follower commits min(leaderCommit, own last index) instead of the last entry the message covered",
    "state machine safety",
    wild,
    change(
      "followership.ts",
      "Math.min(leaderCommit, lastCovered)",
      "Math.min(leaderCommit, this.#replica.log.lastIndex)",
    ),
  ),
  mutant(
    "M-CON-09",
    "commit index moves backwards on a stale message",
    "monotonic commit",
    wild,
    change(
      "replica.ts",
      "    if (index <= this.#commitIndex) return;\n",
      `    if (index === this.#commitIndex) return;
    if (index < this.#commitIndex) {
      this.#commitIndex = index;
      return this.outbox.trace({ kind: "commit", term, index });
    }
`,
    ),
  ),
  mutant(
    "M-CON-10",
    "commit advances on a rejected AppendEntries",
    "state machine safety",
    wild,
    change(
      "followership.ts",
      "if (!this.#replica.matches(prevLogIndex, prevLogTerm)) return this.#refuse(leader, message);",
      `if (!this.#replica.matches(prevLogIndex, prevLogTerm)) {
      this.#replica.commitUpTo(Math.min(leaderCommit, this.#replica.log.lastIndex), term);
      return this.#refuse(leader, message);
    }`,
    ),
  ),
  mutant(
    "M-CON-14",
    "a leader commits alone",
    "quorum",
    wild,
    change(
      "leadership.ts",
      "const index = quorumOf(this.#configuration, this.#matchIndexOf);",
      "const index = this.#replica.durability.stableIndex;",
    ),
  ),
  mutant(
    "M-CON-15",
    "ReadIndex is served before the leader committed an entry of its own term",
    "linearizability",
    wild,
    change("leadership.ts", "if (!this.#hasCommittedInTerm || !this.#reads.begin(", "if (!this.#reads.begin("),
  ),
];

const durability: readonly Mutant[] = [
  mutant(
    "M-CON-11",
    "an entry is acknowledged before its log write is synced",
    "durability",
    wild,
    change(
      "followership.ts",
      "this.#answer(leader, waits, { ...reply, conflictIndex",
      "this.#answer(leader, !this.#outbox.isHardStateDurable, { ...reply, conflictIndex",
    ),
  ),
  mutant(
    "M-CON-12",
    "a heartbeat that advances commit is acknowledged before sync",
    "durability",
    wild,
    change(
      "followership.ts",
      "waits ? lastCovered : Math.min(lastCovered, this.#replica.durability.stableIndex)",
      "lastCovered",
    ),
  ),
  mutant(
    "M-CON-13",
    "a leader whose own disk write failed still counts itself",
    "log matching",
    wild,
    change(
      "implementations/assembly/consensus/production-node.ts",
      `      if (error !== undefined) return this.#fail(error);
      if (batch.snapshot !== undefined &&`,
      `      if (error !== undefined && this.#raft?.role !== "leader") return this.#fail(error);
      if (error !== undefined) {
        return this.#options.defer(() => this.#step({ kind: "persisted", sequence: batch.sequence }));
      }
      if (batch.snapshot !== undefined &&`,
    ),
  ),
  mutant(
    "M-CON-19",
    "an older snapshot replaces newer state",
    "rollback of applied state",
    wild,
    change("followership.ts", "if (lastIncludedIndex <= this.#replica.commitIndex) {", "if (lastIncludedIndex <= 0) {"),
    change(
      "replica.ts",
      "    assert(snapshot.index > this.#commitIndex, `snapshot ${snapshot.index} is newer than commit ${this.#commitIndex}`);\n",
      "",
    ),
  ),
  mutant(
    "M-CON-20",
    "a torn record at the tail of the log is accepted",
    "log integrity",
    wild,
    change(
      "implementations/foundation/wal-format.ts",
      "  if (available - recordHeaderBytes < bodyBytes) {",
      "  if (available - recordHeaderBytes < bodyBytes) return undefined;\n  if (bodyBytes < 0) {",
    ),
    change(
      "implementations/foundation/wal-format.ts",
      "const bodyEnd = bodyStart + view.getUint32(at + 4, true);",
      "const bodyEnd = Math.min(bytes.length, bodyStart + view.getUint32(at + 4, true));",
    ),
  ),
];

const membership: readonly Mutant[] = [
  mutant(
    "M-CON-16",
    "a single-server membership change without a committed entry in the current term",
    "two disjoint quorums",
    "Ongaro, raft-dev",
    change(
      "leadership.ts",
      "isSettled: configurations.currentIndex <= commitIndex && this.#hasCommittedInTerm,",
      "isSettled: configurations.currentIndex <= commitIndex,",
    ),
    change(
      "membership.ts",
      "return { voters: change.voters, outgoing: voters, learners: others };",
      `const isSingle = Math.abs(change.voters.length - voters.length) === 1;
      return { voters: change.voters, outgoing: isSingle ? [] : voters, learners: others };`,
    ),
  ),
  mutant(
    "M-CON-17",
    "a learner counts toward the quorum",
    "quorum",
    wild,
    change(
      "configuration.ts",
      "export function quorumOf({ voters, outgoing }: Configuration,",
      "export function quorumOf({ voters, outgoing, learners }: Configuration,",
    ),
    change(
      "configuration.ts",
      "const reached = quorumIndex(voters.map(numberOf));",
      `const numbers = [...voters, ...learners].map(numberOf).toSorted((one, other) => other - one);
  const reached = numbers[Math.floor(voters.length / 2)] ?? 0;`,
    ),
  ),
  mutant(
    "M-CON-18",
    "configuration is not rolled back when its entry is truncated",
    "membership",
    "",
    change("replica.ts", "    if (this.configurations.cutAfter(index)) this.#traceConfiguration();\n", ""),
  ),
  mutant(
    "M-CON-51",
    "a change of several voters skips the joint configuration",
    "two disjoint quorums",
    own,
    change(
      "membership.ts",
      "return { voters: change.voters, outgoing: voters, learners: others };",
      "return { voters: change.voters, outgoing: [], learners: others };",
    ),
  ),
  mutant(
    "M-CON-52",
    "a membership change begins before the configuration before it is committed",
    "two disjoint quorums",
    own,
    change(
      "leadership.ts",
      "isSettled: configurations.currentIndex <= commitIndex && this.#hasCommittedInTerm,",
      "isSettled: true,",
    ),
  ),
];

const leases: readonly Mutant[] = [
  mutant(
    "M-CON-53",
    "a lease lasts as long as an election timeout and leaves out how fast clocks may run",
    "linearizability",
    own,
    change("lease.ts", "this.#lengthMs = electionTimeoutMs / maxClockSkew;", "this.#lengthMs = electionTimeoutMs;"),
  ),
  mutant(
    "M-CON-54",
    "a lease lasts for as long as an election may take to begin, twice the time in which none can",
    "linearizability",
    own,
    change("lease.ts", "this.#lengthMs = electionTimeoutMs / maxClockSkew;", "this.#lengthMs = 2 * electionTimeoutMs;"),
  ),
  mutant(
    "M-CON-55",
    "a leader keeps its lease after it asked another node to stand",
    "linearizability",
    own,
    change("leadership.ts", "    this.#hasAskedSuccessor = true;\n    this.#lease?.giveUp();\n", ""),
  ),
  mutant(
    "M-CON-56",
    "a leader that asked another node to stand gives its lease up, and the next read round renews it",
    "linearizability",
    "our own, found by a sweep",
    change(
      "leadership.ts",
      "if (!this.#hasAskedSuccessor) this.#lease?.sent(this.#reads.round, nowMs);",
      "this.#lease?.sent(this.#reads.round, nowMs);",
    ),
  ),
];

export const consensusMutants: readonly Mutant[] = [
  ...elections,
  ...replication,
  ...durability,
  ...membership,
  ...leases,
].toSorted((one, other) => (one.id < other.id ? -1 : 1));
