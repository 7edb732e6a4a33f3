/** The disk faults at work, and what each did so far. */

import type { Random } from "../foundation/effects.ts";
import type { DiskFault, Efficacy, FaultHandle } from "../foundation/faults.ts";

export const efficacyUnit = {
  "torn-write": "writes torn",
  "lost-sync": "bytes lost",
  "bit-flip": "bits flipped",
  misdirect: "writes misdirected",
  "read-error": "reads failed",
  "write-error": "writes failed",
  full: "writes refused",
  slow: "operations slowed",
} as const satisfies Record<DiskFault["kind"], string>;

export interface ActiveFault {
  readonly fault: DiskFault;
  count: number;
}

export class ActiveDiskFaults {
  readonly #active = new Set<ActiveFault>();

  add(fault: DiskFault): { readonly entry: ActiveFault; readonly handle: FaultHandle } {
    const entry: ActiveFault = { fault, count: 0 };
    this.#active.add(entry);
    return { entry, handle: { heal: () => this.end(entry), efficacy: () => efficacyOf(entry) } };
  }

  /** Also how a fault that strikes once is spent. */
  end(entry: ActiveFault): void {
    this.#active.delete(entry);
  }

  first(kind: DiskFault["kind"]): ActiveFault | undefined {
    for (const entry of this.#active) if (entry.fault.kind === kind) return entry;
    return undefined;
  }

  /** Whether an operation is to fail now, by the probabilities of the faults of `kind`; counts it. */
  strikes(kind: "read-error" | "write-error", random: Random): boolean {
    for (const entry of this.#active) {
      if (entry.fault.kind !== kind || random.float() >= entry.fault.probability) continue;
      entry.count++;
      return true;
    }
    return false;
  }

  /** How much longer an operation takes, by all "slow" faults together; counts it. */
  extraMs(): number {
    let sum = 0;
    for (const entry of this.#active) {
      if (entry.fault.kind !== "slow") continue;
      entry.count++;
      sum += entry.fault.extraMs;
    }
    return sum;
  }
}

export function efficacyOf(entry: ActiveFault): Efficacy {
  return { count: entry.count, unit: efficacyUnit[entry.fault.kind] };
}
