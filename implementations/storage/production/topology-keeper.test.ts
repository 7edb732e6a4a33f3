/**
 * Goal: a proposer never proposes two topologies at one ballot, however slow its disk is.
 * Method: one keeper on a port whose writes complete when the test says so. What whole clusters do is in
 * `rebalance.test.ts`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../foundation/prng.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import { rebalanceDefaults } from "./rebalance-port.ts";
import type { RebalancePort } from "./rebalance-port.ts";
import { changingData, foundingData } from "./topologies.ts";
import { initialElector } from "./topology-agreement.ts";
import { TopologyKeeper } from "./topology-keeper.ts";
import type { TopologyMessage } from "./topology-messages.ts";

test("attempts that wait for a slow disk together have ballots of their own", () => {
  const time = new VirtualTime();
  const sent: TopologyMessage[] = [];
  const writes: (() => void)[] = [];
  const port: RebalancePort = {
    self: "n1",
    clock: time,
    random: seededRandom("keeper"),
    send: (_, message) => sent.push(message),
    persist: (_name, _value, done) => writes.push(() => done(true)),
    mayHold: () => false,
    scanSlot: (_slot, _from, _maxBytes, done) => done(undefined),
    takeOver: (_records, _floors, done) => done(true),
    dropSlots: (_slots, done) => done(true),
    onTopology: () => {},
    trace: () => {},
  };
  const founding = { members: ["n1", "n2", "n3"], replicationFactor: 3, virtualNodes: 16 };
  const topology = foundingData(founding);
  const stored = { life: "life", number: 1, topology, elector: initialElector, proposed: 0 };
  const hooks = { prepare: (_topology: unknown, _number: number, done: () => void) => done(), followed: () => {} };
  const keeper = new TopologyKeeper(port, rebalanceDefaults, founding, stored, hooks);
  keeper.start();

  for (const newcomer of ["n4", "n5", "n6"]) {
    const next = changingData(topology, [...founding.members, newcomer], new Map([[newcomer, newcomer]]));
    assert.ok(next !== undefined);
    keeper.propose(next);
    keeper.withdraw();
    keeper.propose(next);
  }
  for (let write = writes.shift(); write !== undefined; write = writes.shift()) write();

  const ballots = sent.flatMap((message) => (message.kind === "topology-prepare" ? [message.ballot] : []));
  const perElector = founding.members.length - 1;
  assert.ok(ballots.length >= 2 * perElector, "several attempts were made");
  assert.equal(new Set(ballots).size * perElector, ballots.length, "each ballot was sent once to each other elector");
});
