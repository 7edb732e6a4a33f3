/**
 * Goal: the trace names one leader per term, in the right term in the end, and every start and stop once.
 * Method: what members say, as etcd says it: a new leader with the term of the one before.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { consensusVocabulary } from "../consensus/vocabulary.ts";
import { TraceHub } from "../trace-hub.ts";
import { MemberTrace } from "./member-trace.ts";

const status = (member: bigint, leader: bigint, term: number) => ({
  member,
  leader,
  term,
  raftIndex: 9,
  appliedIndex: 9,
  databaseBytes: 0,
  version: "3.4.23",
});

test("a new leader is told in its own term, and a start once per life", () => {
  const hub = new TraceHub(consensusVocabulary);
  const leaders = new Map<number, string>();
  const [one, two] = [new MemberTrace("n1", hub, leaders), new MemberTrace("n2", hub, leaders)];
  const told: string[] = [];
  hub.observe(({ node, event }) => {
    told.push(event.kind === "role" ? `${node} ${event.role} ${event.term}` : `${node} ${event.kind}`);
  });
  one.started(1);
  one.started(1); // A second attempt at a port.
  one.observed(status(1n, 1n, 2));
  one.observed(status(1n, 1n, 2));
  one.ended(0);
  two.observed(status(2n, 2n, 2)); // Elected, and nothing of its own term applied yet.
  assert.equal(hub.leader, undefined);
  two.observed(status(2n, 2n, 3));
  assert.equal(hub.leader, "n2");
  two.observed(status(2n, 0n, 3));
  assert.deepEqual(told, ["n1 start", "n1 leader 2", "n1 stop", "n2 leader 3", "n2 follower 3"]);
});
