/**
 * The wire format of protocol buffers, as much of it as etcd's messages need: varints and length-delimited fields.
 *
 * A message is written from a list of `[field number, value]`; what is read comes back by field number, and the caller
 * knows what each number means. No schema is compiled: a dozen small messages do not repay a compiler and its run time.
 * Fixed-width and negative numbers do not occur and are refused.
 *
 * @see Protocol Buffers, "Encoding".
 */

import { assert } from "../../foundation/assert.ts";

/** Whole numbers are varints, true is 1; text and bytes are length-delimited, a list of fields is a message inside. */
export type FieldValue = number | boolean | string | Uint8Array | Fields;
export type Fields = readonly (readonly [number: number, value: FieldValue])[];

const varint = 0;
const fixed64 = 1;
const delimited = 2;
const fixed32 = 5;

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Returns the bytes of the message that has `fields`; a default value that is named is written. */
export function encodeMessage(fields: Fields): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const add = (chunk: Uint8Array): void => {
    chunks.push(chunk);
    length += chunk.length;
  };
  for (const [number, value] of fields) {
    if (typeof value === "number" || typeof value === "boolean") {
      add(encodeVarints(number * 8 + varint, Number(value)));
      continue;
    }
    const bytes = typeof value === "string" ? utf8.encode(value) : isBytes(value) ? value : encodeMessage(value);
    add(encodeVarints(number * 8 + delimited, bytes.length));
    add(bytes);
  }
  const message = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    message.set(chunk, at);
    at += chunk.length;
  }
  return message;
}

/** A message that was read. What is missing reads as the default, as everywhere in this format. */
export class Message {
  readonly #fields = new Map<number, (bigint | Uint8Array)[]>();

  /** @throws RangeError when `bytes` end in the middle of a field or hold what etcd does not send. */
  constructor(bytes: Uint8Array) {
    const reader = new Reader(bytes);
    while (!reader.atEnd) {
      const tag = Number(reader.varint());
      const number = Math.floor(tag / 8);
      const value = reader.value(tag % 8);
      const values = this.#fields.get(number);
      if (values === undefined) this.#fields.set(number, [value]);
      else values.push(value);
    }
  }

  has(number: number): boolean {
    return this.#fields.has(number);
  }

  /** @throws RangeError where the number cannot be held exactly. */
  number(number: number): number {
    const value = Number(this.integer(number));
    if (!Number.isSafeInteger(value)) throw new RangeError(`Cannot hold field ${number}: ${value} is too large`);
    return value;
  }

  /** For identifiers, which use all 64 bits. */
  integer(number: number): bigint {
    const value = this.#fields.get(number)?.at(-1);
    return typeof value === "bigint" ? value : 0n;
  }

  text(number: number): string {
    return text.decode(this.bytes(number));
  }

  bytes(number: number): Uint8Array {
    const value = this.#fields.get(number)?.at(-1);
    return value instanceof Uint8Array ? value : new Uint8Array(0);
  }

  /** The messages of a repeated field. */
  messages(number: number): readonly Message[] {
    return (this.#fields.get(number) ?? []).map((value) => {
      if (value instanceof Uint8Array) return new Message(value);
      throw new RangeError(`Cannot read field ${number} as a message: it is a number`);
    });
  }

  message(number: number): Message {
    return new Message(this.bytes(number));
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError("Cannot read a message: it ends within a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("Cannot read a message: a number is longer than 64 bits");
  }

  value(type: number): bigint | Uint8Array {
    if (type === varint) return this.varint();
    if (type === fixed64 || type === fixed32) throw new RangeError("Cannot read a message: fixed numbers are not read");
    if (type !== delimited) throw new RangeError(`Cannot read a message: wire type ${type} is not one`);
    const length = Number(this.varint());
    if (length > this.#bytes.length - this.#at) throw new RangeError("Cannot read a message: it ends within a field");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

function isBytes(value: Uint8Array | Fields): value is Uint8Array {
  return value instanceof Uint8Array;
}

function encodeVarints(...values: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (const value of values) {
    assert(Number.isSafeInteger(value) && value >= 0, `${value} is a whole number from 0 on`);
    let rest = value;
    while (rest >= 0x80) {
      bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}
