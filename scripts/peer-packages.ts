/** The systems from elsewhere that the harness compares with: how each is found, and its Debian packages. */

import type { Sought } from "../implementations/platform/node/executable.ts";
import { postgresqlProgram } from "../implementations/platform/node/postgresql-server.ts";
import { redisProgram } from "../implementations/platform/node/redis-server.ts";

export interface PeerPackage {
  readonly name: string;
  readonly programs: readonly (Sought & {
    /** The environment variable that names another binary. */
    readonly variable: string;
  })[];
  /** Packages of Debian and Ubuntu. */
  readonly packages: readonly string[];
}

export const peerPackages: readonly PeerPackage[] = [
  { name: "etcd", programs: [{ name: "etcd", variable: "GREY_ETCD" }], packages: ["etcd-server"] },
  { name: "postgresql", programs: [postgresqlProgram], packages: ["postgresql"] },
  { name: "redis", programs: [redisProgram], packages: ["redis-server"] },
];

/** What this machine offers. */
export interface Machine {
  readonly isRoot: boolean;
  readonly hasApt: boolean;
  readonly isInstalled: (program: PeerPackage["programs"][number]) => boolean;
}

export type InstallPlan =
  | { readonly kind: "nothing" }
  | { readonly kind: "install"; readonly packages: readonly string[] }
  /** It cannot be done from here; `advice` says what a person can do. */
  | { readonly kind: "refuse"; readonly advice: string };

/** Decides what has to be done so that every one of `peers` is there. */
export function planInstallation(peers: readonly PeerPackage[], machine: Machine): InstallPlan {
  const missing = peers.filter(({ programs }) => !programs.every(machine.isInstalled));
  if (missing.length === 0) return { kind: "nothing" };
  const packages = [...new Set(missing.flatMap((each) => each.packages))];
  if (machine.hasApt && machine.isRoot) return { kind: "install", packages };
  const command = `apt-get install ${packages.join(" ")}`;
  const otherwise = missing
    .flatMap(({ programs }) => programs)
    .map(({ name, variable }) => `${name} in ${variable}`)
    .join(", ");
  const advice = machine.hasApt
    ? `Cannot install ${packages.join(", ")}: that takes root. Run \`sudo ${command}\`, or name ${otherwise}.`
    : `Cannot install ${packages.join(", ")}: there is no apt-get here. Install them as this system does, or name ${otherwise}.`;
  return { kind: "refuse", advice };
}
