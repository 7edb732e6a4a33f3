// Goal: the record of the machine is right where it can be read, and says "unavailable" where it cannot.
// Method: machines made of a few files (control groups of both versions, a bare one); the real machine for its shape.

import assert from "node:assert/strict";
import { hostname, tmpdir, userInfo } from "node:os";
import { test } from "node:test";
import { readEnvironment, readLimits } from "./environment.ts";
import { readGit } from "./git.ts";
import { samplePressure, stealRatio } from "./pressure.ts";

const machine =
  (files: Readonly<Record<string, string>>) =>
  (path: string): string | undefined =>
    files[path];

test("limits of a version 2 group, at its path or at the root a container sees", () => {
  assert.deepEqual(
    readLimits(
      machine({
        "/proc/self/cgroup": "0::/a/b\n",
        "/sys/fs/cgroup/a/b/cpu.max": "150000 100000\n",
        "/sys/fs/cgroup/memory.max": "max\n",
        "/proc/self/limits": "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024    4096    files\n",
      }),
    ),
    { cgroupCpus: 1.5, cgroupMemoryBytes: "unlimited", openFiles: 1024 },
  );
});

test("limits of version 1 groups", () => {
  assert.deepEqual(
    readLimits(
      machine({
        "/proc/self/cgroup": "4:memory:/m\n1:cpu,cpuacct:/c\n",
        "/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu/c/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/memory/m/memory.limit_in_bytes": "2147483648\n",
      }),
    ),
    { cgroupCpus: "unlimited", cgroupMemoryBytes: 2147483648, openFiles: "unavailable" },
  );
});

test("pressure is parsed, steal is the share between two samples", () => {
  const stat = (idle: number, steal: number) => `cpu  100 0 50 ${idle} 10 0 5 ${steal} 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n`;
  const files = {
    "/proc/loadavg": "1.25 0.5 0.1 1/100 4242\n",
    "/proc/pressure/io":
      "some avg10=2.50 avg60=1.00 avg300=0.10 total=987654\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
  };
  const before = samplePressure("before", "2026-01-31T07:45:00Z", machine({ ...files, "/proc/stat": stat(1000, 20) }));
  const later = samplePressure("after", "2026-01-31T07:46:00Z", machine({ ...files, "/proc/stat": stat(1090, 30) }));
  assert.equal(before.load1m, 1.25);
  assert.deepEqual(before.stalls, {
    cpu: "unavailable",
    io: { avg10Ratio: 0.025, totalUs: 987654 },
    memory: "unavailable",
  });
  assert.equal(stealRatio(before, later), 0.1);
});

test("a machine that tells nothing is unavailable throughout, not an error", () => {
  const nothing = machine({});
  assert.deepEqual(readLimits(nothing), {
    cgroupCpus: "unavailable",
    cgroupMemoryBytes: "unavailable",
    openFiles: "unavailable",
  });
  const sample = samplePressure("before", "2026-01-31T07:45:00Z", nothing);
  assert.deepEqual(
    [sample.load1m, sample.stolenTicks, sample.stalls.cpu],
    ["unavailable", "unavailable", "unavailable"],
  );
  assert.equal(stealRatio(sample, sample), "unavailable");
});

test("the real machine: software and sources are known, host and user are not named", () => {
  const root = new URL("../..", import.meta.url).pathname;
  const environment = readEnvironment({
    root,
    resultsDirectory: tmpdir(),
    seed: "7",
    npmUserAgent: "npm/11.4.2 node/v24.21.0 linux x64",
    pressure: [],
  });
  assert.equal(environment.software.npm, "11.4.2");
  assert.equal(environment.software.node, process.versions.node);
  assert.match(environment.source.lockfileSha256, /^[0-9a-f]{64}$/);
  const text = JSON.stringify(environment).split('"');
  assert.ok(!text.includes(hostname()) && !text.includes(userInfo().username));
});

test("git tells commit and dirtiness; a directory outside of it is undefined", () => {
  assert.equal(readGit(tmpdir()), undefined);
  const here = readGit(new URL(".", import.meta.url).pathname);
  if (here !== undefined) assert.match(here.sha, /^[0-9a-f]{40}$/);
});
