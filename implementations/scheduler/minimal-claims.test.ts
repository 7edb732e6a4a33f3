/**
 * Goal: the published claims about order, dependencies and progress hold of the minimal scheduler, whatever is
 * submitted and however attempts end; and where a documented tradeoff says that something does not hold, it does not.
 *
 * Method: random graphs of tasks in random submissions, while attempts end at random moments in random ways. The rules
 * are restated here over what was told of it, not over the scheduler's own state. Seeds are fixed: a failure prints the
 * path that replays it with its seed.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { limits } from "./contract.ts";
import type { SchedulerEvent, TaskBody, TaskSpec } from "./contract.ts";
import { Scheduler } from "./minimal.ts";
import type { Assignment, AttemptOutcome } from "./minimal.ts";

const body: TaskBody = { kind: "spin", ms: 1 };

/** A task depends on earlier ones only: then any list of them is a graph without a circle. */
const graphs = fc.array(
  fc.record({
    priority: fc.nat(4),
    lane: fc.integer({ min: -2, max: 2 }),
    backwards: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 60 },
);
/** How the schedule goes on: somebody submits, is given a task, or is done with one. */
const steps = fc.array(
  fc.record({ what: fc.constantFrom("submit", "start", "end"), which: fc.nat(100), how: fc.nat(9) }),
  {
    maxLength: 300,
  },
);
const everything = fc.record({ graph: graphs, steps, workers: fc.integer({ min: 1, max: 4 }) });

describe("C-SCH-1: among ready tasks a higher priority starts first", () => {
  test("in every lane, and of equal priority the one submitted first, at every start of every run", () => {
    fc.assert(
      fc.property(everything, (input) => {
        const { events, specs } = run(input);
        const waiting = new Set<string>();
        const keyOf = (id: string): readonly [number, number] => [-(specs.get(id)?.priority ?? 0), orderOf(events, id)];
        for (const event of events) {
          if (event.kind === "ready") waiting.add(event.task);
          if (event.kind !== "started") continue;
          const [rank, order] = keyOf(event.task);
          for (const other of waiting) {
            if (laneOf(specs.get(other), input.workers) !== event.lane) continue;
            const [otherRank, otherOrder] = keyOf(other);
            const isBetter = otherRank < rank || (otherRank === rank && otherOrder < order);
            assert.ok(!isBetter, `${other} waited in lane ${event.lane} and was better than ${event.task}`);
          }
          waiting.delete(event.task);
        }
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  test("300 tasks in reverse order of priority: the first 100 that run are the 100 high ones", () => {
    const { scheduler } = empty(1);
    for (let index = 0; index < 300; index++)
      submit(scheduler, { id: `j.t${index}`, body, priority: Math.floor(index / 100) });
    const first = Array.from({ length: 100 }, () => runOne(scheduler));
    assert.deepEqual(
      first,
      Array.from({ length: 100 }, (_, index) => `j.t${200 + index}`),
    );
  });

  test("the tradeoff: priority is all there is, so a flood of high ones keeps a low one waiting", () => {
    const { scheduler } = empty(1);
    submit(scheduler, { id: "j.low", body, tenant: "patient" });
    for (let index = 0; index < 1000; index++) {
      submit(scheduler, { id: `j.high${index}`, body, priority: 1, tenant: "loud" });
      assert.notEqual(runOne(scheduler), "j.low");
    }
    assert.equal(runOne(scheduler), "j.low", "it runs once nobody else wants to");
  });

  test("the tradeoff: nothing is preempted, so the highest priority waits for the lowest to end", () => {
    const { scheduler } = empty(1);
    submit(scheduler, { id: "j.low", body: { kind: "spin", ms: 1000, checkpointMs: 1 } });
    const running = scheduler.schedule(0);
    submit(scheduler, { id: "j.high", body, priority: limits.priority });
    assert.equal(scheduler.schedule(1), undefined);
    assert.equal(running?.task, "j.low");
  });
});

describe("C-SCH-2: no task starts before all its dependencies completed", () => {
  test("whatever the graph, however attempts end", () => {
    fc.assert(
      fc.property(everything, (input) => {
        const { events, specs } = run(input);
        const completed = new Set<string>();
        for (const event of events) {
          if (event.kind === "committed" && event.end === "completed") completed.add(event.task);
          if (event.kind !== "started") continue;
          for (const id of specs.get(event.task)?.dependencies ?? [])
            assert.ok(completed.has(id), `${event.task}: ${id}`);
        }
      }),
      { seed: 12, numRuns: 500 },
    );
  });

  test("a circle of any length is refused, wherever it is in a submission, and nothing of that is enqueued", () => {
    const lengths = fc.integer({ min: 1, max: limits.tasks });
    fc.assert(
      fc.property(lengths, fc.nat(1000), graphs, (length, shift, around) => {
        const circle = Array.from({ length }, (_, index) => ({
          id: `j.c${(index * 7919 + shift) % 100_003}`,
          body,
        }));
        const tied = circle.map((task, index) => ({ ...task, dependencies: [circle[(index + 1) % length]!.id] }));
        const harmless = specsOf(around).slice(0, limits.tasks - length);
        const { scheduler, events } = empty(1);
        const refusal = scheduler.submit([...harmless, ...tied], 0, () => false);
        assert.equal(refusal?.code, "DEPENDENCY_CYCLE");
        assert.match(refusal.reason, /j\.c\d+ -> /);
        assert.deepEqual(events, []);
        assert.deepEqual(scheduler.state(), { tasks: [], starts: [] });
        // The same without one tie is no circle any more.
        const untied = tied.map((task, index) => (index === 0 ? { ...task, dependencies: [] } : task));
        assert.equal(
          scheduler.submit([...harmless, ...untied], 0, () => false),
          undefined,
        );
      }),
      { seed: 13, numRuns: 300 },
    );
  });
});

describe("C-SCH-3: every ready task eventually runs", () => {
  test("everything that was submitted ends, once, and lost attempts do not change how", () => {
    fc.assert(
      fc.property(everything, (input) => {
        const { events, specs, scheduler, failing } = run(input);
        const committed = events.flatMap((event) => (event.kind === "committed" ? [event.task] : []));
        assert.deepEqual(committed.toSorted(), [...specs.keys()].toSorted());
        assert.equal(scheduler.liveTasks, 0);
        // How each ends follows from the graph and from which tasks fail alone.
        const ends = new Map<string, boolean>();
        for (const [id, { dependencies = [] }] of specs) {
          ends.set(id, !failing.has(id) && dependencies.every((dependency) => ends.get(dependency)));
        }
        for (const [id, state] of scheduler.state().tasks) assert.equal(state, ends.get(id) ? "completed" : "failed");
      }),
      { seed: 14, numRuns: 500 },
    );
  });

  test("the same calls are the same run, to the event", () => {
    fc.assert(
      fc.property(everything, (input) => assert.deepEqual(run(input).events, run(input).events)),
      { seed: 15, numRuns: 50 },
    );
  });

  test("the tradeoff: in a lane a task waits for its worker alone, until somebody steals it", () => {
    const { scheduler } = empty(2);
    for (const id of ["j.a", "j.b"]) submit(scheduler, { id, body, affinity: 0 });
    assert.equal(scheduler.schedule(0)?.worker, 0);
    assert.equal(scheduler.schedule(0), undefined);
    scheduler.stealWork(0, 1);
    assert.deepEqual([scheduler.schedule(0)?.task], ["j.b"]);
  });
});

type Input = typeof everything extends fc.Arbitrary<infer Value> ? Value : never;

function specsOf(graph: Input["graph"]): TaskSpec[] {
  return graph.map(({ priority, lane, backwards }, index) => ({
    id: `j.t${index}`,
    body,
    priority,
    ...(lane >= 0 && { affinity: lane }),
    maxAttempts: 2,
    dependencies: backwards.filter((back) => back <= index).map((back) => `j.t${index - back}`),
  }));
}

/** Submits everything and drives it to its end; every fifth task throws in all its attempts. */
function run({ graph, steps: plan, workers }: Input) {
  const specs = specsOf(graph);
  const failing = new Set(specs.filter((_, index) => index % 5 === 4).map(({ id }) => id));
  const { scheduler, events } = empty(workers);
  const unsubmitted = [...specs];
  const running: Assignment[] = [];
  const end = (assignment: Assignment, isLost: boolean): void => {
    const fails: AttemptOutcome = { kind: "threw", message: "planned" };
    const outcome = isLost ? { kind: "lost" as const } : failing.has(assignment.task) ? fails : done;
    assert.ok(scheduler.complete(assignment.worker, assignment.token, outcome, 0));
  };
  for (const { what, which, how } of plan) {
    if (what === "submit") {
      const together = unsubmitted.splice(0, 1 + (which % 5));
      if (together.length > 0) submit(scheduler, ...together);
    } else if (what === "start") {
      const assignment = scheduler.schedule(0, (worker) => (worker + how) % 3 !== 0);
      if (assignment !== undefined) running.push(assignment);
    } else {
      const [assignment] = running.splice(which % Math.max(1, running.length), 1);
      if (assignment !== undefined) end(assignment, how < 3);
    }
  }
  if (unsubmitted.length > 0) submit(scheduler, ...unsubmitted);
  for (;;) {
    const assignment = scheduler.schedule(0) ?? running.shift();
    if (assignment === undefined) break;
    end(assignment, false);
  }
  return { scheduler, events, failing, specs: new Map(specs.map((each) => [each.id, each])) };
}

const done: AttemptOutcome = { kind: "completed", result: null };

function empty(workers: number): { readonly scheduler: Scheduler; readonly events: SchedulerEvent[] } {
  const events: SchedulerEvent[] = [];
  const trace = (event: SchedulerEvent): unknown => events.push(event);
  return { scheduler: new Scheduler({ workers, life: 1, maxLiveTasks: 65_536, rememberedTasks: 1000, trace }), events };
}

function submit(scheduler: Scheduler, ...tasks: readonly TaskSpec[]): void {
  assert.equal(
    scheduler.submit(tasks, 0, () => false),
    undefined,
  );
}

function runOne(scheduler: Scheduler): string {
  const assignment = scheduler.schedule(0);
  assert.ok(assignment !== undefined, "a task waits");
  assert.ok(scheduler.complete(assignment.worker, assignment.token, done, 0));
  return assignment.task;
}

function laneOf(task: TaskSpec | undefined, workers: number): number {
  return task?.affinity === undefined ? -1 : task.affinity % workers;
}

function orderOf(events: readonly SchedulerEvent[], id: string): number {
  const accepted = events.find((event) => event.kind === "accepted" && event.task === id);
  return accepted?.kind === "accepted" ? accepted.order : Number.NaN;
}
