/** A trace event of a store as people read it. */

import { unreachable } from "../../../implementations/foundation/assert.ts";
import type { StorageEvent } from "../../../implementations/storage/contract.ts";

/** Returns "accepts version 3 of k1 at ballot 2049". */
export function describeEvent(event: StorageEvent): string {
  switch (event.kind) {
    case "start":
      return `starts life ${event.life} with ${event.records} records`;
    case "damage":
      return `puts its damaged files aside: ${event.what}`;
    case "accept":
      return `accepts version ${event.version} of ${event.key} at ballot ${event.ballot}`;
    case "topology": {
      const leaving = event.outgoing.length === 0 ? "" : `, ${event.outgoing.join(" ")} leaving`;
      const state = event.isChanging ? "changing" : "stable";
      return `is in topology ${event.epoch} (${state}): ${event.members.join(" ")}${leaving}`;
    }
    case "background":
      return `${event.phase === "begin" ? "begins" : "ends"} ${event.work}: ${event.records} records, ${event.bytes} bytes`;
    case "stop":
      return event.orderly ? "stops" : "crashes";
    default:
      return unreachable(event);
  }
}
