/**
 * A production scheduler in virtual time under random faults: clients submit random tasks that depend on each other
 * across homes, until all are accepted for good; then everything is healed, and all of them have to end.
 */

import { seededRandom } from "../../foundation/prng.ts";
import type { DeployOptions } from "../../foundation/deployment.ts";
import type { Random } from "../../foundation/effects.ts";
import type { Fault, FaultHandle, Link } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { SchedulerDeployment, TaskBody, TaskEnd, TaskSpec } from "../../scheduler/contract.ts";
import { capacityOf, sharesOf, tenantNumbersOf } from "../../scheduler/production/shares.ts";
import { resolveProductionSettings } from "./production-settings.ts";
import { ScheduleCheck } from "./schedule-check.fixture.ts";
import { deploySimulatedProduction } from "./simulated-production.ts";

export type FaultName =
  | "kill"
  | "graceful-restart"
  | "pause"
  | "cut"
  | "one-way"
  | "loss"
  | "duplicate"
  | "reorder"
  | "thread-kill"
  | "thread-stall"
  | "lost-sync"
  | "torn-write"
  | "write-error"
  | "full"
  | "slow"
  | "jump"
  | "skew"
  | "strobe";

export const allFaults: readonly FaultName[] = [
  "kill",
  "graceful-restart",
  "pause",
  "cut",
  "one-way",
  "loss",
  "duplicate",
  "reorder",
  "thread-kill",
  "thread-stall",
  "lost-sync",
  "torn-write",
  "write-error",
  "full",
  "slow",
  "jump",
  "skew",
  "strobe",
];

export interface ChaosOptions {
  readonly seed: number | string;
  readonly nodes?: number;
  readonly jobs?: number;
  readonly submissions?: number;
  readonly faults?: readonly FaultName[];
  readonly settings?: DeployOptions["settings"];
  readonly faultMs?: number;
}

export interface ChaosOutcome {
  readonly violations: readonly string[];
  readonly check: ScheduleCheck;
  readonly hash: string | undefined;
  readonly counters: Readonly<Record<string, number>>;
}

const defaults = { leaseMs: 200, remembered: 10_000, tenants: "default:1,a:2:3000:512,b:1:6000" } as const;

export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { seed, nodes = 3, jobs = 6, submissions = 12, faults = allFaults, faultMs = 3000 } = options;
  const settings = { ...defaults, ...options.settings };
  const deployment = await deploySimulatedProduction({
    substrate: "simulated",
    nodes,
    seed,
    directory: "/nowhere",
    settings,
  });
  const random = seededRandom(`chaos/${seed}`);
  const resolved = resolveProductionSettings(settings);
  const shares = sharesOf(resolved, nodes);
  const check = new ScheduleCheck({
    nodes: deployment.nodes,
    capacity: capacityOf(resolved),
    shares: new Map([...tenantNumbersOf(resolved)].map(([name, number]) => [name, shares[number]!])),
  });
  deployment.observe((traced) => check.see(traced));
  const load = new Load(deployment, random.fork("load"), jobs, submissions);
  const nemesis = new Nemesis(deployment, random.fork("nemesis"), faults);
  await deployment.run(faultMs, () => {
    load.begin();
    nemesis.begin();
  });
  nemesis.end();
  const isDone = await deployment.run(120_000, (finish) => load.whenDone(finish));
  const violations = [...check.violations, ...load.problems];
  if (!isDone) violations.push(`not all tasks have ended: ${load.missing().slice(0, 5).join(", ")}`);
  await deployment.run(1000, () => undefined);
  violations.push(...(await stateProblems(deployment, check, load)));
  const resources = await deployment.resources();
  const counters: Record<string, number> = {};
  for (const each of resources) {
    for (const [name, value] of Object.entries(each.counters)) counters[name] = (counters[name] ?? 0) + value;
  }
  return { violations, check, hash: deployment.traceHash(), counters };
}

async function stateProblems(deployment: SchedulerDeployment, check: ScheduleCheck, load: Load): Promise<string[]> {
  const problems: string[] = [];
  const ends = new Map<string, TaskEnd>();
  for (const [node, state] of await deployment.states()) {
    if (state.kind !== "state") {
      problems.push(`${node} is out of service: ${state.reason}`);
      continue;
    }
    for (const [task, , end] of state.state.tasks) {
      if (end === null) problems.push(`${task} has not ended`);
      else ends.set(task, end);
    }
  }
  for (const [task, spec] of load.specs) {
    const end = ends.get(task);
    if (end === undefined) {
      if (check.accepted.has(task)) problems.push(`${task} was accepted and is lost`);
      continue;
    }
    const expected = load.expectedEnd(spec);
    if (expected !== undefined && end.state !== expected)
      problems.push(`${task} is ${end.state}, expected ${expected}`);
    if (check.committed.has(task) && check.committed.get(task) !== end.state) problems.push(`${task} changed its end`);
  }
  return problems;
}

