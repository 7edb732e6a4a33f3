/**
 * The engine of one node's process, by name, in the node's directory, with the faults that are injected into it.
 *
 * - rocksdb (`platform/node/rocksdb-engine.ts`): in the process.
 * - postgresql (`platform/node/postgresql-engine.ts`): on a server, in a database of the node's own.
 * - simulated (`platform/simulated/engine.ts`): everything in memory beside a log, here on the real disk.
 *
 * What fails, is full or slow stands between the core and the engine. A flipped bit is one in the files, which have to
 * be closed for it. Torn writes, lost syncs and misplaced ones are not done: nobody can make the operating system
 * forget what it was given, short of cutting the power.
 */

import path from "node:path";
import type { Clock, Random } from "../../foundation/effects.ts";
import { EngineError } from "../../foundation/engine-error.ts";
import type { DiskFault, FaultHandle } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import { ActiveDiskFaults } from "../../platform/active-disk-faults.ts";
import { FaultyEngine } from "../../platform/faulty-engine.ts";
import { NodeDisk } from "../../platform/node/disk.ts";
import { ownDatabase } from "../../platform/node/postgresql-database.ts";
import { PostgresqlEngine } from "../../platform/node/postgresql-engine.ts";
import { flipStoredBit } from "../../platform/node/rocksdb-damage.ts";
import { RocksEngine } from "../../platform/node/rocksdb-engine.ts";
import { setAside } from "../../platform/node/set-aside.ts";
import { SimulatedEngine } from "../../platform/simulated/engine.ts";
import type { Engine } from "../../storage/engine.ts";
import type { StorageSettings } from "../../storage/production/defaults.ts";
import type { StoreNodeOptions } from "./store-node.ts";

export interface NodeEngineOptions {
  readonly node: NodeId;
  readonly settings: Pick<StorageSettings, "engine" | "postgresqlUrl">;
  /** The node's. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
}

export class NodeEngine {
  readonly #options: NodeEngineOptions;
  /** They are injected before there is an engine. */
  readonly #faults = new ActiveDiskFaults();
  #disk: NodeDisk | undefined;

  constructor(options: NodeEngineOptions) {
    this.#options = options;
  }

  open: StoreNodeOptions["openEngine"] = (done) => {
    const { clock, random } = this.#options;
    void settle(this.#openBase(), (error, base) => {
      if (base === undefined) done(engineErrorOf(error));
      else done(undefined, new FaultyEngine(base, { clock, random, faults: this.#faults }));
    });
  };

  setAside: StoreNodeOptions["setAside"] = (done) => {
    const put = this.close().then(() => setAside(this.#files));
    void settle(put, (error) => done(error as Error | undefined));
  };

  /** After the engine was closed. */
  async close(): Promise<void> {
    await this.#disk?.close();
    this.#disk = undefined;
  }

  /** @returns undefined for a fault that has to be done to closed files, or cannot be done. */
  inject(fault: DiskFault): FaultHandle | undefined {
    const isPassedOn = fault.kind === "full" || fault.kind === "slow" || fault.kind.endsWith("-error");
    return isPassedOn ? this.#faults.add(fault).handle : undefined;
  }

  /** Flips a bit in the files of an engine that is closed. @returns whether there was one. */
  flipBit(): boolean {
    return flipStoredBit(this.#files, this.#options.random) !== undefined;
  }

  get #files(): string {
    return path.join(this.#options.directory, "records");
  }

  async #openBase(): Promise<Engine> {
    const { node, settings, clock } = this.#options;
    const { engine, postgresqlUrl } = settings;
    switch (engine) {
      case "rocksdb":
        return RocksEngine.open(this.#files);
      case "simulated": {
        const disk = await NodeDisk.open(this.#files);
        this.#disk = disk;
        return opened((done) => SimulatedEngine.open(disk, { clock }, done));
      }
      case "postgresql":
        return PostgresqlEngine.open(await ownDatabase(postgresqlUrl, this.#files, node));
    }
  }
}

function opened(open: (done: Parameters<typeof SimulatedEngine.open>[2]) => void): Promise<Engine> {
  return new Promise((resolve, reject) => {
    open((error, engine) => (engine === undefined ? reject(error ?? new Error("no engine")) : resolve(engine)));
  });
}

/** Calls `then` outside of all promises: what it throws is nobody's rejection. */
async function settle<T>(work: Promise<T>, then: (error: unknown, value?: T) => void): Promise<void> {
  try {
    const value = await work;
    setImmediate(() => then(undefined, value));
  } catch (error) {
    setImmediate(() => then(error));
  }
}

function engineErrorOf(error: unknown): EngineError {
  return error instanceof EngineError ? error : new EngineError("IO", String(error), { cause: error });
}
