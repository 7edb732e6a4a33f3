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
import { decode, encode } from "../../foundation/codec.ts";
import type { ProcessId } from "../../foundation/units.ts";
import type { ConsensusOperation, ConsensusReply, ConsensusState } from "../contract.ts";
import { decodeCommand } from "./command.ts";
import { Sessions } from "./sessions.ts";
import type { SessionsImage } from "./sessions.ts";

export { encodeCommand, refusalOf, refusalOfAdministration } from "./command.ts";

const maxSessions = 10_000;
const formatVersion = 1;

interface Image extends SessionsImage {
  readonly version: number;
  readonly registers: readonly (readonly [key: string, value: string])[];
  readonly list: readonly string[];
}

/** What became of a command, and whose it was. */
export interface Applied {
  readonly session: ProcessId;
  readonly sequence: number;
  readonly reply: ConsensusReply;
}

export class StateMachine {
  #registers = new Map<string, string>();
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
    return { kind: "ok", result: { kind: "read", value: this.#registers.get(key) ?? null } };
  }

  canonical(): ConsensusState {
    return {
      registers: [...this.#registers].sort(([left], [right]) => (left < right ? -1 : 1)),
      list: [...this.#list],
    };
  }

  /** Returns the whole state, sessions included, as bytes of their own. */
  snapshot(): Uint8Array {
    const { sessions, hasForgotten } = this.#sessions.image();
    const registers = [...this.#registers];
    const image: Image = { version: formatVersion, registers, list: this.#list, sessions, hasForgotten };
    return encode(image);
  }

  /** Replaces the state. @throws AssertionError when `bytes` are not a snapshot: their store checks them for damage. */
  restore(bytes: Uint8Array): void {
    const image = decode(bytes) as Image;
    assert(image.version === formatVersion, `snapshot version ${image.version} is ${formatVersion}`);
    this.#registers = new Map(image.registers);
    this.#list = [...image.list];
    this.#sessions.restore(image);
  }

  #execute(operation: Exclude<ConsensusOperation, { readonly kind: "read" }>): ConsensusReply {
    switch (operation.kind) {
      case "write":
        this.#registers.set(operation.key, operation.value);
        return { kind: "ok", result: { kind: "write" } };
      case "cas": {
        const current = this.#registers.get(operation.key) ?? null;
        if (current !== operation.from) return { kind: "error", code: "PRECONDITION_FAILED" };
        this.#registers.set(operation.key, operation.to);
        return { kind: "ok", result: { kind: "cas" } };
      }
      case "append":
        return { kind: "ok", result: { kind: "append", position: this.#list.push(operation.value) } };
      default:
        return unreachable(operation);
    }
  }
}
