/**
 * One direction of one proxied connection: bytes come in at the source and leave at the sink, late, damaged or not at
 * all as the faults of the lane demand.
 *
 * Everything here happens to a TCP byte stream, so bytes are never lost from the middle or overtaken: a cut holds them
 * until it heals, as retransmission would deliver them then, and a lost packet makes it and all behind it wait for a
 * retransmission timeout. Ends and resets wait in the same queue, for a partition hides them too. Only a half-open
 * connection swallows bytes; it cannot be continued and is reset when it heals.
 *
 * @see RFC 9293 (TCP); RFC 6298, sections 2 and 5.5 (the retransmission timeout doubles).
 */

import type { Socket } from "node:net";
import { unreachable } from "../../foundation/assert.ts";
import type { Clock, Random, Timer } from "../../foundation/effects.ts";
import type { PacketFault } from "../../foundation/faults.ts";
import { Fifo } from "../../foundation/fifo.ts";
import type { Millis } from "../../foundation/units.ts";
import { drawDelayMs } from "../draw-delay.ts";
import { resetSocket } from "./reset-socket.ts";

/** Beyond this much held data the source is not read any more, and its sender's own buffers fill. */
const maxHeldBytes = 1024 * 1024;
const retransmission = { firstMs: 200, lastMs: 3200 } as const;

/** What can happen to a TCP byte stream. */
export type StreamFault = Exclude<PacketFault, { kind: "duplicate" | "reorder" }> | { readonly kind: "cut" };

/** A fault at work on lanes, and what it did to them. */
export interface LaneFault {
  readonly fault: StreamFault;
  count: number;
}

type Content =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  /** The source said it has nothing more to say. */
  | { readonly kind: "end" }
  /** The source is gone. */
  | { readonly kind: "reset" };

interface Held {
  readonly content: Content;
  releaseMs: Millis;
}

export interface ByteLaneOptions {
  readonly source: Socket;
  readonly sink: Socket;
  readonly clock: Clock;
  readonly random: Random;
  /** The faults at work in this direction; the lane looks at them for every chunk. */
  readonly faults: ReadonlySet<LaneFault>;
  readonly onForwarded: (bytes: number) => void;
}

export class ByteLane {
  readonly #options: ByteLaneOptions;
  readonly #held = new Fifo<Held>();
  #heldBytes = 0;
  #lastReleaseMs: Millis = 0;
  #busyUntilMs: Millis = 0;
  #timer: Timer | undefined;
  #sinkIsFull = false;
  #swallowed = false;
  /** The stream's end is held or passed on; nothing comes after it. */
  #ended = false;
  #closed = false;

