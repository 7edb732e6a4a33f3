/**
 * Goal: a worker is taken away when the order or the shares justify it, from the right one, and never otherwise.
 * Method: examples, one per rule and one per exception.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseVictim } from "./preemption-policy.ts";
import type { PreemptionQuestion, RunningAttempt } from "./preemption-policy.ts";

const running = (slot: number, rank: number, more: Partial<RunningAttempt> = {}): RunningAttempt => ({
  slot,
  tenant: 0,
  rank,
  startedMs: 0,
  askedMs: undefined,
  ...more,
});

function victim(question: Partial<PreemptionQuestion>): number | undefined {
  return chooseVictim({ nowMs: 50, quantumMs: 10, running: [], waiting: [], virtualMsOf: () => 0, ...question });
}

test("the worst-ranked task makes room for a better one of its tenant", () => {
  const busy = [running(1, -3), running(2, -1), running(3, -2)];
  assert.equal(victim({ running: busy, waiting: [{ tenant: 0, rank: -4 }] }), 2);
  assert.equal(victim({ running: busy, waiting: [{ tenant: 0, rank: -1.99 }] }), 2, "a level better, but younger");
  assert.equal(victim({ running: busy, waiting: [{ tenant: 0, rank: -1.01 }] }), undefined, "an equal, but older");
  assert.equal(victim({ running: busy, waiting: [{ tenant: 1, rank: -9 }] }), undefined, "ranks bind one tenant only");
  assert.equal(victim({ running: busy, waiting: [] }), undefined);
});

test("the richest tenant makes room for a poorer one, after its quantum", () => {
  const virtualMsOf = (tenant: number): number => [30, 20, 10][tenant] ?? 0;
  const busy = [running(1, -5), running(2, -9), running(3, 0, { tenant: 1 })];
  const waiting = [{ tenant: 2, rank: 0 }];
  assert.equal(victim({ running: busy, waiting, virtualMsOf }), 1);
  const fresh = busy.map((each) => (each.tenant === 0 ? { ...each, startedMs: 45 } : each));
  assert.equal(victim({ running: fresh, waiting, virtualMsOf }), 3, "the next richest that has had its quantum");
  assert.equal(victim({ running: busy, waiting, virtualMsOf: () => 10 }), undefined, "nobody is poorer");
  assert.equal(
    victim({ running: busy, waiting: [{ tenant: 0, rank: 0 }], virtualMsOf }),
    undefined,
    "the richest waits",
  );
});

test("one is asked at a time, but for those that do not react", () => {
  const waiting = [{ tenant: 0, rank: -9 }];
  assert.equal(victim({ running: [running(1, 0), running(2, 0, { askedMs: 40 })], waiting }), undefined);
  const deaf = running(2, 5, { askedMs: -60 });
  assert.equal(victim({ running: [running(1, 0), deaf], waiting }), 1);
  assert.equal(victim({ running: [deaf], waiting }), undefined, "nobody is asked twice");
});

test("without a quantum nobody is asked", () => {
  assert.equal(victim({ quantumMs: 0, running: [running(1, 0)], waiting: [{ tenant: 0, rank: -9 }] }), undefined);
});
