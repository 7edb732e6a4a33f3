/**
 * What the nodes of a store say to each other, and the bytes of it.
 *
 * Everything a node has for a peer at the end of a turn travels as one batch: the epoch of the sender's topology, then
 * the fields of one message after the other in a flat array. Maps with named fields were rejected: at 256-byte values
 * the names cost as much as everything else. Replies carry the id of the round that asked.
 */

import { decode, encode } from "../../foundation/codec.ts";
import type { StorageOperation, StorageReply } from "../contract.ts";
import type { State } from "./record.ts";
import type { SyncMessage } from "./anti-entropy.ts";

/** What a coordinator asks of a replica. */
export type ReplicaRequest =
  | { readonly kind: "prepare"; readonly id: number; readonly key: string; readonly ballot: number }
  /** `next`: promised to the sender in the same write; the state's own ballot where nothing is. */
  | { readonly kind: "accept"; readonly id: number; readonly key: string; readonly state: State; readonly next: number }
  | { readonly kind: "read"; readonly id: number; readonly key: string }
  | { readonly kind: "install"; readonly id: number; readonly key: string; readonly state: State }
  /** Forget the tombstone accepted under `ballot`: every replica of the key has it. */
  | { readonly kind: "collect"; readonly id: number; readonly key: string; readonly ballot: number };

export type ReplicaReply =
  /** `isFull`: the replica takes no key that it does not hold yet. */
  | { readonly kind: "promise"; readonly id: number; readonly state: State; readonly isFull: boolean }
  | { readonly kind: "accepted"; readonly id: number; readonly promised: number }
  /** Of prepare and accept: another ballot is promised. */
  | { readonly kind: "refused"; readonly id: number; readonly promised: number }
  | { readonly kind: "reading"; readonly id: number; readonly promised: number; readonly state: State }
  /** `isTaken` false: a promise stood in the way. */
  | { readonly kind: "installed"; readonly id: number; readonly isTaken: boolean };

export type Message =
  | ReplicaRequest
  | ReplicaReply
  /** Of a coordinator that keeps nothing of the key, at level one. */
  | {
      readonly kind: "forward";
      readonly id: number;
      readonly session: number;
      readonly sequence: number;
      readonly operation: StorageOperation;
      readonly deadlineMs: number;
    }
  | { readonly kind: "forwarded"; readonly id: number; readonly reply: StorageReply }
  | { readonly kind: "sync"; readonly id: number; readonly body: SyncMessage }
  /** Of parts that the core does not know; passed on whatever the epoch. */
  | { readonly kind: "foreign"; readonly id: number; readonly body: unknown };

export interface Batch {
  readonly epoch: number;
  readonly messages: readonly Message[];
}

const codes = {
  prepare: 0,
  accept: 1,
  read: 2,
  install: 3,
  collect: 4,
  promise: 5,
  accepted: 6,
  refused: 7,
  reading: 8,
  installed: 9,
  forward: 10,
  forwarded: 11,
  sync: 12,
  foreign: 13,
} as const satisfies Record<Message["kind"], number>;

/** Collects the messages of one turn for one peer. */
export class BatchWriter {
  #fields: unknown[] = [];

  get isEmpty(): boolean {
    return this.#fields.length === 0;
  }

  add(message: Message): void {
    const fields = this.#fields;
    if (fields.length === 0) fields.push(0);
    fields.push(codes[message.kind], message.id);
    switch (message.kind) {
      case "prepare":
      case "collect":
        fields.push(message.key, message.ballot);
        return;
      case "accept":
        fields.push(message.key, message.next);
        return pushState(fields, message.state);
      case "read":
        fields.push(message.key);
        return;
      case "install":
        fields.push(message.key);
        return pushState(fields, message.state);
      case "promise":
        fields.push(message.isFull);
        return pushState(fields, message.state);
      case "accepted":
      case "refused":
        fields.push(message.promised);
        return;
      case "reading":
        fields.push(message.promised);
        return pushState(fields, message.state);
      case "installed":
        fields.push(message.isTaken);
        return;
      default:
        fields.push(message);
    }
  }

  /** Returns the batch as bytes, and begins anew. */
  take(epoch: number): Uint8Array {
    this.#fields[0] = epoch;
    const bytes = encode(this.#fields);
    this.#fields = [];
    return bytes;
  }
}

/** Returns what `take` encoded; undefined when it is something else. */
export function decodeBatch(bytes: Uint8Array): Batch | undefined {
  try {
    const fields = new Fields(decode(bytes));
    const epoch = fields.number();
    const messages: Message[] = [];
    while (!fields.isAtEnd) messages.push(readMessage(fields));
    return { epoch, messages };
  } catch {
    // Parsing touches nothing, so whatever it threw says one thing: these are no bytes of ours.
    return undefined;
  }
}

function pushState(fields: unknown[], { ballot, version, timestampMs, session, sequence, value }: State): void {
  fields.push(ballot, version, timestampMs, session, sequence, value);
}

function readMessage(fields: Fields): Message {
  const code = fields.number();
  const id = fields.number();
  switch (code) {
    case codes.prepare:
      return { kind: "prepare", id, key: fields.text(), ballot: fields.number() };
    case codes.accept:
      return { kind: "accept", id, key: fields.text(), next: fields.number(), state: readState(fields) };
    case codes.read:
      return { kind: "read", id, key: fields.text() };
    case codes.install:
      return { kind: "install", id, key: fields.text(), state: readState(fields) };
    case codes.collect:
      return { kind: "collect", id, key: fields.text(), ballot: fields.number() };
    case codes.promise:
      return { kind: "promise", id, isFull: fields.flag(), state: readState(fields) };
    case codes.accepted:
      return { kind: "accepted", id, promised: fields.number() };
    case codes.refused:
      return { kind: "refused", id, promised: fields.number() };
    case codes.reading:
      return { kind: "reading", id, promised: fields.number(), state: readState(fields) };
    case codes.installed:
      return { kind: "installed", id, isTaken: fields.flag() };
    default:
      return fields.message(code);
  }
}

function readState(fields: Fields): State {
  return {
    ballot: fields.number(),
    version: fields.number(),
    timestampMs: fields.number(),
    session: fields.number(),
    sequence: fields.number(),
    value: fields.textOrNull(),
  };
}

/** Reads a flat array field by field; every mismatch throws. */
class Fields {
  readonly #fields: readonly unknown[];
  #at = 0;

  constructor(decoded: unknown) {
    if (!Array.isArray(decoded)) throw new TypeError("a batch is an array");
    this.#fields = decoded;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#fields.length;
  }

  number(): number {
    const field = this.#fields[this.#at++];
    if (typeof field !== "number") throw new TypeError("a number was expected");
    return field;
  }

  text(): string {
    const field = this.#fields[this.#at++];
    if (typeof field !== "string") throw new TypeError("a text was expected");
    return field;
  }

  flag(): boolean {
    const field = this.#fields[this.#at++];
    if (typeof field !== "boolean") throw new TypeError("a flag was expected");
    return field;
  }

  textOrNull(): string | null {
    const field = this.#fields[this.#at++];
    if (field !== null && typeof field !== "string") throw new TypeError("a text or null was expected");
    return field;
  }

  /** A message that is rare enough to travel whole. */
  message(code: number): Message {
    const field = this.#fields[this.#at++] as Message | null;
    if (typeof field !== "object" || field === null || codes[field.kind] !== code || code < codes.forward) {
      throw new TypeError("a message was expected");
    }
    return field;
  }
}
