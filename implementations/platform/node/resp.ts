/**
 * RESP2, the protocol of Redis: commands as bytes, and replies found in bytes that arrive in pieces.
 *
 * @see Redis documentation, "Redis serialization protocol specification".
 */

/** An error that the server answers with: "OOM command not allowed ...". */
export class RespError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export type RespReply = string | number | null | RespError | readonly RespReply[];

/** Bytes that are no reply. */
export class RespDamage extends Error {
  override readonly name = "RespDamage";
}

/** A reply that is longer is damage: the contract's values are a mebibyte at most. */
const maxReplyBytes = 256 * 1024 * 1024;
const maxDepth = 8;
const [carriageReturn, lineFeed] = [13, 10] as const;

export function encodeCommand(words: readonly string[]): string {
  let text = `*${words.length}\r\n`;
  for (const word of words) text += `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
  return text;
}

/** Takes bytes as they come, and gives the replies that are complete. */
export class RespReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Of a long reply nothing is looked at before this many bytes are there. */
  #wanted = 0;

  push(chunk: Buffer): void {
    this.#bytes = this.#at === this.#bytes.length ? chunk : Buffer.concat([this.#bytes.subarray(this.#at), chunk]);
    this.#wanted = Math.max(0, this.#wanted - this.#at);
    this.#at = 0;
  }

  /** @returns undefined when no more replies are complete. @throws RespDamage. */
  next(): RespReply | undefined {
    if (this.#bytes.length < this.#wanted) return undefined;
    const start = this.#at;
    const reply = this.#reply(0);
    if (reply === undefined) this.#at = start;
    return reply;
  }

  #reply(depth: number): RespReply | undefined {
    const kind = this.#bytes[this.#at];
    const line = this.#line();
    if (line === undefined) return undefined;
    switch (kind) {
      case 43: // "+"
        return line;
      case 45: // "-"
        return new RespError(line);
      case 58: // ":"
        return numberOf(line);
      case 36: // "$"
        return this.#bulk(numberOf(line));
      case 42: // "*"
        return this.#array(numberOf(line), depth);
      default:
        throw new RespDamage(`a reply does not begin with ${String(kind)}`);
    }
  }

  #line(): string | undefined {
    const end = this.#bytes.indexOf(lineFeed, this.#at);
    if (end < 0) return undefined;
    const line = this.#bytes.toString("latin1", this.#at + 1, end - 1);
    if (this.#bytes[end - 1] !== carriageReturn) throw new RespDamage("a line does not end");
    this.#at = end + 1;
    return line;
  }

  #bulk(length: number): string | null | undefined {
    if (length === -1) return null;
    if (length < 0 || length > maxReplyBytes) throw new RespDamage(`a string of ${length} bytes`);
    const end = this.#at + length;
    if (this.#bytes.length < end + 2) {
      this.#wanted = end + 2;
      return undefined;
    }
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 2;
    return text;
  }

  #array(length: number, depth: number): readonly RespReply[] | null | undefined {
    if (length === -1) return null;
    if (length < 0 || length > maxReplyBytes || depth === maxDepth) throw new RespDamage(`an array of ${length}`);
    const items: RespReply[] = [];
    while (items.length < length) {
      const item = this.#reply(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}

function numberOf(line: string): number {
  const number = Number(line);
  if (line === "" || !Number.isSafeInteger(number)) throw new RespDamage(`"${line.slice(0, 30)}" is no number`);
  return number;
}
