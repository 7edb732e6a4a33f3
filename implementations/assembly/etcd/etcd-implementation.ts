/**
 * etcd as an implementation of consensus: what it can be subjected to, whether it is here, and how it is deployed.
 *
 * Its own binary is run as it was shipped, so faults come from outside only. Left out, and why:
 * - wipe: a member that lost its disk must leave the cluster and join again under another identity; restarted in place
 *   it refuses to ("has already been bootstrapped").
 * - duplicate, reorder: TCP hides them.
 * - disk and clock: its disk and its clock are the machine's.
 * - moments (a sync, a message): nothing in it waits for the driver.
 */

import type { FaultKind } from "../../foundation/faults.ts";
import { faultKinds } from "../../foundation/faults.ts";
import { UsageError } from "../../foundation/errors.ts";
import type { ConsensusImplementation } from "../../consensus/contract.ts";
import { findExecutable } from "../../platform/node/executable.ts";
import { deployEtcd } from "./etcd-cluster.ts";
import { resolveEtcdSettings } from "./etcd-settings.ts";

const notInstalled =
  "etcd is not installed: run `npm run peers` (Debian: apt-get install etcd-server), or name its binary in GREY_ETCD";

/** No network hands on a segment whose checksum is wrong; it is TLS that notices what the proxy flips behind it. */
const corruptionNeedsTls = "TCP would not let it through; set etcd.tls true";

const processFaults: readonly FaultKind[] = faultKinds.process.filter((kind) => kind !== "wipe");
const tcpPacketFaults = faultKinds.packet.filter((kind) => kind !== "duplicate" && kind !== "reorder");

export const etcdConsensus: ConsensusImplementation = {
  module: "consensus",
  name: "etcd",
  faults: { cluster: new Set<FaultKind>([...processFaults, ...faultKinds.partition, ...tcpPacketFaults]) },
  durable: true,
  keepsLeaders: false,
  tracesLog: false,
  refusalOf: (fault, settings) =>
    fault === "corrupt" && !resolveEtcdSettings(settings, false).tls ? corruptionNeedsTls : undefined,
  checkSettings: (settings) => void resolveEtcdSettings(settings, true),
  available: () => Promise.resolve(binary() === undefined ? notInstalled : true),
  deploy: async (options) => {
    if (options.substrate !== "cluster") throw new UsageError("Cannot run etcd in the simulator: it is a real process");
    const settings = resolveEtcdSettings(options.settings ?? {}, options.repeats ?? true);
    const found = binary();
    if (found === undefined) throw new UsageError(`Cannot run etcd: ${notInstalled}`);
    return deployEtcd(found, settings, options);
  },
};

function binary(): string | undefined {
  return findExecutable({ name: "etcd", variable: "GREY_ETCD" });
}
