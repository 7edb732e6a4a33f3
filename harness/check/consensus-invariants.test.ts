/**
 * Goal: every broken claim of consensus is found at the step that breaks it, under its own id, and nothing else is.
 *
 * Method: short traces by hand. The sound ones contain what looks suspicious and is allowed (a conflicting tail
 * removed, a late vote, a restart that lost unsynced entries, a snapshot over a kept tail); each of the others breaks
 * one rule, most of them the way a known Raft bug does.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import type { ConsensusEvent, ConsensusView, EntryTrace, Role } from "../../implementations/consensus/contract.ts";
import { ConsensusInvariants } from "./consensus-invariants.ts";
import { worstOf } from "./verdict.ts";
import type { InvariantId } from "./violations.ts";

type Step = readonly [node: string, event: ConsensusEvent];

const start = (node: string, life = 1, term = 0, votedFor: string | null = null, entries: EntryTrace[] = []): Step => [
  node,
  { kind: "start", life, term, votedFor, snapshotIndex: 0, snapshotTerm: 0, entries },
];
const role = (node: string, term: number, name: Role): Step => [node, { kind: "role", term, role: name }];
const vote = (node: string, term: number, candidate: string): Step => [node, { kind: "vote", term, candidate }];
const append = (node: string, after: number, ...entries: EntryTrace[]): Step => [
  node,
  { kind: "append", after, entries },
];
const commit = (node: string, term: number, index: number): Step => [node, { kind: "commit", term, index }];
const apply = (node: string, index: number, ...digests: number[]): Step => [node, { kind: "apply", index, digests }];
const snapshot = (node: string, index: number, term: number, installed: boolean): Step => [
  node,
  { kind: "snapshot", index, term, installed },
];
const stop = (node: string): Step => [node, { kind: "stop", orderly: false }];
const entry = (term: number, digest: number): EntryTrace => ({ term, digest });

/** Three nodes; n1 wins term 1 and commits two entries that n2 has and n3 has not. */
const opening: readonly Step[] = [
  start("n1"),
  start("n2"),
  start("n3"),
  role("n1", 1, "candidate"),
  vote("n1", 1, "n1"),
  vote("n2", 1, "n1"),
  role("n1", 1, "leader"),
  append("n1", 0, entry(1, 0), entry(1, 11)),
  append("n2", 0, entry(1, 0), entry(1, 11)),
  commit("n1", 1, 2),
  apply("n1", 2, 0, 11),
];

function run(steps: readonly Step[], options = { durable: true, exact: true }): ConsensusInvariants {
  const invariants = new ConsensusInvariants({ durable: options.durable });
  if (options.exact) for (const node of ["n1", "n2", "n3"]) invariants.view(node, view({}));
  steps.forEach(([node, event], index) => invariants.observe({ timeMs: index, node, event }));
  return invariants;
}

function view(changes: Partial<ConsensusView>): ConsensusView {
  return {
    life: 1,
    term: 0,
    votedFor: null,
    role: "follower",
    leader: null,
    commitIndex: 0,
    appliedIndex: 0,
    lastIndex: 0,
    ...changes,
  };
}

function brokenIds(invariants: ConsensusInvariants): InvariantId[] {
  return invariants
    .results()
    .filter(({ validity }) => validity === "invalid")
    .map(({ id }) => id as InvariantId);
}

