/**
 * Goal: a snapshot is written while tasks go on, a few records in one turn; wherever a crash cuts it short, whatever
 * the disk says meanwhile, nothing is lost and nothing is there twice.
 * Method: random tasks against the records they gave the journal (`journal-model.fixture.ts`). The disk is crashed
 * after every single event of runs that compact again and again, so before and after each of its operations; it is
 * full, or fails, from any event on. What is on the disk is spoiled file by file.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { JournalDamage } from "./journal-recovery.ts";
import { JournalModel } from "./journal-model.fixture.ts";
import type { ModelLife } from "./journal-life.fixture.ts";

const unfinished = (model: JournalModel): boolean => model.disk.names().some((name) => name.endsWith("unfinished"));
const snapshotsOf = (model: JournalModel): readonly string[] =>
  model.disk.names().filter((name) => name.endsWith(".snapshot"));

/** Runs `events` events and an operation after every second one. @returns the events that were left. */
function drive(model: JournalModel, life: ModelLife, events: number, operations: number): number {
  let left = events;
  while (left > 0 && !life.isOpen && life.fatal === undefined && model.run(1) > 0) left--;
  for (let done = 0; left > 0 && done < operations && life.isOpen; done++) {
    life.operate();
    left -= model.run(Math.min(left, 2));
  }
  return left - model.run(left);
}

for (const powerLoss of [false, true]) {
  test(`a crash at every moment of many compactions, ${powerLoss ? "with" : "without"} power loss`, () => {
    const seen = { unfinished: 0, both: 0, compactions: 0 };
    for (const seed of ["a", "b"]) {
      for (let crashAt = 0; ; crashAt++) {
        const model = new JournalModel(seed);
        const life = model.begin({ compactionBytes: 1000 });
        const left = drive(model, life, crashAt, 150);
        if (unfinished(model)) seen.unfinished++;
        if (snapshotsOf(model).length > 1) seen.both++;
        seen.compactions = Math.max(seen.compactions, life.snapshots - 1);
        model.crash(powerLoss, `seed ${seed}, crashed at event ${crashAt}`);
        if (left > 0) break;
      }
    }
    assert.ok(seen.compactions >= 5 && seen.unfinished > 300 && seen.both > 20, JSON.stringify(seen));
  });
}

test("one crash after the other, each life on what the last one left", () => {
  let compactions = 0;
  for (let seed = 0; seed < 40; seed++) {
    const model = new JournalModel(`lives ${seed}`);
    for (let lives = 0; lives < 8; lives++) {
      const life = model.begin({ sliceRecords: 1 + model.random.below(4) });
      drive(model, life, model.random.below(600), 200);
      compactions += Math.max(0, life.snapshots - 1);
      model.crash(model.random.below(2) === 0, `seed ${seed}, life ${lives + 1}`);
    }
  }
  assert.ok(compactions > 200, `${compactions} compactions`);
});

test("no turn encodes more records than a slice has, and what happens meanwhile is confirmed meanwhile", () => {
  const perTurn = new Map<number, number>();
  const model = new JournalModel("bound");
  const onCaptured = (): void => {
    perTurn.set(model.time.steps, (perTurn.get(model.time.steps) ?? 0) + 1);
  };
  const life = model.begin({ sliceRecords: 5, onCaptured });
  model.run();
  let confirmedWithin = 0;
  for (let count = 0; count < 2000; count++) {
    life.operate();
    const before = model.confirmed;
    model.run(3);
    if (unfinished(model)) confirmedWithin += model.confirmed - before;
  }
  assert.ok(life.snapshots > 20, `${life.snapshots} snapshots`);
  assert.ok(Math.max(...perTurn.values()) <= 5);
  assert.ok(confirmedWithin > 50, `${confirmedWithin} records were confirmed beside a snapshot`);
});

