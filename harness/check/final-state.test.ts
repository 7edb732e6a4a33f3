/**
 * Goal: a lost, doubled, misplaced or invented value at the end is found, and every value that can be explained is
 * accepted; appends are judged by their positions exactly as the definition says.
 *
 * Method: examples for the final states; for the append list a property against a brute force over all orders.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { ConsensusState } from "../../implementations/consensus/contract.ts";
import type { HistoryEvent } from "../history/event.ts";
import { pairOperations } from "../history/operations.ts";
import type { Operation } from "../history/operations.ts";
import { HistoryRecorder } from "../history/recorder.ts";
import { checkAppendList } from "./append-list.ts";
import { checkFinalState } from "./final-state.ts";

/** Appends in a simulated list; then some positions are changed. */
function appendHistory(
  seed: number,
  clients: number,
  operations: number,
  infoPercent: number,
  changes: number,
): readonly HistoryEvent[] {
  const random = seededRandom(seed);
  const recorder = new HistoryRecorder();
  const flights: { process: number; position: number | undefined }[] = [];
  const idle = Array.from({ length: clients }, (_, process) => process);
  let [issued, length, next] = [0, 0, clients];
  for (let timeNs = 0; issued < operations || flights.length > 0; timeNs++) {
    if (issued < operations && idle.length > 0 && random.below(2) === 0) {
      const process = idle.pop()!;
      recorder.invoke(timeNs, process, "append", undefined, ++issued);
      flights.push({ process, position: undefined });
      continue;
    }
    const index = flights.length === 0 ? -1 : random.below(flights.length);
    const flight = flights[index];
    if (flight === undefined) continue;
    const isLost = random.below(100) < infoPercent;
    if (flight.position === undefined && !isLost) {
      flight.position = ++length;
      continue;
    }
    flights.splice(index, 1);
    if (isLost) recorder.complete(timeNs, "info", flight.process, null, "REPLY_TIMEOUT");
    else recorder.complete(timeNs, "ok", flight.process, flight.position!);
    idle.push(isLost ? next++ : flight.process);
  }
  let events = recorder.events;
  for (let change = 0; change < changes; change++) {
    const target = random.below(events.length);
    const value = 1 + random.below(length + 2);
    events = events.map((event, index) => (index === target && event.type === "ok" ? { ...event, value } : event));
  }
  return events;
}

/** The definition: some order, with some of the uncertain ones, gives everyone the position they were told. */
function bruteForce(operations: readonly Operation[], length = 0): boolean {
  const certain = operations.filter(({ outcome }) => outcome === "ok");
  if (certain.length === 0) return true;
  const firstReturn = Math.min(...certain.map((operation) => operation.return));
  return operations.some(
    (operation) =>
      operation.call < firstReturn &&
      (operation.outcome === "info" || operation.result === length + 1) &&
      bruteForce(
        operations.filter((other) => other !== operation),
        length + 1,
      ),
  );
}

test("appends with positions: the verdict is the definition's", () => {
  const found = { valid: 0, invalid: 0 };
  const arbitrary = fc.record({
    seed: fc.nat(),
    clients: fc.integer({ min: 1, max: 4 }),
    operations: fc.integer({ min: 1, max: 6 }),
    infoPercent: fc.constantFrom(0, 30),
    changes: fc.integer({ min: 0, max: 2 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ seed, clients, operations, infoPercent, changes }) => {
      const events = appendHistory(seed, clients, operations, infoPercent, changes);
      const expected = bruteForce(pairOperations(events)) ? "valid" : "invalid";
      found[expected]++;
      assert.equal(checkAppendList(events).validity, expected);
    }),
    { seed: 4, numRuns: 4000 },
  );
  assert.ok(found.valid > 800 && found.invalid > 800, JSON.stringify(found));
});

test("a hundred thousand appends are judged in a blink", (context) => {
  const events = appendHistory(1, 64, 100_000, 1, 0);
  const startMs = performance.now();
  assert.equal(checkAppendList(events).validity, "valid");
  context.diagnostic(`${Math.round(performance.now() - startMs)} ms`);
});