const sound: readonly (readonly [name: string, steps: readonly Step[]])[] = [
  ["replication", opening],
  [
    "a conflicting tail is removed",
    [
      ...opening,
      append("n1", 2, entry(1, 12)),
      stop("n1"),
      vote("n2", 2, "n2"),
      vote("n3", 2, "n2"),
      role("n2", 2, "leader"),
      append("n2", 2, entry(2, 0)),
      append("n3", 0, entry(1, 0), entry(1, 11), entry(2, 0)),
      commit("n2", 2, 3),
      start("n1", 2, 1, "n1", [entry(1, 0), entry(1, 11), entry(1, 12)]),
      append("n1", 2, entry(2, 0)),
      commit("n1", 2, 3),
      apply("n1", 3, 0, 11, 0),
    ],
  ],
  ["a vote leaves behind a newer one", [...opening, vote("n3", 4, "n2"), vote("n3", 3, "n1")]],
  ["the same vote is sent twice", [...opening, vote("n2", 1, "n1")]],
  [
    "entries that were not acknowledged are lost in a crash",
    [...opening, append("n2", 2, entry(1, 12)), stop("n2"), start("n2", 2, 1, "n1", [entry(1, 0), entry(1, 11)])],
  ],
  [
    "a snapshot brings a follower up to date",
    [
      ...opening,
      snapshot("n1", 2, 1, false),
      snapshot("n3", 2, 1, true),
      append("n1", 2, entry(1, 12)),
      append("n3", 2, entry(1, 12)),
      commit("n1", 1, 3),
      commit("n3", 1, 3),
      apply("n3", 3, 12),
    ],
  ],
  [
    "a node restarts on its snapshot",
    [
      ...opening,
      snapshot("n1", 2, 1, false),
      stop("n1"),
      ["n1", { kind: "start", life: 2, term: 1, votedFor: "n1", snapshotIndex: 2, snapshotTerm: 1, entries: [] }],
    ],
  ],
  ["identical entries are written again below the commit index", [...opening, append("n1", 1, entry(1, 11))]],
];

for (const [name, steps] of sound) {
  test(`sound: ${name}`, () => {
    const invariants = run(steps);
    assert.deepEqual(brokenIds(invariants), [], invariants.firstViolation?.counterexample);
    assert.equal(worstOf(invariants.results().map(({ validity }) => validity)), "valid");
  });
}

const broken: readonly (readonly [name: string, id: InvariantId, steps: readonly Step[]])[] = [
  ["two leaders in a term", "election-safety", [...opening, role("n3", 1, "leader")]],
  ["a second vote in a term", "election-safety", [...opening, vote("n2", 1, "n3")]],
  [
    "a restarted node votes again in the term",
    "election-safety",
    [...opening, stop("n2"), start("n2", 2, 1, "n1", [entry(1, 0), entry(1, 11)]), vote("n2", 1, "n3")],
  ],
  [
    "the vote is not recovered",
    "election-safety",
    [...opening, stop("n2"), start("n2", 2, 1, null, [entry(1, 0), entry(1, 11)])],
  ],
  [
    "the term is not recovered",
    "election-safety",
    [...opening, stop("n2"), start("n2", 2, 0, null, [entry(1, 0), entry(1, 11)])],
  ],
  [
    "a leader commits that a majority did not elect",
    "election-safety",
    [
      ...opening,
      vote("n2", 2, "n2"),
      role("n2", 2, "leader"),
      append("n2", 2, entry(2, 0)),
      append("n3", 0, entry(1, 0), entry(1, 11), entry(2, 0)),
      commit("n2", 2, 3),
    ],
  ],
  ["one index and term, two entries", "log-matching", [...opening, append("n3", 0, entry(1, 0), entry(1, 99))]],
  ["one index and term, two prefixes", "log-matching", [...opening, append("n3", 0, entry(0, 5), entry(1, 11))]],
  ["a gap in the log", "log-matching", [...opening, append("n3", 1, entry(1, 11))]],
  [
    "a leader without a committed entry",
    "leader-completeness",
    [...opening, vote("n3", 2, "n3"), vote("n2", 2, "n3"), role("n3", 2, "leader")],
  ],
  [
    "a leader commits by counting replicas of an entry of an older term",
    "leader-completeness",
    [
      start("n1"),
      start("n2"),
      start("n3"),
      role("n1", 1, "leader"),
      append("n1", 0, entry(1, 1)),
      role("n3", 2, "leader"),
      append("n3", 0, entry(2, 2)),
      vote("n1", 3, "n1"),
      vote("n2", 3, "n1"),
      role("n1", 3, "leader"),
      append("n2", 0, entry(1, 1)),
      commit("n1", 3, 1),
    ],
  ],
  [
    "what was committed by an entry of an older term is overwritten (figure 8)",
    "leader-completeness",
    [
      start("n1"),
      start("n2"),
      start("n3"),
      role("n1", 1, "leader"),
      append("n1", 0, entry(1, 1)),
      role("n3", 2, "leader"),
      append("n3", 0, entry(2, 2)),
      vote("n1", 3, "n1"),
      vote("n2", 3, "n1"),
      role("n1", 3, "leader"),
      append("n2", 0, entry(1, 1)),
      commit("n2", 3, 1),
      vote("n3", 4, "n3"),
      vote("n2", 4, "n3"),
      role("n3", 4, "leader"),
    ],
  ],
  [
    "different entries applied at an index",
    "state-machine-safety",
    [...opening, append("n3", 0, entry(1, 0), entry(2, 22)), commit("n3", 2, 1), apply("n3", 1, 0), commit("n3", 2, 2)],
  ],
  [
    "an applied entry that is not in the log",
    "state-machine-safety",
    [...opening, commit("n2", 1, 2), apply("n2", 2, 0, 7)],
  ],
  ["an entry is applied twice", "state-machine-safety", [...opening, apply("n1", 2, 11)]],
  ["an older snapshot replaces newer state", "state-machine-safety", [...opening, snapshot("n1", 1, 1, true)]],
  ["a snapshot of what is not committed", "state-machine-safety", [...opening, snapshot("n3", 5, 1, true)]],
  ["the commit index falls", "monotonic-indexes", [...opening, commit("n1", 1, 1)]],
  ["the term falls", "monotonic-indexes", [...opening, role("n3", 5, "follower"), role("n3", 4, "candidate")]],
  ["committed past the end of the log", "monotonic-indexes", [...opening, commit("n3", 1, 1)]],
  ["applied before it is committed", "monotonic-indexes", [...opening, apply("n2", 1, 0)]],
  [
    "a late duplicate cuts the log after its entries",
    "monotonic-indexes",
    [...opening, commit("n2", 1, 2), append("n2", 0, entry(1, 0))],
  ],
  [
    "a leader cuts its own log",
    "monotonic-indexes",
    [...opening, append("n1", 2, entry(1, 12)), append("n1", 2, entry(1, 13))],
  ],
  ["a leader commits alone", "monotonic-indexes", [...opening, append("n1", 2, entry(1, 12)), commit("n1", 1, 3)]],
  [
    "an acknowledged entry is lost in a crash",
    "monotonic-indexes",
    [...opening, stop("n2"), start("n2", 2, 1, "n1", [entry(1, 0)])],
  ],
];

