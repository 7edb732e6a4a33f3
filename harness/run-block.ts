/**
 * One block: one implementation goes once through one plan, from fresh start to verdicts. One block is one observation.
 *
 * The order is always the same: deploy, wait for a leader, offer the load while the nemesis works, heal everything,
 * read the final values, wait until all nodes agree, collect, stop, check. A block whose faults were inert or whose
 * load generator fell behind is void: it proves nothing either way. A block in which a node ended itself over a broken
 * invariant ends there and is invalid.
 */

import type { NodeResources, Substrate, Traced } from "../implementations/foundation/deployment.ts";
import type { Random } from "../implementations/foundation/effects.ts";
import { NodeFailure, UsageError } from "../implementations/foundation/errors.ts";
import { seededRandom } from "../implementations/foundation/prng.ts";
import type { Millis, NodeId } from "../implementations/foundation/units.ts";
import type { CheckResult } from "./check/verdict.ts";
import { noAssertionBroken } from "./check/no-assertion-broken.ts";
import { checkRecovery } from "./check/recovery.ts";
import { HistoryRecorder } from "./history/recorder.ts";
import type { GeneratorReport } from "./measure/generator.ts";
import { generatorLimits, judgeGenerator } from "./measure/generator.ts";
import { GeneratorWatch } from "./measure/generator-watch.ts";
import type { Election } from "./measure/election-watch.ts";
import { Nemesis } from "./nemesis/nemesis.ts";
import type { StruckFault } from "./nemesis/nemesis.ts";
import type { Plan } from "./plan/plan.ts";
import { settingsOf } from "./plan/settings-of.ts";
import type { AnyDeployment, AnyImplementation, AnyRoom, AnyTypes, States, Watch } from "./rooms/room.ts";
import { roomOf } from "./rooms/rooms.ts";
import { LoadGenerator } from "./workload/load-generator.ts";
import type { OperationRecord } from "./workload/load-generator.ts";
import { repeatsUntilDefinite } from "./workload/workload.ts";

export interface BlockOptions {
  readonly implementation: AnyImplementation;
  readonly substrate: Substrate;
  readonly plan: Plan;
  /** For data and logs of a cluster's processes. */
  readonly directory: string;
  readonly signal?: AbortSignal;
  /** How far the load is, in [0, 1]. */
  readonly onProgress?: (fraction: number) => void;
  /** Keeps every trace event of the run; for probes and capsules. */
  readonly keepTrace?: boolean;
  /** Asks every node for its resources now and then while load runs; it costs the nodes a little. */
  readonly sampleResources?: boolean;
  /** Sees every trace event as it happens. */
  readonly onTrace?: (traced: Traced<AnyTypes["event"]>) => void;
}

/** Everything known about a finished block. */
export interface BlockRecord {
  readonly implementation: string;
  readonly substrate: Substrate;
  readonly plan: Plan;
  readonly history: HistoryRecorder;
  /** Operations of the load, not the final reads. */
  readonly operations: readonly OperationRecord[];
  readonly dropped: number;
  /** Length of the load, including the wait for the last answers. */
  readonly loadMs: Millis;
  readonly faults: readonly StruckFault[];
  readonly trace: readonly TimedEvent[];
  /** On the block's own time too. */
  readonly elections: readonly Election[];
  readonly states: States<AnyTypes>;
  readonly resources: readonly NodeResources[];
  /** While load ran, if asked for. */
  readonly samples: readonly ResourceSample[];
  readonly checks: readonly CheckResult[];
  readonly converged: boolean;
  /** From the end of the last fault to the agreement of all nodes. */
  readonly convergenceMs: Millis;
  /** Why the block proves nothing; undefined when it counts. */
  readonly voidReason: string | undefined;
  readonly generator: GeneratorReport | undefined;
  readonly traceHash: string | undefined;
  readonly virtualMs: Millis;
}

/** A trace event on the block's own time: milliseconds since the load began. */
export interface TimedEvent {
  readonly ms: Millis;
  readonly node: NodeId;
  readonly event: AnyTypes["event"];
}

/** What a node used at a moment of the load, milliseconds since it began. */
export interface ResourceSample extends NodeResources {
  readonly ms: Millis;
}

/** The block was asked to stop before it was done. */
export class BlockAborted extends Error {
  override readonly name = "BlockAborted";
}

/** How long a fresh deployment may take until it can be offered load. */
const readyLimitMs = 20_000;
const settlePollMs = 25;
const readinessProbeMs = 1000;
/** Nobody's session: clients count theirs from 0 and stay far below. */
const readinessSession = 900_000_000;
/** Beyond the plan's duration: deadlines of the last operations, and repeats of those that must end definitely. */
const quietLimitMs = 30_000;

/**
 * Runs one block.
 *
 * @throws BlockAborted when `signal` fired; UsageError when a fault is refused under these settings; HarnessError when
 *   a process was killed from outside.
 */
