/** Engines to run tests on, life after life: the simulated one on a simulated and on a real disk, and RocksDB. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Clock, Disk } from "../foundation/effects.ts";
import { EngineError } from "../foundation/engine-error.ts";
import { HarnessError } from "../foundation/errors.ts";
import { seededRandom } from "../foundation/prng.ts";
import type { Engine, EngineCompletion } from "../storage/engine.ts";
import { nodeClock } from "./node/clock.ts";
import { NodeDisk } from "./node/disk.ts";
import { RocksEngine } from "./node/rocksdb-engine.ts";
import { VirtualTime } from "./simulated/clock.ts";
import { SimulatedDisk } from "./simulated/disk.ts";
import { SimulatedEngine } from "./simulated/engine.ts";

/** An engine whose lives follow each other, and how to wait for it. */
export interface EngineSubstrate {
  /** Ends the current life in an orderly way, if there is one, and begins the next. */
  open(): Promise<Engine>;
  /** Opens the same data while a life uses them; absent where nobody else can reach them. */
  readonly openBeside?: () => Promise<unknown>;
  wait<T>(start: (done: (value: T) => void) => void): Promise<T>;
  end(): Promise<void>;
}

/** Waits for one operation, and throws its error. */
export async function act<T>(substrate: EngineSubstrate, operation: (done: EngineCompletion<T>) => void): Promise<T> {
  const [error, value] = await substrate.wait<[EngineError | undefined, T]>((done) => {
    operation((failure, result) => done([failure, result]));
  });
  if (error !== undefined) throw error;
  return value;
}

export function isCode(code: EngineError["code"]): (error: unknown) => boolean {
  return (error) => error instanceof EngineError && error.code === code && error.message.length > 20;
}

export function simulatedEngine(): EngineSubstrate {
  const time = new VirtualTime();
  const disk = new SimulatedDisk({ clock: time, random: seededRandom("engines") });
  const wait = <T>(start: (done: (value: T) => void) => void): Promise<T> => {
    let result: { readonly value: T } | undefined;
    start((value) => (result = { value }));
    while (result === undefined && time.step());
    assert.ok(result !== undefined, "the operation completes");
    return Promise.resolve(result.value);
  };
  let engine: Engine | undefined;
  return {
    open: async () => {
      const before = engine;
      if (before !== undefined) await wait<void>((done) => before.close(() => done()));
      disk.crash({ powerLoss: false });
      engine = await wait<Engine>((done) => openOn(disk.open(), time, done));
      return engine;
    },
    wait,
    end: () => Promise.resolve(),
  };
}

export function simulatedEngineOnRealDisk(): EngineSubstrate {
  const directory = temporaryDirectory();
  let life: { readonly disk: NodeDisk; readonly engine: Engine } | undefined;
  const close = async (): Promise<void> => {
    const before = life;
    if (before === undefined) return;
    await new Promise<void>((resolve) => before.engine.close(resolve));
    await before.disk.close();
  };
  return {
    open: async () => {
      await close();
      const disk = await NodeDisk.open(directory);
      life = { disk, engine: await new Promise<Engine>((resolve) => openOn(disk, nodeClock, resolve)) };
      return life.engine;
    },
    openBeside: () =>
      NodeDisk.open(directory).catch((cause: unknown) => {
        assert.ok(cause instanceof HarnessError);
        throw new EngineError("LOCKED", cause.message, { cause });
      }),
    wait: (start) => new Promise((resolve) => start(resolve)),
    end: async () => {
      await close();
      fs.rmSync(directory, { recursive: true });
    },
  };
}

export function rocksEngine(): EngineSubstrate {
  const directory = temporaryDirectory();
  let engine: RocksEngine | undefined;
  const close = async (): Promise<void> => {
    const before = engine;
    if (before !== undefined) await new Promise<void>((resolve) => before.close(resolve));
  };
  return {
    open: async () => {
      await close();
      engine = await RocksEngine.open(directory);
      return engine;
    },
    openBeside: () => RocksEngine.open(directory),
    wait: (start) => new Promise((resolve) => start(resolve)),
    end: async () => {
      await close();
      fs.rmSync(directory, { recursive: true });
    },
  };
}

function openOn(disk: Disk, clock: Clock, done: (engine: Engine) => void): void {
  // Small segments and slices, so that a test goes through several.
  SimulatedEngine.open(disk, { clock, segmentBytes: 4096, sliceBytes: 1024 }, (error, engine) => {
    assert.ok(error === undefined && engine !== undefined, error?.message);
    done(engine);
  });
}

function temporaryDirectory(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), "grey-engine-"));
}
