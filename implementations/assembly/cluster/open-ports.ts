/** A node's real disk and its door to the network, with the wrappers for their faults: what its process opens first. */

import { seededRandom } from "../../foundation/prng.ts";
import type { NodeId } from "../../foundation/units.ts";
import { FaultyDisk } from "../../platform/faulty-disk.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { NodeDisk } from "../../platform/node/disk.ts";
import type { TlsTransport } from "../../platform/node/transport.ts";
import type { ProcessConfiguration } from "./control.ts";
import { openDoor } from "./open-door.ts";

export interface OpenedPorts {
  readonly id: NodeId;
  readonly base: NodeDisk;
  readonly disk: FaultyDisk;
  readonly door: TlsTransport;
  readonly port: number;
}

export async function openPorts(configuration: ProcessConfiguration): Promise<OpenedPorts> {
  const [id = ""] = configuration.hosted;
  const random = seededRandom(`${configuration.seed}/${id}/life ${configuration.life}`);
  const base = await NodeDisk.open(configuration.directory);
  const disk = new FaultyDisk(base, {
    clock: nodeClock,
    random: random.fork("disk"),
    onPowerLoss: () => process.kill(process.pid, "SIGKILL"),
  });
  return { id, base, disk, ...(await openDoor(configuration, id, random.fork("transport"))) };
}
