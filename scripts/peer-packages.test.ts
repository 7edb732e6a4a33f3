/**
 * Goal: one command installs what is missing and nothing else, and where it cannot, it says what a person can do.
 * Method: the decision alone, on machines that are made up.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { peerPackages, planInstallation } from "./peer-packages.ts";

const bare = { isRoot: true, hasApt: true, isInstalled: () => false };
const two = [
  ...peerPackages,
  { name: "other", programs: [{ name: "otherd", variable: "GREY_OTHER" }], packages: ["other-server", "etcd-server"] },
];

test("installs the packages of what is missing, each once", () => {
  const packages = ["etcd-server", "postgresql", "redis-server", "other-server"];
  assert.deepEqual(planInstallation(two, bare), { kind: "install", packages });
  const has = (...names: string[]) => ({
    ...bare,
    isInstalled: ({ name }: { readonly name: string }) => names.includes(name),
  });
  const allButOther = has("etcd", "postgres", "redis-server");
  assert.deepEqual(planInstallation(two, allButOther), { kind: "install", packages: ["other-server", "etcd-server"] });
  assert.deepEqual(planInstallation(peerPackages, allButOther), { kind: "nothing" });
  const withoutServer = has("etcd", "redis-server", "initdb");
  assert.deepEqual(planInstallation(peerPackages, withoutServer), { kind: "install", packages: ["postgresql"] });
});

test("without root, or without apt-get, it says what a person can do", () => {
  const unprivileged = planInstallation(peerPackages, { ...bare, isRoot: false });
  assert.ok(unprivileged.kind === "refuse");
  assert.match(
    unprivileged.advice,
    /sudo apt-get install etcd-server postgresql redis-server.*GREY_ETCD.*GREY_POSTGRES.*GREY_REDIS/,
  );
  const elsewhere = planInstallation(peerPackages, { ...bare, hasApt: false });
  assert.ok(elsewhere.kind === "refuse");
  assert.match(elsewhere.advice, /no apt-get.*GREY_ETCD/);
  assert.deepEqual(planInstallation(peerPackages, { isRoot: false, hasApt: false, isInstalled: () => true }), {
    kind: "nothing",
  });
});
