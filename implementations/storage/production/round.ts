/**
 * One round: operations on one key, from the question to the replicas to their replies. It decides and performs
 * nothing: every input is answered with what to do next, and the coordinator does it.
 *
 * Reads ask what the replicas have accepted. If a quorum names one ballot, that value is chosen and is the answer.
 * Otherwise, and for every write, the round prepares a ballot, takes the accepted state of the highest ballot that a
 * quorum reports, applies its operations to it in order, and has the outcome accepted: once for all of them. An outcome
 * that changes nothing is accepted all the same: that keeps later reads from going backwards, and a proposal that an
 * attempt left behind from being found by a later round after its client was told that it failed.
 *
 * A quorum that has promised the next ballot to this coordinator lets the round begin with the second phase.
 *
 * After a refusal or a silence the same operations are tried again under a higher ballot. What an attempt before
 * proposed may have been chosen and overwritten meanwhile, so the state that is found decides (`fateOf`).
 *
 * @see Rystsov 2018, "CASPaxos: replicated state machines without logs", sections 2.2, 2.4, and 3 (the proof).
 */

import { assert } from "../../foundation/assert.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { QuorumLevel, StorageReply } from "../contract.ts";
import type { ReplicaReply } from "./messages.ts";
import type { State } from "./record.ts";
import { execute, isWrite } from "./register.ts";
import type { Command } from "./register.ts";
import { canBeQuorum, isQuorum } from "./topology.ts";
import type { Member, Placement } from "./topology.ts";

/**
 * What the coordinator is to do: send the phase's request to everyone who has not answered, try again under a higher
 * ballot, hand in a ballot for `writeAlone`, or end.
 */
export type Step = "wait" | "send" | "retry" | "elect" | "done";

/** `spread`: others are told, after the fact, of what one replica has written alone. */
export type Phase = "read" | "prepare" | "accept" | "spread";

/** What is known of a key after a round: a quorum has `state`, and has promised `next` to this coordinator. */
export interface Promised {
  readonly state: State;
  readonly next: number;
}

const capacityExceeded: StorageReply = { kind: "error", code: "CAPACITY_EXCEEDED" };
const quorumNotMet: StorageReply = { kind: "error", code: "QUORUM_NOT_MET" };
const writeUncertain: StorageReply = { kind: "error", code: "WRITE_UNCERTAIN" };

export interface RoundOptions {
  readonly key: string;
  readonly placement: Placement;
  readonly level: QuorumLevel;
  /** One per operation, in the order in which they take effect; none: repair what is there. */
  readonly commands: readonly Command[];
}

/** What an attempt asked replicas to accept, and what its operations would be told. */
interface Proposed {
  readonly state: State;
  readonly outcomes: readonly StorageReply[];
}

export class Round {
  readonly key: string;
  placement: Placement;
  readonly level: QuorumLevel;
  readonly commands: readonly Command[];
  phase: Phase = "read";
  /** Phases entered so far. */
  phases = 0;
  /** Of the attempt under way. */
  ballot = 0;
  next = 0;
  /** phase accept: what is to be accepted. */
  proposal: State | undefined;
  /** done: one per command. */
  replies: readonly StorageReply[] = [];
  /** The highest ballot that stood in the way. */
  highestRefusal = 0;
  /** done: what a quorum was found to have accepted under one ballot. */
  found: State | undefined;
  /** done: whether the outcome was accepted by a quorum that promised `next` as well. */
  isNextPromised = false;
  /** Who answered the phase, and how, by position in `placement.replicas`. */
  #answers: (ReplicaReply | undefined)[];
  #outcomes: readonly StorageReply[] = [];
  /** Proposals of this round that changed something, one per attempt at most. */
  readonly #proposed: Proposed[] = [];
  /** Positions of operations that nobody waits for, and that were never proposed. */
  readonly #withdrawn = new Set<number>();
  #timestampMs = 0;
  #isAccepted = false;

  constructor({ key, placement, level, commands }: RoundOptions) {
    this.key = key;
    this.placement = placement;
    this.level = level;
    this.commands = commands;
    this.#answers = new Array<ReplicaReply | undefined>(placement.replicas.length).fill(undefined);
  }

  /** Asks what is accepted: for operations that change nothing as a rule. */
  read(): Step {
    this.#enter("read");
    return "send";
  }

  /** Begins an attempt under `ballot`, which this member has never used; `next` follows it. */
  prepare(ballot: number, next: number, timestampMs: number): Step {
    this.#advanceTime(timestampMs);
    this.ballot = ballot;
    this.next = next;
    this.#enter("prepare");
    return "send";
  }

  /**
   * Begins with the second phase under `promised.next`. Where the operations change nothing, the promise does not help:
   * another coordinator may have taken over since, so the replicas are asked.
   */
  proceed(promised: Promised, next: number, timestampMs: number): Step {
    this.#advanceTime(timestampMs);
    this.ballot = promised.next;
    this.next = next;
    const proposal = this.#execute(promised.state, false);
    if (proposal === promised.state) return this.read();
    return this.#propose(proposal, true);
  }

