/** One trace event as one line for a person. */

import type { Traced } from "../../implementations/foundation/deployment.ts";
import type { AnyRoom, AnyTypes } from "../rooms/room.ts";

/** Returns "    17    152.340 ms  n2  becomes leader of term 3". @param step counted from 1. */
export function traceLine(
  step: number,
  { timeMs, node, event }: Traced<AnyTypes["event"]>,
  { describeEvent }: Pick<AnyRoom, "describeEvent">,
): string {
  return `${String(step).padStart(6)} ${timeMs.toFixed(3).padStart(12)} ms  ${node}  ${describeEvent(event)}`;
}