for (const [name, id, steps] of broken) {
  test(`${id}: ${name}`, () => {
    const invariants = run(steps);
    assert.ok(brokenIds(invariants).includes(id), `found ${brokenIds(invariants).join(", ") || "nothing"}`);
    // The last step is the one that breaks it, and nothing before it does.
    assert.deepEqual(brokenIds(run(steps.slice(0, -1))), []);
    assert.equal(invariants.firstViolation?.timeMs, steps.length - 1);
  });
}

const founders = ["n1", "n2", "n3"];
const configuration = (node: string, index: number, voters: string[], outgoing: string[] = []): Step => [
  node,
  { kind: "configuration", index, voters, outgoing, learners: [] },
];
/** n1 leads and has committed its no-op; n2 leads the next term and has committed nothing of it. */
const successor: readonly Step[] = [
  ...opening,
  stop("n1"),
  vote("n2", 2, "n2"),
  vote("n3", 2, "n2"),
  role("n2", 2, "leader"),
  append("n2", 2, entry(2, 0)),
];
const changes: readonly (readonly [name: string, isSound: boolean, steps: readonly Step[]])[] = [
  ["one voter more", true, [...opening, append("n1", 2, entry(1, 5)), configuration("n1", 3, [...founders, "n4"])]],
  ["two voters replaced at once", false, [...opening, configuration("n1", 3, ["n1", "n4", "n5"])]],
  ["the same by way of a joint one", true, [...opening, configuration("n1", 3, ["n1", "n4", "n5"], founders)]],
  [
    "one voter more before an entry of the own term is committed (M-CON-16)",
    false,
    [...successor, append("n2", 3, entry(2, 5)), configuration("n2", 4, [...founders, "n4"])],
  ],
  [
    "a joint configuration then",
    true,
    [...successor, append("n2", 3, entry(2, 5)), configuration("n2", 4, [...founders, "n4"], founders)],
  ],
  [
    "another change before the first is committed",
    false,
    [...opening, configuration("n1", 3, [...founders, "n4"]), configuration("n1", 4, founders)],
  ],
  [
    "a configuration outlives its entry (M-CON-18)",
    false,
    [...opening, append("n2", 2, entry(1, 5)), configuration("n2", 3, founders, ["n4"]), append("n2", 2, entry(1, 6))],
  ],
];

