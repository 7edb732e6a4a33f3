/**
 * The rules every history obeys, in one place: the recorder asserts them, the reader refuses files that break them.
 *
 * A client has one operation in flight; a completion answers an invocation of the same client and names the same
 * function and key; after `info` the client issues nothing more, since its operation may still take effect and would
 * overlap with the next one; time and index never go backwards.
 *
 * It does not judge results: that is what checkers are for.
 */

import type { HistoryEvent } from "./event.ts";

/** A broken rule, in the words of the error messages: "expected <expected>, found <found>". */
export interface ProtocolProblem {
  readonly expected: string;
  readonly found: string;
}

/** Follows a history event by event. */
export class HistoryProtocol {
  readonly #open = new Map<number, HistoryEvent>();
  readonly #retired = new Set<number>();
  #nextIndex = 0;
  #lastTimeNs = 0;

  /** The invocation `process` waits for, if it has one in flight. */
  openInvocation(process: number): HistoryEvent | undefined {
    return this.#open.get(process);
  }

  /** Takes the next event in; a returned problem leaves the state as it was. */
  accept(event: HistoryEvent): ProtocolProblem | undefined {
    const problem = this.#problemOf(event);
    if (problem !== undefined) return problem;
    this.#nextIndex++;
    this.#lastTimeNs = event.timeNs;
    if (event.type === "invoke") this.#open.set(event.process, event);
    else this.#open.delete(event.process);
    if (event.type === "info") this.#retired.add(event.process);
    return undefined;
  }

  #problemOf(event: HistoryEvent): ProtocolProblem | undefined {
    const { process, type } = event;
    if (event.index !== this.#nextIndex) {
      return { expected: `"index" ${this.#nextIndex}, one more than the event before`, found: String(event.index) };
    }
    if (event.timeNs < this.#lastTimeNs) {
      return { expected: `"timeNs" of at least ${this.#lastTimeNs}, the time before it`, found: String(event.timeNs) };
    }
    if (this.#retired.has(process)) {
      const expected = `nothing more of process ${process}, whose last operation ended in info`;
      return { expected, found: `its ${type} of ${event.f}` };
    }
    const open = this.#open.get(process);
    if (type === "invoke") {
      if (open === undefined) return undefined;
      const expected = `a completion of process ${process}, whose ${open.f} (index ${open.index}) is in flight`;
      return { expected, found: `a second invoke, of ${event.f}` };
    }
    if (open === undefined) {
      return { expected: `an invoke of process ${process} before its completion`, found: `${type} of ${event.f}` };
    }
    if (open.f !== event.f || open.key !== event.key) {
      const expected = `the completion of process ${process}'s ${nameOf(open)} (index ${open.index})`;
      return { expected, found: `${type} of ${nameOf(event)}` };
    }
    return undefined;
  }
}

function nameOf(event: HistoryEvent): string {
  return event.key === undefined ? event.f : `${event.f} of key ${JSON.stringify(event.key)}`;
}
