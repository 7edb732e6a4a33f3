/**
 * Goal: the check speaks up for what pre-vote and randomised timeouts are for, and keeps silent where a fault could be
 * the cause. Method: short made-up runs of three nodes, each with the verdict it deserves.
 */

import assert from "node:assert/strict";
import test from "node:test";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { StruckFault } from "../nemesis/nemesis.ts";
import { LeadershipLiveness } from "./leadership-liveness.ts";
import type { Validity } from "./verdict.ts";

const timeoutMs = 100;

/** A run in which n1 was elected in term 1 at 0 ms. */
class Run {
  readonly liveness: LeadershipLiveness;

  constructor(keepsLeaders = true) {
    this.liveness = new LeadershipLiveness({ nodes: 3, electionTimeoutMs: timeoutMs, keepsLeaders });
    this.role(0, "n1", 1, "leader");
  }

  role(timeMs: number, node: NodeId, term: number, role: "leader" | "follower"): this {
    this.liveness.observe({ timeMs, node, event: { kind: "role", term, role } });
    return this;
  }

  stop(timeMs: number, node: NodeId): this {
    this.liveness.observe({ timeMs, node, event: { kind: "stop", orderly: false } });
    return this;
  }

  strike(atMs: number, kind: FaultKind, ...nodes: NodeId[]): StruckFault {
    const fault: StruckFault = {
      spec: { kind, target: nodes, placement: { at: "time", ms: atMs }, durationMs: 1 },
      target: nodes.join(" "),
      nodes,
      startMs: atMs,
      endMs: undefined,
      leader: undefined,
      efficacy: () => ({ count: 1, unit: "faults" }),
    };
    this.liveness.struck(fault, atMs);
    return fault;
  }

  validity(atMs: number): Validity {
    return this.liveness.result(atMs).validity;
  }
}

for (const keepsLeaders of [true, false]) {
  const verdict = keepsLeaders ? "invalid" : "valid";
  test(`a node that returns unseats the leader: ${verdict} ${keepsLeaders ? "with" : "without"} pre-vote`, () => {
    const run = new Run(keepsLeaders);
    const isolation = run.strike(1000, "isolate-one", "n3");
    run.liveness.ended(isolation, 1500);
    run.role(1510, "n1", 4, "follower").role(1700, "n2", 5, "leader");
    assert.equal(run.validity(2000), verdict);
  });
}

test("the leader may fall when it is hit itself, with a majority, before it settled, or under faults of links", () => {
  const hits: readonly (readonly [atMs: number, kind: FaultKind, ...nodes: NodeId[]])[] = [
    [1000, "isolate-one", "n1"],
    [1000, "kill", "n2", "n3"],
    [100, "isolate-one", "n3"],
    [1000, "loss", "n3"],
    [1000, "jump", "n3"],
  ];
  for (const [atMs, kind, ...nodes] of hits) {
    const run = new Run();
    const fault = run.strike(atMs, kind, ...nodes);
    run.liveness.ended(fault, atMs + 300);
    run.role(atMs + 310, "n1", 4, "follower").role(atMs + 400, "n2", 5, "leader");
    assert.equal(run.validity(atMs + 500), "valid", `${kind} on ${nodes.join(" ")} at ${atMs} ms`);
  }
});

test("a majority that is left alone elects within ten election timeouts", () => {
  for (const [electedMs, validity] of [
    [1900, "valid"],
    [2100, "invalid"],
  ] as const) {
    const run = new Run().stop(1000, "n1");
    run.strike(1000, "kill", "n1");
    run.role(electedMs, "n2", 2, "leader");
    assert.equal(run.validity(2200), validity, `elected at ${electedMs} ms`);
  }
  assert.equal(new Run().stop(1000, "n1").validity(2100), "invalid", "never elected");
});

test("without a majority, under faults of links, or with a leader in office nobody need be elected", () => {
  const lossy = new Run().stop(1000, "n1");
  lossy.strike(1000, "loss", "n1", "n2", "n3");
  const split = new Run().stop(1000, "n1");
  split.strike(1000, "kill", "n1", "n2");
  const led = new Run();
  led.strike(1000, "kill", "n2");
  for (const run of [lossy, split, led]) assert.equal(run.validity(9000), "valid");
});

test("a leader that nobody can reach is none", () => {
  const run = new Run();
  run.strike(1000, "isolate-one", "n1");
  assert.equal(run.validity(2100), "invalid");
});
