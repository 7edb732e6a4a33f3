/**
 * Goal: the page holds the whole story and needs nothing else; its lanes and columns are those of the history.
 *
 * Method: pages of small histories, taken apart; the layout on its own. How it looks is judged by eye, in a browser.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { seededRandom } from "../../../implementations/foundation/prng.ts";
import type { HistoryEvent } from "../../history/event.ts";
import { pairOperations } from "../../history/operations.ts";
import type { Operation } from "../../history/operations.ts";
import { HistoryRecorder } from "../../history/recorder.ts";
import { checkLinearizability } from "../linearizability.ts";
import { registerModel } from "../register-model.ts";
import { simulateHistory } from "../simulated-history.ts";
import { drawContradiction } from "./draw-history.ts";
import { renderTimeline } from "./timeline.ts";

interface Placed {
  readonly call: number;
  readonly lane: number;
  readonly from: number;
  readonly to: number;
  readonly isOpen: boolean;
  readonly rank: number;
  readonly point?: number;
}
interface Lanes {
  readOperations(data: unknown): readonly unknown[];
  layOut(shown: readonly unknown[], byTime: boolean): { placed: readonly Placed[]; laneCount: number; width: number };
}
const lanes = (await import(new URL("lanes.js", import.meta.url).href)) as Lanes;

function pageOf(events: readonly HistoryEvent[], title = "history"): string {
  const orders = new Map<string, readonly Operation[]>();
  let blocked: Operation | undefined;
  const verdict = checkLinearizability(events, registerModel(), {
    onOrder: (key, order) => orders.set(key, order),
    onBlocked: (operation) => (blocked = operation),
  });
  const nemesis = [{ index: 2, timeNs: 2, text: ":start </script>" }];
  return renderTimeline({ title, verdict, operations: pairOperations(events), nemesis, orders, blocked });
}

function dataOf(page: string): { blocked: number | null; operations: unknown[][]; nemesis: unknown[] } {
  return JSON.parse(/<script id="data"[^>]*>(.*?)<\/script>/s.exec(page)![1]!) as ReturnType<typeof dataOf>;
}

const simulated = (operations: number): readonly HistoryEvent[] =>
  simulateHistory({
    random: seededRandom(operations),
    clients: 8,
    operations,
    keys: 2,
    functions: ["read", "write", "cas", "delete"],
    infoProbability: 0.05,
  });

test("a page is one file: it fetches nothing, its script is whole, and no value breaks out of it", () => {
  const recorder = new HistoryRecorder();
  recorder.invoke(0, 1, "write", "a", "</script><script>alert(1)</script>");
  recorder.complete(1, "ok", 1, null);
  recorder.invoke(2, 1, "read", "a", null);
  recorder.complete(3, "ok", 1, "<b>");
  const page = pageOf(recorder.events, "<i>name</i>");
  assert.doesNotMatch(page, /https?:|src=|@import|url\(|<i>|<b>|alert\(1\)<\/script>/);
  assert.equal(page.match(/<script/g)?.length, 2);
  const script = /<script type="module">(.*)<\/script>/s.exec(page)![1]!;
  assert.doesNotMatch(script, /^(import|export) /m);
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- only parsed
  assert.doesNotThrow(() => new Function(script));
});

test("the blocked operation, the order of the prefix before it, and the nemesis are on the page", () => {
  const recorder = new HistoryRecorder();
  recorder.invoke(0, 1, "write", "a", 1);
  recorder.complete(1, "ok", 1, 1);
  recorder.invoke(2, 2, "read", "a", null);
  recorder.complete(3, "ok", 2, 7);
  const { blocked, operations, nemesis } = dataOf(pageOf(recorder.events));
  assert.equal(blocked, 1);
  assert.deepEqual(
    operations.map((row) => row[10]),
    [0, -1],
  );
  assert.equal(nemesis.length, 1);
});

test("every operation of an order has a moment in its interval, later ones not earlier", () => {
  const page = pageOf(simulated(400));
  const { placed, laneCount } = lanes.layOut(lanes.readOperations(dataOf(page)), false);
  assert.equal(placed.length, 400);
  assert.ok(laneCount <= 16, `${laneCount} lanes for 8 clients`);
  // One of unknown outcome may take effect after its bar has faded.
  for (const { point, from, to, isOpen } of placed) {
    if (point !== undefined) assert.ok(from <= point && (isOpen || point <= to));
  }
  const byLane = Map.groupBy(placed, ({ lane }) => lane);
  for (const inLane of byLane.values()) {
    inLane.forEach(({ from }, index) =>
      assert.ok(index === 0 || inLane[index - 1]!.to <= from, "bars of a lane overlap"),
    );
  }
});

test("a long history keeps what is near the blocked operation", () => {
  const recorder = new HistoryRecorder();
  for (let value = 0; value < 25_000; value++) {
    recorder.invoke(value, 1, "write", value % 2 === 0 ? "a" : "b", value);
    recorder.complete(value, "ok", 1, value);
  }
  recorder.invoke(25_000, 1, "read", "a", null);
  recorder.complete(25_000, "ok", 1, -1);
  const page = pageOf(recorder.events);
  const { blocked, operations } = dataOf(page);
  assert.equal(operations.length, 20_000);
  assert.equal(blocked, 19_999);
  assert.match(page, /5001 more, further from the blocked one, are not on this page/);
});

test("a page is drawn where linearizability was found broken, also of one list", () => {
  const recorder = new HistoryRecorder();
  recorder.invoke(0, 1, "read", "a", null);
  recorder.complete(1, "ok", 1, 7);
  const verdict = checkLinearizability(recorder.events, registerModel());
  assert.equal(dataOf(drawContradiction("block", recorder.events, [verdict]) ?? "").blocked, 0);
  const sound = { ...verdict, validity: "valid" } as const;
  assert.equal(drawContradiction("block", recorder.events, [sound]), undefined);
  const appends = new HistoryRecorder();
  appends.invoke(0, 1, "append", undefined, 1);
  appends.complete(1, "ok", 1, 9);
  assert.equal(dataOf(drawContradiction("block", appends.events, [verdict]) ?? "").operations.length, 1);
});
