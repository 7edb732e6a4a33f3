/**
 * What the committed log is executed on: registers, one list, and the session table.
 *
 * Deterministic: equal logs give equal states, down to the bytes of a snapshot, since maps keep the order in which the
 * log filled them and a snapshot keeps that order. Reads do not come through the log as a rule; the host serves them
 * from here once the index that ReadIndex named is applied. One that does come through the log is executed as it stands
 * and not remembered: executing it twice harms nobody.
 *
 * It is written independently of the minimal implementation's on purpose: their agreement is what proves something.
 *
 * @see Ongaro & Ousterhout 2014, sections 7 and 8.
 */

import { assert, unreachable } from "../../foundation/assert.ts";
import type { ProcessId } from "../../foundation/units.ts";
import type { ConsensusOperation, ConsensusReply, ConsensusState } from "../contract.ts";
import { decodeCommand } from "./command.ts";
import { Sessions } from "./sessions.ts";
import { decodeSnapshotState, SnapshotEncoding } from "./snapshot-encoding.ts";

export { encodeCommand, refusalOf, refusalOfAdministration } from "./command.ts";

const maxSessions = 10_000;
/** Room for the first snapshot, and what a later one may be larger than the one before. */
const spareSnapshotBytes = 64 * 1024;

/** What became of a command, and whose it was. */
export interface Applied {
  readonly session: ProcessId;
  readonly sequence: number;
  readonly reply: ConsensusReply;
}

export class StateMachine {
  #registers = new Map<string, string>();
  /** What was written since the snapshot under way began, over `#registers`, which then stand still. */
  #newer: Map<string, string> | undefined;
  #encoding: SnapshotEncoding | undefined;
  #snapshotBytes = 0;
  #list: string[] = [];
  readonly #sessions: Sessions;

  /** @param sessions how many clients are remembered; the same on every node. */
  constructor(sessions: number = maxSessions) {
    this.#sessions = new Sessions(sessions);
  }

  /** Sessions remembered. */
  get sessionCount(): number {
    return this.#sessions.count;
  }

  /**
   * Executes a command once, however often it is in the log: a repeated one gets the reply of the first time.
   *
   * @param payload of a log entry, as `encodeCommand` made it; not of a no-op.
   */
  apply(payload: Uint8Array): Applied {
    const { session, sequence, operation } = decodeCommand(payload);
    if (operation.kind === "read") return { session, sequence, reply: this.read(operation.key) };
    const known = this.#sessions.replyTo(session, sequence);
    if (known !== undefined) return { session, sequence, reply: known };
    const reply = this.#execute(operation);
    this.#sessions.record(session, sequence, reply);
    return { session, sequence, reply };
  }

  /** Reads a register as it is now; null when it was never written. */
  read(key: string): ConsensusReply {
    return { kind: "ok", result: { kind: "read", value: this.#valueOf(key) } };
  }

  canonical(): ConsensusState {
    return {
      registers: [...new Map([...this.#registers, ...(this.#newer ?? [])])].sort(([left], [right]) =>
        left < right ? -1 : 1,
      ),
      list: [...this.#list],
    };
  }

  /** Returns the whole state, sessions included, as bytes of their own. */
  snapshot(): Uint8Array {
    const encoding = this.beginSnapshot();
    for (;;) {
      const bytes = encoding.next();
      if (bytes !== undefined) return bytes;
    }
  }

  /** As `snapshot`, of the state as it is now, in slices; commands are applied meanwhile. One at a time. */
  beginSnapshot(): SnapshotEncoding {
    assert(this.#encoding === undefined, "one snapshot is under way at a time");
    const state = { registers: this.#registers, list: this.#list, ...this.#sessions.image() };
    const expectedBytes = Math.ceil(this.#snapshotBytes * 1.125) + spareSnapshotBytes;
    this.#newer = new Map();
    this.#encoding = new SnapshotEncoding(state, expectedBytes, (bytes) => {
      this.#snapshotBytes = Math.max(this.#snapshotBytes, bytes);
      this.#endSnapshot();
    });
    return this.#encoding;
  }

  /**
   * Replaces the state; a snapshot under way is given up.
   *
   * @throws AssertionError when `bytes` are not a snapshot: their store checks them for damage.
   */
  restore(bytes: Uint8Array): void {
    const { registers, list, ...sessions } = decodeSnapshotState(bytes);
    this.#encoding?.end();
    this.#registers = registers;
    this.#list = list;
    this.#sessions.restore(sessions);
    this.#snapshotBytes = bytes.length;
  }

  /** The order of the registers is that of a state that was not snapshot: of their first write. */
  #endSnapshot(): void {
    for (const [key, value] of this.#newer ?? []) this.#registers.set(key, value);
    this.#newer = undefined;
    this.#encoding = undefined;
  }

  #valueOf(key: string): string | null {
    return this.#newer?.get(key) ?? this.#registers.get(key) ?? null;
  }

  #set(key: string, value: string): void {
    (this.#newer ?? this.#registers).set(key, value);
  }

  #execute(operation: Exclude<ConsensusOperation, { readonly kind: "read" }>): ConsensusReply {
    switch (operation.kind) {
      case "write":
        this.#set(operation.key, operation.value);
        return { kind: "ok", result: { kind: "write" } };
      case "cas": {
        const current = this.#valueOf(operation.key);
        if (current !== operation.from) return { kind: "error", code: "PRECONDITION_FAILED" };
        this.#set(operation.key, operation.to);
        return { kind: "ok", result: { kind: "cas" } };
      }
      case "append":
        return { kind: "ok", result: { kind: "append", position: this.#list.push(operation.value) } };
      default:
        return unreachable(operation);
    }
  }
}
