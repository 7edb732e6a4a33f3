/**
 * What a workload is: a seeded generator of client operations. Each client draws from its own fork of the seed, so what
 * one client does depends on its own completions only, never on how clients interleave.
 */

import { assert, unreachable } from "../../implementations/foundation/assert.ts";
import type { Outcome } from "../../implementations/foundation/deployment.ts";
import type { Random } from "../../implementations/foundation/effects.ts";
import type { HistoryFunction, HistoryScalar, HistoryValue } from "../history/event.ts";
import type { KeyWorkloadSpec, WorkloadSpec } from "../plan/plan.ts";
import type { ModuleTypes } from "../rooms/room.ts";
import { valueNumber } from "./value-text.ts";

/** One operation as the system and as the history see it. */
export interface Call<Operation> {
  readonly operation: Operation;
  readonly f: HistoryFunction;
  readonly key: string | undefined;
  readonly value: HistoryValue;
}

/** What the history keeps of how an operation ended. */
export interface Completion {
  readonly value: HistoryValue;
  /** Of systems that count the versions of a key. */
  readonly version?: number;
}

export interface Workload<T extends ModuleTypes> {
  /** The next operation of `client`. */
  next(client: number): Call<T["operation"]>;
  /** Tells the workload how `client`'s operation ended; returns what the history keeps of it. */
  completed(client: number, call: Call<T["operation"]>, outcome: Outcome<T["result"]>): Completion;
  /** Whether an operation is repeated, under the same request identity, until its outcome is definite. */
  readonly untilDefinite: boolean;
  /** Keys whose final values the run reads at the end, so that the last writes are judged too. */
  finalKeys(): readonly string[];
  /** Reads `key` and nothing else. */
  read(key: string): Call<T["operation"]>;
}

/** Whether the workload repeats an operation, under the same request identity, until its outcome is definite. */
export function repeatsUntilDefinite(id: WorkloadSpec["id"]): boolean {
  return id === "confluent";
}

/** The value a read brought back that no write of ours can have produced. */
export const damagedValue = "damaged value";

/** The value of the history that stands for stored text. */
export function scalarOf(text: string | null): HistoryScalar {
  if (text === null) return null;
  return valueNumber(text) ?? damagedValue;
}

/** A module's way of saying what the workloads ask. Values are numbers, as in the history. */
export interface Dialect<T extends ModuleTypes> {
  read(key: string): Call<T["operation"]>;
  write(key: string, value: number): Call<T["operation"]>;
  /** Writes `to` if the key holds `from`; null: it does not exist. */
  cas(key: string, from: number | null, to: number): Call<T["operation"]>;
  /** Of modules with a list. */
  append?(value: number): Call<T["operation"]>;
  /** Of modules that can delete. */
  delete?(key: string): Call<T["operation"]>;
  completion(call: Call<T["operation"]>, result: T["result"]): Completion;
}

/** @returns a generator for `clients` clients that speaks `dialect`; values are unique over all of them. */
export function createWorkload<T extends ModuleTypes>(
  spec: KeyWorkloadSpec,
  clients: number,
  random: Random,
  dialect: Dialect<T>,
): Workload<T> {
  switch (spec.id) {
    case "register":
      return new RegisterWorkload(spec, random, dialect);
    case "append":
      return new AppendWorkload(spec, random, dialect);
    case "confluent":
      return new ConfluentWorkload(spec, clients, random, dialect);
    default:
      return unreachable(spec.id);
  }
}

abstract class Generator<T extends ModuleTypes> implements Workload<T> {
  readonly untilDefinite: boolean;
  protected readonly spec: KeyWorkloadSpec;
  protected readonly dialect: Dialect<T>;
  readonly #random: Random;
  readonly #forks = new Map<number, Random>();
  readonly #counts = new Map<number, number>();

  constructor(spec: KeyWorkloadSpec, random: Random, dialect: Dialect<T>) {
    this.spec = spec;
    this.dialect = dialect;
    this.untilDefinite = repeatsUntilDefinite(spec.id);
    this.#random = random;
  }

  abstract next(client: number): Call<T["operation"]>;
  abstract finalKeys(): readonly string[];

  completed(_client: number, call: Call<T["operation"]>, outcome: Outcome<T["result"]>): Completion {
    if (outcome.kind !== "ok") return { value: call.value };
    return this.dialect.completion(call, outcome.result);
  }

  read(key: string): Call<T["operation"]> {
    return this.dialect.read(key);
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

class RegisterWorkload<T extends ModuleTypes> extends Generator<T> {
  /** What each client last saw in each key: a compare-and-swap that starts from it often succeeds. */
  readonly #seen = new Map<string, number | null>();

  next(client: number): Call<T["operation"]> {
    const { keys, readFraction, casFraction, deleteFraction = 0 } = this.spec;
    const random = this.randomOf(client);
    const key = `k${random.below(keys)}`;
    const draw = random.float();
    if (draw < readFraction) return this.read(key);
    if (draw >= 1 - deleteFraction && this.dialect.delete !== undefined) return this.dialect.delete(key);
    const value = this.unique(client);
    if (draw >= readFraction + casFraction) return this.dialect.write(key, value);
    return this.dialect.cas(key, this.#seen.get(`${client} ${key}`) ?? null, value);
  }

  override completed(client: number, call: Call<T["operation"]>, outcome: Outcome<T["result"]>): Completion {
    const completion = super.completed(client, call, outcome);
    if (outcome.kind === "ok" && call.key !== undefined) {
      const { value } = completion;
      const now = call.f === "cas" && Array.isArray(value) ? value[1] : value;
      if (typeof now === "number" || now === null) this.#seen.set(`${client} ${call.key}`, now);
    }
    return completion;
  }

  finalKeys(): readonly string[] {
    return Array.from({ length: Math.min(this.spec.keys, maxFinalKeys) }, (_, index) => `k${index}`);
  }
}

class AppendWorkload<T extends ModuleTypes> extends Generator<T> {
  next(client: number): Call<T["operation"]> {
    assert(this.dialect.append !== undefined, "the module has a list");
    return this.dialect.append(this.unique(client));
  }

  finalKeys(): readonly string[] {
    return [];
  }
}

class ConfluentWorkload<T extends ModuleTypes> extends Generator<T> {
  readonly #clients: number;
  /** By key: what its owner left there; null: it deleted it. */
  readonly #last = new Map<string, number | null>();

  constructor(spec: KeyWorkloadSpec, clients: number, random: Random, dialect: Dialect<T>) {
    super(spec, random, dialect);
    this.#clients = clients;
  }

  next(client: number): Call<T["operation"]> {
    const { keys, readFraction, casFraction, deleteFraction = 0 } = this.spec;
    const random = this.randomOf(client);
    const key = this.#key(client, random.below(keys));
    const draw = random.float();
    if (draw < readFraction) return this.read(key);
    const last = this.#last.get(key) ?? null;
    if (draw >= 1 - deleteFraction && this.dialect.delete !== undefined) {
      this.#last.set(key, null);
      return this.dialect.delete(key);
    }
    const value = this.unique(client);
    this.#last.set(key, value);
    // Every conditional write starts from the value this client wrote before, and nobody else writes the key: it
    // must succeed, whatever the interleaving.
    if (draw < readFraction + casFraction) return this.dialect.cas(key, last, value);
    return this.dialect.write(key, value);
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
