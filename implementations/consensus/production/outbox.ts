/**
 * Collects what one step of the core wants done, and hands it out as `Effects`.
 *
 * Most steps want little, and many nothing: arrays are made when the first element comes, and empty ones are shared and
 * frozen. Whatever is to be persisted in one step becomes one batch, so term, vote and entries that belong together are
 * written together.
 */

import { assert } from "../../foundation/assert.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusEvent } from "../contract.ts";
import type { Durability } from "./durability.ts";
import type {
  AdministrationAnswer,
  Effects,
  Entry,
  Envelope,
  HardState,
  PersistBatch,
  RaftMessage,
  ReadAnswer,
  Snapshot,
} from "./messages.ts";

const none: readonly never[] = Object.freeze([]);

/** What most steps of an idle node entail; shared. */
export const noEffects: Effects = Object.freeze({
  messages: none,
  persist: undefined,
  restore: undefined,
  apply: none,
  reads: none,
  administered: none,
  proposed: undefined,
  trace: none,
});

export class Outbox {
  readonly #durability: Durability;
  /** Whether anything was collected since the last `take`. */
  #used = false;
  #messages: Envelope[] | undefined;
  #messagesWhenDurable: Envelope[] | undefined;
  #hardState: HardState | undefined;
  #entries: readonly Entry[] = none;
  #snapshot: Snapshot | undefined;
  #apply: readonly Entry[] = none;
  #reads: ReadAnswer[] | undefined;
  #administered: AdministrationAnswer[] | undefined;
  #proposed: Effects["proposed"];
  #trace: ConsensusEvent[] | undefined;

  constructor(durability: Durability) {
    this.#durability = durability;
  }

  /** Whether term and vote, as they are now, are durable. */
  get isHardStateDurable(): boolean {
    return this.#hardState === undefined && this.#durability.isHardStateDurable;
  }

  send(to: NodeId, message: RaftMessage): void {
    (this.#messages ??= []).push({ to, message });
    this.#used = true;
  }

  /** Sends `message` once everything handed out so far, this step included, is durable. */
  sendWhenDurable(to: NodeId, message: RaftMessage): void {
    (this.#messagesWhenDurable ??= []).push({ to, message });
    this.#used = true;
  }

  /** Sends `message` once the term it speaks of, and the vote, cannot be forgotten; as a rule that is now. */
  reply(to: NodeId, message: RaftMessage): void {
    if (this.isHardStateDurable) this.send(to, message);
    else this.sendWhenDurable(to, message);
  }

  /** Has `hardState` written; within a step the last one counts. */
  persistHardState(hardState: HardState): void {
    this.#hardState = hardState;
    this.#used = true;
  }

  persistEntries(entries: readonly Entry[]): void {
    assert(this.#entries.length === 0 && this.#snapshot === undefined, "a step changes the log once");
    this.#entries = entries;
    this.#used = true;
  }

  /** Has a received snapshot written in place of the log, and the state machine restored from it. */
  install(snapshot: Snapshot): void {
    assert(this.#entries.length === 0 && this.#snapshot === undefined, "a step changes the log once");
    this.#snapshot = snapshot;
    this.#used = true;
  }

  apply(entries: readonly Entry[]): void {
    assert(this.#apply.length === 0, "the commit index moves once in a step");
    this.#apply = entries;
    this.#used = true;
  }

  answerRead(readId: number, index: number | undefined): void {
    (this.#reads ??= []).push({ readId, index });
    this.#used = true;
  }

  answerAdministration(answer: AdministrationAnswer): void {
    (this.#administered ??= []).push(answer);
    this.#used = true;
  }

  answerProposal(firstIndex: number, term: number): void {
    this.#proposed = { firstIndex, term };
    this.#used = true;
  }

  trace(event: ConsensusEvent): void {
    (this.#trace ??= []).push(event);
    this.#used = true;
  }

  /** Returns what was collected and begins anew. */
  take(): Effects {
    if (!this.#used) return noEffects;
    const effects: Effects = {
      messages: this.#messages ?? none,
      persist: this.#takeBatch(),
      restore: this.#snapshot,
      apply: this.#apply,
      reads: this.#reads ?? none,
      administered: this.#administered ?? none,
      proposed: this.#proposed,
      trace: this.#trace ?? none,
    };
    this.#used = false;
    this.#messages = undefined;
    this.#snapshot = undefined;
    this.#apply = none;
    this.#reads = undefined;
    this.#administered = undefined;
    this.#proposed = undefined;
    this.#trace = undefined;
    return effects;
  }

  #takeBatch(): PersistBatch | undefined {
    const hardState = this.#hardState;
    const entries = this.#entries;
    const snapshot = this.#snapshot;
    const messages = this.#messagesWhenDurable ?? none;
    if (hardState === undefined && entries.length === 0 && snapshot === undefined && messages.length === 0) {
      return undefined;
    }
    this.#hardState = undefined;
    this.#entries = none;
    this.#messagesWhenDurable = undefined;
    const lastIndex = snapshot?.index ?? entries.at(-1)?.index ?? 0;
    return {
      sequence: this.#durability.issue(lastIndex, hardState !== undefined),
      hardState,
      entries,
      // A log that holds the snapshot's last entry is not replaced at all (`followership.ts`), so nothing is ever kept.
      snapshot: snapshot === undefined ? undefined : { snapshot, keepLog: false },
      messages,
    };
  }
}