  /** Writes what the operations make of the one record that was read, which holds no ballot above `ballot`. */
  writeAlone(ballot: number, timestampMs: number, isFull: boolean): Step {
    this.#advanceTime(timestampMs);
    this.ballot = ballot;
    this.next = ballot;
    const base = newestOf(this.#answers);
    if (base === undefined) return "retry";
    const state = this.#execute(base, isFull);
    return state === base ? this.#finish() : this.#propose(state, true);
  }

  /** Tells everyone but `self` of `state`. */
  spread(state: State, self: Member): Step {
    this.proposal = state;
    this.#enter("spread");
    const own = this.placement.replicas.findIndex(({ id }) => id === self.id);
    if (own >= 0) this.#answers[own] = { kind: "installed", id: 0, isTaken: true };
    return "send";
  }

  /** Goes on among other replicas, from the next attempt. */
  relocate(placement: Placement): void {
    this.placement = placement;
    this.#answers = new Array<ReplicaReply | undefined>(placement.replicas.length).fill(undefined);
  }

  /** done: whether a quorum accepted the proposal. */
  get isAccepted(): boolean {
    return this.phase === "spread" || this.#isAccepted;
  }

  get isAnswered(): boolean {
    return !this.#answers.includes(undefined);
  }

  /** Whether the replica at `index` has answered the phase under way. */
  hasAnswered(index: number): boolean {
    return this.#answers[index] !== undefined;
  }

  /** Whether the replica at `index` has the outcome, or something newer. */
  hasAccepted(index: number): boolean {
    const answer = this.#answers[index];
    return answer?.kind === "accepted" || (answer?.kind === "installed" && answer.isTaken);
  }

  /** `from` answered the phase under way. */
  receive(from: NodeId, reply: ReplicaReply): Step {
    const index = this.placement.replicas.findIndex(({ id }) => id === from);
    if (index < 0 || this.#answers[index] !== undefined || !this.#isExpected(reply)) return "wait";
    this.#answers[index] = reply;
    if (reply.kind === "refused" || reply.kind === "reading")
      this.highestRefusal = Math.max(this.highestRefusal, reply.promised);
    if (this.phase === "read") return this.#judgeReadings(false);
    if (this.phase === "prepare") return this.#judgePromises();
    return this.phase === "accept" ? this.#judgeAcceptances() : "wait";
  }

  /** The phase took too long: reads go on without those who are silent, lost messages are sent again. */
  expire(): Step {
    if (this.phase === "read") return this.#judgeReadings(true);
    return this.phase === "prepare" ? "retry" : "send";
  }

  /** Ends it with no quorum: what each operation has to be told. */
  giveUp(): Step {
    this.replies = this.commands.map((command) => this.#replyIfEnded(command));
    return "done";
  }

  /**
   * Its client waits no longer for the operation at `index`. Returns what it has to be told: a write that was proposed
   * may have been chosen; one that was not is left out of whatever the round proposes from now on.
   */
  withdraw(index: number): StorageReply {
    const command = this.commands[index];
    assert(command !== undefined, "only operations of the round are withdrawn");
    if (this.#proposed.length === 0) this.#withdrawn.add(index);
    return this.#replyIfEnded(command);
  }

  #replyIfEnded(command: Command): StorageReply {
    return this.#proposed.length > 0 && isWrite(command) ? writeUncertain : quorumNotMet;
  }

  #enter(phase: Phase): void {
    this.phase = phase;
    this.found = undefined;
    this.phases++;
    this.#answers.fill(undefined);
  }

  #isExpected(reply: ReplicaReply): boolean {
    if (this.phase === "read") return reply.kind === "reading";
    if (this.phase === "spread") return reply.kind === "installed";
    if (reply.kind === "refused") return true;
    return reply.kind === (this.phase === "prepare" ? "promise" : "accepted");
  }

  /** A ballot that a quorum has accepted is chosen. No quorum names one any more: the round has to write. */
  #judgeReadings(isFinal: boolean): Step {
    for (const answer of this.#answers) {
      if (answer?.kind !== "reading") continue;
      const { ballot } = answer.state;
      if (!this.#isQuorum((other) => stateOf(other)?.ballot === ballot)) continue;
      this.found = answer.state;
      if (this.#execute(answer.state, false) === answer.state) return this.#finish();
      return this.level === "one" ? "elect" : "retry";
    }
    const isOpen = this.#answers.some(
      (answer) =>
        answer !== undefined &&
        canBeQuorum(this.placement, this.level, (member) => {
          const other = stateOf(this.#answers[this.#indexOf(member)]);
          return other !== undefined && other.ballot !== stateOf(answer)?.ballot;
        }),
    );
    if (isOpen && !isFinal) return "wait";
    // A mere comparison disturbs nobody over a replica that is silent.
    return isFinal && this.commands.length === 0 ? this.giveUp() : "retry";
  }

  #judgePromises(): Step {
    if (!this.#isQuorum((answer) => answer?.kind === "promise")) return this.#waitUnlessRefused();
    const base = newestOf(this.#answers);
    if (base === undefined) return "retry";
    for (const { state, outcomes } of this.#proposed) {
      const fate = fateOf(state, base);
      if (fate === "unknown") return this.giveUp();
      if (fate === "lost") continue;
      // It is completed as it is, with the replies that were meant for it.
      this.#outcomes = outcomes;
      return this.#propose(base, false);
    }
    const isFull = this.#answers.some((answer) => answer?.kind === "promise" && answer.isFull);
    const state = this.#execute(base, isFull);
    return this.#propose(state, state !== base);
  }

  #judgeAcceptances(): Step {
    if (!this.#isQuorum((answer) => answer?.kind === "accepted")) return this.#waitUnlessRefused();
    this.#isAccepted = true;
    this.isNextPromised =
      this.next > this.ballot &&
      isQuorum(this.placement, "majority", (member) => {
        const answer = this.#answers[this.#indexOf(member)];
        return answer?.kind === "accepted" && answer.promised === this.next;
      });
    return this.#finish();
  }

  #waitUnlessRefused(): Step {
    const isOpen = canBeQuorum(
      this.placement,
      this.level,
      (member) => this.#answers[this.#indexOf(member)]?.kind === "refused",
    );
    return isOpen ? "wait" : "retry";
  }

  #propose(state: State, isChange: boolean): Step {
    const { version, timestampMs, session, sequence, value } = state;
    this.proposal = { ballot: this.ballot, version, timestampMs, session, sequence, value };
    // Behind a tombstone no promise is made ahead: it would have to be forgotten with the tombstone.
    if (value === null) this.next = this.ballot;
    if (isChange) this.#proposed.push({ state: this.proposal, outcomes: this.#outcomes });
    this.#enter("accept");
    return "send";
  }

  /** Applies the operations to `base`, and keeps what they will be told. */
  #execute(base: State, isFull: boolean): State {
    let state = base;
    this.#outcomes = this.commands.map((command, index) => {
      if (this.#withdrawn.size > 0 && this.#withdrawn.has(index)) return quorumNotMet;
      const { state: changed, reply } = execute(state, command, this.#timestampMs);
      if (isFull && changed !== state && changed.value !== null && state.value === null) return capacityExceeded;
      state = changed;
      return reply;
    });
    return state;
  }

