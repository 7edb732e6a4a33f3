/** The command line of one etcd process. What is not named here is etcd's own default, syncing to disk among it. */

import path from "node:path";
import type { NodeId } from "../../foundation/units.ts";
import { limits } from "../../consensus/contract.ts";
import type { MemberPorts } from "./etcd-member.ts";
import type { EtcdSettings } from "./etcd-settings.ts";

export interface MemberPlan {
  readonly node: NodeId;
  readonly directory: string;
  readonly ports: MemberPorts;
  /** The address under which all members know each. */
  readonly hosts: ReadonlyMap<NodeId, string>;
  readonly settings: EtcdSettings;
  readonly seed: number | string;
}

const peerPort = 2380;
/** A compare-and-swap carries two values; the default of 1.5 MiB would refuse what the contract allows. */
const maxRequestBytes = 4 * limits.valueBytes;
/** The most that etcd recommends: the default of 2 GiB would end a long run, since nothing is compacted. */
const quotaBytes = 8 * 1024 ** 3;

/** Returns the arguments for etcd 3.4 and later. */
export function memberArguments({ node, directory, ports, hosts, settings, seed }: MemberPlan): readonly string[] {
  const scheme = settings.tls ? "https" : "http";
  const listen = (port: number): string => `${scheme}://127.0.0.1:${port}`;
  const known = (host: string): string => `${scheme}://${host}:${peerPort}`;
  const options: Readonly<Record<string, string | number | boolean>> = {
    name: node,
    "data-dir": path.join(directory, "data"),
    "listen-client-urls": listen(ports.client),
    "advertise-client-urls": listen(ports.client),
    "listen-peer-urls": listen(ports.peer),
    "initial-advertise-peer-urls": known(hosts.get(node) ?? ""),
    "initial-cluster": [...hosts].map(([each, host]) => `${each}=${known(host)}`).join(","),
    "initial-cluster-token": `grey-${seed}`,
    "initial-cluster-state": "new",
    "heartbeat-interval": settings.heartbeatIntervalMs,
    "election-timeout": settings.electionTimeoutMs,
    "max-request-bytes": maxRequestBytes,
    "quota-backend-bytes": quotaBytes,
    logger: "zap",
    "log-outputs": "stderr",
    "log-level": "warn",
    ...(settings.tls ? { ...tlsOptions("", directory), ...tlsOptions("peer-", directory) } : {}),
  };
  return Object.entries(options).map(([name, value]) => `--${name}=${value}`);
}

function tlsOptions(prefix: "" | "peer-", directory: string): Readonly<Record<string, string | boolean>> {
  return {
    [`${prefix}cert-file`]: path.join(directory, "certificate.pem"),
    [`${prefix}key-file`]: path.join(directory, "key.pem"),
    [`${prefix}trusted-ca-file`]: path.join(directory, "authority.pem"),
    [`${prefix}client-cert-auth`]: true,
  };
}
