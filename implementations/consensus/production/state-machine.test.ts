/**
 * Goal: a command is executed once whatever is retried, equal logs give equal states, and a state that went through a
 * snapshot behaves like one that did not.
 *
 * Method: examples for each rule with its forbidden side; random logs applied with and without a snapshot in between
 * (fast-check, fixed seed).
 *
 * @see Ongaro & Ousterhout 2014, section 8; Ongaro 2014, section 6.3.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../foundation/prng.ts";
import { limits } from "../contract.ts";
import type { ConsensusOperation, ConsensusReply } from "../contract.ts";
import { decodeCommand } from "./command.ts";
import { encodeCommand, refusalOf, StateMachine } from "./state-machine.ts";

const expired: ConsensusReply = { kind: "error", code: "SESSION_EXPIRED" };
const append = (value: string): ConsensusOperation => ({ kind: "append", value });
const write = (key: string, value: string): ConsensusOperation => ({ kind: "write", key, value });
const appended = (position: number): ConsensusReply => ({ kind: "ok", result: { kind: "append", position } });

function apply(
  machine: StateMachine,
  session: number,
  sequence: number,
  operation: ConsensusOperation,
): ConsensusReply {
  const applied = machine.apply(encodeCommand({ session, sequence, operation }));
  assert.deepEqual([applied.session, applied.sequence], [session, sequence]);
  return applied.reply;
}

describe("operations", () => {
  test("registers are null until written; a compare-and-swap needs the value it names", () => {
    const machine = new StateMachine();
    const failed = { kind: "error", code: "PRECONDITION_FAILED" };
    assert.deepEqual(machine.read("k"), { kind: "ok", result: { kind: "read", value: null } });
    assert.deepEqual(apply(machine, 1, 1, { kind: "cas", key: "k", from: "x", to: "a" }), failed);
    assert.deepEqual(apply(machine, 1, 2, { kind: "cas", key: "k", from: null, to: "a" }), {
      kind: "ok",
      result: { kind: "cas" },
    });
    assert.deepEqual(apply(machine, 1, 3, { kind: "cas", key: "k", from: null, to: "b" }), failed);
    assert.deepEqual(apply(machine, 1, 4, write("k", "")), { kind: "ok", result: { kind: "write" } });
    assert.deepEqual(apply(machine, 1, 5, { kind: "read", key: "k" }), {
      kind: "ok",
      result: { kind: "read", value: "" },
    });
  });

  test("the canonical state lists registers by key, whatever the order of the writes", () => {
    const machine = new StateMachine();
    for (const [place, key] of ["b", "c", "a"].entries()) apply(machine, 1, place + 1, write(key, key));
    apply(machine, 1, 4, append("x"));
    const registers = [..."abc"].map((key) => [key, key]);
    assert.deepEqual(machine.canonical(), { registers, list: ["x"] });
  });
});

describe("exactly once (section 8)", () => {
  test("a repeated command is answered as before and not executed; an older one is not executed either", () => {
    const machine = new StateMachine();
    assert.deepEqual(apply(machine, 7, 1, append("a")), appended(1));
    assert.deepEqual(apply(machine, 7, 2, append("b")), appended(2));
    assert.deepEqual(apply(machine, 7, 2, append("b")), appended(2));
    assert.deepEqual(apply(machine, 7, 1, append("a")), expired);
    assert.deepEqual(machine.canonical().list, ["a", "b"]);
  });

  test("a failed compare-and-swap is remembered: its retry fails though it could succeed by now", () => {
    const machine = new StateMachine();
    const swap: ConsensusOperation = { kind: "cas", key: "k", from: "a", to: "b" };
    const failed = apply(machine, 1, 1, swap);
    apply(machine, 2, 1, write("k", "a"));
    assert.deepEqual(apply(machine, 1, 1, swap), failed);
    assert.deepEqual(machine.canonical().registers, [["k", "a"]]);
  });

  test("a new session may begin past sequence 1: its first requests were reads, which leave no trace", () => {
    assert.deepEqual(apply(new StateMachine(), 1, 5, append("a")), appended(1));
  });

  test("the table is bounded: the session longest unused is forgotten, and then refused rather than repeated", () => {
    const machine = new StateMachine(2);
    apply(machine, 1, 1, append("1"));
    apply(machine, 2, 1, append("2"));
    apply(machine, 1, 2, append("1 again"));
    apply(machine, 3, 2, append("3"));
    assert.equal(machine.sessionCount, 2);
    assert.deepEqual(apply(machine, 2, 2, append("2 again")), expired);
    assert.deepEqual(apply(machine, 1, 2, append("1 again")), appended(3), "session 1 was used since, and is known");
    assert.deepEqual(apply(machine, 4, 1, append("4")), appended(5), "sequence 1 is a new session");
  });
});

describe("snapshots", () => {
  test("a state that was restored goes on like the one it was taken from, retries and forgetting included", () => {
    const command = fc.record({
      session: fc.integer({ min: 1, max: 5 }),
      step: fc.integer({ min: 0, max: 2 }),
      operation: fc.oneof(
        fc.record({ kind: fc.constant("append" as const), value: fc.string({ maxLength: 4 }) }),
        fc.record({ kind: fc.constant("write" as const), key: fc.constantFrom("a", "b"), value: fc.string() }),
        fc.record({
          kind: fc.constant("cas" as const),
          key: fc.constantFrom("a", "b"),
          from: fc.constantFrom(null, "", "x"),
          to: fc.constantFrom("", "x"),
        }),
      ),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), fc.nat(40), (commands, cut) => {
        let restored = new StateMachine(3);
        const straight = new StateMachine(3);
        const sequences = new Map<number, number>();
        for (const [place, { session, step, operation }] of commands.entries()) {
          const sequence = Math.max(1, (sequences.get(session) ?? 0) + step);
          sequences.set(session, sequence);
          if (place === cut) {
            const bytes = restored.snapshot();
            restored = new StateMachine(3);
            restored.restore(bytes);
          }
          assert.deepEqual(
            apply(restored, session, sequence, operation),
            apply(straight, session, sequence, operation),
          );
        }
        assert.deepEqual(restored.canonical(), straight.canonical());
        assert.deepEqual(restored.snapshot(), straight.snapshot(), "to the byte");
      }),
      { seed: 20260103, numRuns: 200 },
    );
  });

  test("taken in slices it is of the moment it began, to the byte, and what is applied meanwhile is lost on nobody", () => {
    const random = seededRandom("slices");
    const long = (name: string): string => name.padEnd(100_000, "·");
    const machine = new StateMachine();
    const straight = new StateMachine();
    let sequence = 0;
    const both = (operation: ConsensusOperation): void => {
      const request = [1 + (++sequence % 3), sequence, operation] as const;
      assert.deepEqual(apply(machine, ...request), apply(straight, ...request));
    };
    const anything = (): ConsensusOperation => {
      const key = `key ${random.below(60)}`;
      const value = long(`${sequence}`);
      const from = machine.canonical().registers.find(([each]) => each === key)?.[1] ?? null;
      const operations = [write(key, value), append(value), { kind: "cas", key, from, to: value } as const];
      return operations[random.below(3)] ?? write(key, value);
    };
    for (let count = 0; count < 60; count++) both(anything());
    const expected = straight.snapshot();
    const encoding = machine.beginSnapshot();
    let bytes: Uint8Array | undefined;
    let slices = 0;
    for (; bytes === undefined; slices++) {
      for (let count = 0; count < 5; count++) both(anything());
      assert.deepEqual(machine.canonical(), straight.canonical());
      bytes = encoding.next();
    }
    assert.ok(slices > 4, `${slices} slices`);
    assert.equal(Buffer.compare(bytes, expected), 0);
    assert.equal(Buffer.compare(machine.snapshot(), straight.snapshot()), 0, "and order is what it would have been");
  });

  test("a state that is replaced meanwhile ends the snapshot under way; a small one is a single slice", () => {
    const machine = new StateMachine();
    const other = machine.snapshot();
    for (let index = 1; index <= 30; index++) apply(machine, 1, index, append("v".repeat(100_000)));
    const encoding = machine.beginSnapshot();
    assert.equal(encoding.next(), undefined);
    assert.throws(() => machine.beginSnapshot(), /one snapshot is under way/);
    machine.restore(other);
    assert.equal(encoding.isUnderWay, false);
    assert.throws(() => encoding.next(), /no next slice/);
    apply(machine, 1, 1, write("k", "v"));
    assert.ok(machine.beginSnapshot().next() !== undefined);
  });

  test("a snapshot is bytes of its own, and restoring replaces everything", () => {
    const machine = new StateMachine();
    apply(machine, 1, 1, append("a"));
    const bytes = machine.snapshot();
    apply(machine, 1, 2, append("b"));
    apply(machine, 1, 3, write("k", "v"));
    machine.restore(bytes);
    assert.deepEqual(machine.canonical(), { registers: [], list: ["a"] });
    assert.deepEqual(apply(machine, 1, 2, append("c")), appended(2));
    assert.deepEqual(apply(new StateMachine(), 1, 1, append("a")), appended(1));
  });
});

describe("the door", () => {
  test("what is executed comes back from the log as it went in", () => {
    const operations: readonly ConsensusOperation[] = [
      { kind: "read", key: "k" },
      write("schlüssel", ""),
      { kind: "cas", key: "k", from: null, to: "x" },
      append("y".repeat(300)),
    ];
    for (const operation of operations) {
      const request = { session: 3, sequence: 9, operation };
      assert.deepEqual(decodeCommand(encodeCommand({ ...request, id: 77 } as typeof request)), request);
    }
  });

  test("keys and values up to the limits pass, in bytes of UTF-8; one byte more does not", () => {
    const refusal = (operation: ConsensusOperation): unknown => refusalOf({ session: 1, sequence: 1, operation });
    const longest = { key: "ü".repeat(limits.keyBytes / 2), value: "€".repeat(limits.valueBytes / 3 - 1) };
    assert.equal(refusal(write(longest.key, longest.value)), undefined);
    assert.equal(refusal(write(`${longest.key}k`, "")), "MALFORMED_REQUEST");
    assert.equal(refusal(append("v".repeat(limits.valueBytes))), undefined);
    assert.equal(refusal(append("v".repeat(limits.valueBytes + 1))), "MALFORMED_REQUEST");
    assert.equal(
      refusal({ kind: "cas", key: "k", from: null, to: "v".repeat(limits.valueBytes + 1) }),
      "MALFORMED_REQUEST",
    );
  });

  test("anything that is not a request is refused, not thrown at", () => {
    const operation = write("k", "v");
    const wrong: readonly unknown[] = [
      undefined,
      null,
      7,
      {},
      { session: 1, sequence: 1 },
      { session: -1, sequence: 1, operation },
      { session: 1, sequence: 0, operation },
      { session: 1, sequence: 1.5, operation },
      { session: "1", sequence: 1, operation },
      { session: 1, sequence: 1, operation: { kind: "delete", key: "k" } },
      { session: 1, sequence: 1, operation: { kind: "write", key: "k" } },
      { session: 1, sequence: 1, operation: { kind: "cas", key: "k", to: "x" } },
      { session: 1, sequence: 1, operation: { kind: "append", value: 5 } },
    ];
    for (const request of wrong) assert.equal(refusalOf(request), "MALFORMED_REQUEST", JSON.stringify(request));
    assert.throws(() => decodeCommand(new Uint8Array([1])), /Invariant broken/);
  });
});
