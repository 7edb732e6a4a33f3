// Goal: an election's length is what a user waits for, from the loss of the leader to the first sign of the next one,
// and is charged to what took the leader away.
// Method: hand-written traces.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import type { ConsensusEvent } from "../../implementations/consensus/contract.ts";
import type { StruckFault } from "../nemesis/nemesis.ts";
import { ElectionWatch } from "./election-watch.ts";

const started: ConsensusEvent = {
  kind: "start",
  life: 1,
  term: 0,
  votedFor: null,
  snapshotIndex: 0,
  snapshotTerm: 0,
  entries: [],
};

class Trace {
  readonly watch = new ElectionWatch(3);

  /** A cluster whose n1 won term 1 after 40 ms. */
  static begun(): Trace {
    const trace = new Trace();
    for (const node of ["n1", "n2", "n3"]) trace.at(0, node, started);
    return trace.leads(40, "n1", 1);
  }

  at(timeMs: number, node: string, event: ConsensusEvent): this {
    this.watch.observe({ timeMs, node, event });
    return this;
  }

  leads(timeMs: number, node: string, term: number): this {
    return this.at(timeMs, node, { kind: "role", term, role: "leader" });
  }

  struck(atMs: number, kind: FaultKind, nodes: readonly string[], leader: string | undefined): this {
    const spec = { kind, target: "leader", placement: { at: "time", ms: atMs }, durationMs: 100 } as const;
    const fault: StruckFault = {
      spec,
      target: "",
      nodes,
      leader,
      startMs: atMs,
      endMs: undefined,
      efficacy: () => ({ count: 1, unit: "" }),
    };
    this.watch.faultStruck(fault, atMs);
    return this;
  }

  /** Trigger, winner and length of each election after the first. */
  get later(): readonly (readonly [string, string, number])[] {
    return this.watch.elections
      .slice(1)
      .map(({ trigger, leader, durationMs }) => [trigger, leader, durationMs] as const);
  }
}

test("the first election counts from the first node's start", () => {
  const { elections } = Trace.begun().watch;
  assert.deepEqual(elections, [{ trigger: "start", term: 1, leader: "n1", durationMs: 40, atMs: 40 }]);
});

test("a killed leader: from the kill, not from when the others noticed", () => {
  const trace = Trace.begun().struck(1000, "kill", ["n1"], "n1");
  trace.at(1003, "n1", { kind: "stop", orderly: false });
  trace.at(1150, "n2", { kind: "role", term: 2, role: "candidate" }).leads(1180, "n2", 2);
  assert.deepEqual(trace.later, [["kill", "n2", 180]]);
});

test("an isolated leader: the next one's election ends it, not the old one's late step down", () => {
  const trace = Trace.begun().struck(1000, "isolate-one", ["n1"], "n1").leads(1200, "n3", 2);
  trace.at(1500, "n1", { kind: "role", term: 2, role: "follower" });
  trace.leads(9000, "n2", 3);
  assert.deepEqual(trace.later, [["isolate-one", "n3", 200]]);
});

test("a leader that steps down or stops by itself is timed from then", () => {
  const steppedDown = Trace.begun().at(500, "n1", { kind: "role", term: 2, role: "follower" }).leads(650, "n2", 2);
  assert.deepEqual(steppedDown.later, [["stepped down", "n2", 150]]);
  const stopped = Trace.begun().at(500, "n1", { kind: "stop", orderly: true }).leads(700, "n2", 2);
  assert.deepEqual(stopped.later, [["stopped", "n2", 200]]);
});

test("a majority taken away is told apart: nobody could be elected meanwhile", () => {
  const trace = Trace.begun().struck(1000, "kill", ["n1", "n2"], "n1").leads(3000, "n3", 2);
  assert.deepEqual(trace.later, [["majority lost", "n3", 2000]]);
});

test("faults that hit a follower, cost nobody the office, or are long past, are charged with nothing", () => {
  assert.deepEqual(Trace.begun().struck(1000, "kill", ["n2"], "n1").leads(1200, "n3", 2).later, []);
  assert.deepEqual(Trace.begun().struck(1000, "skew", ["n1"], "n1").leads(1200, "n3", 2).later, []);
  assert.deepEqual(Trace.begun().struck(1000, "kill", ["n1"], undefined).leads(1200, "n3", 2).later, []);
  assert.deepEqual(Trace.begun().struck(1000, "pause", ["n1"], "n1").leads(12_000, "n3", 2).later, []);
});

test("a term is won once, and news of an old term's leader changes nothing", () => {
  const trace = Trace.begun().struck(1000, "kill", ["n1"], "n1").leads(1200, "n2", 3);
  trace.leads(1201, "n2", 3).leads(1300, "n3", 2);
  assert.deepEqual(trace.later, [["kill", "n2", 200]]);
});