class Load {
  readonly #deployment: SchedulerDeployment;
  readonly #random: Random;
  readonly #jobs: number;
  readonly #submissions: number;
  readonly specs = new Map<string, TaskSpec>();
  readonly problems: string[] = [];
  /** Per job, the ids that were accepted. */
  readonly #accepted: string[] = [];
  #open = 0;
  #onDone: (() => void) | undefined;
  readonly #waiting = new Set<string>();

  constructor(deployment: SchedulerDeployment, random: Random, jobs: number, submissions: number) {
    this.#deployment = deployment;
    this.#random = random;
    this.#jobs = jobs;
    this.#submissions = submissions;
  }

  begin(): void {
    for (let job = 0; job < this.#jobs; job++) {
      this.#open++;
      this.#next(job, 1, 0);
    }
  }

  whenDone(done: () => void): void {
    this.#onDone = done;
    if (this.#open === 0) done();
  }

  missing(): readonly string[] {
    return [...this.#waiting];
  }

  /** undefined: it depends on when things happen. */
  expectedEnd(spec: TaskSpec): TaskEnd["state"] | undefined {
    if (spec.deadlineMs !== undefined) return undefined;
    let fails = false;
    for (const dependency of spec.dependencies ?? []) {
      const other = this.specs.get(dependency);
      const end = other === undefined ? undefined : this.expectedEnd(other);
      if (end === undefined) return undefined;
      fails ||= end === "failed";
    }
    if (fails) return "failed";
    const { body, maxAttempts = 3 } = spec;
    if (body.kind !== "fail" && body.kind !== "crash") return "completed";
    return (body.times ?? Infinity) >= maxAttempts ? "failed" : "completed";
  }

  #next(job: number, sequence: number, number: number): void {
    if (number === this.#submissions) {
      this.#open--;
      if (this.#open === 0) this.#onDone?.();
      return;
    }
    const tasks = this.#draw(job, number);
    this.#submit(job, sequence, number, tasks, this.#random.below(3) === 0);
  }

  #submit(job: number, sequence: number, number: number, tasks: readonly TaskSpec[], untilEnded: boolean): void {
    for (const { id } of tasks) this.#waiting.add(id);
    this.#deployment.invoke(
      { session: job, sequence, operation: { kind: "submit", tasks, untilEnded } },
      1000,
      (outcome) => {
        if (outcome.kind !== "ok") {
          if (outcome.kind === "fail" && outcome.code !== "UNAVAILABLE" && outcome.code !== "OVERLOADED") {
            this.problems.push(
              `submission ${number} of job ${job} was refused: ${outcome.code} ${outcome.reason ?? ""}`,
            );
          }
          return this.#submit(job, sequence + 1, number, tasks, untilEnded);
        }
        for (const { id } of tasks) this.#accepted.push(id);
        if (this.#random.below(3) === 0) return this.#wait(job, sequence + 1, number, tasks);
        for (const { id } of tasks) this.#waiting.delete(id);
        this.#deployment.clock.after(this.#random.below(200), () => this.#next(job, sequence + 1, number + 1));
      },
    );
  }

  #wait(job: number, sequence: number, number: number, tasks: readonly TaskSpec[]): void {
    const ids = tasks.map(({ id }) => id);
    this.#deployment.invoke({ session: job, sequence, operation: { kind: "wait", tasks: ids } }, 1000, (outcome) => {
      if (outcome.kind === "fail" && outcome.code === "NOT_FOUND")
        this.problems.push(`${ids[0]} was accepted and is unknown`);
      if (outcome.kind !== "ok") return this.#wait(job, sequence + 1, number, tasks);
      for (const id of ids) this.#waiting.delete(id);
      this.#next(job, sequence + 1, number + 1);
    });
  }

  #draw(job: number, number: number): readonly TaskSpec[] {
    const random = this.#random;
    const tasks: TaskSpec[] = [];
    for (let index = 0; index < 1 + random.below(5); index++) {
      const id = `job${job}.${number}-${index}`;
      const known = [...this.#accepted, ...tasks.map((task) => task.id)];
      const dependencies = new Set<string>();
      for (let count = random.below(3); count > 0 && known.length > 0; count--) {
        dependencies.add(known[Math.max(0, known.length - 1 - random.below(15))]!);
      }
      const tenant = ["default", "a", "b"][random.below(3)]!;
      const task: TaskSpec = {
        id,
        body: drawBody(random),
        tenant,
        priority: random.below(4),
        resources: { cpuMilli: 100 * (1 + random.below(10)), memoryMb: random.below(100) },
        dependencies: [...dependencies],
        ...(random.below(4) === 0 ? { affinity: random.below(5) } : {}),
        ...(random.below(10) === 0 ? { deadlineMs: 20 + random.below(500) } : {}),
      };
      tasks.push(task);
      this.specs.set(id, task);
    }
    return tasks;
  }
}

