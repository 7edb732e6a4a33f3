/**
 * Frames on a byte stream: an unsigned 32-bit length, most significant byte first, then that many bytes.
 *
 * A stream keeps no boundaries: one chunk may hold many frames, and one frame may come in many chunks, cut anywhere,
 * the length included. Pure: the sockets are elsewhere. There is no checksum, since TLS below authenticates every byte.
 */

const headerBytes = 4;
const firstBufferBytes = 4096;

/** The stream is not one of frames, or holds one that is larger than agreed. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** Collects frames into one piece of bytes, so that many small messages cost one write. */
export class FrameWriter {
  #buffer = new Uint8Array(0);
  #bytes = 0;

  /** Bytes collected, headers included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a copy of `body` as one frame. */
  add(body: Uint8Array): void {
    const end = this.#bytes + headerBytes + body.length;
    if (end > this.#buffer.length) this.#grow(end);
    const buffer = this.#buffer;
    const at = this.#bytes;
    buffer[at] = body.length >>> 24;
    buffer[at + 1] = body.length >>> 16;
    buffer[at + 2] = body.length >>> 8;
    buffer[at + 3] = body.length;
    buffer.set(body, at + headerBytes);
    this.#bytes = end;
  }

  /** Returns what was collected, which is the caller's from now on, and starts anew. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(0, this.#bytes);
    this.#buffer = new Uint8Array(0);
    this.#bytes = 0;
    return taken;
  }

  #grow(leastBytes: number): void {
    const grown = new Uint8Array(Math.max(leastBytes, this.#buffer.length * 2, firstBufferBytes));
    grown.set(this.#buffer.subarray(0, this.#bytes));
    this.#buffer = grown;
  }
}

/** Finds the frames of a stream. */
export class FrameReader {
  readonly #maxFrameBytes: number;
  readonly #onFrame: (body: Uint8Array) => void;
  readonly #header = new Uint8Array(headerBytes);
  #headerFilled = 0;
  /** The frame that is being received; undefined while its header is. */
  #body: Uint8Array | undefined;
  #bodyFilled = 0;

  /** @param onFrame gets each body as bytes of its own, so that a small message does not pin the chunk it came in. */
  constructor(maxFrameBytes: number, onFrame: (body: Uint8Array) => void) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /**
   * Takes the next chunk of the stream.
   *
   * @throws FrameError when a frame is announced that is larger than `maxFrameBytes`; the stream is then unusable.
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.#body === undefined ? this.#readHeader(chunk, at) : this.#readBody(chunk, at, this.#body);
    }
  }

  #readHeader(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length && this.#headerFilled < headerBytes) this.#header[this.#headerFilled++] = chunk[at++]!;
    if (this.#headerFilled < headerBytes) return at;
    const header = this.#header;
    const bodyBytes = ((header[0]! << 24) | (header[1]! << 16) | (header[2]! << 8) | header[3]!) >>> 0;
    if (bodyBytes > this.#maxFrameBytes) {
      throw new FrameError(
        `Cannot read frame: it announces ${bodyBytes} bytes, at most ${this.#maxFrameBytes} are allowed`,
      );
    }
    this.#headerFilled = 0;
    this.#body = new Uint8Array(bodyBytes);
    this.#bodyFilled = 0;
    return bodyBytes === 0 ? this.#readBody(chunk, at, this.#body) : at;
  }

  #readBody(chunk: Uint8Array, from: number, body: Uint8Array): number {
    const end = Math.min(chunk.length, from + body.length - this.#bodyFilled);
    body.set(chunk.subarray(from, end), this.#bodyFilled);
    this.#bodyFilled += end - from;
    if (this.#bodyFilled === body.length) {
      this.#body = undefined;
      this.#onFrame(body);
    }
    return end;
  }
}
