/**
 * One attempt on a worker in virtual time: executing it is waiting for as long as it takes, with a look at each
 * checkpoint whether it shall yield.
 *
 * What it goes through is a row of stretches. A built-in task is one, with checkpoints on the way; a simulated module
 * says stretch by stretch how long it works.
 */

import { unreachable } from "../../foundation/assert.ts";
import type { Clock, Timer } from "../../foundation/effects.ts";
import type { Millis } from "../../foundation/units.ts";
import type { JsonValue, TaskBody } from "../../scheduler/contract.ts";
import { simulatedFunction } from "./simulated-modules.ts";
import type { Attempt, Ended } from "./task-executor.ts";

export type RunEnd = Pick<Ended, "end" | "result" | "message" | "state">;

export interface RunPorts {
  readonly clock: Clock;
  /** Whether the attempt shall end at its next checkpoint. */
  readonly shouldYield: () => boolean;
  /** Called once, later than `begin`. */
  readonly ended: (how: RunEnd) => void;
}

/** What a checkpoint throws where the attempt ends. */
class Yielded extends Error {
  readonly state: JsonValue;
  constructor(state: JsonValue) {
    super("the attempt ends here");
    this.state = state;
  }
}

type CallBody = Extract<TaskBody, { readonly kind: "call" }>;

const messageCharacters = 1000;

export class SimulatedRun {
  readonly #attempt: Attempt;
  readonly #ports: RunPorts;
  readonly #steps: Generator<Millis, JsonValue | undefined> | undefined;
  /** Of the stretch under way: when it would have begun had its thread never stood still, and how long it takes. */
  #sinceMs: Millis = 0;
  #stretchMs: Millis = 0;
  #timer: Timer | undefined;
  #checkpointTimer: Timer | undefined;
  #stalledMs: Millis | undefined;
  #isOver = false;

  constructor(attempt: Attempt, ports: RunPorts) {
    this.#attempt = attempt;
    this.#ports = ports;
    const { body, task, token, state } = attempt;
    if (body.kind !== "call") return;
    const checkpoint = (saved: JsonValue): void => {
      if (ports.shouldYield()) throw new Yielded(saved);
    };
    this.#steps = simulatedFunction(body.module, body.export)?.({ task, token, state, checkpoint }, ...body.args);
  }

  begin(): void {
    const { body } = this.#attempt;
    this.#sinceMs = this.#ports.clock.nowMs();
    // A function is not entered before its start has been told.
    this.#stretchMs = body.kind === "call" ? 0 : Math.max(0, body.ms - this.#doneMs);
    this.#arm();
  }

  /** Its thread stands still. */
  stall(): void {
    this.#stalledMs = this.#ports.clock.nowMs();
    this.#disarm();
  }

  goOn(): void {
    if (this.#stalledMs === undefined || this.#isOver) return;
    this.#sinceMs += Math.max(0, this.#ports.clock.nowMs() - this.#stalledMs);
    this.#stalledMs = undefined;
    this.#arm();
  }

  /** Its thread is no more. */
  cancel(): void {
    this.#isOver = true;
    this.#disarm();
  }

  /** Of a task that yielded before: how far it had come. */
  get #doneMs(): Millis {
    const { state } = this.#attempt;
    return typeof state === "number" ? state : 0;
  }

  #arm(): void {
    const { clock } = this.#ports;
    const { body } = this.#attempt;
    const leftMs = Math.max(0, this.#sinceMs + this.#stretchMs - clock.nowMs());
    this.#timer = clock.after(leftMs, () =>
      body.kind === "call" ? this.#step(body) : this.#end(endOf(body, this.#attempt)),
    );
    this.#armCheckpoint();
  }

  #armCheckpoint(): void {
    const { clock, shouldYield } = this.#ports;
    const { body } = this.#attempt;
    const checkpointMs = (body.kind === "spin" || body.kind === "sleep") && body.checkpointMs;
    if (checkpointMs === false || checkpointMs === undefined) return;
    const ranMs = clock.nowMs() - this.#sinceMs;
    const nextMs = (Math.floor(ranMs / checkpointMs + 1e-9) + 1) * checkpointMs;
    if (nextMs >= this.#stretchMs) return;
    this.#checkpointTimer = clock.after(Math.max(0, nextMs - ranMs), () => {
      if (shouldYield()) this.#end({ end: "yielded", state: this.#doneMs + nextMs });
      else this.#armCheckpoint();
    });
  }

  /** The called function works until it says for how long it does. */
  #step(body: CallBody): void {
    try {
      const step = this.#steps?.next();
      if (step === undefined) throw new Error(`there is no ${body.export} in ${body.module}`);
      if (step.done === true) return this.#end({ end: "completed", result: step.value ?? null });
      this.#sinceMs = this.#ports.clock.nowMs();
      this.#stretchMs = step.value;
      this.#arm();
    } catch (error) {
      if (error instanceof Yielded) return this.#end({ end: "yielded", state: error.state });
      const message = error instanceof Error ? error.message : String(error);
      this.#end({ end: "threw", message: message.slice(0, messageCharacters) });
    }
  }

  #end(how: RunEnd): void {
    if (this.#isOver) return;
    this.cancel();
    this.#ports.ended(how);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#checkpointTimer?.cancel();
  }
}

/** How a built-in task ends once its time is over. */
function endOf(body: Exclude<TaskBody, CallBody>, { attempt }: Attempt): RunEnd {
  switch (body.kind) {
    case "spin":
    case "sleep":
      return { end: "completed", result: body.returns ?? null };
    case "fail":
      if (attempt > (body.times ?? Infinity)) return { end: "completed", result: null };
      return { end: "threw", message: body.message };
    case "crash":
      return attempt > (body.times ?? Infinity) ? { end: "completed", result: null } : { end: "crashed" };
    default:
      return unreachable(body);
  }
}
