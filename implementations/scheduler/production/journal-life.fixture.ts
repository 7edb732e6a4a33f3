/**
 * One life of a home that consists of its tasks and its journal.
 *
 * Random tasks are accepted, fail, end and release each other as `home.ts` does it, without workers or clients; few are
 * remembered and few ids exist, so that ids are forgotten and used again.
 */

import assert from "node:assert/strict";
import type { Random } from "../../foundation/effects.ts";
import { FaultyDisk } from "../../platform/faulty-disk.ts";
import { LimitedDisk } from "./limited-disk.fixture.ts";
import type { VirtualTime } from "../../platform/simulated/clock.ts";
import type { SimulatedDisk } from "../../platform/simulated/disk.ts";
import type { TaskEnd } from "../contract.ts";
import { isRefusal, readTask } from "./admitted-task.ts";
import type { AdmittedTask } from "./admitted-task.ts";
import { settleDependants } from "./dependencies.ts";
import { captureKnown } from "./journal-capture.ts";
import { recoverJournal } from "./journal-recovery.ts";
import type { JournalRecord, JournalState } from "./journal-records.ts";
import { Journal } from "./journal.ts";
import { newTask, TaskTable } from "./task-table.ts";
import type { EndedTask, Task } from "./task-table.ts";

/** Ends. */
export const remembered = 6;
const ids = 24;

export interface LifeOptions {
  readonly compactionBytes?: number;
  readonly sliceRecords?: number;
  /** Whether faults can be injected; appended bytes are then held back until they are synced. */
  readonly isFaulty?: boolean;
  /** What all files may have together. */
  readonly capacityBytes?: number;
  /** Is told of every record that a snapshot asks for. */
  readonly onCaptured?: () => void;
}

/** What outlives the lives. */
export interface World {
  readonly time: VirtualTime;
  readonly disk: SimulatedDisk;
  readonly random: Random;
  /** All records since the disk was empty, but for those that a crash has taken away. */
  readonly history: JournalRecord[];
  /** So many of them are durable. */
  confirmed: number;
}

export class ModelLife {
  readonly #world: World;
  readonly #table = new TaskTable(remembered);
  readonly #random: Random;
  /** If faults can be injected. */
  readonly faulty: FaultyDisk | undefined;
  journal: Journal | undefined;
  isOpen = false;
  fatal: Error | undefined;
  #orders = 0;
  #tokensBelow = 0;
  /** One more for every operation; what is lost in a crash did not take any time. */
  #nowMs = 0;