test("a counterexample of the append list names both operations", () => {
  const recorder = new HistoryRecorder();
  recorder.invoke(0, 1, "append", undefined, 10);
  recorder.complete(1, "ok", 1, 2);
  recorder.invoke(2, 2, "append", undefined, 20);
  recorder.complete(3, "ok", 2, 1);
  assert.match(
    checkAppendList(recorder.events).counterexample ?? "",
    /client 2's append 20 -> position 1 was called after client 1's append 10 -> position 2 had returned/,
  );
});

function history(
  script: readonly (readonly [process: number, f: "write" | "append", value: number, end: string, position?: number])[],
): readonly HistoryEvent[] {
  const recorder = new HistoryRecorder();
  script.forEach(([process, f, value, end, position], index) => {
    recorder.invoke(index * 2, process, f, f === "write" ? "x" : undefined, value);
    const type = end === "ok" || end === "fail" ? end : "info";
    recorder.complete(index * 2 + 1, type, process, position ?? value, type === "ok" ? undefined : "NOT_LEADER");
  });
  return recorder.events;
}

function verdicts(events: readonly HistoryEvent[], ...held: (Partial<ConsensusState> | undefined)[]): string {
  const states = new Map(
    held.map((state, index) => [
      `n${index + 1}`,
      state === undefined
        ? ({ kind: "out-of-service", reason: "down" } as const)
        : ({ kind: "state", state: { registers: [], list: [], ...state } } as const),
    ]),
  );
  const decodeValue = (text: string): number | undefined => (/^\d+$/.test(text) ? Number(text) : undefined);
  return checkFinalState({ history: events, states, decodeValue })
    .map(({ validity }) => validity)
    .join(" ");
}

test("the final list holds what was acknowledged, where it was, once, and nothing else", () => {
  const events = history([
    [1, "append", 10, "ok", 1],
    [2, "append", 20, "info"],
    [1, "append", 30, "fail"],
    [1, "append", 40, "ok", 3],
  ]);
  const listed = (...list: string[]): string => verdicts(events, { list }).split(" ")[1]!;
  assert.equal(listed("10", "20", "40"), "valid");
  assert.equal(listed("10", "40"), "invalid", "misplaced");
  assert.equal(listed("10", "20"), "invalid", "lost");
  assert.equal(listed("10", "30", "40"), "invalid", "definitely failed");
  assert.equal(listed("10", "20", "40", "40"), "invalid", "twice");
  assert.equal(listed("10", "20", "40", "50"), "invalid", "never asked for");
  assert.equal(listed("10", "20", "40", "?"), "invalid", "damaged");
});

test("a register ends with a write that nothing must have overwritten", () => {
  const events = history([
    [1, "write", 1, "ok"],
    [2, "write", 2, "info"],
    [1, "write", 3, "fail"],
    [1, "write", 4, "ok"],
  ]);
  const holding = (value: string | undefined): string =>
    verdicts(events, { registers: value === undefined ? [] : [["x", value]] }).split(" ")[2]!;
  assert.equal(holding("4"), "valid");
  assert.equal(holding("2"), "valid", "a write of unknown outcome may come late");
  assert.equal(holding("1"), "invalid", "overwritten");
  assert.equal(holding("3"), "invalid", "definitely failed");
  assert.equal(holding("9"), "invalid", "nobody's");
  assert.equal(holding(undefined), "invalid", "lost");
  assert.equal(verdicts([], { registers: [["x", "1"]] }), "valid valid invalid");
});

test("nodes in service must agree; those out of service do not count; nobody in service is unknown", () => {
  assert.equal(verdicts([], {}, {}, undefined), "valid valid valid");
  const events = history([[1, "append", 10, "ok", 1]]);
  assert.equal(verdicts(events, { list: ["10"] }, {}), "invalid invalid valid");
  assert.equal(verdicts(events, undefined), "unknown unknown unknown");
});
