/**
 * Goal: version order, session monotonicity and durability hold of a store that keeps them, and each planted break is
 * found and named.
 *
 * Method: histories of a simulated store that counts changes, with contention, deletes and operations of unknown
 * outcome; then one break at a time, by hand and at random.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { HistoryEvent, HistoryFunction, HistoryScalar } from "../history/event.ts";
import { HistoryRecorder } from "../history/recorder.ts";
import { checkDurability, finalReads } from "./durability.ts";
import { checkSessions } from "./session-monotonicity.ts";
import { checkVersionOrder } from "./version-order.ts";

/** "3 write 7" .. "3 ok v2", "3 read" .. "3 ok 7 v2", "3 delete" .. "3 ok v3", "3 info"; all on key "x". */
function history(...lines: readonly string[]): readonly HistoryEvent[] {
  const recorder = new HistoryRecorder();
  lines.forEach((line, timeNs) => {
    const [process, verb, ...rest] = line.split(" ");
    const version = rest.find((word) => word.startsWith("v"))?.slice(1);
    const word = rest.find((one) => !one.startsWith("v"));
    const value = word === undefined || word === "nil" ? null : Number(word);
    if (verb === "ok" || verb === "info") {
      recorder.complete(timeNs, verb, Number(process), value, undefined, version === undefined ? undefined : +version);
    } else recorder.invoke(timeNs, Number(process), verb as HistoryFunction, "x", value);
  });
  return recorder.events;
}

interface Stored {
  readonly value: HistoryScalar;
  readonly version: number;
}

/** Operations take effect at one moment each, on a store that counts the changes of every key. */
function storeHistory(seed: number, operations: number): readonly HistoryEvent[] {
  const random = seededRandom(seed);
  const recorder = new HistoryRecorder();
  const store = new Map<string, Stored>();
  const changes = new Map<string, number>();
  const flights: { process: number; f: HistoryFunction; key: string; value: number; reply?: Stored | "absent" }[] = [];
  const idle = [0, 1, 2, 3, 4, 5, 6, 7];
  let [issued, nextProcess] = [0, 8];
  for (let timeNs = 0; issued < operations || flights.length > 0; timeNs++) {
    if (issued < operations && idle.length > 0 && random.below(3) === 0) {
      const process = idle.splice(random.below(idle.length), 1)[0]!;
      const key = `k${random.below(3)}`;
      const f = (["read", "read", "write", "write", "delete"] as const)[random.below(5)]!;
      recorder.invoke(timeNs, process, f, key, f === "write" ? ++issued : (issued++, null));
      flights.push({ process, f, key, value: issued });
      continue;
    }
    const flight = flights[random.below(Math.max(1, flights.length))];
    if (flight === undefined) continue;
    const { process, f, key } = flight;
    const held = store.get(key) ?? { value: null, version: 0 };
    if (flight.reply === undefined && random.below(20) > 0) {
      if (f === "read") flight.reply = held;
      else if (f === "delete" && held.value === null) flight.reply = "absent";
      else {
        const version = (changes.get(key) ?? 0) + 1;
        changes.set(key, version);
        store.set(key, f === "write" ? { value: flight.value, version } : { value: null, version: 0 });
        flight.reply = { value: f === "write" ? flight.value : null, version };
      }
      continue;
    }
    flights.splice(flights.indexOf(flight), 1);
    const isLost = flight.reply === undefined || random.below(20) === 0;
    if (isLost) recorder.complete(timeNs, "info", process, null, "REPLY_TIMEOUT");
    else if (flight.reply === "absent") recorder.complete(timeNs, "fail", process, null, "NOT_FOUND");
    else recorder.complete(timeNs, "ok", process, flight.reply!.value, undefined, flight.reply!.version);
    idle.push(isLost ? nextProcess++ : process);
  }
  for (const key of store.keys()) {
    recorder.invoke(1e9, 1000, "read", key, null);
    recorder.complete(1e9, "ok", 1000, store.get(key)!.value, undefined, store.get(key)!.version);
  }
  return recorder.events;
}

test("a store that keeps its promises is valid", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const events = storeHistory(seed, 300);
    for (const result of [checkVersionOrder(events), checkSessions(events)]) {
      assert.equal(result.validity, "valid", `seed ${seed}: ${result.summary}`);
      assert.ok(result.count > 150);
    }
    const durability = checkDurability({ history: events, ...finalReads(events) });
    assert.equal(durability.validity, "valid", `seed ${seed}: ${durability.summary}`);
  }
});

test("a changed value of a version that somebody else saw is found", () => {
  let found = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const events = storeHistory(seed, 100);
    const random = seededRandom(`plant ${seed}`);
    const writes = events.filter(({ type, f, version = 0 }) => type === "ok" && f === "read" && version > 1);
    const target = writes[random.below(writes.length)];
    if (target === undefined) continue;
    const stale = events.map((event) => (event === target ? { ...event, value: -1 } : event));
    // A value that nobody else saw at that version is no contradiction.
    const witnesses = events.filter(({ key, version }) => key === target.key && version === target.version);
    if (witnesses.length < 2) continue;
    assert.equal(checkVersionOrder(stale).validity, "invalid", `seed ${seed}`);
    found++;
  }
  assert.ok(found > 30, String(found));
});

