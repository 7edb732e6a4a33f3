/**
 * What a peer that is one server can be subjected to. Left out, and why:
 * - partitions: it has nobody to be separated from.
 * - corrupt: no network hands on a segment whose checksum is wrong, and without TLS nothing else would notice.
 * - duplicate, reorder: TCP hides them.
 * - wipe: without its disk there is nothing left of it.
 * - disk and clock: its disk and its clock are the machine's.
 */

import type { FaultKind } from "../../foundation/faults.ts";

export const singleServerFaults: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "kill",
  "pause",
  "crash-loop",
  "graceful-restart",
  // In the link between it and the clients.
  "delay",
  "loss",
  "bandwidth",
  "reset",
  "slow-close",
  "half-open",
]);
