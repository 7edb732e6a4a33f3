/**
 * Goal: the doctor judges rightly, changes nothing, and turns what fails into advice.
 * Method: the judgements on chosen measurements; then one examination of this machine, with a directory that does not
 * exist and one that cannot be had.
 */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { clock, cores, doctor, judgedBytes, judgedSync, nodeVersion, peer } from "./doctor.ts";
import type { Finding } from "./doctor.ts";

const folder = mkdtempSync(join(tmpdir(), "grey-doctor-"));
after(() => rmSync(folder, { recursive: true }));

describe("judgements", () => {
  const rows: readonly (readonly [Finding, Finding["level"]])[] = [
    [nodeVersion("24.12.0"), "ok"],
    [nodeVersion("25.0.0"), "ok"],
    [nodeVersion("24.11.9"), "problem"],
    [nodeVersion("20.20.2"), "problem"],
    [cores(2), "ok"],
    [cores(1), "warning"],
    [judgedBytes("Memory", 4, { problem: 2, warning: 4 }, ""), "ok"],
    [judgedBytes("Memory", 3, { problem: 2, warning: 4 }, ""), "warning"],
    [judgedBytes("Memory", 1, { problem: 2, warning: 4 }, ""), "problem"],
    [judgedSync([0.2, 0.3, 9]), "ok"],
    [judgedSync([20, 30, 40]), "warning"],
    [judgedSync([0.001]), "warning"],
    [clock(50), "ok"],
    [clock(100_000), "warning"],
    [clock(15_600_000), "problem"],
    [peer("etcd", true), "ok"],
    [peer("etcd", "install it"), "warning"],
  ];
  for (const [finding, level] of rows) {
    test(`${finding.subject}, ${finding.found}: ${level}`, () => {
      assert.equal(finding.level, level);
      assert.equal(finding.advice === undefined, level === "ok");
    });
  }
});

async function examine(findings: AsyncIterable<Finding>): Promise<readonly Finding[]> {
  const all: Finding[] = [];
  for await (const finding of findings) all.push(finding);
  return all;
}

describe("an examination", () => {
  const subjects = [
    "Node",
    "Memory",
    "Cores",
    "Disk space",
    "Results directory",
    "Loopback",
    "TLS 1.3",
    "Clock",
    "Peer etcd",
    "Peer postgresql",
    "Peer redis",
    "Peer bullmq",
    "Peer piscina",
    "Peer p-queue",
  ];

  test("of this machine leaves nothing behind", async () => {
    const findings = await examine(doctor(join(folder, "new", "deep")));
    assert.deepEqual(
      findings.map(({ subject }) => subject),
      subjects,
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  test("of a directory that cannot be had names the problem and goes on", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const findings = await examine(doctor(join(file, "results")));
    const found = findings.find(({ subject }) => subject === "Results directory");
    assert.equal(found?.level, "problem");
    assert.match(found.advice ?? "", /--out/);
    assert.equal(findings.length, subjects.length);
    assert.ok(existsSync(file));
  });
});
