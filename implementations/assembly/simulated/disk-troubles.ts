/**
 * The disk faults and the awaited syncs of one simulated node: both outlive its lives, and begin again in the disk of
 * each.
 */

import { faultHandle } from "../../foundation/fault-handle.ts";
import type { DiskFault, FaultHandle } from "../../foundation/faults.ts";
import type { FaultyDisk } from "../../platform/faulty-disk.ts";

interface LastingFault {
  readonly fault: DiskFault;
  handle: FaultHandle;
  /** What it did in earlier lives. */
  past: number;
}

export class DiskTroubles {
  readonly #faults = new Set<LastingFault>();
  readonly #syncs: { readonly count: number; readonly reached: () => void }[] = [];
  #disk: FaultyDisk | undefined;

  /** A life begins on `disk`. */
  begin(disk: FaultyDisk): void {
    this.#disk = disk;
    for (const entry of this.#faults) entry.handle = disk.inject(entry.fault);
    for (const { count, reached } of this.#syncs) this.#arm(disk, count, reached);
  }

  /** The life is over. */
  end(): void {
    for (const entry of this.#faults) entry.past += entry.handle.efficacy().count;
  }

  inject(fault: DiskFault): FaultHandle {
    const handle = this.#disk?.inject(fault);
    if (handle === undefined) return inertHandle;
    const entry = { fault, handle, past: 0 };
    const lasts = fault.kind === "full" || fault.kind === "slow" || fault.kind.endsWith("-error");
    if (lasts) this.#faults.add(entry);
    return {
      heal: () => {
        entry.handle.heal();
        this.#faults.delete(entry);
      },
      efficacy: () => {
        const { count, unit } = entry.handle.efficacy();
        return { count: entry.past + count, unit };
      },
    };
  }

  /** Calls `reached` before the `count`-th sync of a life. */
  holdSync(count: number, reached: () => void): void {
    this.#syncs.push({ count, reached });
    if (this.#disk !== undefined) this.#arm(this.#disk, count, reached);
  }

  #arm(disk: FaultyDisk, count: number, reached: () => void): void {
    disk.holdNextSync(count, (resume) => {
      this.#syncs.splice(0, this.#syncs.length, ...this.#syncs.filter((each) => each.reached !== reached));
      reached();
      resume();
    });
  }
}

/** Of a node that never had a disk. */
export const inertHandle: FaultHandle = faultHandle(
  "operations",
  () => 0,
  () => undefined,
);
