// Goal: an election is timed from the winner's own stand, and a leader that was lost for no reason is counted.
// Method: hand-written traces of a few role changes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fault, measured, role } from "./block.fixture.ts";
import { candidacyToLeader, spuriousElections } from "./election-probes.ts";

test("from candidacy to leader: of the winner, in the term it won; a loser's stand is nobody's time", () => {
  const trace = [
    role(1000, "n2", "pre-candidate"),
    role(1002, "n3", "pre-candidate"),
    role(1004, "n2", "candidate"),
    role(1005, "n3", "candidate"),
    role(1030, "n2", "candidate"),
    role(1037, "n2", "leader"),
    role(2000, "n1", "candidate"),
    role(2003, "n1", "leader"),
  ];
  assert.deepEqual(measured(candidacyToLeader, { trace }), [
    ["candidacy-to-leader-ms", 7],
    ["pre-candidacy-to-leader-ms", 37],
    ["candidacy-to-leader-ms", 3],
  ]);
});

test("the election at start, before the load, is not timed", () => {
  const trace = [role(-30, "n1", "pre-candidate"), role(-20, "n1", "candidate"), role(-10, "n1", "leader")];
  assert.deepEqual(measured(candidacyToLeader, { trace }), []);
});

test("spurious elections: those under the delay, not before it settled nor after it ended", () => {
  const faults = [fault("delay", 100, 5000, ["n1", "n2", "n3"])];
  const trace = [
    role(50, "n1", "leader"),
    role(300, "n2", "leader"),
    role(1500, "n3", "pre-candidate"),
    role(1510, "n3", "candidate"),
    role(1520, "n3", "leader"),
    role(5100, "n1", "leader"),
  ];
  assert.deepEqual(measured(spuriousElections(1000), { faults, trace }), [
    ["spurious-elections", 1],
    ["spurious-pre-votes", 1],
  ]);
});
