/**
 * What every scheduler has to do, through the driver's door, whichever implementation and substrate: registered as
 * tests by the files that name an implementation.
 *
 * What an implementation cannot do (`abilities`) it has to refuse: that is tested where it lacks the ability.
 */

import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import type { DeployOptions } from "../../foundation/deployment.ts";
import type { JsonValue, SchedulerImplementation, TaskBody, TaskSpec } from "../../scheduler/contract.ts";
import { limits, mergeStates } from "../../scheduler/contract.ts";
import { SchedulerTrial } from "./scheduler-trial.fixture.ts";

export interface SuiteOptions {
  readonly implementation: SchedulerImplementation;
  readonly options: Partial<DeployOptions>;
  /** A module with `sum`, `echo`, `throwing` and `unspeakable`, as `simulated-modules.ts` has them. */
  readonly module: string;
  /** For each deployment anew; undefined in the simulator, which writes nothing. */
  readonly directory?: () => Promise<string>;
  /** Whether a task may end its thread; it may unless it is said. */
  readonly crashes?: boolean;
  /**
   * Whether all tests that want nothing special share one deployment, of three nodes, each under a job of its own:
   * where a deployment is processes, which take their time to start. Its clients ask again every
   * `sharedAttemptTimeoutMs`.
   */
  readonly shares?: boolean;
}

interface Begun {
  readonly trial: SchedulerTrial;
  readonly job: string;
}

/** Much less than the longest task of the suite takes. */
const sharedAttemptTimeoutMs = 100;

const quick: TaskBody = { kind: "spin", ms: 1 };
const spec = (id: string, more: Partial<TaskSpec> = {}): TaskSpec => ({ id, body: quick, ...more });
const ok = (result: JsonValue = null) => ({ state: "completed", result }) as const;
const failed = (reason: "threw" | "crashed" | "dependency", message: string) =>
  ({ state: "failed", reason, message }) as const;