const versionOrder: readonly (readonly [name: string, validity: string, lines: readonly string[]])[] = [
  ["no versions", "unknown", ["1 write 1", "1 ok 1"]],
  ["writes that count up", "valid", ["1 write 1", "1 ok v1", "2 write 2", "2 ok v2"]],
  ["a write that counts down", "invalid", ["1 write 1", "1 ok v2", "2 write 2", "2 ok v1"]],
  ["concurrent writes in any order", "valid", ["1 write 1", "2 write 2", "1 ok v2", "2 ok v1"]],
  ["two writes of one version", "invalid", ["1 write 1", "2 write 2", "1 ok v1", "2 ok v1"]],
  ["a stale read after a write", "invalid", ["1 write 1", "1 ok v1", "1 write 2", "1 ok v2", "2 read", "2 ok 1 v1"]],
  [
    "an old read while it is overwritten",
    "valid",
    ["1 write 1", "1 ok v1", "1 write 2", "2 read", "2 ok 1 v1", "1 ok v2"],
  ],
  [
    "a read older than a read",
    "invalid",
    ["1 write 1", "1 ok v1", "1 write 2", "2 read", "2 ok 2 v2", "3 read", "3 ok 1 v1"],
  ],
  ["one version, two values", "invalid", ["1 write 1", "1 ok v1", "2 read", "2 ok 5 v1"]],
  ["an unknown write, read", "valid", ["1 write 1", "1 info", "2 read", "2 ok 1 v1", "3 write 3", "3 ok v2"]],
  ["nothing, though it was written", "invalid", ["1 write 1", "1 ok v1", "2 read", "2 ok nil v0"]],
  ["nothing, after a delete", "valid", ["1 write 1", "1 ok v1", "1 delete", "1 ok v2", "2 read", "2 ok nil v0"]],
  ["what was deleted", "invalid", ["1 write 1", "1 ok v1", "1 delete", "1 ok v2", "2 read", "2 ok 1 v1"]],
  [
    "counting starts anew after a delete",
    "invalid",
    ["1 write 1", "1 ok v1", "1 delete", "1 ok v2", "1 write 3", "1 ok v1"],
  ],
];
for (const [name, validity, lines] of versionOrder) {
  test(`version order: ${name}: ${validity}`, () => {
    assert.equal(checkVersionOrder(history(...lines)).validity, validity);
  });
}

const sessions: typeof versionOrder = [
  ["no versions", "unknown", ["1 read", "1 ok nil"]],
  ["another process may be behind", "valid", ["1 write 1", "1 ok v1", "1 write 2", "1 ok v2", "2 read", "2 ok 1 v1"]],
  ["its own write is not there", "invalid", ["1 write 1", "1 ok v1", "1 write 2", "1 ok v2", "1 read", "1 ok 1 v1"]],
  ["reads that go back", "invalid", ["1 read", "1 ok 2 v2", "1 read", "1 ok 1 v1"]],
  ["a write below what was read", "invalid", ["1 read", "1 ok 2 v2", "1 write 3", "1 ok v2"]],
  ["the same again", "valid", ["1 read", "1 ok 2 v2", "1 read", "1 ok 2 v2"]],
  ["its own write is gone", "invalid", ["1 write 1", "1 ok v1", "1 read", "1 ok nil v0"]],
  ["deleted by another", "valid", ["1 write 1", "1 ok v1", "2 delete", "2 ok v2", "1 read", "1 ok nil v0"]],
];
for (const [name, validity, lines] of sessions) {
  test(`sessions: ${name}: ${validity}`, () => {
    assert.equal(checkSessions(history(...lines)).validity, validity);
  });
}

const durable: typeof versionOrder = [
  ["nothing was changed", "unknown", ["1 read", "1 ok nil"]],
  ["the last write", "valid", ["1 write 1", "1 ok", "1 write 2", "1 ok", "9 read", "9 ok 2"]],
  ["lost", "invalid", ["1 write 1", "1 ok", "9 read", "9 ok nil"]],
  ["the one before", "invalid", ["1 write 1", "1 ok", "1 write 2", "1 ok", "9 read", "9 ok 1"]],
  ["either of two at once", "valid", ["1 write 1", "2 write 2", "1 ok", "2 ok", "9 read", "9 ok 1"]],
  ["a late write of unknown outcome", "valid", ["1 write 1", "1 info", "2 write 2", "2 ok", "9 read", "9 ok 1"]],
  ["nobody's value", "invalid", ["1 write 1", "1 ok", "9 read", "9 ok 5"]],
  ["deleted", "valid", ["1 write 1", "1 ok", "2 delete", "2 ok", "9 read", "9 ok nil"]],
  ["back after a delete", "invalid", ["1 write 1", "1 ok", "2 delete", "2 ok", "9 read", "9 ok 1"]],
  [
    "deleted, then written",
    "invalid",
    ["1 write 1", "1 ok", "2 delete", "2 ok", "2 write 3", "2 ok", "9 read", "9 ok nil"],
  ],
  ["never read again", "unknown", ["9 read", "9 ok nil", "1 write 1", "1 ok"]],
];
for (const [name, validity, lines] of durable) {
  test(`durability: ${name}: ${validity}`, () => {
    const events = history(...lines);
    assert.equal(checkDurability({ history: events, ...finalReads(events) }).validity, validity);
  });
}

test("where the later writer wins, an older change is enough, but not nobody's and not nothing", () => {
  const events = history("1 write 1", "1 ok", "2 write 2", "2 ok");
  const holding = (value: string | null): string =>
    checkDurability({ history: events, final: new Map([["x", value]]), isAnyOrder: true }).validity;
  assert.deepEqual(["1", "2", "3", null].map(holding), ["valid", "valid", "invalid", "invalid"]);
  assert.equal(checkDurability({ history: events, final: undefined }).validity, "unknown");
});

test("a problem names both operations", () => {
  const lines = ["1 write 1", "1 ok v1", "1 write 2", "1 ok v2", "2 read", "2 ok 1 v1"];
  assert.equal(
    checkVersionOrder(history(...lines)).summary,
    `client 2's read -> 1 (event 5, version 1 of key "x") was called after client 1's write 2 (event 3, version 2 of key "x") had returned`,
  );
});
