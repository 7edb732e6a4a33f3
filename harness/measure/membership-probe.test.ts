// Goal: a membership change is timed on the leader that took it through, from joint to the commit of the final entry.
// Method: hand-written traces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { commit, event, measured, role } from "./block.fixture.ts";
import { membershipChange } from "./membership-probe.ts";

const configuration = (ms: number, node: string, index: number, outgoing: readonly string[]) =>
  event(ms, node, { kind: "configuration", index, voters: ["n1", "n2", "n4"], outgoing, learners: [] });

const leads = role(0, "n1", "leader");
const joint = configuration(100, "n1", 20, ["n1", "n2", "n3"]);

test("from the joint configuration to the commit that covers the final one, on the leader alone", () => {
  const trace = [
    leads,
    joint,
    configuration(101, "n2", 20, ["n1", "n2", "n3"]),
    commit(103, "n1", 20),
    configuration(104, "n1", 21, []),
    configuration(105, "n2", 21, []),
    commit(106, "n1", 20),
    commit(109, "n1", 22),
    commit(110, "n2", 22),
    commit(120, "n1", 25),
  ];
  assert.deepEqual(measured(membershipChange, { trace }), [["membership-change-ms", 9]]);
});

test("a change that did not end, or whose leader was lost, is not timed", () => {
  assert.deepEqual(measured(membershipChange, { trace: [leads, joint, commit(103, "n1", 20)] }), []);
  const lost = [leads, joint, role(102, "n1", "follower"), configuration(104, "n1", 21, []), commit(109, "n1", 22)];
  assert.deepEqual(measured(membershipChange, { trace: lost }), []);
});

test("the first configuration, which replaces none, is no change", () => {
  assert.deepEqual(
    measured(membershipChange, { trace: [leads, configuration(1, "n1", 1, []), commit(3, "n1", 1)] }),
    [],
  );
});
