/** Sums of what tasks hold. */

import type { Resources } from "../../../implementations/scheduler/contract.ts";

export interface Held {
  cpuMilli: number;
  memoryMb: number;
}

/** @param resources undefined: what the task holds is not known, which counts as nothing. */
export function addTo(held: Held, resources: Resources | undefined): void {
  held.cpuMilli += resources?.cpuMilli ?? 0;
  held.memoryMb += resources?.memoryMb ?? 0;
}

/** Returns "1500 m of 1000 m" and the like where a limit is exceeded; undefined where it is kept. */
export function excessOf(held: Resources, limit: Resources): string | undefined {
  if (held.cpuMilli > limit.cpuMilli) return `${held.cpuMilli} of ${limit.cpuMilli} thousandths of a processor`;
  if (held.memoryMb > limit.memoryMb) return `${held.memoryMb} of ${limit.memoryMb} MB`;
  return undefined;
}