for (const [name, isSound, steps] of changes) {
  test(`configuration-safety: ${name} is ${isSound ? "allowed" : "found"}`, () => {
    const invariants = new ConsensusInvariants({ durable: true, founders });
    steps.forEach(([node, event], index) => invariants.observe({ timeMs: index, node, event }));
    const found = invariants.results().find(({ id }) => id === "configuration-safety");
    assert.equal(found?.validity, isSound ? "valid" : "invalid", found?.summary);
  });
}

test("state after a step: terms, votes and indexes against the step before", () => {
  const cases: readonly (readonly [id: InvariantId, before: Partial<ConsensusView>, after: Partial<ConsensusView>])[] =
    [
      ["monotonic-indexes", { term: 3 }, { term: 2 }],
      ["monotonic-indexes", { commitIndex: 4, lastIndex: 4 }, { commitIndex: 3, lastIndex: 4 }],
      ["monotonic-indexes", { appliedIndex: 2, commitIndex: 2, lastIndex: 2 }, { commitIndex: 2, lastIndex: 2 }],
      ["monotonic-indexes", {}, { appliedIndex: 2, commitIndex: 1, lastIndex: 2 }],
      ["monotonic-indexes", {}, { commitIndex: 3, lastIndex: 2 }],
      ["election-safety", { term: 2, votedFor: "n2" }, { term: 2, votedFor: "n3" }],
      ["election-safety", { term: 2, votedFor: "n2" }, { term: 2, votedFor: null }],
    ];
  for (const [id, before, after] of cases) {
    const invariants = new ConsensusInvariants({ durable: true });
    invariants.view("n1", view(before));
    assert.deepEqual(brokenIds(invariants), []);
    invariants.view("n1", view(after));
    assert.equal(invariants.firstViolation?.id, id);
  }
  const restarted = new ConsensusInvariants({ durable: false });
  restarted.view("n1", view({ term: 3, votedFor: "n1", commitIndex: 4, lastIndex: 4 }));
  restarted.view("n1", view({ life: 2 }));
  assert.equal(restarted.firstViolation, undefined);
});

test("what only the order between nodes can tell is not judged in a cluster", () => {
  const followerFirst: readonly Step[] = [
    start("n1"),
    start("n2"),
    append("n2", 0, entry(1, 0)),
    commit("n2", 1, 1),
    role("n1", 1, "leader"),
    append("n1", 0, entry(1, 0)),
    commit("n1", 1, 1),
  ];
  assert.deepEqual(brokenIds(run(followerFirst, { durable: true, exact: false })), []);
});

test("a commit that becomes known late is still held against the leaders of later terms", () => {
  const steps: readonly Step[] = [
    start("n1"),
    start("n2"),
    start("n3"),
    append("n1", 0, entry(1, 7)),
    role("n3", 2, "leader"),
    append("n3", 0, entry(2, 0)),
    commit("n1", 1, 1),
  ];
  assert.deepEqual(brokenIds(run(steps, { durable: true, exact: false })), ["leader-completeness"]);
});

test("a snapshot that arrives before its entries waits for them; one that never gets them is unknown", () => {
  const early: readonly Step[] = [
    start("n3"),
    snapshot("n3", 2, 1, true),
    append("n3", 2, entry(1, 12)),
    ...opening.filter(([node, event]) => !(node === "n3" && event.kind === "start")),
  ];
  const wrong: readonly Step[] = [...early, append("n1", 2, entry(1, 13))];
  const options = { durable: true, exact: false };
  assert.equal(
    worstOf(
      run(early, options)
        .results()
        .map(({ validity }) => validity),
    ),
    "valid",
  );
  assert.deepEqual(brokenIds(run(wrong, options)), ["log-matching"]);
  assert.equal(
    worstOf(
      run(early.slice(0, 3), options)
        .results()
        .map(({ validity }) => validity),
    ),
    "unknown",
  );
});