export async function runBlock(options: BlockOptions): Promise<BlockRecord> {
  const { implementation, substrate, plan, directory } = options;
  const settings = settingsOf(implementation.name, plan.settings);
  for (const { kind } of plan.faults) {
    const reason = implementation.refusalOf?.(kind, settings);
    if (reason !== undefined) throw new UsageError(`Cannot inject ${kind} into ${implementation.name}: ${reason}`);
  }
  const deployment = await implementation.deploy({
    substrate,
    nodes: plan.nodes,
    seed: plan.seed,
    directory,
    settings,
    repeats: repeatsUntilDefinite(plan.workload.id),
    ...(plan.attemptTimeoutMs === undefined ? {} : { clientAttemptTimeoutMs: plan.attemptTimeoutMs }),
  });
  try {
    return await new Block(options, deployment).run();
  } finally {
    await deployment.stop();
  }
}

class Block {
  readonly #options: BlockOptions;
  readonly #deployment: AnyDeployment;
  readonly #room: AnyRoom;
  readonly #random: Random;
  readonly #history = new HistoryRecorder();
  readonly #operations: OperationRecord[] = [];
  readonly #trace: TimedEvent[] = [];
  readonly #samples: ResourceSample[] = [];
  readonly #watch: Watch;
  #load: LoadGenerator | undefined;
  #nemesis: Nemesis | undefined;
  readonly #beganMs: Millis;
  #loadStartMs: Millis;

  constructor(options: BlockOptions, deployment: AnyDeployment) {
    const { implementation, substrate, plan } = options;
    this.#options = options;
    this.#room = roomOf(plan.module);
    this.#deployment = deployment;
    this.#random = seededRandom(plan.seed).fork("driver");
    this.#beganMs = deployment.clock.nowMs();
    this.#loadStartMs = this.#beganMs;
    this.#watch = this.#room.watch({ implementation, deployment, substrate, plan });
    deployment.observe((traced) => this.#onTrace(traced));
  }

  async run(): Promise<BlockRecord> {
    try {
      return await this.#run();
    } catch (error) {
      if (!(error instanceof NodeFailure)) throw error;
      return this.#failed(error);
    }
  }

  async #run(): Promise<BlockRecord> {
    const { plan } = this.#options;
    const deployment = this.#deployment;
    await this.#ready();

    this.#loadBegins(deployment.clock.nowMs());
    const workload = this.#room.createWorkload(plan.workload, plan.load.clients, this.#random.fork("workload"));
    const load = new LoadGenerator({
      deployment,
      workload,
      probe: this.#room.probe(plan.workload),
      history: this.#history,
      plan,
      random: this.#random.fork("arrivals"),
      onCall: (operation) => this.#watch.offered?.(operation, deployment.clock.nowMs()),
      onAnswer: (operation, result) => this.#watch.answered?.(operation, result, deployment.clock.nowMs()),
      onOperation: (record, completed) => {
        this.#operations.push(record);
        nemesis.operationCompleted(record.client, completed);
      },
    });
    const nemesis: Nemesis = new Nemesis({
      deployment,
      faults: plan.faults,
      random: this.#random.fork("nemesis"),
      elapsedMs: () => load.elapsedMs(),
      onStrike: (struck) => this.#watch.struck(struck, deployment.clock.nowMs()),
      onEnd: (struck) => this.#watch.ended(struck, deployment.clock.nowMs()),
    });
    this.#load = load;
    this.#nemesis = nemesis;
    const watch = this.#options.substrate === "cluster" ? new GeneratorWatch() : undefined;
    const loadEnded = await this.#offer(load, nemesis);
    const loadMs = load.elapsedMs();
    const generator = watch?.stop(plan.load, this.#operations, load);
    nemesis.healAll();
    const healedMs = deployment.clock.nowMs();
    const read = await deployment.run(plan.convergenceMs, (finish) => load.readFinal(finish));
    const states = await this.#agreement(healedMs);
    const convergenceMs = deployment.clock.nowMs() - healedMs;
    const resources = await deployment.resources();
    const converged = loadEnded && read && states.agreed;
    const partial = {
      ...this.#observed(),
      loadMs,
      states: states.states,
      resources,
      converged,
      convergenceMs,
      generator,
    };
    await deployment.stop();
    const { implementation } = this.#options;
    const checks = [
      ...this.#onlineChecks(),
      noAssertionBroken(undefined),
      ...this.#room.judge({ ...partial, implementation }),
      checkRecovery({
        ...partial,
        finalReads: read,
        loadEnded,
        describeState: (state) => this.#room.describeState(state),
      }),
    ];
    return { ...partial, checks, voidReason: voidReasonOf(plan, nemesis, generator) };
  }

  /** What there is to say after a node failed: what was seen until then. */
  async #failed(failure: NodeFailure): Promise<BlockRecord> {
    const observed = this.#observed();
    await this.#deployment.stop();
    return {
      ...observed,
      loadMs: this.#load?.elapsedMs() ?? 0,
      states: new Map(),
      resources: [],
      converged: false,
      convergenceMs: 0,
      generator: undefined,
      checks: [...this.#onlineChecks(), noAssertionBroken(failure)],
      voidReason: undefined,
    };
  }

  #observed() {
    const { plan, implementation, substrate } = this.#options;
    return {
      implementation: implementation.name,
      substrate,
      plan,
      history: this.#history,
      operations: this.#operations,
      dropped: this.#load?.dropped ?? 0,
      faults: this.#nemesis?.struck ?? [],
      trace: this.#trace,
      elections: this.#watch.elections().map((each) => ({ ...each, atMs: each.atMs - this.#loadStartMs })),
      samples: this.#samples,
      traceHash: this.#deployment.traceHash(),
      virtualMs: this.#deployment.clock.nowMs() - this.#beganMs,
    };
  }