export function schedulerSuite({
  implementation,
  options,
  module,
  directory,
  crashes = true,
  shares = false,
}: SuiteOptions): void {
  const stops: (() => Promise<void>)[] = [];
  afterEach(() => Promise.all(stops.splice(0).map((stop) => stop())));
  let shared: SchedulerTrial | undefined;
  after(() => shared?.deployment.stop());
  let jobs = 0;

  const deploy = async (more: Partial<DeployOptions>): Promise<SchedulerTrial> => {
    const place = directory === undefined ? {} : { directory: await directory() };
    return SchedulerTrial.begin(implementation, { ...options, ...place, ...more });
  };
  /** @returns a deployment, of the test's own unless they share one, and a job that nobody else uses there. */
  const begin = async (more: Partial<DeployOptions> = {}): Promise<Begun> => {
    if (shares && more.settings === undefined) {
      shared ??= await deploy({ nodes: 3, clientAttemptTimeoutMs: sharedAttemptTimeoutMs });
      return { trial: shared, job: `j${++jobs}` };
    }
    const trial = await deploy(more);
    stops.push(() => trial.deployment.stop());
    return { trial, job: "j" };
  };
  const call = (name: string, ...args: JsonValue[]): TaskBody => ({ kind: "call", module, export: name, args });
  const can = (ability: Parameters<SchedulerImplementation["abilities"]["has"]>[0]): boolean =>
    implementation.abilities.has(ability);

  describe("submitting and waiting", () => {
    test("what is accepted ends, once, and its end is told to whoever waits for it, again and again", async () => {
      const { trial, job } = await begin();
      const accepted = await trial.submit(
        spec(`${job}.a`, { body: { kind: "spin", ms: 2, returns: { n: [1, null] } } }),
      );
      assert.deepEqual(accepted, { kind: "ok", result: { kind: "submit", ended: [] } });
      const ended = [[`${job}.a`, ok({ n: [1, null] })]];
      assert.deepEqual(await trial.waitFor(`${job}.a`), ended);
      assert.deepEqual(await trial.waitFor(`${job}.a`), ended);
      assert.deepEqual(await trial.status(`${job}.a`), { state: "completed", attempts: 1, end: ok({ n: [1, null] }) });
      assert.equal(await trial.status(`${job}.b`), null);
    });

    test("a submission that waits is answered in the order of its tasks, however they end", async () => {
      const { trial, job } = await begin();
      const slow = spec(`${job}.slow`, { body: { kind: "sleep", ms: 60, returns: "s" } });
      assert.deepEqual(await trial.ends(slow, spec(`${job}.fast`)), [
        [`${job}.slow`, ok("s")],
        [`${job}.fast`, ok()],
      ]);
    });

    test("one that takes longer than several attempts of a client is answered, and its tasks run once", async () => {
      const { trial, job } = await begin({ clientAttemptTimeoutMs: 50 });
      assert.deepEqual(await trial.ends(spec(`${job}.a`, { body: { kind: "sleep", ms: 400 } })), [[`${job}.a`, ok()]]);
      assert.equal((await trial.status(`${job}.a`))?.attempts, 1);
    });

    test("whoever waits for several is answered in their order, when the last has ended", async () => {
      const { trial, job } = await begin();
      await trial.submit(spec(`${job}.a`, { body: { kind: "sleep", ms: 30 } }), spec(`${job}.b`));
      assert.deepEqual(await trial.waitFor(`${job}.b`, `${job}.a`), [
        [`${job}.b`, ok()],
        [`${job}.a`, ok()],
      ]);
    });

    test("nobody can wait for what nobody knows", async () => {
      const { trial, job } = await begin();
      await trial.submit(spec(`${job}.a`));
      const outcome = await trial.invoke({ kind: "wait", tasks: [`${job}.a`, `${job}.b`] });
      assert.deepEqual({ ...outcome, reason: undefined }, { kind: "fail", code: "NOT_FOUND", reason: undefined });
    });

    test("the same task submitted again is the same task, also with what is usual spelt out", async () => {
      const { trial, job } = await begin();
      const first = spec(`${job}.a`, { body: { kind: "spin", ms: 1, returns: 1 } });
      assert.deepEqual(await trial.ends(first), [[`${job}.a`, ok(1)]]);
      assert.deepEqual(await trial.ends(first, spec(`${job}.b`)), [
        [`${job}.a`, ok(1)],
        [`${job}.b`, ok()],
      ]);
      const usual = { priority: 0, tenant: "default", resources: { cpuMilli: 1000, memoryMb: 0 }, dependencies: [] };
      assert.deepEqual(await trial.ends({ ...first, ...usual, maxAttempts: 3 }), [[`${job}.a`, ok(1)]]);
      assert.equal((await trial.status(`${job}.a`))?.attempts, 1);
    });

    test("all nodes together hold every task, each once", async () => {
      const { trial, job } = await begin({ nodes: 3 });
      const ids = ["a", "b", "c", "d", "e", "f"].map((each) => `${job}${each}.1`);
      for (const id of ids) await trial.ends(spec(id));
      const states = [...(await trial.deployment.states()).values()];
      const held = states.flatMap((each) => (each.kind === "state" ? [each.state] : []));
      const ours = (task: string): boolean => ids.includes(task);
      assert.deepEqual(
        mergeStates(held).tasks.filter(([task]) => ours(task)),
        ids.map((id) => [id, "completed", ok()]),
      );
      const starts = held.flatMap((state) => state.starts.filter(ours));
      if (implementation.tracesTasks) assert.equal(starts.length, ids.length);
    });
  });

  describe("tasks", () => {
    test("sleeping and spinning tasks return what they were told to, or null", async () => {
      const { trial, job } = await begin();
      const body: TaskBody = { kind: "sleep", ms: 0, returns: [] };
      assert.deepEqual(
        await trial.ends(spec(`${job}.a`, { body }), spec(`${job}.b`, { body: { kind: "spin", ms: 0 } })),
        [
          [`${job}.a`, ok([])],
          [`${job}.b`, ok()],
        ],
      );
    });

    test("one that throws is tried again, up to its limit", async () => {
      const { trial, job } = await begin();
      const body: TaskBody = { kind: "fail", ms: 1, message: "no", times: 2 };
      assert.deepEqual(
        await trial.ends(
          spec(`${job}.twice`, { body, maxAttempts: 3 }),
          spec(`${job}.always`, { body: { kind: "fail", ms: 1, message: "never" } }),
          spec(`${job}.once`, { body, maxAttempts: 1 }),
        ),
        [
          [`${job}.twice`, ok()],
          [`${job}.always`, failed("threw", "never")],
          [`${job}.once`, failed("threw", "no")],
        ],
      );
      assert.equal((await trial.status(`${job}.twice`))?.attempts, 3);
      assert.equal((await trial.status(`${job}.always`))?.attempts, 3, "three unless it is said");
      assert.equal((await trial.status(`${job}.once`))?.attempts, 1);
    });

    if (crashes)
      test("one that ends its thread is tried again likewise, and takes nobody along", async () => {
        const { trial, job } = await begin();
        assert.deepEqual(
          await trial.ends(
            spec(`${job}.once`, { body: { kind: "crash", ms: 1, times: 1 } }),
            spec(`${job}.always`, { body: { kind: "crash", ms: 1 }, maxAttempts: 2 }),
            spec(`${job}.other`, { body: { kind: "sleep", ms: 20, returns: 1 } }),
          ),
          [
            [`${job}.once`, ok()],
            [`${job}.always`, failed("crashed", "")],
            [`${job}.other`, ok(1)],
          ],
        );
      });

    if (can("calls")) {
      test("a call gives what the function returns, and fails with what it throws", async () => {
        const { trial, job } = await begin();
        assert.deepEqual(
          await trial.ends(
            spec(`${job}.sum`, { body: call("sum", 1, 2, 39) }),
            spec(`${job}.echo`, { body: call("echo", { a: [true, "ä", -1.5] }) }),
            spec(`${job}.throws`, { body: call("throwing", "said so"), maxAttempts: 1 }),
          ),
          [
            [`${job}.sum`, ok(42)],
            [`${job}.echo`, ok({ a: [true, "ä", -1.5] })],
            [`${job}.throws`, failed("threw", "said so")],
          ],
        );
      });

      test("what a function returns has to have a form in JSON", async () => {
        const { trial, job } = await begin();
        const [[, end] = []] = await trial.ends(spec(`${job}.a`, { body: call("unspeakable"), maxAttempts: 1 }));
        assert.ok(end?.state === "failed" && end.reason === "threw");
      });
    }
  });

  if (can("dependencies"))
    describe("dependencies", () => {
      test("a task starts when all it depends on have completed, also those of earlier submissions", async () => {
        const { trial, job } = await begin({ settings: { ...options.settings, workers: 4 } });
        await trial.submit(spec("k.early", { body: { kind: "sleep", ms: 40 } }));
        await trial.ends(
          spec(`${job}.last`, { dependencies: [`${job}.left`, `${job}.right`, "k.early"] }),
          spec(`${job}.left`, { dependencies: [`${job}.first`] }),
          spec(`${job}.right`, { dependencies: [`${job}.first`], body: { kind: "sleep", ms: 20 } }),
          spec(`${job}.first`),
        );
        if (!implementation.tracesTasks) return;
        const index = new Map(
          trial.events.map(({ event }, place) => [`${event.kind} ${"task" in event && event.task}`, place]),
        );
        const place = (what: string): number => index.get(what) ?? Number.NaN;
        for (const before of [`${job}.left`, `${job}.right`, "k.early"])
          assert.ok(place(`ended ${before}`) < place(`started ${job}.last`));
        for (const next of [`${job}.left`, `${job}.right`])
          assert.ok(place(`ended ${job}.first`) < place(`started ${next}`));
      });

      test("a task that fails takes along what depends on it, however far, and nothing else", async () => {
        const { trial, job } = await begin();
        const body: TaskBody = { kind: "fail", ms: 1, message: "broken" };
        const ends = await trial.ends(
          spec(`${job}.broken`, { body, maxAttempts: 1 }),
          spec(`${job}.next`, { dependencies: [`${job}.fine`, `${job}.broken`] }),
          spec(`${job}.far`, { dependencies: [`${job}.next`] }),
          spec(`${job}.fine`),
        );
        assert.deepEqual(ends, [
          [`${job}.broken`, failed("threw", "broken")],
          [`${job}.next`, failed("dependency", `${job}.broken`)],
          [`${job}.far`, failed("dependency", `${job}.next`)],
          [`${job}.fine`, ok()],
        ]);
        assert.deepEqual(await trial.ends(spec(`${job}.late`, { dependencies: [`${job}.far`] })), [
          [`${job}.late`, failed("dependency", `${job}.far`)],
        ]);
        assert.deepEqual(await trial.status(`${job}.far`), {
          state: "failed",
          attempts: 0,
          end: failed("dependency", `${job}.next`),
        });
      });
    });

  // Where a deployment is shared its workers are too: there the order is tested on the library, which has to keep it.
  if (implementation.tracesTasks && can("priorities") && !shares) {
    test("order: higher priorities first, equal ones as they were submitted", async () => {
      const { trial, job } = await begin({ settings: { ...options.settings, workers: 1 } });
      const names = Array.from({ length: 30 }, (_, index) => ({ id: `${job}.t${index}`, priority: (index * 7) % 5 }));
      const gate = spec(`${job}.gate`, { body: { kind: "sleep", ms: 30 }, priority: limits.priority });
      await trial.ends(gate, ...names.map((each) => spec(each.id, { priority: each.priority })));
      const inOrder = names.toSorted((left, right) => right.priority - left.priority); // A stable sort.
      await trial.deployment.states(); // What was traced before has come.
      assert.deepEqual(trial.started, [`${job}.gate`, ...inOrder.map(({ id }) => id)]);
    });
  }

  describe("bad input is refused with the reason, and nothing is enqueued", () => {
    const refuses = (title: string, code: string, reason: RegExp, tasks: readonly unknown[]): void => {
      test(title, async () => {
        const { trial, job } = await begin();
        const good = `j.good${job.slice(1)}`; // Of the same job as what is bad, and new.
        const accepted = (): number => trial.events.filter(({ event }) => event.kind === "accepted").length;
        await trial.deployment.states(); // What was traced before has come.
        const before = accepted();
        const refusal = await trial.refusal([spec(good), ...tasks]);
        assert.equal(refusal.code, code, refusal.reason);
        assert.match(refusal.reason, reason);
        assert.equal(await trial.status(good), null, "nothing of the submission was enqueued");
        await trial.deployment.states();
        assert.equal(accepted(), before);
        assert.deepEqual(await trial.ends(spec(good)), [[good, ok()]], "and the scheduler goes on");
      });
    };
    const bad = (more: Readonly<Record<string, unknown>>): readonly unknown[] => [{ ...spec("j.bad"), ...more }];

    if (can("calls")) {
      refuses(
        "an unknown module",
        "UNKNOWN_TASK",
        /j\.bad/,
        bad({ body: { ...call("sum"), module: "simulated:none" } }),
      );
      refuses("an unknown export", "UNKNOWN_TASK", /nothing/, bad({ body: call("nothing") }));
      refuses("an export that every object has", "UNKNOWN_TASK", /toString/, bad({ body: call("toString") }));
    }
    refuses("an unknown kind of task", "UNKNOWN_TASK", /dance/, bad({ body: { kind: "dance", ms: 1 } }));
    refuses(
      "a kind that every object has",
      "UNKNOWN_TASK",
      /constructor/,
      bad({ body: { kind: "constructor", ms: 1 } }),
    );
    refuses("no body", "MALFORMED_REQUEST", /body/, bad({ body: undefined }));
    refuses("no task at all", "MALFORMED_REQUEST", /null/, [null]);

    const circular: { self?: unknown } = {};
    circular.self = circular;
    const unserialisable = { "a function": () => 1, NaN: Number.NaN, undefined: undefined, "a date": new Date(0) };
    for (const [what, value] of Object.entries({ ...unserialisable, "a symbol": Symbol("s"), itself: circular })) {
      refuses(
        `arguments that do not serialise: ${what}`,
        "MALFORMED_REQUEST",
        what === "itself" ? /args\[1\]\.self is a value that it stands in itself/ : /args\[1\] is /,
        bad({
          body: { ...call("sum"), args: [1, value] },
        }),
      );
    }
    for (const half of ["\ud800", { "\udc00": 1 }]) {
      refuses(
        `half a character as ${typeof half}`,
        "MALFORMED_REQUEST",
        /args\[0\] .*half a character/,
        bad({ body: { ...call("sum"), args: [half] } }),
      );
    }
    for (const [what, value] of Object.entries({ function: () => 1, Map: new Map([["a", 1]]) })) {
      const returns = { within: [value] };
      refuses(
        `a result that is a ${what} to a JavaScript client`,
        "MALFORMED_REQUEST",
        new RegExp(`returns\\.within\\[0\\] is a ${what}`),
        bad({ body: { kind: "spin", ms: 1, returns } }),
      );
    }
    refuses(
      "a result that does not serialise",
      "MALFORMED_REQUEST",
      /returns/,
      bad({
        body: { kind: "spin", ms: 1, returns: Number.POSITIVE_INFINITY },
      }),
    );
    refuses(
      "a body that is too long",
      "MALFORMED_REQUEST",
      /16384/,
      bad({
        body: { kind: "spin", ms: 1, returns: "x".repeat(limits.bodyBytes) },
      }),
    );

    if (can("dependencies")) {
      refuses(
        "a dependency that does not exist",
        "UNKNOWN_DEPENDENCY",
        /j\.bad.*j\.none/,
        bad({ dependencies: ["j.none"] }),
      );
      for (const length of [1, 2, 3, 4, 100, limits.tasks - 1]) {
        const circle = Array.from({ length }, (_, index) =>
          spec(`j.c${index}`, { dependencies: [`j.c${(index + 1) % length}`] }),
        );
        refuses(`a circle of ${length}`, "DEPENDENCY_CYCLE", /j\.c\d+/, circle);
      }
      refuses("a circle that only a part leads to", "DEPENDENCY_CYCLE", /j\.b.*j\.c|j\.c.*j\.b/, [
        spec("j.a", { dependencies: ["j.b"] }),
        spec("j.b", { dependencies: ["j.c", "j.good"] }),
        spec("j.c", { dependencies: ["j.b"] }),
      ]);
    } else {
      refuses("a dependency, which it has not", "MALFORMED_REQUEST", /dependencies/, bad({ dependencies: ["j.good"] }));
    }
    if (!can("priorities"))
      refuses("a priority, which it has not", "MALFORMED_REQUEST", /priorities/, bad({ priority: 1 }));
    if (!can("affinity")) refuses("a lane, which it has not", "MALFORMED_REQUEST", /affinity/, bad({ affinity: 0 }));
    if (!crashes) {
      refuses("the end of its thread", "MALFORMED_REQUEST", /thread/, bad({ body: { kind: "crash", ms: 1 } }));
    }

    const negative = { cpuMilli: -1, memoryMb: 0 };
    refuses("negative resources", "MALFORMED_REQUEST", /resources\.\w+ is -/, bad({ resources: negative }));
    refuses(
      "resources that are no numbers",
      "MALFORMED_REQUEST",
      /resources\.memoryMb is undefined/,
      bad({ resources: { cpuMilli: 1 } }),
    );
    for (const priority of [-1, limits.priority + 1, 0.5, "high"]) {
      refuses(`priority ${priority}`, "MALFORMED_REQUEST", /priority/, bad({ priority }));
    }
    for (const id of ["", "nodot", "two.dots.here", "j.", ".x", "j.ü", `j.${"x".repeat(limits.nameBytes + 1)}`, 7]) {
      refuses(`id ${JSON.stringify(id).slice(0, 20)}`, "MALFORMED_REQUEST", /id is/, bad({ id }));
    }
    refuses("another job in one submission", "MALFORMED_REQUEST", /k\.a/, [spec("k.a")]);
    refuses("an id twice in one submission", "MALFORMED_REQUEST", /twice/, [spec("j.a"), spec("j.a")]);
    refuses(
      "too many dependencies",
      "MALFORMED_REQUEST",
      /64/,
      bad({
        dependencies: Array.from({ length: limits.dependencies + 1 }, () => "j.good"),
      }),
    );
    refuses(
      "too many tasks at once",
      "MALFORMED_REQUEST",
      /256/,
      Array.from({ length: limits.tasks }, (_, index) => spec(`j.t${index}`)),
    );
    refuses("too many attempts", "MALFORMED_REQUEST", /maxAttempts/, bad({ maxAttempts: limits.attempts + 1 }));
    refuses("a negative duration", "MALFORMED_REQUEST", /ms is/, bad({ body: { kind: "sleep", ms: -1 } }));
    refuses("a negative lane", "MALFORMED_REQUEST", /affinity/, bad({ affinity: -1 }));
    refuses("a field that does not exist", "MALFORMED_REQUEST", /prioritty/, bad({ prioritty: 1 }));
    refuses("a tenant that is no name", "MALFORMED_REQUEST", /tenant/, bad({ tenant: "no name" }));
    if (!can("deadlines"))
      refuses("a deadline, which nobody keeps", "MALFORMED_REQUEST", /deadline/, bad({ deadlineMs: 5 }));
    if (can("tenants")) {
      refuses("an unknown tenant", "UNKNOWN_TENANT", /stranger/, bad({ tenant: "stranger" }));
      refuses(
        "more than a node ever has",
        "QUOTA_EXCEEDED",
        /j\.bad/,
        bad({
          resources: { cpuMilli: 1e9, memoryMb: 0 },
        }),
      );
    }

    test("no task at all", async () => {
      const { code, reason } = await (await begin()).trial.refusal([]);
      assert.equal(code, "MALFORMED_REQUEST");
      assert.match(reason, /0 tasks/);
    });

    test("another task under an id that is taken", async () => {
      const { trial, job } = await begin();
      await trial.ends(spec(`${job}.a`));
      const others: readonly Partial<TaskSpec>[] = [
        { maxAttempts: 1 },
        { body: { kind: "sleep", ms: 1 } },
        ...(can("priorities") ? [{ priority: 1 }] : []),
        ...(can("affinity") ? [{ affinity: 0 }] : []),
        ...(can("dependencies") ? [{ dependencies: [`${job}.a`] }] : []),
      ];
      for (const more of others) {
        const { code, reason } = await trial.refusal([spec(`${job}.b`), spec(`${job}.a`, more)]);
        assert.equal(code, "ALREADY_EXISTS", JSON.stringify(more));
        assert.match(reason, /j\d*\.a/);
      }
      assert.equal(await trial.status(`${job}.b`), null);
    });
  });
}
