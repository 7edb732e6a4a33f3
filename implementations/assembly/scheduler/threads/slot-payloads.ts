/** What the main thread has loaded into the slots: the table and the arena that workers read, and the bodies. */

import type { JsonValue, TaskBody } from "../../../scheduler/contract.ts";
import { limits } from "../../../scheduler/contract.ts";
import type { Attempt } from "../task-executor.ts";
import { encodeJson } from "./call.ts";
import type { CallPayload } from "./call.ts";
import { PayloadArena } from "./payload-arena.ts";
import { TaskTable, allocateTaskTable, bodyKinds } from "./task-table.ts";

/** Of one slot at most: a body, a state, a task's name and what JSON adds. */
const maxPayloadBytes = 2 * limits.bodyBytes + 1024;
const maxArenaBytes = 2 * 1024 ** 3;

export class SlotPayloads {
  readonly table: SharedArrayBuffer;
  readonly arena: PayloadArena;
  readonly #table: TaskTable;
  readonly #tokens: Float64Array;
  readonly #bodies: (TaskBody | undefined)[];
  /** Of calls: where the payload is, and how long. -1: nowhere. */
  readonly #payloadAt: Int32Array;
  readonly #payloadBytes: Int32Array;

  constructor(slots: number) {
    this.table = allocateTaskTable(slots);
    this.arena = new PayloadArena(Math.min(maxArenaBytes, slots * maxPayloadBytes));
    this.#table = new TaskTable(this.table);
    this.#tokens = new Float64Array(slots);
    this.#bodies = new Array<TaskBody | undefined>(slots).fill(undefined);
    this.#payloadAt = new Int32Array(slots).fill(-1);
    this.#payloadBytes = new Int32Array(slots);
  }

  /** @returns false: no room for the payload now. */
  load(slot: number, { task, token, body, attempt, state }: Attempt): boolean {
    this.unload(slot); // Of an attempt that was withdrawn.
    const kind = bodyKinds.indexOf(body.kind);
    if (body.kind === "call") {
      if (!this.#loadCall(slot, kind, attempt, task, body, state)) return false;
    } else {
      const doneMs = typeof state === "number" ? state : 0;
      const checkpointMs = "checkpointMs" in body && body.checkpointMs > 0 ? body.checkpointMs : Infinity;
      const times = "times" in body ? body.times : Infinity;
      this.#table.writeSynthetic(slot, kind, attempt, body.ms, checkpointMs, doneMs, times);
    }
    this.#bodies[slot] = body;
    this.#tokens[slot] = token;
    return true;
  }

  #loadCall(
    slot: number,
    kind: number,
    attempt: number,
    task: string,
    body: TaskBody & { kind: "call" },
    state: JsonValue | undefined,
  ): boolean {
    const payload: CallPayload = {
      task,
      module: body.module,
      export: body.export,
      args: body.args,
      state: state === undefined ? [] : [state],
    };
    const bytes = encodeJson(payload);
    const at = this.arena.store(bytes);
    if (at < 0) return false;
    this.#payloadAt[slot] = at;
    this.#payloadBytes[slot] = bytes.length;
    this.#table.writeCall(slot, kind, attempt, at, bytes.length);
    return true;
  }

  /** Whether the slot's attempt has yet to end. */
  isLoaded(slot: number): boolean {
    return this.#bodies[slot] !== undefined;
  }

  /** undefined: nothing is loaded. */
  body(slot: number): TaskBody | undefined {
    return this.#bodies[slot];
  }

  /** Of the attempt that was loaded last. */
  token(slot: number): number {
    return this.#tokens[slot] ?? 0;
  }

  unload(slot: number): void {
    this.#bodies[slot] = undefined;
    const at = this.#payloadAt[slot] ?? -1;
    if (at < 0) return;
    this.arena.free(at, this.#payloadBytes[slot] ?? 0);
    this.#payloadAt[slot] = -1;
  }

  setYieldRequestedMs(slot: number, ms: number): void {
    this.#table.setYieldRequestedMs(slot, ms);
  }
}
