/**
 * One process of a cluster and what the driver knows of it, its lives included; its supervisor.
 *
 * A process that failed by itself (a disk error, a power loss) comes back after a pause, unless it said that no restart
 * will help, or faults hold it down.
 */

import { mkdir, rm } from "node:fs/promises";
import type { FaultHandle, Moment } from "../../foundation/faults.ts";
import { faultHandle } from "../../foundation/fault-handle.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import type { ModuleTypes } from "../module-kit.ts";
import type { ProcessConfiguration, ProcessMessage } from "./control.ts";
import { labelOf, NodeProcess } from "./node-process.ts";
import type { NodeProcessOptions } from "./node-process.ts";
import { Questions } from "./questions.ts";

const startLimitMs: Millis = 30_000;
const restartPauseMs = { first: 50, most: 1000 } as const;

export interface SeatOptions<Types extends ModuleTypes> extends Pick<
  NodeProcessOptions<Types>,
  "entry" | "onMessage" | "onExit" | "ward"
> {
  /** The nodes the process hosts. */
  readonly hosted: readonly NodeId[];
  readonly directory: string;
  readonly configure: () => Omit<ProcessConfiguration, "hosted" | "directory" | "life" | "forming">;
  /** Whether it may be started at all any more. */
  readonly mayRun: () => boolean;
}

export class ProcessSeat<Types extends ModuleTypes> {
  readonly hosted: readonly NodeId[];
  readonly process: NodeProcess<Types>;
  readonly #options: SeatOptions<Types>;
  readonly #questions: Questions;
  readonly #moments = new Map<number, Moment>();
  /** Faults that hold it down. */
  #heldDown = 0;
  #restartMs: Millis = restartPauseMs.first;
  #outReason: string | undefined;
  /** It has started once: from then on an empty disk is a lost disk. */
  #formed = false;

  constructor(options: SeatOptions<Types>) {
    const { hosted, directory, entry, onMessage, onExit, ward } = options;
    this.#options = options;
    this.hosted = hosted;
    this.process = new NodeProcess({
      entry,
      label: labelOf(hosted),
      configure: (life) => ({ ...options.configure(), hosted, directory, life, forming: !this.#formed }),
      onMessage: (message, life) => this.#received(message, () => onMessage(message, life)),
      onExit: (exit) => {
        this.#questions.ended();
        onExit(exit);
      },
      ward,
    });
    this.#questions = new Questions(this.process);
  }

  /** It will not run again, and why. */
  get outReason(): string | undefined {
    return this.#outReason;
  }

  /** Starts its first life. @throws HarnessError when it does not start. */
  async startFirst(): Promise<void> {
    // A deployment begins from nothing, also where one that was killed left its data.
    await this.#empty();
    this.process.start();
    const limit = nodeClock.after(startLimitMs, () => this.process.signal("SIGKILL"));
    try {
      await this.process.started();
    } finally {
      limit.cancel();
    }
  }

  /** Stops it for good, and removes what it kept. */
  async retire(reason: string): Promise<void> {
    this.#outReason = reason;
    await this.process.stop();
    await this.remove();
  }

  /** Removes what it kept. */
  async remove(): Promise<void> {
    await rm(this.#options.directory, { recursive: true, force: true });
  }

  arm(moment: Moment, number: number): void {
    this.#moments.set(number, moment);
    this.process.send({ kind: "arm", moment, number });
  }

  /** Arms in a new life what was not reached in earlier ones. */
  rearm(): void {
    for (const [number, moment] of this.#moments) this.process.send({ kind: "arm", moment, number });
  }

  /** @returns the answer, or undefined when the process is not there to give one. */
  ask(what: "states" | "resources" | "efficacy"): Promise<unknown> {
    return this.#questions.ask(what);
  }

  /** Its process ended: it is started again after a pause, unless something keeps it down. */
  restartLater(): void {
    if (!this.#mayStart) return;
    const pauseMs = this.#restartMs;
    this.#restartMs = Math.min(restartPauseMs.most, pauseMs * 2);
    nodeClock.after(pauseMs, () => this.#revive());
  }

  /** Ends the processes; healed, each starts again on its data unless it was wiped, or others hold it down. */
  static takeDown<Types extends ModuleTypes>(
    seats: readonly ProcessSeat<Types>[],
    kind: "kill" | "graceful-restart" | "wipe",
  ): FaultHandle {
    const ended = seats.filter((seat) => seat.process.running).length;
    const ends = seats.map((seat) => seat.#end(kind));
    const down = Promise.all(ends).then(async () => {
      if (kind === "wipe") for (const seat of seats) await seat.#empty();
    });
    const heal = (): void => void down.then(() => seats.forEach((seat) => seat.#release()));
    return faultHandle("processes ended", () => ended, heal);
  }

  pause(): FaultHandle {
    const startMs = nodeClock.nowMs();
    const stopped = this.process.signal("SIGSTOP");
    let pausedMs: Millis | undefined;
    return faultHandle(
      "ms paused",
      () => (stopped ? Math.round(pausedMs ?? nodeClock.nowMs() - startMs) : 0),
      () => {
        pausedMs = nodeClock.nowMs() - startMs;
        this.process.signal("SIGCONT");
      },
    );
  }

  get #mayStart(): boolean {
    return this.#heldDown === 0 && this.#outReason === undefined && this.#options.mayRun();
  }

  #received(message: ProcessMessage<Types>, pass: () => void): void {
    switch (message.kind) {
      case "started":
        this.#formed = true;
        this.#restartMs = restartPauseMs.first;
        return;
      case "failed":
        if (message.permanent) this.#outReason = message.reason;
        this.process.expectEnd();
        return pass();
      case "reached":
        pass();
        this.#moments.delete(message.number);
        this.process.send({ kind: "resume", number: message.number });
        return;
      case "answer":
        return this.#questions.answered(message.question, message.value);
      default:
        return pass();
    }
  }

  #end(kind: "kill" | "graceful-restart" | "wipe"): Promise<void> {
    this.#heldDown++;
    return kind === "graceful-restart" ? this.process.stop() : this.process.kill();
  }

  #release(): void {
    this.#heldDown--;
    this.#revive();
  }

  #revive(): void {
    if (this.#mayStart) this.process.start();
  }

  async #empty(): Promise<void> {
    await this.remove();
    await mkdir(this.#options.directory, { recursive: true });
  }
}