  /** No two attempts share a time: it tells their proposals apart. */
  #advanceTime(nowMs: number): void {
    this.#timestampMs = Math.max(nowMs, this.#timestampMs + 0.001);
  }

  #finish(): Step {
    this.replies = this.#outcomes;
    return "done";
  }

  #isQuorum(has: (answer: ReplicaReply | undefined) => boolean): boolean {
    return isQuorum(this.placement, this.level, (member) => has(this.#answers[this.#indexOf(member)]));
  }

  /**
   * By number: of a node that is taken in again two members are there, and one member may be told of in two objects.
   */
  #indexOf({ number }: Member): number {
    return this.placement.replicas.findIndex((replica) => replica.number === number);
  }
}

/**
 * Returns what became of `proposed`, now that a quorum has promised a higher ballot and `found` is the newest state
 * among them. Found itself: it may have been chosen, and now will be. Not found, and what is found has a lower ballot
 * or is a chain that has not come as far as its version: it was not chosen, and the acceptance that follows buries it.
 * A chain that went beyond its version may have gone over it.
 */
function fateOf(proposed: State, found: State): "chosen" | "lost" | "unknown" {
  const isSame =
    found.version === proposed.version &&
    found.session === proposed.session &&
    found.sequence === proposed.sequence &&
    found.timestampMs === proposed.timestampMs;
  if (isSame) return "chosen";
  // Nothing there, and a tombstone was collected in the slot that may be this one, or one that went over this value.
  const collectedVersion = proposed.value === null ? proposed.version : proposed.version + 1;
  if (found.ballot === 0 && found.version >= collectedVersion) return "unknown";
  return found.ballot < proposed.ballot || found.version <= proposed.version ? "lost" : "unknown";
}

function stateOf(answer: ReplicaReply | undefined): State | undefined {
  return answer?.kind === "reading" || answer?.kind === "promise" ? answer.state : undefined;
}

/** The state of the highest ballot; where nothing was accepted, the one that counts on from the highest version. */
function newestOf(answers: readonly (ReplicaReply | undefined)[]): State | undefined {
  let newest: State | undefined;
  for (const answer of answers) {
    const state = stateOf(answer);
    if (state === undefined) continue;
    const isNewer =
      newest === undefined ||
      state.ballot > newest.ballot ||
      (state.ballot === newest.ballot && state.version > newest.version);
    if (isNewer) newest = state;
  }
  return newest;
}
