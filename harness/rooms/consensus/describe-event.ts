/** A trace event of consensus as people read it. */

import { unreachable } from "../../../implementations/foundation/assert.ts";
import type { ConsensusEvent } from "../../../implementations/consensus/contract.ts";
import { describeConfiguration } from "../../check/configuration-checks.ts";

/** Returns "becomes leader of term 3". */
export function describeEvent(event: ConsensusEvent): string {
  switch (event.kind) {
    case "start": {
      const base = event.snapshotIndex === 0 ? "" : `, snapshot at ${event.snapshotIndex}`;
      return `starts life ${event.life} in term ${event.term}, ${event.entries.length} entries${base}`;
    }
    case "role":
      return `becomes ${event.role} of term ${event.term}`;
    case "vote":
      return `votes for ${event.candidate} in term ${event.term}`;
    case "append":
      return `log ends at ${event.after + event.entries.length}, new after ${event.after}`;
    case "configuration":
      return `is in the configuration of entry ${event.index}: ${describeConfiguration(event)}`;
    case "commit":
      return `commits up to ${event.index} in term ${event.term}`;
    case "apply":
      return `applies up to ${event.index}`;
    case "snapshot":
      return `${event.installed ? "installs" : "takes"} a snapshot at ${event.index}, term ${event.term}`;
    case "stop":
      return event.orderly ? "stops" : "crashes";
    default:
      return unreachable(event);
  }
}
