/**
 * Goal: one epoch has one successor, whoever proposes and whatever is lost.
 * Method: the pure parts in a soup of messages: any may be delivered next, twice, late or never; proposers give up and
 * try again with another value, electors crash before or after they have stored what they are about to say. Hundreds
 * of seeds; then the rules one by one.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../foundation/prng.ts";
import type { TopologyData } from "./topologies.ts";
import { foundingData } from "./topologies.ts";
import type { AcceptedTopology, ElectorState } from "./topology-agreement.ts";
import { acceptElector, ballotAbove, initialElector, prepareElector, Proposal } from "./topology-agreement.ts";

type SoupMessage =
  | { readonly kind: "prepare"; readonly to: number; readonly ballot: number }
  | { readonly kind: "accept"; readonly to: number; readonly accepted: AcceptedTopology }
  | {
      readonly kind: "promise";
      readonly from: number;
      readonly ballot: number;
      readonly accepted: AcceptedTopology | undefined;
    }
  | { readonly kind: "accepted"; readonly from: number; readonly ballot: number };

const first = foundingData({ members: ["n1", "n2", "n3", "n4", "n5"], replicationFactor: 3, virtualNodes: 1 });

function valueOf(name: number): TopologyData {
  return { ...first, epoch: 2, nextNumber: name };
}

/** @returns the names of all values that were decided, in the order of deciding. */
function runSoup(seed: number): readonly number[] {
  const random = seededRandom(`agreement ${seed}`);
  const electors = first.members.slice(0, random.below(2) === 0 ? 3 : 5);
  const durable = new Map<number, ElectorState>(electors.map(({ number }) => [number, initialElector]));
  const proposals = new Map<number, Proposal>();
  const soup: SoupMessage[] = [];
  const decided: number[] = [];
  let names = 0;

  const propose = (): void => {
    const number = 1 + random.below(4);
    const highest = [...proposals.keys()].filter((ballot) => ballot % 1024 === number);
    const ballot = ballotAbove(Math.max(0, ...highest) + random.below(3) * 1024, number);
    proposals.set(ballot, new Proposal(electors, ballot, valueOf(++names)));
    for (const elector of electors) soup.push({ kind: "prepare", to: elector.number, ballot });
  };
  const deliver = (message: SoupMessage): void => {
    if (message.kind === "prepare") {
      const next = prepareElector(durable.get(message.to)!, message.ballot);
      if (next === undefined || random.below(10) === 0) return;
      durable.set(message.to, next);
      if (random.below(10) === 0) return;
      soup.push({ kind: "promise", from: message.to, ballot: message.ballot, accepted: next.accepted });
    } else if (message.kind === "accept") {
      const next = acceptElector(durable.get(message.to)!, message.accepted);
      if (next === undefined || random.below(10) === 0) return;
      durable.set(message.to, next);
      if (random.below(10) === 0) return;
      soup.push({ kind: "accepted", from: message.to, ballot: message.accepted.ballot });
    } else if (message.kind === "promise") {
      const proposal = proposals.get(message.ballot)!;
      if (!proposal.onPromise(message.from, message.ballot, message.accepted)) return;
      const accepted = { ballot: proposal.ballot, value: proposal.value };
      for (const elector of electors) soup.push({ kind: "accept", to: elector.number, accepted });
    } else {
      const proposal = proposals.get(message.ballot)!;
      if (proposal.onAccepted(message.from, message.ballot)) decided.push(proposal.value.nextNumber);
    }
  };
  propose();
  for (let step = 0; step < 800 && soup.length > 0; step++) {
    if (random.below(25) === 0) propose();
    const index = random.below(soup.length);
    const message = soup[index]!;
    if (random.below(8) !== 0) soup.splice(index, 1);
    if (random.below(12) !== 0) deliver(message);
  }
  return decided;
}

test("600 soups: nothing but one value is ever decided, and mostly one is", () => {
  let runsWithDecision = 0;
  let repeated = 0;
  for (let seed = 0; seed < 600; seed++) {
    const decided = runSoup(seed);
    assert.ok(new Set(decided).size <= 1, `seed ${seed} decided ${decided.join(", ")}`);
    if (decided.length > 0) runsWithDecision++;
    if (decided.length > 1) repeated++;
  }
  assert.ok(runsWithDecision > 300, `${runsWithDecision} runs decided`);
  assert.ok(repeated > 50, `${repeated} runs decided more than once`);
});

test("an elector refuses what lies below its promise, and repeats itself otherwise", () => {
  const promised = prepareElector(initialElector, 2049)!;
  assert.equal(prepareElector(promised, 1026), undefined);
  assert.equal(acceptElector(promised, { ballot: 1026, value: valueOf(1) }), undefined);
  assert.deepEqual(prepareElector(promised, 2049), promised);
  const accepted = acceptElector(promised, { ballot: 2049, value: valueOf(1) })!;
  assert.deepEqual(prepareElector(accepted, 3073), { promised: 3073, accepted: accepted.accepted });
});

test("a proposer adopts the newest accepted value, counts electors once, and no strangers", () => {
  const electors = first.members.slice(0, 3);
  const proposal = new Proposal(electors, 4097, valueOf(9));
  assert.equal(proposal.onPromise(1, 4097, { ballot: 1025, value: valueOf(1) }), false);
  assert.equal(proposal.onPromise(1, 4097, undefined), false);
  assert.equal(proposal.onPromise(7, 4097, undefined), false);
  assert.equal(proposal.onPromise(2, 3073, undefined), false);
  assert.equal(proposal.onAccepted(1, 4097), false);
  assert.equal(proposal.onPromise(3, 4097, { ballot: 2050, value: valueOf(2) }), true);
  assert.equal(proposal.value.nextNumber, 2);
  assert.equal(proposal.onAccepted(1, 4097), false);
  assert.equal(proposal.onAccepted(1, 4097), false);
  assert.equal(proposal.onAccepted(3, 4097), true);
});

test("ballots of different members differ, and grow", () => {
  assert.equal(ballotAbove(0, 3), 1027);
  assert.equal(ballotAbove(1027, 3), 2051);
  assert.equal(ballotAbove(5000, 1), 5121);
});
