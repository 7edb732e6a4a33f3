// Goal: what a client does depends on the seed and on what became of its own operations; no two writes share a value;
// the confluent workload has one final state, whatever the interleaving.
// Method: drive the generators against a register machine of a few lines, in different orders.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Outcome } from "../../implementations/foundation/deployment.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { ConsensusOperation, ConsensusResult } from "../../implementations/consensus/contract.ts";
import type { KeyWorkloadSpec } from "../plan/plan.ts";
import { consensusRoom } from "../rooms/consensus/room.ts";
import type { ConsensusTypes } from "../rooms/consensus/room.ts";
import { damagedValue } from "./workload.ts";
import type { Call as AnyCall, Workload as AnyWorkload } from "./workload.ts";

type Call = AnyCall<ConsensusOperation>;
type Workload = AnyWorkload<ConsensusTypes>;

const ids = ["register", "append", "confluent"] as const;
const specOf = (id: KeyWorkloadSpec["id"], valueBytes = 16): KeyWorkloadSpec => ({
  id,
  valueBytes,
  keys: 3,
  readFraction: 0.3,
  casFraction: 0.3,
});
const workloadOf = (id: KeyWorkloadSpec["id"], clients = 4, seed = "workload"): Workload =>
  consensusRoom.createWorkload(specOf(id), clients, seededRandom(seed));

/** One register per key and one list, done one operation at a time. */
class Machine {
  readonly registers = new Map<string, string>();
  readonly list: string[] = [];

  perform({ operation }: Call): Outcome<ConsensusResult> {
    switch (operation.kind) {
      case "read":
        return { kind: "ok", result: { kind: "read", value: this.registers.get(operation.key) ?? null } };
      case "write":
        this.registers.set(operation.key, operation.value);
        return { kind: "ok", result: { kind: "write" } };
      case "cas":
        if ((this.registers.get(operation.key) ?? null) !== operation.from) {
          return { kind: "fail", code: "PRECONDITION_FAILED" };
        }
        this.registers.set(operation.key, operation.to);
        return { kind: "ok", result: { kind: "cas" } };
      case "append":
        this.list.push(operation.value);
        return { kind: "ok", result: { kind: "append", position: this.list.length } };
    }
  }
}

/** Lets the clients take their turns in the given order. */
function calls(workload: Workload, order: readonly number[], machine = new Machine()): Map<number, Call[]> {
  const made = new Map<number, Call[]>();
  for (const client of order) {
    const call = workload.next(client);
    workload.completed(client, call, machine.perform(call));
    made.set(client, [...(made.get(client) ?? []), call]);
  }
  return made;
}

const rounds = (clients: number, each: number): number[] =>
  Array.from({ length: clients * each }, (_, index) => index % clients);

for (const id of ids) {
  test(`${id}: no two writes of a run carry the same value`, () => {
    const made = [...calls(workloadOf(id), rounds(4, 200)).values()].flat();
    const written = made.flatMap(({ f, value }) => {
      if (f === "read") return [];
      return [Array.isArray(value) ? value[1] : value];
    });
    assert.ok(written.length > 400);
    assert.equal(new Set(written).size, written.length);
  });

  test(`${id}: the same seed gives the same operations; another seed gives others`, () => {
    const first = [...calls(workloadOf(id), rounds(4, 50))];
    assert.deepEqual([...calls(workloadOf(id), rounds(4, 50))], first);
    if (id === "append") return; // It draws nothing: its values are counted.
    assert.notDeepEqual([...calls(workloadOf(id, 4, "another"), rounds(4, 50))], first);
  });
}

test("confluent: each client's operations, and the final state, are the same in every interleaving", () => {
  const order = rounds(4, 30);
  const machine = new Machine();
  const made = calls(workloadOf("confluent"), order, machine);
  fc.assert(
    fc.property(fc.shuffledSubarray(order, { minLength: order.length }), (shuffled) => {
      const other = new Machine();
      assert.deepEqual(calls(workloadOf("confluent"), shuffled, other), made);
      assert.deepEqual(other.registers, machine.registers);
    }),
    { numRuns: 30 },
  );
});

test("confluent: every compare-and-swap finds what its client wrote, and the final keys are all that is written", () => {
  const workload = workloadOf("confluent");
  const machine = new Machine();
  for (const client of rounds(4, 100)) {
    const outcome = machine.perform(workload.next(client));
    assert.equal(outcome.kind, "ok");
  }
  assert.deepEqual([...machine.registers.keys()].toSorted(), [...workload.finalKeys()].toSorted());
  assert.equal(workload.untilDefinite, true);
});

test("register: a compare-and-swap starts from what the client last saw, so that many succeed", () => {
  const workload = workloadOf("register", 1);
  const machine = new Machine();
  let tried = 0;
  let succeeded = 0;
  for (let index = 0; index < 400; index++) {
    const call = workload.next(0);
    const outcome = machine.perform(call);
    workload.completed(0, call, outcome);
    if (call.f === "cas") tried++;
    if (call.f === "cas" && outcome.kind === "ok") succeeded++;
  }
  assert.ok(tried > 60);
  assert.ok(succeeded > tried / 2, `${succeeded} of ${tried}`);
});

test("a value that nobody wrote comes back as damaged, not as a number", () => {
  const workload = workloadOf("register");
  const call = workload.read("k0");
  const completed = (value: string | null): unknown =>
    workload.completed(0, call, { kind: "ok", result: { kind: "read", value } }).value;
  assert.equal(completed("4711:notours"), damagedValue);
  assert.equal(completed(null), null);
  assert.equal(completed("7:"), 7);
});
