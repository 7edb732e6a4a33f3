/**
 * Goal: the client repeats only what does no harm, ends by the deadline, and says "fail" only if nothing can have been
 * done.
 * Method: attempts that end as a list says, in virtual time.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome } from "../../foundation/deployment.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import { limits } from "../contract.ts";
import type { StorageOperation, StorageResult } from "../contract.ts";
import { ServerClient } from "./server-client.ts";
import type { AttemptEnd } from "./server-client.ts";

const put: StorageOperation = { kind: "put", key: "k", value: "v", level: "one" };
const get: StorageOperation = { kind: "get", key: "k", level: "one" };
const done: AttemptEnd = { kind: "ok", result: { kind: "put", version: 1 } };
const unsent: AttemptEnd = { kind: "unsent" };
const lost: AttemptEnd = { kind: "lost" };
const errorOf = (code: "OVERLOADED" | "NOT_FOUND" | "SESSION_EXPIRED" | "CAPACITY_EXCEEDED"): AttemptEnd => ({
  kind: "error",
  code,
});

interface Run {
  readonly outcome: Outcome<StorageResult>;
  readonly timeouts: readonly number[];
  readonly endMs: number;
}

/** Invokes `operation` with a deadline of 1000 ms; the last of `ends` is that of every further attempt. */
function run(operation: StorageOperation, repeats: boolean, ends: readonly AttemptEnd[]): Run {
  const time = new VirtualTime();
  const timeouts: number[] = [];
  const client = new ServerClient({
    attempt: (_request, timeoutMs, ended) => {
      const end = ends[Math.min(timeouts.push(timeoutMs), ends.length) - 1];
      assert.ok(end !== undefined);
      time.after(end.kind === "silence" ? timeoutMs : 1, () => ended(end));
    },
    clock: time,
    random: seededRandom("client"),
    repeats,
    attemptTimeoutMs: 100,
    retryPauseMs: 10,
  });
  let outcome: Outcome<StorageResult> | undefined;
  client.invoke({ session: 1, sequence: 1, operation }, 1000, (value) => (outcome = value));
  while (outcome === undefined && time.step());
  assert.ok(outcome !== undefined, "it ends");
  return { outcome, timeouts, endMs: time.nowMs() };
}

test("a change that is not repeated is sent once, with all the time there is", () => {
  const silent = run(put, false, [{ kind: "silence" }]);
  assert.deepEqual(silent, { outcome: { kind: "info", code: "REPLY_TIMEOUT" }, timeouts: [1000], endMs: 1000 });
  assert.deepEqual(run(put, false, [lost]).outcome, { kind: "info", code: "CONNECTION_LOST" });
  assert.equal(run(put, false, [lost, done]).timeouts.length, 1);
});

test("what was never sent, or refused before it began, is tried again", () => {
  for (const repeats of [false, true]) {
    const { outcome, timeouts } = run(put, repeats, [unsent, errorOf("OVERLOADED"), done]);
    assert.deepEqual([outcome.kind, timeouts.length], ["ok", 3]);
    const never = run(put, repeats, [unsent]);
    assert.deepEqual(never.outcome, { kind: "fail", code: "UNAVAILABLE" });
    assert.ok(never.endMs <= 1000 && never.timeouts.length > 10);
  }
});

test("reads are repeated always, changes where the workload may repeat them", () => {
  for (const [operation, repeats] of [
    [get, false],
    [put, true],
  ] as const) {
    const { outcome, timeouts } = run(operation, repeats, [lost, { kind: "silence" }, done]);
    assert.deepEqual([outcome.kind, timeouts[0], timeouts.length], ["ok", 100, 3]);
  }
});

test("once an attempt may have been done, the end is not definite, unless it is an answer", () => {
  const refused = run(put, true, [lost, unsent]);
  assert.equal(refused.outcome.kind, "info");
  assert.deepEqual(run(put, true, [lost, errorOf("CAPACITY_EXCEEDED")]).outcome.kind, "info");
  assert.deepEqual(run(put, true, [lost, errorOf("NOT_FOUND")]).outcome, { kind: "fail", code: "NOT_FOUND" });
  const late = run(put, true, [errorOf("SESSION_EXPIRED"), done]);
  assert.deepEqual(late.outcome, { kind: "info", code: "SESSION_EXPIRED" }, "asking again would not help");
});

test("limits are the contract's, in bytes, and a key is not empty", () => {
  const refused: Outcome<StorageResult> = { kind: "fail", code: "MALFORMED_REQUEST" };
  const keys = ["ü".repeat(limits.keyBytes / 2), "k".repeat(limits.keyBytes)];
  for (const key of keys) assert.equal(run({ ...put, key }, false, [done]).outcome.kind, "ok");
  for (const key of ["", ...keys.map((each) => `${each}x`)]) {
    assert.deepEqual(run({ ...put, key }, false, [done]).outcome, refused);
  }
  const value = "v".repeat(limits.valueBytes);
  assert.equal(run({ ...put, value }, false, [done]).outcome.kind, "ok");
  assert.deepEqual(run({ ...put, value: `${value}v` }, false, [done]).outcome, refused);
  const cas: StorageOperation = { kind: "cas", key: "k", from: `${value}v`, to: "" };
  assert.deepEqual(run(cas, false, [done]).outcome, refused);
});