function drawBody(random: Random): TaskBody {
  const ms = 1 + random.below(60);
  switch (random.below(24)) {
    case 0:
      return { kind: "fail", ms, message: "trouble", times: random.below(4) };
    case 1:
      return { kind: "crash", ms, times: random.below(4) };
    case 2:
      return { kind: "call", module: "simulated:sample", export: "sum", args: [1, 2, 3] };
    case 3:
      return { kind: "call", module: "simulated:sample", export: "count", args: [20, 2] };
    case 4:
      return { kind: "sleep", ms, returns: { slept: ms } };
    case 5:
      return { kind: "fail", ms, message: "trouble" };
    default:
      return { kind: "spin", ms: 2 * ms, checkpointMs: 3, returns: ms };
  }
}

class Nemesis {
  readonly #deployment: SchedulerDeployment;
  readonly #random: Random;
  readonly #faults: readonly FaultName[];
  readonly #active = new Set<FaultHandle>();
  #isOver = false;

  constructor(deployment: SchedulerDeployment, random: Random, faults: readonly FaultName[]) {
    this.#deployment = deployment;
    this.#random = random;
    this.#faults = faults;
  }

  begin(): void {
    if (this.#isOver || this.#faults.length === 0) return;
    this.#deployment.clock.after(this.#random.below(150), () => {
      if (this.#isOver) return;
      this.#strike();
      this.begin();
    });
  }

  end(): void {
    this.#isOver = true;
    for (const handle of this.#active) handle.heal();
  }

  #strike(): void {
    const handle = this.#deployment.inject(this.#draw());
    this.#active.add(handle);
    this.#deployment.clock.after(20 + this.#random.below(500), () => {
      handle.heal();
      this.#active.delete(handle);
    });
  }

  #draw(): Fault {
    const random = this.#random;
    const { nodes } = this.#deployment;
    const node = nodes[random.below(nodes.length)]!;
    const name = this.#faults[random.below(this.#faults.length)]!;
    const links = linksOf([...nodes, "clients"], node);
    const disk = (fault: Extract<Fault, { kind: "disk" }>["fault"]): Fault => ({ kind: "disk", nodes: [node], fault });
    switch (name) {
      case "kill":
      case "graceful-restart":
      case "pause":
        return { kind: name, nodes: [node] };
      case "cut":
        return { kind: "cut", links };
      case "one-way":
        return { kind: "cut", links: links.filter(({ from }) => from === node) };
      case "loss":
        return { kind: "packet", links, fault: { kind: "loss", probability: 0.3 } };
      case "duplicate":
        return { kind: "packet", links, fault: { kind: "duplicate", probability: 0.5, holdMs: 300 } };
      case "reorder":
        return { kind: "packet", links, fault: { kind: "reorder", probability: 0.3, holdMs: 100 } };
      case "thread-kill":
        return { kind: "thread", nodes: [node], worker: random.below(4), change: "kill" };
      case "thread-stall":
        return { kind: "thread", nodes: [node], worker: random.below(4), change: "stall" };
      case "lost-sync":
      case "torn-write":
      case "full":
        return disk({ kind: name });
      case "write-error":
        return disk({ kind: name, probability: 0.3 });
      case "slow":
        return disk({ kind: name, extraMs: 20 });
      case "jump":
        return { kind: "clock", nodes: [node], fault: { kind: "jump", byMs: random.below(1000) - 500 } };
      case "skew":
        return { kind: "clock", nodes: [node], fault: { kind: "skew", rate: [0.5, 2, 4][random.below(3)]! } };
      case "strobe":
        return { kind: "clock", nodes: [node], fault: { kind: "strobe", byMs: 100, periodMs: 20 } };
    }
  }
}

function linksOf(all: readonly NodeId[], node: NodeId): readonly Link[] {
  const both = (other: NodeId): Link[] => [
    { from: node, to: other },
    { from: other, to: node },
  ];
  return all.flatMap((other) => (other === node ? [] : both(other)));
}
