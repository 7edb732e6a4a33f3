/**
 * What the slots' tasks are, in shared memory: the main thread writes a slot before it offers it, the worker that takes
 * it reads it.
 *
 * Everything of the synthetic tasks is numbers, so they cost neither JSON nor an allocation; what a task returns or
 * throws that says so beforehand, the main thread keeps and does not send. Calls have their module, export, arguments
 * and state as JSON in the arena. Plain memory: whoever takes a slot has synchronised with who offered it, through the
 * run queue. The one exception is the moment of a request to yield, written while the task runs: it is published by the
 * queue's own flag.
 */

import type { Millis } from "../../../foundation/units.ts";

/** How a slot's kind stands in the table: its position here. */
export const bodyKinds = ["spin", "sleep", "fail", "crash", "call"] as const;
export type BodyKind = (typeof bodyKinds)[number];

/** How an end stands in the ring: its position here. */
export const endKinds = ["completed", "threw", "yielded"] as const;

const words = { kind: 0, attempt: 1, payloadAt: 2, payloadBytes: 3 } as const;
const wordsPerSlot = 4;
const numbers = { ms: 0, checkpointMs: 1, doneMs: 2, times: 3, yieldRequestedMs: 4 } as const;
const numbersPerSlot = 6;
const bytesPerSlot = wordsPerSlot * 4 + numbersPerSlot * 8;

export function allocateTaskTable(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(slots * bytesPerSlot);
}

export class TaskTable {
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;

  constructor(shared: SharedArrayBuffer) {
    const slots = shared.byteLength / bytesPerSlot;
    this.#numbers = new Float64Array(shared, 0, slots * numbersPerSlot);
    this.#words = new Int32Array(shared, slots * numbersPerSlot * 8, slots * wordsPerSlot);
  }

  writeSynthetic(
    slot: number,
    kind: number,
    attempt: number,
    ms: Millis,
    checkpointMs: Millis,
    doneMs: Millis,
    times: number,
  ): void {
    this.#writeKind(slot, kind, attempt);
    const at = slot * numbersPerSlot;
    this.#numbers[at + numbers.ms] = ms;
    this.#numbers[at + numbers.checkpointMs] = checkpointMs;
    this.#numbers[at + numbers.doneMs] = doneMs;
    this.#numbers[at + numbers.times] = times;
  }

  writeCall(slot: number, kind: number, attempt: number, payloadAt: number, payloadBytes: number): void {
    this.#writeKind(slot, kind, attempt);
    this.#words[slot * wordsPerSlot + words.payloadAt] = payloadAt;
    this.#words[slot * wordsPerSlot + words.payloadBytes] = payloadBytes;
  }

  #writeKind(slot: number, kind: number, attempt: number): void {
    this.#words[slot * wordsPerSlot + words.kind] = kind;
    this.#words[slot * wordsPerSlot + words.attempt] = attempt;
    this.#numbers[slot * numbersPerSlot + numbers.yieldRequestedMs] = NaN;
  }

  kind(slot: number): BodyKind {
    return bodyKinds[this.#word(slot, words.kind)] ?? "spin";
  }
  /** 1 for the first. */
  attempt(slot: number): number {
    return this.#word(slot, words.attempt);
  }
  ms(slot: number): Millis {
    return this.#number(slot, numbers.ms);
  }
  /** Infinity: no checkpoints. */
  checkpointMs(slot: number): Millis {
    return this.#number(slot, numbers.checkpointMs);
  }
  /** Of `ms`, what earlier attempts had done when they yielded. */
  doneMs(slot: number): Millis {
    return this.#number(slot, numbers.doneMs);
  }
  /** Attempts that fail or crash; Infinity: all. */
  times(slot: number): number {
    return this.#number(slot, numbers.times);
  }
  payloadAt(slot: number): number {
    return this.#word(slot, words.payloadAt);
  }
  payloadBytes(slot: number): number {
    return this.#word(slot, words.payloadBytes);
  }

  /** When the attempt was last asked to yield; NaN: never. To be set before the queue's flag is. */
  yieldRequestedMs(slot: number): Millis {
    return this.#number(slot, numbers.yieldRequestedMs);
  }
  setYieldRequestedMs(slot: number, ms: Millis): void {
    this.#numbers[slot * numbersPerSlot + numbers.yieldRequestedMs] = ms;
  }

  #word(slot: number, word: number): number {
    return this.#words[slot * wordsPerSlot + word] ?? 0;
  }
  #number(slot: number, number: number): number {
    return this.#numbers[slot * numbersPerSlot + number] ?? 0;
  }
}
