/**
 * Disks to run tests on: the simulated one and a real directory, life after life; one that faults strike; and a real
 * file system so small that it is soon full.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Disk } from "../foundation/effects.ts";
import type { Efficacy } from "../foundation/faults.ts";
import { seededRandom } from "../foundation/prng.ts";
import type { CorruptibleDisk } from "./corruptible-disk.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { nodeClock } from "./node/clock.ts";
import { NodeDisk } from "./node/disk.ts";
import { VirtualTime } from "./simulated/clock.ts";
import { SimulatedDisk } from "./simulated/disk.ts";

/** A disk on which lives follow each other, and how to wait for it. */
export interface DiskSubstrate {
  /** Ends the current life in an orderly way, if there is one, and begins the next. */
  open(): Promise<CorruptibleDisk>;
  wrap(disk: CorruptibleDisk): Disk;
  wait<T>(start: (done: (value: T) => void) => void): Promise<T>;
  end(): Promise<void>;
}

export function simulatedDisk(): DiskSubstrate {
  const time = new VirtualTime();
  const random = seededRandom("parity");
  const disk = new SimulatedDisk({ clock: time, random });
  return {
    open: () => {
      while (time.step());
      disk.crash({ powerLoss: false });
      return Promise.resolve(disk.open());
    },
    wrap: (base) =>
      new FaultyDisk(base, { clock: time, random: random.fork("faults"), onPowerLoss: () => assert.fail() }),
    wait: (start) => {
      let result: { readonly value: Parameters<Parameters<typeof start>[0]>[0] } | undefined;
      start((value) => (result = { value }));
      while (result === undefined && time.step());
      assert.ok(result !== undefined, "the operation completes");
      return Promise.resolve(result.value);
    },
    end: () => Promise.resolve(),
  };
}

export function realDisk(): DiskSubstrate {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "grey-disk-"));
  let disk: NodeDisk | undefined;
  return {
    open: async () => {
      await disk?.close();
      disk = await NodeDisk.open(directory);
      return disk;
    },
    wrap: (base) =>
      new FaultyDisk(base, { clock: nodeClock, random: seededRandom("parity"), onPowerLoss: () => assert.fail() }),
    wait: (start) => new Promise((resolve) => start(resolve)),
    end: async () => {
      await disk?.close();
      fs.rmSync(directory, { recursive: true });
    },
  };
}

/** A real file system of a few bytes; whoever is not allowed to mount one gets the reason instead. */
export function smallFileSystem(bytes: number): { readonly directory: string; readonly end: () => void } | string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "grey-small-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", directory], { encoding: "utf8" });
  if (mounted.status !== 0) {
    fs.rmdirSync(directory);
    return `a small file system cannot be mounted here: ${mounted.error?.message ?? mounted.stderr.trim()}`;
  }
  const end = (): void => {
    spawnSync("umount", [directory]);
    fs.rmdirSync(directory);
  };
  return { directory, end };
}

/** A simulated disk behind a faulty one. */
export class FaultyDiskBench {
  readonly time = new VirtualTime();
  readonly base: SimulatedDisk;
  readonly losses: Efficacy[] = [];
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.base = new SimulatedDisk({ clock: this.time, random: seededRandom(seed) });
  }

  /** The next life; the one before ends as by kill. */
  open(): FaultyDisk {
    this.base.crash({ powerLoss: false });
    return new FaultyDisk(this.base.open(), {
      clock: this.time,
      random: seededRandom(`faults ${this.#seed}`),
      onPowerLoss: (efficacy) => {
        this.losses.push(efficacy);
        this.base.crash({ powerLoss: true });
      },
    });
  }

  drain(): void {
    while (this.time.step());
  }
}
