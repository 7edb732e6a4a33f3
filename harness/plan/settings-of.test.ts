/**
 * Goal: what is meant for one implementation reaches that one, and no other.
 * Method: examples of both kinds, and both together.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsOf } from "./settings-of.ts";

test("a plain setting goes to all, one with a name before it to that one, where it counts more", () => {
  const settings = { "etcd.tls": false, electionTimeoutMs: 150, "etcd.electionTimeoutMs": 1000 };
  assert.deepEqual(settingsOf("etcd", settings), { tls: false, electionTimeoutMs: 1000 });
  assert.deepEqual(settingsOf("production", settings), { electionTimeoutMs: 150 });
  assert.deepEqual(settingsOf("etc", settings), { electionTimeoutMs: 150 });
  assert.deepEqual(settingsOf("etcd", {}), {});
});
