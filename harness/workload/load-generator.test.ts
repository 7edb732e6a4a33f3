// Goal: an open loop's arrivals are the seed's, never the system's; nothing that was issued goes uncounted; a process
// that does not know what became of its operation is retired.
// Method: a system of a few lines in virtual time, as fast, as slow or as silent as the test wants.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome, Request } from "../../implementations/foundation/deployment.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import { VirtualTime } from "../../implementations/platform/simulated/clock.ts";
import type {
  ConsensusDeployment,
  ConsensusOperation,
  ConsensusResult,
} from "../../implementations/consensus/contract.ts";
import { HistoryRecorder } from "../history/recorder.ts";
import { planOf } from "../plan/plan.ts";
import type { Plan } from "../plan/plan.ts";
import { roomOf } from "../rooms/rooms.ts";
import { LoadGenerator } from "./load-generator.ts";
import type { OperationRecord } from "./load-generator.ts";

type Answer = { readonly afterMs: number; readonly outcome: Outcome<ConsensusResult> };
const room = roomOf("consensus");

type System = (request: Request<ConsensusOperation>, attempt: number) => Answer;

const ok: Outcome<ConsensusResult> = { kind: "ok", result: { kind: "append", position: 1 } };
const always =
  (afterMs: number): System =>
  () => ({ afterMs, outcome: ok });

interface Offered {
  readonly records: readonly OperationRecord[];
  readonly requests: readonly Request<ConsensusOperation>[];
  readonly history: HistoryRecorder;
  readonly load: LoadGenerator;
  readonly quietAtMs: number;
  readonly time: VirtualTime;
}

/** Offers the plan's load to `system` until all is answered. */
function offer(overrides: Partial<Plan>, system: System): Offered {
  const plan = planOf({
    seed: "load",
    durationMs: 1000,
    workload: { id: "append", valueBytes: 8, keys: 1, readFraction: 0, casFraction: 0 },
    ...overrides,
  });
  const time = new VirtualTime();
  const requests: Request<ConsensusOperation>[] = [];
  const deployment = {
    clock: time,
    invoke: (request: Request<ConsensusOperation>, _deadlineMs: number, done: (outcome: typeof ok) => void) => {
      requests.push(request);
      const { afterMs, outcome } = system(request, requests.length);
      time.after(afterMs, () => done(outcome));
    },
  } as unknown as ConsensusDeployment;
  const random = seededRandom(plan.seed);
  const history = new HistoryRecorder();
  const records: OperationRecord[] = [];
  const load = new LoadGenerator({
    deployment,
    probe: room.probe(plan.workload),
    workload: room.createWorkload(plan.workload, plan.load.clients, random.fork("workload")),
    history,
    plan,
    random: random.fork("arrivals"),
    onOperation: (record) => records.push(record),
  });
  let quietAtMs = Number.NaN;
  load.start(() => (quietAtMs = time.nowMs()));
  while (time.step());
  assert.ok(quietAtMs >= 0, "it told that all is answered");
  return { records, requests, history, load, quietAtMs, time };
}

const open = { loop: "open", clients: 4, ratePerS: 200 } as const;
const intended = ({ records }: Offered): number[] =>
  records.map(({ intendedMs }) => intendedMs).toSorted((a, b) => a - b);

test("open loop: arrivals are fixed by the seed and independent of the system's speed", () => {
  const fast = offer({ load: open }, always(1));
  const slow = offer({ load: open }, always(12));
  assert.ok(
    fast.records.length > 150 && fast.records.length < 250,
    `${fast.records.length} arrivals in 1 s at 200 per s`,
  );
  assert.deepEqual(intended(slow), intended(fast));
  assert.notDeepEqual(intended(offer({ load: open, seed: "another" }, always(1))), intended(fast));
});

test("open loop: a stall is charged to the operations that waited for it, from their intended start", () => {
  let nowStalled = true;
  const { records } = offer({ load: open }, () => {
    const afterMs = nowStalled ? 500 : 1;
    nowStalled = false;
    return { afterMs, outcome: ok };
  });
  const stalled = offer({ load: { ...open, clients: 1 } }, (_, attempt) => ({
    afterMs: attempt === 1 ? 500 : 1,
    outcome: ok,
  }));
  const waits = stalled.records.map(({ startMs, intendedMs }) => startMs - intendedMs);
  assert.ok(Math.max(...waits) > 400, "the one client was busy for 500 ms");
  for (const { noticedMs, intendedMs } of [...records, ...stalled.records]) {
    assert.ok(Math.abs(noticedMs - intendedMs) < 1e-6, "the generator itself was never late");
  }
});

test("open loop: arrivals nobody could serve before the end are counted as dropped, not forgotten", () => {
  const { records, load } = offer({ load: { ...open, clients: 1 } }, always(300));
  const all = offer({ load: open }, always(1)).records.length;
  assert.ok(load.dropped > 0);
  assert.equal(records.length + load.dropped, all);
  assert.equal(load.issued, records.length);
});

