/** The tenants' virtual times as numbers that only grow, where the table has them modulo 2^32 (tenant-table.ts). */

import type { Millis } from "../../foundation/units.ts";
import { unitsPerMs } from "./tenant-table.ts";
import type { TenantTable } from "./tenant-table.ts";

export class VirtualClocks {
  readonly #table: TenantTable;
  /** By tenant: what the table said when last asked, and the sum of all differences. */
  readonly #seen: Int32Array;
  readonly #units: Float64Array;

  constructor(table: TenantTable, tenants: number) {
    this.#table = table;
    this.#seen = new Int32Array(tenants);
    this.#units = new Float64Array(tenants);
  }

  /** Milliseconds of weight 1, resolved to 4 microseconds. To be asked at least every two hours of it. */
  msOf(tenant: number): Millis {
    const now = this.#table.virtualTimeOf(tenant);
    this.#units[tenant]! += (now - this.#seen[tenant]!) | 0;
    this.#seen[tenant] = now;
    return this.#units[tenant]! / unitsPerMs;
  }
}