  constructor(options: ByteLaneOptions) {
    this.#options = options;
    const { source, sink } = options;
    source.on("data", (chunk: Buffer) => this.#take(chunk));
    source.on("end", () => this.#takeEnd({ kind: "end" }));
    source.on("close", () => {
      if (!source.readableEnded) this.#takeEnd({ kind: "reset" });
    });
    sink.on("drain", () => {
      this.#sinkIsFull = false;
      this.#pump();
    });
    sink.on("close", () => this.close());
  }

  /** Whether bytes are missing from the stream, so that it cannot be continued. */
  get swallowed(): boolean {
    return this.#swallowed;
  }

  /** The faults of the lane have changed. */
  faultsChanged(): void {
    if (this.#options.faults.size === 0) this.#expedite();
    this.#pump();
  }

  /** Ends the stream `lingerMs` from now; what is held arrives then. */
  endSlowly(lingerMs: Millis): void {
    this.#lastReleaseMs = Math.max(this.#lastReleaseMs, this.#options.clock.nowMs() + lingerMs);
    for (const held of this.#held) held.releaseMs = this.#lastReleaseMs;
    if (!this.#ended) this.#hold({ kind: "end" }, this.#lastReleaseMs);
    this.#ended = true;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#held.clear();
    this.#heldBytes = 0;
    this.#options.source.resume(); // Nobody waits for its data now, but its end must still be seen.
  }

  #take(chunk: Buffer): void {
    if (this.#closed || this.#ended) return;
    if (this.#options.faults.size === 0 && this.#held.length === 0) this.#write(chunk);
    else this.#takeDisturbed(chunk);
    if (this.#sinkIsFull || this.#heldBytes > maxHeldBytes) this.#options.source.pause();
  }

  #takeDisturbed(chunk: Buffer): void {
    const { clock, random } = this.#options;
    let departMs = clock.nowMs();
    let delayMs = 0;
    for (const lane of this.#options.faults) {
      const { fault } = lane;
      switch (fault.kind) {
        case "half-open":
          lane.count++;
          this.#swallowed = true;
          return;
        case "cut":
          break;
        case "delay":
          delayMs += drawDelayMs(fault.distribution, random);
          break;
        case "loss":
          if (random.float() >= fault.probability) continue;
          delayMs += retransmissionMs(fault.probability, random);
          break;
        case "corrupt":
          if (random.float() >= fault.probability) continue;
          chunk[random.below(chunk.length)]! ^= 1 << random.below(8);
          break;
        case "bandwidth":
          this.#busyUntilMs = Math.max(departMs, this.#busyUntilMs) + (chunk.length * 1000) / fault.bytesPerS;
          departMs = this.#busyUntilMs;
          break;
        case "reset":
        case "slow-close":
          continue;
        default:
          return unreachable(fault);
      }
      lane.count++;
    }
    this.#hold({ kind: "bytes", bytes: chunk }, departMs + delayMs);
  }

  #takeEnd(content: Content): void {
    if (this.#closed || this.#ended) return;
    let releaseMs = this.#options.clock.nowMs();
    for (const lane of this.#options.faults) {
      if (lane.fault.kind === "half-open") {
        this.#swallowed = true;
        return;
      }
      if (lane.fault.kind !== "slow-close") continue;
      lane.count++;
      releaseMs += lane.fault.lingerMs;
    }
    this.#ended = true;
    this.#hold(content, releaseMs);
  }

  #hold(content: Content, earliestMs: Millis): void {
    const releaseMs = Math.max(this.#lastReleaseMs, earliestMs);
    this.#lastReleaseMs = releaseMs;
    this.#held.push({ content, releaseMs });
    if (content.kind === "bytes") this.#heldBytes += content.bytes.length;
    this.#pump();
  }

  /** Lets out what is due, and sets the timer for what is not. */
  #pump(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    const { clock, source } = this.#options;
    if (!this.#isCut()) {
      for (let held = this.#held.peek(); held !== undefined && !this.#sinkIsFull; held = this.#held.peek()) {
        const waitMs = held.releaseMs - clock.nowMs();
        if (waitMs > 0) {
          this.#timer = clock.after(waitMs, () => this.#pump());
          break;
        }
        this.#held.shift();
        this.#release(held.content);
      }
    }
    if (!this.#sinkIsFull && this.#heldBytes <= maxHeldBytes) source.resume();
  }

  #release(content: Content): void {
    const { sink } = this.#options;
    switch (content.kind) {
      case "bytes":
        this.#heldBytes -= content.bytes.length;
        return this.#write(content.bytes);
      case "end":
        sink.end();
        return;
      case "reset":
        resetSocket(sink);
        return;
      default:
        unreachable(content);
    }
  }

  #write(chunk: Buffer): void {
    this.#options.onForwarded(chunk.length);
    this.#sinkIsFull = !this.#options.sink.write(chunk);
  }

  #isCut(): boolean {
    for (const { fault } of this.#options.faults) if (fault.kind === "cut") return true;
    return false;
  }

  /** The last fault is gone: nothing has a reason to wait any longer. */
  #expedite(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#lastReleaseMs = nowMs;
    this.#busyUntilMs = 0;
    for (const held of this.#held) held.releaseMs = Math.min(held.releaseMs, nowMs);
  }
}

/** How long a lost segment holds up the stream: it may be lost again, and each timeout is twice the one before. */
function retransmissionMs(probability: number, random: Random): Millis {
  let timeoutMs: Millis = retransmission.firstMs;
  let totalMs: Millis = timeoutMs;
  while (timeoutMs < retransmission.lastMs && random.float() < probability) {
    timeoutMs *= 2;
    totalMs += timeoutMs;
  }
  return totalMs;
}
