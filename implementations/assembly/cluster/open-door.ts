/** The TLS door of one node in its process: others and clients come in by it, and it leads out to the peers. */

import type { Random } from "../../foundation/effects.ts";
import { UsageError } from "../../foundation/errors.ts";
import type { NodeId } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { TlsTransport } from "../../platform/node/transport.ts";
import type { ProcessConfiguration } from "./control.ts";

/** @throws UsageError when the node was given no certificate. */
export async function openDoor(
  { credentials }: ProcessConfiguration,
  id: NodeId,
  random: Random,
): Promise<{ readonly door: TlsTransport; readonly port: number }> {
  const own = credentials[id];
  if (own === undefined) throw new UsageError(`Cannot start ${id}: no certificate was given`);
  const door = new TlsTransport({ id, credentials: own, clock: nodeClock, random });
  return { door, port: await door.listen() };
}
