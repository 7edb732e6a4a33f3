/**
 * Goal: a client repeats what may be repeated and nothing else, and calls an outcome definite only if no attempt can
 * have taken effect.
 * Method: members that answer as the test says, in virtual time.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome } from "../../foundation/deployment.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { NodeId } from "../../foundation/units.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import type { ConsensusOperation, ConsensusResult } from "../contract.ts";
import { EtcdClient } from "./etcd-client.ts";
import type { CallEnd } from "./etcd-client.ts";
import { encodeMessage } from "./protobuf.ts";

const write = { kind: "write", key: "k", value: "v" } as const;
const done: CallEnd = { kind: "answer", message: encodeMessage([]) };
const silence: CallEnd = { kind: "silence" };
const unsent: CallEnd = { kind: "unsent" };
const lost: CallEnd = { kind: "lost" };
const overloaded: CallEnd = { kind: "error", status: 8, message: "etcdserver: too many requests" };

interface Seen {
  readonly outcome: Outcome<ConsensusResult>;
  readonly asked: readonly NodeId[];
  readonly timeoutsMs: readonly number[];
  readonly tookMs: number;
}

/** Invokes `operation` where attempts end as in `ends`, the last of them again and again. */
function invoked(ends: readonly CallEnd[], repeats: boolean, operation: ConsensusOperation = write): Seen {
  const time = new VirtualTime();
  const asked: NodeId[] = [];
  const timeoutsMs: number[] = [];
  const outcomes: Outcome<ConsensusResult>[] = [];
  const client = new EtcdClient({
    call: (node, _exchange, timeoutMs, finish) => {
      const end = ends[Math.min(asked.length, ends.length - 1)];
      assert.ok(end !== undefined);
      asked.push(node);
      timeoutsMs.push(timeoutMs);
      time.after(end.kind === "silence" ? timeoutMs : 1, () => finish(end));
    },
    clock: time,
    random: seededRandom("client"),
    nodes: ["n1", "n2", "n3"],
    leader: () => "n2",
    repeats,
    attemptTimeoutMs: 400,
    retryPauseMs: 10,
  });
  client.invoke({ session: 1, sequence: 1, operation }, 2000, (outcome) => outcomes.push(outcome));
  let endedMs: number | undefined;
  while (time.step()) if (outcomes.length > 0) endedMs ??= time.nowMs();
  const [outcome] = outcomes;
  assert.ok(outcome !== undefined && outcomes.length === 1, "an outcome is told once");
  return { outcome, asked, timeoutsMs, tookMs: endedMs ?? 0 };
}

test("the leader is asked first, the next member when it is out of reach", () => {
  const { outcome, asked } = invoked([unsent, done], false);
  assert.deepEqual(outcome, { kind: "ok", result: { kind: "write" } });
  assert.deepEqual(asked, ["n2", "n3"]);
});

test("a request that is not remembered is sent once, has all the time, and stays unknown after silence", () => {
  assert.deepEqual(invoked([silence, done], false), {
    outcome: { kind: "info", code: "REPLY_TIMEOUT" },
    asked: ["n2"],
    timeoutsMs: [2000],
    tookMs: 2000,
  });
  assert.deepEqual(invoked([lost, done], false).outcome, { kind: "info", code: "CONNECTION_LOST" });
});

test("a remembered request, and a read, are asked again", () => {
  for (const end of [silence, lost]) {
    assert.equal(
      invoked(
        [
          end,
          {
            kind: "answer",
            message: encodeMessage([
              [2, 0],
              [3, [[2, []]]],
            ]),
          },
        ],
        true,
      ).outcome.kind,
      "ok",
    );
    assert.equal(invoked([end, done], false, { kind: "read", key: "k" }).outcome.kind, "ok");
  }
});

test("definite refusals alone end definitely at the deadline; one silence among them and nobody knows", () => {
  assert.deepEqual(invoked([overloaded], false).outcome, { kind: "fail", code: "OVERLOADED" });
  assert.deepEqual(invoked([unsent], true).outcome, { kind: "fail", code: "UNAVAILABLE" });
  assert.deepEqual(invoked([silence, unsent], true).outcome, { kind: "info", code: "REPLY_TIMEOUT" });
  assert.ok(invoked([unsent], true).tookMs <= 2001);
});

test("an append whose position is still asked for has taken effect", () => {
  const madeBefore: CallEnd = {
    kind: "answer",
    message: encodeMessage([
      [
        3,
        [
          [
            1,
            [
              [
                2,
                [
                  [1, "l/1/1"],
                  [2, 5],
                  [4, 1],
                ],
              ],
            ],
          ],
        ],
      ],
    ]),
  };
  const append = { kind: "append", value: "v" } as const;
  assert.deepEqual(invoked([madeBefore, unsent], true, append).outcome, { kind: "info", code: "REPLY_TIMEOUT" });
  const position: CallEnd = {
    kind: "answer",
    message: encodeMessage([
      [
        2,
        [
          [1, "n"],
          [4, 9],
        ],
      ],
    ]),
  };
  assert.deepEqual(invoked([madeBefore, position], true, append).outcome, {
    kind: "ok",
    result: { kind: "append", position: 9 },
  });
});

test("an answer that cannot be read is no answer", () => {
  const damaged: CallEnd = { kind: "answer", message: Uint8Array.of(0x12, 0x7f) };
  assert.equal(invoked([damaged], false, { kind: "append", value: "v" }).outcome.kind, "info");
});

test("a value beyond the contract's limits is refused and not sent", () => {
  const { outcome, asked } = invoked([done], true, { ...write, key: "k".repeat(513) });
  assert.deepEqual([outcome, asked], [{ kind: "fail", code: "MALFORMED_REQUEST" }, []]);
});
