/**
 * Goal: the shortcut for strings gives the verdict of the search, and leaves to the search what it cannot tell.
 *
 * Method: thousands of small histories, of a simulated key or with some of what was read exchanged, with texts written
 * once, twice, or such that one is the start of another.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { HistoryEvent } from "../history/event.ts";
import { pairOperations } from "../history/operations.ts";
import { HistoryRecorder } from "../history/recorder.ts";
import { Budget } from "./budget.ts";
import { kvModel } from "./kv-model.ts";
import { judgeUniqueTexts } from "./kv-zones.ts";
import { checkLinearizability } from "./linearizability.ts";
import { isJudged } from "./model.ts";
import { searchLinearization } from "./search.ts";

const textsOf = {
  unique: (count: number) => `<${count}>`,
  repeated: (count: number) => "ab"[count % 2]!,
  overlapping: (count: number) => "a".repeat(1 + count),
} as const;

interface Small {
  readonly seed: number;
  readonly texts: keyof typeof textsOf;
  readonly operations: number;
  readonly exchanges: number;
}

function kvHistory({ seed, texts, operations, exchanges }: Small): readonly HistoryEvent[] {
  const random = seededRandom(seed);
  const recorder = new HistoryRecorder();
  const flights: { process: number; f: "get" | "put" | "append"; text: string; read: string | undefined }[] = [];
  let [value, issued, nextProcess] = ["", 0, 10];
  const idle = [0, 1, 2, 3];
  for (let timeNs = 0; issued < operations || flights.length > 0; timeNs++) {
    if (issued < operations && idle.length > 0 && random.below(2) === 0) {
      const process = idle.splice(random.below(idle.length), 1)[0]!;
      const f = (["get", "get", "put", "append", "append"] as const)[random.below(5)]!;
      const text = textsOf[texts](issued++);
      recorder.invoke(timeNs, process, f, "x", f === "get" ? null : text);
      flights.push({ process, f, text, read: undefined });
      continue;
    }
    const flight = flights[random.below(Math.max(1, flights.length))];
    if (flight === undefined) continue;
    const isLost = random.below(10) === 0;
    if (flight.read === undefined && (!isLost || random.below(2) === 0)) {
      if (flight.f === "put") value = flight.text;
      if (flight.f === "append") value += flight.text;
      flight.read = value;
      if (!isLost) continue;
    }
    flights.splice(flights.indexOf(flight), 1);
    const result = flight.f === "get" ? (flight.read ?? "") : null;
    recorder.complete(timeNs, isLost ? "info" : "ok", flight.process, result, isLost ? "REPLY_TIMEOUT" : undefined);
    idle.push(isLost ? nextProcess++ : flight.process);
  }
  let { events } = recorder;
  const reads = events.flatMap(({ f, type, value: read }) => (f === "get" && type === "ok" ? [read] : []));
  for (let exchange = 0; exchange < exchanges && reads.length > 0; exchange++) {
    const other = reads[random.below(reads.length)]!;
    const targets = events.filter(({ f, type }) => f === "get" && type === "ok");
    const target = targets[random.below(targets.length)];
    events = events.map((event) => (event === target ? { ...event, value: other } : event));
  }
  return events;
}

test("the shortcut's verdict is that of the search, and its order replays", () => {
  const found = { linearizable: 0, "not-linearizable": 0, open: 0 };
  const small: fc.Arbitrary<Small> = fc.record({
    seed: fc.nat(),
    texts: fc.constantFrom("unique", "unique", "repeated", "overlapping"),
    operations: fc.integer({ min: 1, max: 12 }),
    exchanges: fc.integer({ min: 0, max: 6 }),
  });
  const model = kvModel();
  fc.assert(
    fc.property(small, (one) => {
      const operations = pairOperations(kvHistory(one)).filter((operation) => isJudged(operation, model));
      const searched = searchLinearization(operations, model, new Budget());
      const { lookahead: _, ...blind } = model;
      assert.equal(searchLinearization(operations, blind, new Budget()).kind, searched.kind);
      const shortcut = judgeUniqueTexts(operations);
      found[shortcut.kind]++;
      if (one.exchanges === 0) assert.equal(searched.kind, "linearizable");
      if (shortcut.kind === "open") return assert.notEqual(one.texts, "unique");
      assert.equal(shortcut.kind, searched.kind);
      if (shortcut.kind !== "linearizable") return;
      let state: string | undefined = model.initial;
      for (const operation of shortcut.order) state = state === undefined ? state : model.step(state, operation);
      assert.notEqual(state, undefined);
    }),
    { seed: 1, numRuns: 4000 },
  );
  assert.ok(found.linearizable > 1000 && found["not-linearizable"] > 200 && found.open > 200, JSON.stringify(found));
});

test("a contradiction in one key is found although another is beyond reach", () => {
  const recorder = new HistoryRecorder();
  // Appends of even lengths at once, and a read of an odd one: every subset of them has to be tried. Two are
  // the same, so the shortcut does not apply.
  for (let process = 0; process < 24; process++) {
    recorder.invoke(0, process, "append", "hard", "a".repeat(2 * Math.max(1, process)));
  }
  for (let process = 0; process < 24; process++) recorder.complete(1, "ok", process, null);
  recorder.invoke(2, 0, "get", "hard", null);
  recorder.complete(3, "ok", 0, "a".repeat(601));
  recorder.invoke(4, 0, "get", "wrong", null);
  recorder.complete(5, "ok", 0, "never written");
  const verdict = checkLinearizability(recorder.events, kvModel(), { maxStates: 50_000 });
  assert.equal(verdict.validity, "invalid");
  assert.match(verdict.summary, /key "wrong"/);
});
