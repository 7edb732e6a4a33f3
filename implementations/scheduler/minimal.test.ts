/**
 * Goal: the minimal scheduler does what its operations say, and refuses what it must, having changed nothing.
 *
 * Method: one scheduler whose workers the test plays; each answer is shown together with its forbidden side. What holds
 * whatever is submitted, in whatever order it ends, is judged in `minimal-claims.test.ts`; the refusals that any client
 * can meet, by the suite of all implementations.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AssertionError } from "../foundation/assert.ts";
import { limits, rememberedStarts } from "./contract.ts";
import type { SchedulerEvent, TaskBody, TaskSpec } from "./contract.ts";
import { Scheduler } from "./minimal.ts";
import type { Assignment, AttemptOutcome, Refusal, SchedulerOptions } from "./minimal.ts";

const body: TaskBody = { kind: "spin", ms: 1 };
const completed: AttemptOutcome = { kind: "completed", result: null };
const threw: AttemptOutcome = { kind: "threw", message: "no" };

describe("schedule and complete", () => {
  test("a task is pending, running, completed; its result is kept", () => {
    const play = new Play();
    play.submit({ id: "j.a" });
    assert.deepEqual(play.scheduler.status("j.a"), { state: "pending", attempts: 0 });
    const assignment = play.start();
    assert.deepEqual(play.scheduler.status("j.a"), { state: "running", attempts: 1 });
    assert.ok(play.scheduler.complete(assignment.worker, assignment.token, { kind: "completed", result: [1] }, 5));
    const end = { state: "completed", result: [1] };
    assert.deepEqual(play.scheduler.status("j.a"), { state: "completed", attempts: 1, end });
    assert.equal(play.scheduler.status("j.b"), undefined);
  });

  test("nothing is assigned when nothing waits, when nobody is idle, or when nobody idle is available", () => {
    const play = new Play({ workers: 2 });
    assert.equal(play.scheduler.schedule(0), undefined);
    play.submit({ id: "j.a" }, { id: "j.b" }, { id: "j.c" });
    assert.equal(
      play.scheduler.schedule(0, () => false),
      undefined,
    );
    assert.equal(play.scheduler.schedule(0, (worker) => worker === 1)?.worker, 1);
    assert.equal(play.start().worker, 0);
    assert.equal(play.scheduler.schedule(0), undefined);
  });

  test("who is available is asked only where there is a task for it", () => {
    const play = new Play({ workers: 3 });
    const asked: number[] = [];
    const available = (worker: number): boolean => asked.push(worker) > 0;
    play.scheduler.schedule(0, available);
    assert.deepEqual(asked, []);
    play.submit({ id: "j.a", affinity: 1 });
    play.scheduler.schedule(0, available);
    assert.deepEqual(asked, [1]);
  });

  test("an end counts once, under the token of the attempt that is under way, on its worker", () => {
    const play = new Play({ workers: 2 });
    play.submit({ id: "j.a" });
    const first = play.start();
    assert.equal(play.scheduler.complete(1, first.token, completed, 0), false, "another worker");
    assert.equal(play.scheduler.complete(0, first.token + 1, completed, 0), false, "another token");
    assert.ok(play.scheduler.complete(0, first.token, { kind: "lost" }, 0));
    assert.equal(play.scheduler.complete(0, first.token, completed, 0), false, "it was taken from it");
    const second = play.start();
    assert.ok(second.token > first.token);
    assert.equal(play.scheduler.complete(0, first.token, completed, 0), false, "late, while the next one runs");
    assert.deepEqual(play.scheduler.status("j.a"), { state: "running", attempts: 2 });
    assert.ok(play.scheduler.complete(0, second.token, completed, 0));
    assert.equal(play.scheduler.complete(0, second.token, completed, 0), false, "a second time");
    assert.equal(play.events.filter(({ kind }) => kind === "committed").length, 1);
  });

  test("attempts that threw or crashed are counted against the limit, lost ones are not", () => {
    const play = new Play();
    play.submit({ id: "j.a", maxAttempts: 2 });
    const attempts = [threw, { kind: "lost" }, { kind: "lost" }, { kind: "crashed" }] as const;
    const numbers = attempts.map((outcome) => {
      const assignment = play.start();
      play.end(assignment, outcome);
      return assignment.attempt;
    });
    assert.deepEqual(numbers, [1, 2, 2, 2], "the number that a task is told does not count them either");
    const end = { state: "failed", reason: "crashed", message: "" };
    assert.deepEqual(play.scheduler.status("j.a"), { state: "failed", attempts: 4, end });
    assert.equal(play.scheduler.schedule(0), undefined);
  });

  test("a task that waits again keeps its place", () => {
    const play = new Play();
    play.submit({ id: "j.a" }, { id: "j.b" });
    play.end(play.start(), threw);
    assert.deepEqual(play.runAll(), ["j.a", "j.b"]);
  });

  test("tokens of a later life are higher than all of an earlier one", () => {
    const tokens = [1, 2].map((life) => {
      const play = new Play({ life });
      play.submit({ id: "j.a" });
      return play.start().token;
    });
    assert.ok(tokens[0]! + 1e9 < tokens[1]! && Number.isSafeInteger(tokens[1]));
  });
});

describe("lanes", () => {
  test("a task with an affinity goes to that worker, modulo their number, and to nobody else", () => {
    const play = new Play({ workers: 2 });
    play.submit({ id: "j.a", affinity: 3 }, { id: "j.b", affinity: 3 });
    assert.equal(play.start().worker, 1);
    assert.equal(play.scheduler.schedule(0), undefined, "worker 0 is idle, and the lane is not its own");
  });

  test("a worker takes the better of what is its own and what is everybody's", () => {
    const play = new Play({ workers: 1 });
    play.submit({ id: "j.own1", affinity: 0, priority: 1 }, { id: "j.all2", priority: 2 });
    play.submit({ id: "j.all1", priority: 1 }, { id: "j.own2", affinity: 0, priority: 2 });
    assert.deepEqual(play.runAll(), ["j.all2", "j.own2", "j.own1", "j.all1"]);
  });

  test("stealing moves half, rounded up, and the better half", () => {
    for (const [waiting, moved] of [
      [0, 0],
      [1, 1],
      [2, 1],
      [5, 3],
    ] as const) {
      const play = new Play({ workers: 2 });
      for (let index = 0; index < waiting; index++) play.submit({ id: `j.t${index}`, affinity: 0, priority: index });
      assert.equal(play.scheduler.stealWork(0, 1), moved);
      assert.deepEqual([play.scheduler.waitingIn(0), play.scheduler.waitingIn(1)], [waiting - moved, moved]);
      if (moved > 0) assert.equal(play.start((worker) => worker === 1).task, `j.t${waiting - 1}`);
    }
  });

  test("nobody steals from itself, or from nobody", () => {
    const play = new Play({ workers: 2 });
    assert.throws(() => play.scheduler.stealWork(1, 1), AssertionError);
    assert.throws(() => play.scheduler.stealWork(0, 2), AssertionError);
  });

  test("whatever is stolen by whomever, every task is there once, and each lane keeps its order", () => {
    const moves = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 20 });
    const lanes = fc.array(fc.record({ affinity: fc.nat(3), priority: fc.nat(5) }), { maxLength: 60 });
    fc.assert(
      fc.property(lanes, moves, (tasks, steals) => {
        const play = new Play({ workers: 4 });
        const ids = tasks.map((task, index) => {
          const id = `j.t${index}`;
          play.submit({ id, ...task });
          return id;
        });
        for (const [from, to] of steals) if (from !== to) play.scheduler.stealWork(from, to);
        const started: string[] = [];
        for (let worker = 0; worker < 4; worker++) {
          let last: readonly [priority: number, index: number] = [Infinity, -1];
          for (;;) {
            const assignment = play.scheduler.schedule(0, (each) => each === worker);
            if (assignment === undefined) break;
            const index = Number(assignment.task.slice(3));
            const priority = tasks[index]?.priority ?? 0;
            assert.ok(priority < last[0] || (priority === last[0] && index > last[1]), "best first");
            last = [priority, index];
            started.push(assignment.task);
            play.end(assignment, completed);
          }
        }
        assert.deepEqual(started.toSorted(), ids.toSorted());
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});

describe("limits", () => {
  test("a full queue refuses, whole submissions, until tasks have ended; what is known needs no room", () => {
    const play = new Play({ maxLiveTasks: 3 });
    play.submit({ id: "j.a" }, { id: "j.b" });
    assert.equal(play.refusal({ id: "j.c" }, { id: "j.d" }).code, "CAPACITY_EXCEEDED");
    assert.equal(play.scheduler.status("j.c"), undefined);
    play.submit({ id: "j.c" });
    assert.equal(play.refusal({ id: "j.d" }).code, "CAPACITY_EXCEEDED");
    play.submit({ id: "j.a" }, { id: "j.c" });
    play.end(play.start(), completed);
    play.submit({ id: "j.d" });
  });

  test("the newest ended tasks are known, at most twice as many as it promises; live ones always are", () => {
    const play = new Play({ rememberedTasks: 4, workers: 2 });
    play.submit({ id: "j.live", affinity: 1 });
    const available = (worker: number): boolean => worker === 0;
    for (let index = 0; index < 20; index++) {
      play.submit({ id: `j.t${index}` });
      play.end(play.start(available), completed);
      const known = Array.from({ length: 20 }, (_, each) => play.scheduler.status(`j.t${each}`) !== undefined);
      const count = known.filter(Boolean).length;
      assert.ok(count >= Math.min(4, index + 1) && count <= 8, `${count} after ${index + 1}`);
      assert.equal(known.lastIndexOf(true), index);
      assert.equal(play.scheduler.status("j.live")?.state, "pending");
    }
    assert.equal(play.refusal({ id: "j.x", dependencies: ["j.t0"] }).code, "UNKNOWN_DEPENDENCY", "forgotten");
  });

  test("what a submission needs is still known when tasks of the same one fail at once", () => {
    const play = new Play({ rememberedTasks: 1 });
    play.submit({ id: "j.broken", maxAttempts: 1 });
    play.end(play.start(), threw);
    const failing = Array.from({ length: 10 }, (_, index) => ({ id: `j.t${index}`, dependencies: ["j.broken"] }));
    play.submit(...failing, { id: "j.last", dependencies: ["j.broken", "j.t0"] });
    const end = { state: "failed", reason: "dependency", message: "j.broken" };
    assert.deepEqual(play.scheduler.status("j.last"), { state: "failed", attempts: 0, end });
  });

  test("the newest starts are told, and not more", () => {
    const play = new Play();
    const count = 2 * rememberedStarts + 5;
    for (let index = 0; index < count; index++) {
      play.submit({ id: `j.t${index}` });
      play.end(play.start(), completed);
    }
    const { starts } = play.scheduler.state();
    assert.equal(starts.length, rememberedStarts);
    assert.equal(starts[0], `j.t${count - rememberedStarts}`);
    assert.equal(starts.at(-1), `j.t${count - 1}`);
  });

  test("a chain longer than any stack fails and completes without a deep stack", () => {
    for (const outcome of [threw, completed]) {
      const play = new Play();
      const length = 20_000;
      play.submit({ id: "j.t0", maxAttempts: 1 });
      for (let from = 1; from < length; from += limits.tasks) {
        const to = Math.min(length, from + limits.tasks);
        const tasks = Array.from({ length: to - from }, (_, index) => ({
          id: `j.t${from + index}`,
          dependencies: [`j.t${from + index - 1}`],
        }));
        play.submit(...tasks);
      }
      play.end(play.start(), outcome);
      if (outcome === completed) assert.equal(play.runAll().length, length - 1);
      const last = play.scheduler.status(`j.t${length - 1}`);
      assert.equal(last?.state, outcome === completed ? "completed" : "failed");
      assert.equal(play.scheduler.liveTasks, 0);
    }
  });
});

type Named = Omit<TaskSpec, "body"> & Partial<TaskSpec>;

/** A scheduler, and its workers as the test plays them. */
class Play {
  readonly scheduler: Scheduler;
  readonly events: SchedulerEvent[] = [];

