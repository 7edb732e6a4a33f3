/**
 * Group commit: the changes of a turn, and of all turns while a write is under way, become one write of the engine.
 *
 * One write at a time: the next one carries whatever came meanwhile, so the busier the node, the fewer syncs per
 * change, and a write that failed can be tried again without overtaking a later one. What must not be said before it is
 * durable waits with its write. Errors that may pass (no room, a server that is away) are tried again after pauses that
 * grow to `longestPauseMs`; damage ends it.
 */

import { assert } from "../../foundation/assert.ts";
import type { Clock } from "../../foundation/effects.ts";
import type { Engine, EngineError, EngineWrite } from "../engine.ts";

const firstPauseMs = 10;
const longestPauseMs = 1000;

export interface GroupCommitPorts {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Returns the writes of everything that changed; called when a write begins. */
  collect(): EngineWrite[];
  /** What `collect` returned last is durable. */
  completed(): void;
  /** Calls `flush` at the end of the turn. */
  schedule(): void;
  onFatal(error: EngineError): void;
}

export class GroupCommit {
  readonly #ports: GroupCommitPorts;
  /** The write that changes made now will be part of, from 1. */
  #next = 1;
  /** Whether the write `next` has anything to do. */
  #isWanted = false;
  #isUnderWay = false;
  #extra: EngineWrite[] = [];
  /** To be called when the write `next`, and the one under way, are durable. */
  #waitingForNext: (() => void)[] = [];
  #waitingForCurrent: (() => void)[] = [];
  #pauseMs = 0;
  #isEnded = false;
  writes = 0;

  constructor(ports: GroupCommitPorts) {
    this.#ports = ports;
  }

  /** The number of the write that takes what changes now. */
  get next(): number {
    return this.#next;
  }

  /** Whether the engine refuses at the moment. */
  get isStalled(): boolean {
    return this.#pauseMs > 0;
  }

  /** Something changed. */
  want(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    if (!this.#isUnderWay) this.#ports.schedule();
  }

  /** Adds a write that is not a record's. */
  write(write: EngineWrite): void {
    this.#extra.push(write);
    this.want();
  }

  /** Calls `then` once the write numbered `write` is durable; it must be the next one or the one under way. */
  when(write: number, then: () => void): void {
    if (write === this.#next) this.#waitingForNext.push(then);
    else this.#waitingForCurrent.push(then);
  }

  /** Calls `then` once everything that was ever changed is durable. */
  whenQuiet(then: () => void): void {
    if (this.#isWanted) this.#waitingForNext.push(then);
    else if (this.#isUnderWay) this.#waitingForCurrent.push(then);
    else then();
  }

  /** Begins the next write unless one is under way. */
  flush(): void {
    if (this.#isUnderWay || !this.#isWanted || this.#isEnded) return;
    const batch = this.#ports.collect();
    for (const write of this.#extra) batch.push(write);
    this.#extra = [];
    this.#isWanted = false;
    this.#isUnderWay = true;
    this.#next++;
    assert(this.#waitingForCurrent.length === 0, "nobody waits for a write that is over");
    this.#waitingForCurrent = this.#waitingForNext;
    this.#waitingForNext = [];
    this.#write(batch);
  }

  /** Nothing more is written or called. */
  end(): void {
    this.#isEnded = true;
  }

  #write(batch: readonly EngineWrite[]): void {
    if (this.#isEnded) return;
    this.writes++;
    this.#ports.engine.write(batch, (error) => {
      if (this.#isEnded) return;
      if (error === undefined) return this.#completed();
      const mayPass = error.code === "FULL" || error.code === "IO" || error.code === "REFUSED";
      if (!mayPass) {
        this.end();
        return this.#ports.onFatal(error);
      }
      this.#pauseMs = Math.min(longestPauseMs, Math.max(firstPauseMs, this.#pauseMs * 2));
      this.#ports.clock.after(this.#pauseMs, () => this.#write(batch));
    });
  }

  #completed(): void {
    this.#pauseMs = 0;
    this.#isUnderWay = false;
    const waiting = this.#waitingForCurrent;
    this.#waitingForCurrent = [];
    this.#ports.completed();
    for (const then of waiting) then();
    if (this.#isWanted) this.#ports.schedule();
  }
}
