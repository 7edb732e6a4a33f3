/**
 * Clients of the production store ask a key's own replicas first, the one that coordinates its slot before the others.
 */

import type { NodeId } from "../../foundation/units.ts";
import type { StorageSettings } from "../../storage/production/defaults.ts";
import { Ring } from "../../storage/production/ring.ts";
import { slotOf } from "../../storage/production/slots.ts";
import type { Preference } from "./client.ts";

export function ringPreference(settings: Pick<StorageSettings, "replicationFactor" | "virtualNodes">): Preference {
  let named = "";
  let ring: Ring | undefined;
  return ({ key }, nodes) => {
    const name = nodes.join(" ");
    if (ring === undefined || named !== name) [ring, named] = [new Ring(nodes, settings), name];
    const replicas: readonly NodeId[] = ring.replicasOf(slotOf(key));
    return [...replicas, ...nodes.filter((node) => !replicas.includes(node))];
  };
}