  constructor(options: Partial<SchedulerOptions> = {}) {
    const trace = (event: SchedulerEvent): unknown => this.events.push(event);
    this.scheduler = new Scheduler({
      workers: 1,
      life: 1,
      maxLiveTasks: 65_536,
      rememberedTasks: 100_000,
      trace,
      ...options,
    });
  }

  submit(...tasks: readonly Named[]): void {
    assert.equal(this.#offer(tasks), undefined);
  }

  refusal(...tasks: readonly Named[]): Refusal {
    const refusal = this.#offer(tasks);
    assert.ok(refusal !== undefined, "it is refused");
    return refusal;
  }

  start(isAvailable?: (worker: number) => boolean): Assignment {
    const assignment = this.scheduler.schedule(0, isAvailable);
    assert.ok(assignment !== undefined, "a task waits for an idle worker");
    return assignment;
  }

  end({ worker, token }: Assignment, outcome: AttemptOutcome): void {
    assert.ok(this.scheduler.complete(worker, token, outcome, 1));
  }

  /** Completes one task after the other. @returns them in their order. */
  runAll(): string[] {
    const started: string[] = [];
    for (;;) {
      const assignment = this.scheduler.schedule(0);
      if (assignment === undefined) return started;
      started.push(assignment.task);
      this.end(assignment, completed);
    }
  }

  #offer(tasks: readonly Named[]): Refusal | undefined {
    const specs = tasks.map((task) => ({ body, ...task }));
    return this.scheduler.submit(specs, 0, () => false);
  }
}
