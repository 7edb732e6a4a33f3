/**
 * Workloads: seeded generators of client operations. Each client draws from its own fork of the seed, so what one
 * client does depends on its own completions only, never on how clients interleave.
 */

import { unreachable } from "../../implementations/foundation/assert.ts";
import type { Outcome } from "../../implementations/foundation/deployment.ts";
import type { Random } from "../../implementations/foundation/effects.ts";
import type { ConsensusOperation, ConsensusResult } from "../../implementations/consensus/contract.ts";
import type { HistoryFunction, HistoryScalar, HistoryValue } from "../history/event.ts";
import type { WorkloadSpec } from "../plan/plan.ts";
import { valueNumber, valueText } from "./value-text.ts";

/** One operation as the system and as the history see it. */
export interface Call {
  readonly operation: ConsensusOperation;
  readonly f: HistoryFunction;
  readonly key: string | undefined;
  readonly value: HistoryValue;
}

export interface Workload {
  /** The next operation of `client`. */
  next(client: number): Call;
  /** Tells the workload how `client`'s operation ended; returns the value of the completion for the history. */
  completed(client: number, call: Call, outcome: Outcome<ConsensusResult>): HistoryValue;
  /** Whether an operation is repeated, under the same request identity, until its outcome is definite. */
  readonly untilDefinite: boolean;
  /** Keys whose final values the run reads at the end, so that the last writes are judged too. */
  finalKeys(): readonly string[];
  /** Reads `key` and nothing else. */
  read(key: string): Call;
}

/** What the workloads are, for `grey list` and the command line. */
export const workloadPurposes = {
  register: "read, write and compare-and-swap over a few shared keys",
  append: "unique entries added to one list",
  confluent: "each client writes its own keys and retries until the outcome is definite: one final state",
} as const satisfies Record<WorkloadSpec["id"], string>;

/** Whether the workload repeats an operation, under the same request identity, until its outcome is definite. */
export function repeatsUntilDefinite(id: WorkloadSpec["id"]): boolean {
  return id === "confluent";
}

/** @returns a generator for `clients` clients; values are unique over all of them. */
export function createWorkload(spec: WorkloadSpec, clients: number, random: Random): Workload {
  switch (spec.id) {
    case "register":
      return new RegisterWorkload(spec, random);
    case "append":
      return new AppendWorkload(spec, random);
    case "confluent":
      return new ConfluentWorkload(spec, clients, random);
    default:
      return unreachable(spec.id);
  }
}

/** The value a read brought back that no write of ours can have produced. */
export const damagedValue = "damaged value";

abstract class Generator implements Workload {
  readonly untilDefinite: boolean;
  protected readonly spec: WorkloadSpec;
  readonly #random: Random;
  readonly #forks = new Map<number, Random>();
  readonly #counts = new Map<number, number>();

  constructor(spec: WorkloadSpec, random: Random) {
    this.spec = spec;
    this.untilDefinite = repeatsUntilDefinite(spec.id);
    this.#random = random;
  }

  abstract next(client: number): Call;
  abstract finalKeys(): readonly string[];

  completed(_client: number, call: Call, outcome: Outcome<ConsensusResult>): HistoryValue {
    if (outcome.kind !== "ok") return call.value;
    if (outcome.result.kind === "append") return outcome.result.position;
    if (outcome.result.kind === "read") return scalarOf(outcome.result.value);
    return call.value;
  }

  read(key: string): Call {
    return { operation: { kind: "read", key }, f: "read", key, value: null };
  }

  protected write(key: string, value: number): Call {
    const text = valueText(value, this.spec.valueBytes);
    return { operation: { kind: "write", key, value: text }, f: "write", key, value };
  }

  protected cas(key: string, from: number | null, to: number): Call {
    const size = this.spec.valueBytes;
    const fromText = from === null ? null : valueText(from, size);
    return {
      operation: { kind: "cas", key, from: fromText, to: valueText(to, size) },
      f: "cas",
      key,
      value: [from, to],
    };
  }

  protected append(value: number): Call {
    const operation = { kind: "append", value: valueText(value, this.spec.valueBytes) } as const;
    return { operation, f: "append", key: undefined, value };
  }

  protected randomOf(client: number): Random {
    let fork = this.#forks.get(client);
    if (fork === undefined) {
      fork = this.#random.fork(`client ${client}`);
      this.#forks.set(client, fork);
    }
    return fork;
  }

  /** A number no other call of this run gets: the client in the low digits, its own count above. */
  protected unique(client: number): number {
    const count = (this.#counts.get(client) ?? 0) + 1;
    this.#counts.set(client, count);
    return count * 1000 + (client % 1000);
  }
}

/** Final states are compared in any case; reading them back as a client is a sample where there are many keys. */
const maxFinalKeys = 50;

class RegisterWorkload extends Generator {
  /** What each client last saw in each key: a compare-and-swap that starts from it often succeeds. */
  readonly #seen = new Map<string, number | null>();

  next(client: number): Call {
    const random = this.randomOf(client);
    const key = `k${random.below(this.spec.keys)}`;
    const draw = random.float();
    if (draw < this.spec.readFraction) return this.read(key);
    const value = this.unique(client);
    if (draw >= this.spec.readFraction + this.spec.casFraction) return this.write(key, value);
    return this.cas(key, this.#seen.get(`${client} ${key}`) ?? null, value);
  }

  override completed(client: number, call: Call, outcome: Outcome<ConsensusResult>): HistoryValue {
    const value = super.completed(client, call, outcome);
    if (outcome.kind === "ok" && call.key !== undefined) {
      const now = call.f === "cas" && Array.isArray(value) ? value[1] : value;
      if (typeof now === "number" || now === null) this.#seen.set(`${client} ${call.key}`, now);
    }
    return value;
  }

  finalKeys(): readonly string[] {
    return Array.from({ length: Math.min(this.spec.keys, maxFinalKeys) }, (_, index) => `k${index}`);
  }
}

class AppendWorkload extends Generator {
  next(client: number): Call {
    return this.append(this.unique(client));
  }

  finalKeys(): readonly string[] {
    return [];
  }
}

class ConfluentWorkload extends Generator {
  readonly #clients: number;
  readonly #last = new Map<string, number>();

  constructor(spec: WorkloadSpec, clients: number, random: Random) {
    super(spec, random);
    this.#clients = clients;
  }

  next(client: number): Call {
    const random = this.randomOf(client);
    const key = this.#key(client, random.below(this.spec.keys));
    const draw = random.float();
    if (draw < this.spec.readFraction) return this.read(key);
    const value = this.unique(client);
    const last = this.#last.get(key) ?? null;
    this.#last.set(key, value);
    // Every conditional write starts from the value this client wrote before, and nobody else writes the key: it
    // must succeed, whatever the interleaving.
    if (draw < this.spec.readFraction + this.spec.casFraction) return this.cas(key, last, value);
    return this.write(key, value);
  }

  finalKeys(): readonly string[] {
    const keys: string[] = [];
    for (let client = 0; client < this.#clients; client++) {
      for (let index = 0; index < this.spec.keys; index++) keys.push(this.#key(client, index));
    }
    return keys;
  }

  #key(client: number, index: number): string {
    return `c${client}-${index}`;
  }
}

function scalarOf(text: string | null): HistoryScalar {
  if (text === null) return null;
  return valueNumber(text) ?? damagedValue;
}
