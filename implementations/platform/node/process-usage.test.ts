/**
 * Goal: what another process uses is told in bytes and milliseconds, or not at all.
 * Method: this process, which knows the same of itself; a process that does not exist.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { processUsage } from "./process-usage.ts";

test("this process, as it knows itself", () => {
  const { residentBytes, cpuMs } = processUsage(process.pid);
  if (!existsSync("/proc/self/stat")) return assert.deepEqual([residentBytes, cpuMs], [undefined, undefined]);
  const rss = process.memoryUsage.rss();
  assert.ok(
    residentBytes !== undefined && residentBytes > rss / 2 && residentBytes < rss * 2,
    `${residentBytes} of ${rss}`,
  );
  const { user, system } = process.cpuUsage();
  const ownMs = (user + system) / 1000;
  // The system rounds each of the two down to a hundredth of a second.
  assert.ok(cpuMs !== undefined && cpuMs <= ownMs && cpuMs >= ownMs / 2 - 20, `${cpuMs} ms of ${ownMs} ms`);
});

test("a process that is not there", () => {
  const nothing = { residentBytes: undefined, cpuMs: undefined };
  assert.deepEqual(processUsage(undefined), nothing);
  assert.deepEqual(processUsage(2 ** 30), nothing);
});