test("a disk that is full from any event on gives a snapshot up, and the log goes on when there is room", () => {
  const seen = { abandoned: 0, stalls: 0, later: 0 };
  for (let fullAt = 20; fullAt < 420; fullAt += 3) {
    const model = new JournalModel("full");
    const life = model.begin({ isFaulty: true });
    drive(model, life, fullAt, Infinity);
    const full = life.faulty?.inject({ kind: "full" });
    const confirmedBefore = model.confirmed;
    for (let count = 0; count < 10; count++) {
      if (life.isOpen) life.operate();
      model.run(20);
    }
    const { "journal snapshots given up": abandoned = 0, "stalls on a full disk": stalls = 0 } = life.counters;
    full?.heal();
    if (!life.isOpen) continue; // It had not begun, and the node is started again.
    const snapshots = life.snapshots;
    drive(model, life, 400, 150);
    model.run();
    assert.equal(life.fatal, undefined, `full at event ${fullAt}`);
    assert.equal(model.confirmed, model.history.length, `full at event ${fullAt}: all is confirmed in the end`);
    assert.ok(model.confirmed >= confirmedBefore);
    seen.abandoned += abandoned;
    seen.stalls += stalls;
    if (abandoned > 0 && life.snapshots > snapshots) seen.later++;
    model.crash(true, `full at event ${fullAt}`);
  }
  assert.ok(seen.abandoned > 20 && seen.stalls > 80 && seen.later > 20, JSON.stringify(seen));
});

test("where there is no room for a snapshot beside the log, the log has it, and nobody has to make any", () => {
  let relieved = 0;
  for (let capacityBytes = 1600; capacityBytes < 4000; capacityBytes += 12) {
    const model = new JournalModel("room");
    const life = model.begin({ compactionBytes: 1000, sliceRecords: 100, capacityBytes });
    drive(model, life, 100, 0);
    let confirmedThen = Infinity;
    for (let count = 0; count < 150; count++) {
      life.operate();
      model.run(3);
      const { "journal snapshots given up": abandoned = 0, "stalls on a full disk": stalls = 0 } = life.counters;
      if (abandoned > 0 && stalls > 0) confirmedThen = Math.min(confirmedThen, model.confirmed);
    }
    model.run(100);
    assert.ok(life.journal?.isStalled !== true || !unfinished(model), `${capacityBytes} bytes: neither can go on`);
    if (model.confirmed > confirmedThen) relieved++;
    assert.equal(life.fatal, undefined);
    model.crash(true, `${capacityBytes} bytes`);
  }
  assert.ok(relieved > 10, `${relieved} stalls ended by themselves`);
});

test("a disk that fails at any event ends the life, and the next one has what was confirmed", () => {
  let fatal = 0;
  for (let failAt = 20; failAt < 420; failAt += 3) {
    const model = new JournalModel("failure");
    const life = model.begin({ isFaulty: true });
    drive(model, life, failAt, Infinity);
    const fault = life.faulty?.inject({ kind: "write-error", probability: 1 });
    for (let count = 0; count < 10 && life.isOpen; count++) {
      life.operate();
      model.run(5);
    }
    fault?.heal();
    if (life.fatal !== undefined) fatal++;
    model.crash(failAt % 2 === 0, `failed at event ${failAt}`);
    const next = model.begin();
    model.run();
    assert.ok(next.isOpen, "and the next life begins");
    model.crash(true, `after a failure at event ${failAt}`);
  }
  assert.ok(fatal > 110, `${fatal} lives ended`);
});

test("a file that is short or gone is refused, and the reason says which", () => {
  const model = new JournalModel("gone");
  const life = model.begin();
  // Cut off when a snapshot is all but complete: behind the old one are two segments.
  const isHalfway = (): boolean => /^\d+\.snapshot \d+\.journal \d+\.journal snap/.test(model.disk.names().join(" "));
  for (let count = 0; count < 1000 && !(life.snapshots > 2 && isHalfway()); count++) {
    life.operate();
    model.run(2);
  }
  model.crash(false, "before anything is spoiled");
  const [snapshot = "", first = "", second = ""] = model.disk.names();
  assert.match(`${snapshot} ${first} ${second}`, /^\d+\.snapshot \d+\.journal \d+\.journal$/);
  const spoiled = (spoil: () => void, message: RegExp): void => {
    const files = model.disk.names().map((name) => [name, model.disk.read(name)] as const);
    spoil();
    const found = model.recover();
    assert.ok(found instanceof JournalDamage, `${message.source} is found`);
    assert.match(found.message, message);
    for (const [name, bytes] of files) {
      if (model.disk.names().includes(name)) model.disk.remove(name);
      model.disk.append(name, [bytes]);
    }
  };
  const isGone = (name: string): RegExp =>
    new RegExp(`segment of the log that begins with record ${parseInt(name, 10)} is`);
  spoiled(() => model.disk.remove(first), isGone(first));
  spoiled(() => model.disk.remove(snapshot), /the snapshot that goes before it is gone/);
  spoiled(() => model.disk.truncate(first, model.disk.length(first) - 30), /\.journal: damaged at byte/);
  spoiled(() => model.disk.truncate(snapshot, model.disk.length(snapshot) - 30), /\.snapshot: damaged at byte/);
});
