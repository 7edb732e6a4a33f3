/**
 * `npm run peers`: installs the Debian packages of every system from elsewhere that the harness compares with. What is
 * there already is left alone, so it may run any number of times; exit code 1 when something could not be installed.
 *
 * The services that some packages start are not used: the harness starts the binaries itself, on ports of its own.
 */

import { $ } from "zx";
import { findExecutable } from "../implementations/platform/node/executable.ts";
import { peerPackages, planInstallation } from "./peer-packages.ts";
import type { PeerPackage } from "./peer-packages.ts";

const isInstalled = (program: PeerPackage["programs"][number]): boolean => findExecutable(program) !== undefined;

const plan = planInstallation(peerPackages, {
  isRoot: process.getuid?.() === 0,
  hasApt: findExecutable({ name: "apt-get" }) !== undefined,
  isInstalled,
});
if (plan.kind === "refuse") {
  console.error(plan.advice);
  process.exitCode = 1;
} else if (plan.kind === "install") {
  const apt = $({ stdio: ["ignore", "inherit", "inherit"], nothrow: true, env: environment() });
  // Old lists name packages that mirrors no longer have; a source that fails need not be the one that is wanted.
  await apt`apt-get update -q`;
  await apt`apt-get install -q -y --no-install-recommends ${plan.packages}`;
}
for (const { name, programs } of peerPackages) {
  const where = programs.map((program) => findExecutable(program) ?? `${program.name} is missing`);
  console.log(`${name}: ${where.join(", ")}`);
  if (!programs.every(isInstalled)) process.exitCode = 1;
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
}