test("a node that forgets by design may vote again; a wiped node may too", () => {
  const again: readonly Step[] = [...opening, stop("n2"), start("n2", 2, 0), vote("n2", 1, "n3")];
  assert.deepEqual(brokenIds(run(again, { durable: false, exact: true })), []);
  const invariants = run(opening, { durable: true, exact: false });
  invariants.wiped("n2");
  for (const [node, event] of again.slice(opening.length)) invariants.observe({ timeMs: 99, node, event });
  assert.deepEqual(brokenIds(invariants), []);
});

test("a counterexample tells the events before the violation, of the nodes concerned", () => {
  const invariants = run([...opening, vote("n2", 1, "n3")]);
  assert.equal(
    invariants.results()[0]?.counterexample,
    `11.000 ms: n2 votes for n3 in term 1, in which it voted for n1
Events before it:
         0.000 ms  n1  starts life 1: term 0, no vote, 0 entries
         1.000 ms  n2  starts life 1: term 0, no vote, 0 entries
         2.000 ms  n3  starts life 1: term 0, no vote, 0 entries
         3.000 ms  n1  is candidate in term 1
         4.000 ms  n1  votes for n1 in term 1
         5.000 ms  n2  votes for n1 in term 1
         6.000 ms  n1  is leader in term 1
         7.000 ms  n1  appends after 0: term:digest 1:no-op, 1:0000000b
         8.000 ms  n2  appends after 0: term:digest 1:no-op, 1:0000000b
         9.000 ms  n1  commits up to 2 in term 1
        10.000 ms  n1  applies up to 2: digests no-op, 0000000b
        11.000 ms  n2  votes for n3 in term 1`,
  );
});

test("whatever nodes do, it is judged: a broken implementation never breaks the checker", () => {
  const small = fc.nat({ max: 6 });
  const node = fc.constantFrom("n1", "n2", "n3");
  const entries = fc.array(fc.record({ term: small, digest: small }), { maxLength: 4 });
  const event: fc.Arbitrary<ConsensusEvent> = fc.oneof(
    fc.record({
      kind: fc.constant("start" as const),
      life: small,
      term: small,
      votedFor: fc.option(node),
      snapshotIndex: small,
      snapshotTerm: small,
      entries,
    }),
    fc.record({
      kind: fc.constant("role" as const),
      term: small,
      role: fc.constantFrom<Role>("follower", "candidate", "leader"),
    }),
    fc.record({ kind: fc.constant("vote" as const), term: small, candidate: node }),
    fc.record({ kind: fc.constant("append" as const), after: small, entries }),
    fc.record({ kind: fc.constant("commit" as const), term: small, index: small }),
    fc.record({ kind: fc.constant("apply" as const), index: small, digests: fc.array(small, { maxLength: 3 }) }),
    fc.record({ kind: fc.constant("snapshot" as const), index: small, term: small, installed: fc.boolean() }),
    fc.record({
      kind: fc.constant("configuration" as const),
      index: small,
      voters: fc.uniqueArray(node, { minLength: 1 }),
      outgoing: fc.uniqueArray(node),
      learners: fc.uniqueArray(node),
    }),
    fc.record({ kind: fc.constant("stop" as const), orderly: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(node, event), { maxLength: 60, size: "max" }), fc.boolean(), (steps, exact) => {
      const invariants = run(steps, { durable: true, exact });
      assert.equal(invariants.results().length, 6);
    }),
    { seed: 5, numRuns: 3000 },
  );
});

test("an event costs about a microsecond, a million entries fit", (context) => {
  const invariants = new ConsensusInvariants({ durable: true });
  const events: Step[] = [];
  const batch = 10;
  for (let after = 0; after < 300_000; after += batch) {
    const entries = Array.from({ length: batch }, (_, offset) => entry(1, (after + offset) * 7 + 1));
    const digests = entries.map(({ digest }) => digest);
    for (const node of ["n1", "n2", "n3"]) events.push(append(node, after, ...entries));
    for (const node of ["n1", "n2", "n3"]) {
      events.push(commit(node, 1, after + batch), apply(node, after + batch, ...digests));
    }
  }
  const before = process.threadCpuUsage();
  for (const [node, event] of events) invariants.observe({ timeMs: 0, node, event });
  const perEventUs = process.threadCpuUsage(before).user / events.length;
  context.diagnostic(`${perEventUs.toFixed(2)} us per event of ${batch} entries`);
  assert.deepEqual(brokenIds(invariants), []);
  assert.ok(perEventUs < 20, "generous for a busy machine");
});
