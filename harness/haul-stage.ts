/**
 * A stage that puts a stated number of entries through a real cluster and looks at what that costs its nodes: whether
 * their memory stays flat once snapshots are taken, and how soon one that is killed at the end is back.
 *
 * A block keeps its whole history, which ten million operations do not fit into. Here every client owns its keys and
 * repeats a write until it is acknowledged, so the final state is known without a history: each key holds the last
 * value its owner was acknowledged. Every node must hold exactly that, the one that was killed included.
 */

import { assert } from "../implementations/foundation/assert.ts";
import type { NodeState } from "../implementations/foundation/deployment.ts";
import type { Millis, NodeId } from "../implementations/foundation/units.ts";
import { consensusImplementations } from "../implementations/assembly/registry.ts";
import type { ConsensusDeployment, ConsensusState } from "../implementations/consensus/contract.ts";
import { checkRows, measurementRows } from "./block-rows.ts";
import type { CheckResult } from "./check/verdict.ts";
import type { Measurement } from "./measure/probes.ts";
import type { Stage, StageContext, StageResult } from "./plan/experiment.ts";
import { valueText } from "./workload/value-text.ts";

export interface HaulStageOptions {
  readonly experiment: string;
  readonly block: number;
  readonly implementation: string;
  readonly seed: string;
  readonly entries: number;
  readonly valueBytes: number;
  readonly clients: number;
  readonly estimateS: number;
}

/** Returns the stage; it measures entries per second, resident memory and its growth per node, and the restart. */
export function haulStage(options: HaulStageOptions): Stage {
  const label = `${options.implementation}: ${options.entries.toLocaleString("en")} entries, then a node is killed`;
  return { label, seed: options.seed, estimateS: options.estimateS, run: (context) => haul(options, context) };
}

const nodes = 3;
const keysPerClient = 4;
const sampleMs = 1000;
const deadlineMs = 10_000;
/** How long nodes may take to come back and to agree. */
const recoveryLimitMs = 60_000;

interface Sample {
  readonly fraction: number;
  readonly residentBytes: number;
  readonly snapshots: number;
}

async function haul(options: HaulStageOptions, context: StageContext): Promise<StageResult> {
  const { experiment, block, implementation, seed, entries } = options;
  const found = consensusImplementations.find(({ name }) => name === implementation);
  assert(found !== undefined, `${implementation} is an implementation of consensus`);
  const deployment = await found.deploy({
    substrate: "cluster",
    nodes,
    seed,
    directory: context.workDirectory,
  });
  const starts = new Starts(deployment);
  try {
    const load = new HaulLoad(deployment, options);
    const samples = await load.run(context);
    const haulMs = load.elapsedMs;
    const restartMs = await restart(deployment, starts);
    const check = await finalState(deployment, load.expected);
    const measurements = [
      { metric: "entries", value: entries, unit: "count" },
      { metric: "throughput", value: (entries * 1000) / haulMs, unit: "entries/s" },
      ...(restartMs === undefined ? [] : [{ metric: "restart-ms", value: restartMs, unit: "ms" }]),
      ...[...samples].flatMap(([, ofNode]) => memoryOf(ofNode)),
    ];
    const key = { experiment, block, implementation, substrate: "cluster", nodes, seed };
    const rows = { measurements: measurementRows(key, measurements), checks: checkRows(key, [check]) };
    const status = check.validity === "valid" ? "sound" : "void";
    const reason = { kind: "failed-check", reason: `a check is ${check.validity}` } as const;
    const implementations = [{ name: implementation, status, voids: status === "sound" ? [] : [reason] }] as const;
    const restarted = restartMs === undefined ? "the node did not come back" : `restart ${Math.round(restartMs)} ms`;
    const summary = `${Math.round((entries * 1000) / haulMs)} entries/s, ${restarted}; ${check.summary}`;
    return { rows, files: [], implementations, validity: check.validity, summary };
  } finally {
    await deployment.stop();
  }
}

/** Clients in a closed loop, each writing its own keys in turn. */
class HaulLoad {
  /** By key: the last acknowledged value. */
  readonly expected = new Map<string, string>();
  readonly #deployment: ConsensusDeployment;
  readonly #options: HaulStageOptions;
  readonly #startMs: Millis;
  #issued = 0;
  #acknowledged = 0;
  #finish: () => void = () => undefined;

  constructor(deployment: ConsensusDeployment, options: HaulStageOptions) {
    this.#deployment = deployment;
    this.#options = options;
    this.#startMs = deployment.clock.nowMs();
  }

  get elapsedMs(): Millis {
    return this.#deployment.clock.nowMs() - this.#startMs;
  }

