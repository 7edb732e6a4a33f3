/**
 * A TLS connection as a way for messages: frames in both directions, many messages per write.
 *
 * Messages of one turn of the event loop leave in one write at its end: a write costs a TLS record, two system calls
 * and a wake-up of the other side whatever its size, and that decides throughput. When the connection is slower than
 * its sender, what exceeds the bound is dropped, as the transport's contract allows.
 */

import type { TLSSocket } from "node:tls";
import { FrameError, FrameReader, FrameWriter } from "../../foundation/frame.ts";

export interface FramedSocketOptions {
  readonly maxFrameBytes: number;
  /** Bytes accepted and not yet taken by the operating system. */
  readonly maxQueuedBytes: number;
  readonly onMessage: (bytes: Uint8Array) => void;
  readonly onBytes: (received: number) => void;
  /** The connection is gone, for whichever reason; called once. */
  readonly onClose: () => void;
}

export class FramedSocket {
  readonly #socket: TLSSocket;
  readonly #options: FramedSocketOptions;
  readonly #writer = new FrameWriter();
  #flush: NodeJS.Immediate | undefined;
  #open = true;

  /** @param socket is connected, its peer is verified, and nothing was read from it yet. */
  constructor(socket: TLSSocket, options: FramedSocketOptions) {
    this.#socket = socket;
    this.#options = options;
    const reader = new FrameReader(options.maxFrameBytes, (body) => {
      if (this.#open) options.onMessage(body);
    });
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(reader, chunk));
    socket.on("error", () => undefined); // "close" follows, and says all that matters.
    socket.on("close", () => this.#closed());
  }

  /** @returns whether the message was taken; otherwise it is dropped. */
  send(bytes: Uint8Array): boolean {
    const queuedBytes = this.#socket.writableLength + this.#writer.bytes;
    if (!this.#open || queuedBytes + bytes.length > this.#options.maxQueuedBytes) return false;
    this.#writer.add(bytes);
    this.#flush ??= setImmediate(this.#write);
    return true;
  }

  /** Closes at once; what was not yet written is dropped. */
  destroy(): void {
    this.#socket.destroy();
    this.#closed();
  }

  readonly #write = (): void => {
    this.#flush = undefined;
    if (this.#open) this.#socket.write(this.#writer.take());
  };

  #read(reader: FrameReader, chunk: Buffer): void {
    this.#options.onBytes(chunk.length);
    try {
      reader.push(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.destroy(); // The peer speaks another language; nothing after this can be read.
    }
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    clearImmediate(this.#flush);
    this.#options.onClose();
  }
}