test("closed loop: a client's next operation starts when its last one ended", () => {
  const { records } = offer({ load: { loop: "closed", clients: 3 } }, always(10));
  for (let client = 0; client < 3; client++) {
    const own = records.filter((record) => record.client === client);
    assert.equal(own.length, 100);
    for (const [index, record] of own.entries()) assert.equal(record.startMs, own[index - 1]?.endMs ?? 0);
  }
});

test("a client with a share stops when it is done, and the load ends with the last of them", () => {
  const { records, quietAtMs } = offer({ load: { loop: "closed", clients: 2 }, operationsPerClient: 7 }, always(10));
  assert.equal(records.length, 14);
  assert.equal(quietAtMs, 70);
});

test("after an unknown outcome the process is retired: nobody uses its session again, and no two share one", () => {
  const unknown: Outcome<ConsensusResult> = { kind: "info", code: "REPLY_TIMEOUT" };
  const { requests, history } = offer({ load: { loop: "closed", clients: 3 } }, (_, attempt) => ({
    afterMs: 10,
    outcome: attempt % 5 === 0 ? unknown : ok,
  }));
  const retired = new Set<number>();
  for (const { type, process } of history.events) {
    if (type === "invoke") assert.ok(!retired.has(process), `process ${process} was retired`);
    if (type === "info") retired.add(process);
  }
  assert.ok(retired.size > 20);
  const sequences = new Map<number, number>();
  for (const { session, sequence } of requests) {
    assert.equal(sequence, (sequences.get(session) ?? 0) + 1, "1, 2, 3, ... within a session");
    sequences.set(session, sequence);
  }
});

test("the final reads are a process of their own, which no client was or became", () => {
  const workload = { id: "register", valueBytes: 8, keys: 3, readFraction: 0, casFraction: 0 } as const;
  const { history, load, time } = offer(
    { load: { loop: "closed", clients: 3 }, workload },
    ({ operation }, attempt) => {
      if (attempt % 5 === 0) return { afterMs: 10, outcome: { kind: "info", code: "REPLY_TIMEOUT" } };
      const result =
        operation.kind === "read" ? ({ kind: "read", value: null } as const) : ({ kind: "write" } as const);
      return { afterMs: 10, outcome: { kind: "ok", result } };
    },
  );
  const clients = new Set(history.events.map(({ process }) => process));
  const before = history.events.length;
  let done = false;
  load.readFinal(() => (done = true));
  while (time.step());
  assert.ok(done);
  const readers = new Set(history.events.slice(before).map(({ process }) => process));
  assert.deepEqual(
    [...readers].filter((process) => clients.has(process)),
    [],
  );
});

test("a workload that must end definitely repeats the same request until it does, under one entry of the history", () => {
  const workload = { id: "confluent", valueBytes: 8, keys: 1, readFraction: 0, casFraction: 0 } as const;
  const codes = ["REPLY_TIMEOUT", "OVERLOADED", "NOT_LEADER"] as const;
  const { requests, history } = offer(
    { load: { loop: "closed", clients: 1 }, workload, operationsPerClient: 1 },
    (_, attempt): Answer => {
      const code = codes[attempt - 1];
      if (code === undefined) return { afterMs: 1, outcome: { kind: "ok", result: { kind: "write" } } };
      return { afterMs: 1, outcome: { kind: code === "REPLY_TIMEOUT" ? "info" : "fail", code } };
    },
  );
  assert.equal(requests.length, 4);
  assert.equal(new Set(requests.map((request) => JSON.stringify(request))).size, 1);
  assert.deepEqual(
    history.events.map(({ type }) => type),
    ["invoke", "ok"],
  );
});

test("issued is ok, fail and info together", () => {
  const outcomes: readonly Outcome<ConsensusResult>[] = [
    ok,
    { kind: "fail", code: "OVERLOADED" },
    { kind: "info", code: "CONNECTION_LOST" },
  ];
  const { load, history } = offer({ load: open }, (_, attempt) => ({
    afterMs: 3,
    outcome: outcomes[attempt % 3] ?? ok,
  }));
  const counts = history.counts;
  assert.equal(load.issued, counts.ok + counts.fail + counts.info);
  assert.ok(counts.fail > 10 && counts.info > 10);
});

test("a batch loop issues all at once, and again only when the last of them was answered", () => {
  const { records } = offer({ load: { loop: "batch", clients: 4 }, durationMs: 100 }, ({ session }) => ({
    afterMs: 5 + session,
    outcome: ok,
  }));
  const starts = Map.groupBy(records, ({ startMs }) => startMs);
  assert.ok(starts.size > 5, `${starts.size} batches`);
  let lastEndMs = 0;
  for (const [startMs, batch] of [...starts].sort(([a], [b]) => a - b)) {
    assert.equal(batch.length, 4);
    assert.equal(startMs, lastEndMs, "it begins when the one before has ended");
    lastEndMs = Math.max(...batch.map(({ endMs }) => endMs));
  }
});