  /** Verdicts that were formed while it ran. */
  #onlineChecks(): readonly CheckResult[] {
    return this.#watch.results(this.#deployment.clock.nowMs());
  }

  async #ready(): Promise<void> {
    const deployment = this.#deployment;
    const room = this.#room;
    const operation = room.probe(this.#options.plan.workload);
    await deployment.run(readyLimitMs, (finish) => {
      const again = (): void => void deployment.clock.after(settlePollMs, poll);
      let sequence = 0;
      const poll = (): void => {
        if (room.isReady !== undefined) return room.isReady(deployment) ? finish() : again();
        const request = { session: readinessSession, sequence: ++sequence, operation };
        deployment.invoke(request, readinessProbeMs, ({ kind }) => (kind === "ok" ? finish() : again()));
      };
      poll();
    });
  }

  async #offer(load: LoadGenerator, nemesis: Nemesis): Promise<boolean> {
    const { plan, signal, onProgress, sampleResources } = this.#options;
    let ended = false;
    let endSlice: () => void = () => undefined;
    load.start(() => {
      ended = true;
      endSlice();
    });
    nemesis.start();
    const sliceMs = Math.max(50, plan.durationMs / 40);
    const limitMs = plan.durationMs + plan.deadlineMs + quietLimitMs;
    while (!ended && load.elapsedMs() < limitMs) {
      if (signal?.aborted === true) throw new BlockAborted("the run was interrupted");
      await this.#deployment.run(sliceMs, (finish) => {
        endSlice = finish;
      });
      // Faults end with the offered load: operations that need a majority to end must get one.
      if (load.elapsedMs() >= plan.durationMs) nemesis.healAll();
      onProgress?.(Math.min(1, load.elapsedMs() / plan.durationMs));
      if (sampleResources === true) {
        const resources = await this.#deployment.resources();
        for (const each of resources) this.#samples.push({ ...each, ms: load.elapsedMs() });
      }
    }
    return ended;
  }

  /** Waits until all nodes in service hold one state, or the plan's patience ends. */
  async #agreement(sinceMs: Millis): Promise<{ agreed: boolean; states: BlockRecord["states"] }> {
    const deployment = this.#deployment;
    for (;;) {
      const states = await deployment.states();
      const { plan, implementation } = this.#options;
      if (this.#room.agree(states, { ...plan, nodes: deployment.nodes.length }, implementation))
        return { agreed: true, states };
      if (deployment.clock.nowMs() - sinceMs >= this.#options.plan.convergenceMs) return { agreed: false, states };
      await deployment.run(settlePollMs, () => undefined);
    }
  }

  /** From here on, what happened before lies at negative times. */
  #loadBegins(nowMs: Millis): void {
    const shiftMs = nowMs - this.#loadStartMs;
    for (const [index, { ms, node, event }] of this.#trace.entries()) {
      this.#trace[index] = { ms: ms - shiftMs, node, event };
    }
    this.#loadStartMs = nowMs;
  }

  #onTrace(traced: Traced<AnyTypes["event"]>): void {
    this.#options.onTrace?.(traced);
    if (this.#options.keepTrace !== true) return;
    this.#trace.push({ ms: traced.timeMs - this.#loadStartMs, node: traced.node, event: traced.event });
  }
}

function voidReasonOf(plan: Plan, nemesis: Nemesis, generator: GeneratorReport | undefined): string | undefined {
  const inert = nemesis.inert();
  const useless = plan.everyFaultMustAct
    ? inert.length > 0
    : plan.faults.length > 0 && inert.length === plan.faults.length;
  if (useless) return `Inert fault: ${inert[0] ?? ""}`;
  const limits = {
    ...generatorLimits,
    latenessP99Ms: plan.generatorLimitMs / 2,
    eventLoopDelayP99Ms: plan.generatorLimitMs,
    ...(plan.mayDropArrivals ? { droppedRatio: 1 } : {}),
  };
  const verdict = generator === undefined ? undefined : judgeGenerator(generator, limits);
  return verdict?.kind === "void" ? verdict.reasons[0] : undefined;
}