  /** @returns what each node used, over time. */
  async run(context: StageContext): Promise<ReadonlyMap<NodeId, readonly Sample[]>> {
    const { clients, entries } = this.#options;
    const samples = new Map<NodeId, Sample[]>(this.#deployment.nodes.map((node) => [node, []]));
    for (let client = 0; client < clients; client++) this.#writeNext(client, 1);
    while (this.#acknowledged < entries) {
      context.signal.throwIfAborted();
      await this.#deployment.run(sampleMs, (finish) => {
        this.#finish = finish;
      });
      const fraction = this.#acknowledged / entries;
      context.onProgress(fraction, `${this.#acknowledged.toLocaleString("en")} entries`);
      for (const { node, residentBytes, counters } of await this.#deployment.resources()) {
        const snapshots = (counters["snapshots taken"] ?? 0) + (counters["snapshots installed"] ?? 0);
        if (residentBytes !== undefined) samples.get(node)?.push({ fraction, residentBytes, snapshots });
      }
    }
    return samples;
  }

  #writeNext(client: number, sequence: number): void {
    if (this.#issued >= this.#options.entries) return;
    this.#issued++;
    const key = `${client}/${sequence % keysPerClient}`;
    const value = valueText(sequence * this.#options.clients + client, this.#options.valueBytes);
    this.#write(client, sequence, key, value);
  }

  /** The same request until it is acknowledged: sessions see to it that it is executed once. */
  #write(client: number, sequence: number, key: string, value: string): void {
    this.#deployment.invoke(
      { session: client, sequence, operation: { kind: "write", key, value } },
      deadlineMs,
      (outcome) => {
        if (outcome.kind !== "ok") return this.#write(client, sequence, key, value);
        this.#acknowledged++;
        this.expected.set(key, value);
        if (this.#acknowledged === this.#options.entries) return this.#finish();
        this.#writeNext(client, sequence + 1);
      },
    );
  }
}

/** Resident memory at the end (the largest of the last tenth), and against the time after the first snapshot. */
function memoryOf(samples: readonly Sample[]): Measurement[] {
  const first = samples.findIndex(({ snapshots }) => snapshots > 0);
  const afterFirst = samples.slice(Math.max(0, first));
  const origin = afterFirst[0]?.fraction ?? 0;
  const largest = (from: number, to: number): number => {
    const within = afterFirst.filter(({ fraction }) => fraction >= from && fraction <= to);
    return Math.max(0, ...within.map(({ residentBytes }) => residentBytes));
  };
  const [early, late] = [largest(origin, origin + 0.1), largest(0.9, 1)];
  if (first < 0 || early === 0 || late === 0) return [];
  return [
    { metric: "resident-bytes", value: late, unit: "bytes" },
    { metric: "resident-growth-ratio", value: late / early - 1, unit: "ratio" },
  ];
}

/** Kills a follower and lets it start again. @returns the time from its start to its taking part. */
async function restart(deployment: ConsensusDeployment, starts: Starts): Promise<Millis | undefined> {
  const follower = deployment.nodes.find((node) => node !== deployment.leader());
  if (follower === undefined) return undefined;
  const killed = deployment.inject({ kind: "kill", nodes: [follower] });
  await deployment.run(sampleMs, () => undefined);
  const healedMs = deployment.clock.nowMs();
  killed.heal();
  const startedMs = await starts.next(follower);
  return startedMs === undefined ? undefined : startedMs - healedMs;
}

/** When nodes start; it listens from the beginning, because a trace that nobody hears is kept. */
class Starts {
  readonly #deployment: ConsensusDeployment;
  #awaited: ((node: NodeId, atMs: Millis) => void) | undefined;

  constructor(deployment: ConsensusDeployment) {
    this.#deployment = deployment;
    deployment.observe(({ node, event, timeMs }) => {
      if (event.kind === "start") this.#awaited?.(node, timeMs);
    });
  }

  /** Waits for the next start of `node`. @returns when it was; undefined when it did not come in time. */
  async next(node: NodeId): Promise<Millis | undefined> {
    let startedMs: Millis | undefined;
    await this.#deployment.run(recoveryLimitMs, (finish) => {
      this.#awaited = (started, atMs) => {
        if (started !== node) return;
        startedMs = atMs;
        finish();
      };
    });
    this.#awaited = undefined;
    return startedMs;
  }
}

/** Every node holds, for every key, what its owner was last acknowledged. */
async function finalState(
  deployment: ConsensusDeployment,
  expected: ReadonlyMap<string, string>,
): Promise<CheckResult> {
  const common = { id: "final-registers", count: expected.size * nodes, unit: "registers" } as const;
  const limitMs = deployment.clock.nowMs() + recoveryLimitMs;
  for (;;) {
    const states = await deployment.states();
    const wrong = [...states].flatMap(([node, state]) => differenceOf(node, state, expected));
    const [first] = wrong;
    if (first === undefined) {
      const summary = `all nodes hold the last acknowledged value of ${expected.size} keys`;
      return { ...common, validity: "valid", summary };
    }
    if (deployment.clock.nowMs() > limitMs) return { ...common, validity: "invalid", summary: first };
    await deployment.run(100, () => undefined);
  }
}

function differenceOf(node: NodeId, state: NodeState<ConsensusState>, expected: ReadonlyMap<string, string>): string[] {
  if (state.kind === "out-of-service") return [`${node} is out of service: ${state.reason}`];
  const held = new Map(state.state.registers);
  if (held.size !== expected.size) return [`${node} holds ${held.size} keys, ${expected.size} were written`];
  for (const [key, value] of expected) {
    if (held.get(key) === value) continue;
    return [
      `${node} holds ${held.get(key)?.slice(0, 40) ?? "nothing"} at key ${key}, ${value.slice(0, 40)} was acknowledged`,
    ];
  }
  return [];
}