  constructor(
    world: World,
    { compactionBytes = 1500, sliceRecords = 2, isFaulty = false, capacityBytes = Infinity, onCaptured }: LifeOptions,
  ) {
    this.#world = world;
    this.#random = world.random.fork(`life ${world.history.length} ${world.time.steps}`);
    const { time: clock } = world;
    const base = world.disk.open();
    const random = this.#random.fork("faults");
    const onPowerLoss = (): void => assert.fail("no fault of these tests loses the power");
    this.faulty = isFaulty ? new FaultyDisk(base, { clock, random, onPowerLoss }) : undefined;
    const disk = new LimitedDisk(this.faulty ?? base, capacityBytes);
    recoverJournal(disk, "n1", (error, recovered) => {
      assert.ok(recovered !== undefined, error?.message);
      this.#restore(recovered.state);
      const life = recovered.state.life + 1;
      const journal = new Journal(
        {
          disk,
          clock,
          defer: (callback) => void clock.after(0, callback),
          turn: (work) => work(),
          life,
          compactionBytes,
          sliceRecords,
          capture: () => counted(this.#capture(life), onCaptured),
          onFatal: (failure) => {
            this.fatal = failure;
            this.end();
          },
        },
        recovered.nextSequence,
      );
      this.journal = journal;
      journal.begin(recovered.files, (failure) => {
        this.fatal = failure;
        this.isOpen = failure === undefined;
        if (this.isOpen) world.confirmed = world.history.length; // What was read is durable from now on.
      });
    });
  }

  get liveCount(): number {
    return this.#table.liveCount;
  }

  /** Completed, that of the beginning included. */
  get snapshots(): number {
    return this.counters["journal snapshots"] ?? 0;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.journal?.counters ?? {};
  }

  end(): void {
    this.isOpen = false;
    this.journal?.end();
  }

  /** One of the things that happen to tasks. */
  operate(): void {
    this.#nowMs++;
    const kind = this.#random.below(10);
    const live = [...this.#table.live()];
    const task = live[this.#random.below(Math.max(1, live.length))];
    if (task === undefined || kind < 4) return this.#submit(live);
    if (kind === 4) return this.#fail(task);
    if (kind === 5) return this.#meet(task);
    if (kind === 6) return this.#reserve();
    if (task.unmet.size === 0) this.#finish(task, this.#random.below(4) > 0);
  }

  #restore(state: JournalState): void {
    this.#orders = state.orders;
    this.#tokensBelow = state.tokensBelow;
    this.#nowMs = state.lastMs;
    for (const [id, ended] of state.ended) this.#table.remember({ id, ...ended, isDurable: true });
    this.#table.prune();
    for (const { spec, order, acceptedMs, unmet, failures, attempts } of [...state.live.values()].sort(
      (one, other) => one.order - other.order,
    )) {
      const task = newTask(spec, { order, acceptedMs, ageingMs: 0 }, unmet);
      task.failures = failures;
      task.attempts = attempts;
      this.#table.add(task);
    }
  }

  #capture(life: number): Iterator<JournalRecord> {
    const tokensBelow = this.#tokensBelow;
    const atMs = this.#nowMs;
    return captureKnown({ kind: "life", life, tokensBelow, orders: this.#orders, toldBelow: 0, atMs }, this.#table);
  }

  #append(record: JournalRecord, durable?: () => void): void {
    const count = this.#world.history.push(record);
    this.journal?.append(record, () => {
      this.#world.confirmed = count;
      durable?.();
    });
  }

  #submit(live: readonly Task[]): void {
    const tasks: AdmittedTask[] = [];
    for (let count = 1 + this.#random.below(3); count > 0; count--) {
      const id = `j.${this.#random.below(ids)}`;
      if (this.#table.digestOf(id) !== undefined || tasks.some((other) => other.id === id)) continue;
      const dependencies = this.#dependencies([...live.map((task) => task.id), ...tasks.map((task) => task.id)], id);
      const returns = "x".repeat(this.#random.below(50));
      const spec = readTask({ id, body: { kind: "spin", ms: this.#orders, returns }, dependencies }, "");
      assert.ok(!isRefusal(spec));
      tasks.push(spec);
    }
    if (tasks.length === 0) return;
    const order = this.#orders;
    this.#orders += tasks.length;
    for (const [index, spec] of tasks.entries()) {
      const unmet = spec.dependencies.filter((id) => this.#table.endOf(id)?.end.state !== "completed");
      this.#table.add(newTask(spec, { order: order + index, acceptedMs: this.#nowMs, ageingMs: 0 }, unmet));
    }
    this.#append({ kind: "submission", atMs: this.#nowMs, order, tasks });
  }

  /** Tasks that have not ended, have completed, or are another home's. */
  #dependencies(known: readonly string[], own: string): readonly string[] {
    const completed = [...this.#table.ended()].filter(({ end }) => end.state === "completed").map(({ id }) => id);
    const all = [...known, ...completed, `f.${this.#random.below(8)}`].filter((id) => id !== own);
    return [...new Set(Array.from({ length: this.#random.below(3) }, () => all[this.#random.below(all.length)] ?? ""))];
  }

  #fail(task: Task): void {
    task.failures++;
    task.attempts += 2;
    const { id, failures, attempts } = task;
    this.#append({ kind: "failure", task: id, failures, attempts });
  }

  /** A task of another home has completed. */
  #meet(task: Task): void {
    const dependency = [...task.unmet].find((id) => id.startsWith("f."));
    if (dependency === undefined) return;
    this.#append({ kind: "met", dependency });
    this.#settle(dependency, { state: "completed", result: null });
  }

  #reserve(): void {
    this.#tokensBelow += 100;
    this.#append({ kind: "tokens", below: this.#tokensBelow });
  }

  #finish(task: Task, isCompleted: boolean): void {
    const end: TaskEnd = isCompleted
      ? { state: "completed", result: task.order }
      : { state: "failed", reason: "threw", message: "" };
    this.#conclude(task, end);
    this.#settle(task.id, end);
  }

  #settle(dependency: string, end: TaskEnd): void {
    settleDependants(this.#table, dependency, end, {
      released: () => undefined,
      failed: (task, failure) => this.#conclude(task, failure),
    });
  }

  #conclude(task: Task, end: TaskEnd): void {
    const ended: EndedTask = this.#table.conclude(task, end);
    const { id, digest, attempts } = ended;
    this.#append({ kind: "end", atMs: this.#nowMs, task: id, digest, attempts, end }, () => {
      ended.isDurable = true;
      this.#table.prune();
    });
  }
}

function* counted(records: Iterator<JournalRecord>, onCaptured: (() => void) | undefined): Generator<JournalRecord> {
  for (let next = records.next(); next.done !== true; next = records.next()) {
    onCaptured?.();
    yield next.value;
  }
}
