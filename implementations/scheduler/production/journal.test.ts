/**
 * Goal: what the journal has confirmed survives any crash, in order; a torn end is passed over, damage is refused; on a
 * full disk nothing is confirmed and nothing is lost; a file does not grow without bound.
 * Method: records on the simulated disk, which is crashed after every single event of the run, with and without power
 * loss; stored bytes are spoiled one at a time.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../foundation/codec.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { RecordWriter, segmentSalt } from "../../foundation/wal-format.ts";
import { FaultyDisk } from "../../platform/faulty-disk.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import { SimulatedDisk } from "../../platform/simulated/disk.ts";
import { isRefusal, readTask } from "./admitted-task.ts";
import { Journal } from "./journal.ts";
import type { JournalOptions } from "./journal.ts";
import { JournalDamage, recoverJournal, segmentName, snapshotName } from "./journal-recovery.ts";
import type { RecoveredJournal } from "./journal-recovery.ts";
import type { JournalRecord } from "./journal-records.ts";

class Bench {
  readonly time = new VirtualTime();
  readonly disk: SimulatedDisk;
  faulty: FaultyDisk | undefined;
  fatal: Error | undefined;

  constructor(seed: string) {
    this.disk = new SimulatedDisk({ clock: this.time, random: seededRandom(seed) });
  }

  run(limit = Infinity): number {
    let steps = 0;
    while (steps < limit && this.time.step()) steps++;
    return steps;
  }

  /** A life that knows what it recovered, and what it is told from then on. */
  begin(compactionBytes = 1_000_000): Life {
    return new Life(this, compactionBytes);
  }

  recover(): RecoveredJournal | Error {
    let found: RecoveredJournal | Error | undefined;
    recoverJournal(this.disk.open(), "n1", (error, recovered) => {
      found = recovered ?? error;
    });
    while (found === undefined && this.time.step());
    this.disk.crash({ powerLoss: false });
    assert.ok(found !== undefined);
    return found;
  }
}

/** Writes one task after the other, each ended right away: t0, t1, ... */
class Life {
  readonly #known: JournalRecord[] = [];
  readonly confirmed: string[] = [];
  journal: Journal | undefined;
  isOpen = false;

  constructor(bench: Bench, compactionBytes: number) {
    const disk = new FaultyDisk(bench.disk.open(), {
      clock: bench.time,
      random: seededRandom("disk"),
      onPowerLoss: () => undefined,
    });
    bench.faulty = disk;
    recoverJournal(disk, "n1", (error, recovered) => {
      assert.ok(recovered !== undefined, error?.message);
      for (const [task, { digest, attempts, end }] of recovered.state.ended) {
        this.#known.push({ kind: "remembered", task, digest, attempts, end });
      }
      const life = recovered.state.life + 1;
      const options: JournalOptions = {
        disk,
        clock: bench.time,
        defer: (callback) => void bench.time.after(0, callback),
        turn: (work) => work(),
        life,
        compactionBytes,
        sliceRecords: 3,
        capture: () => {
          const first = { kind: "life", life, tokensBelow: 0, orders: 0, toldBelow: 0, atMs: 0 } as const;
          return [first, ...this.#known].values();
        },
        onFatal: (failure) => {
          bench.fatal = failure;
        },
      };
      this.journal = new Journal(options, recovered.nextSequence);
      this.journal.begin(recovered.files, (failure) => {
        this.isOpen = failure === undefined;
      });
    });
  }

  write(name: string): void {
    const spec = readTask({ id: `j.${name}`, body: { kind: "spin", ms: 1, returns: name.repeat(20) } }, "");
    assert.ok(!isRefusal(spec) && this.journal !== undefined);
    const end = { state: "completed", result: name } as const;
    this.#known.push({ kind: "remembered", task: spec.id, digest: 1, attempts: 1, end });
    this.journal.append({ kind: "submission", atMs: 0, order: 0, tasks: [spec] });
    this.journal.append({ kind: "end", atMs: 0, task: spec.id, digest: 1, attempts: 1, end }, () =>
      this.confirmed.push(spec.id),
    );
  }
}

function endedOf(found: RecoveredJournal | Error): readonly string[] {
  if (found instanceof Error) throw found;
  return [...found.state.ended.keys()];
}

for (const powerLoss of [false, true]) {
  test(`what was confirmed survives a crash at every moment, ${powerLoss ? "with" : "without"} power loss`, () => {
    for (let crashAt = 0; ; crashAt++) {
      const bench = new Bench(`crash ${crashAt}`);
      let left = crashAt;
      const life = bench.begin(2000);
      while (left > 0 && !life.isOpen && bench.run(1) > 0) left--;
      const names = Array.from({ length: 30 }, (_, index) => `t${index}`);
      while (left > 0 && life.isOpen && names.length > 0) {
        for (const name of names.splice(0, 3)) life.write(name);
        left -= bench.run(Math.min(left, 4));
      }
      left -= bench.run(left);
      const isOver = left > 0;
      bench.disk.crash({ powerLoss });
      bench.run();
      const found = bench.recover();
      const ended = endedOf(found);
      assert.deepEqual(ended.slice(0, life.confirmed.length), life.confirmed, `crashed at event ${crashAt}`);
      assert.deepEqual(
        ended,
        Array.from(ended, (_, index) => `j.t${index}`),
        "nothing is missing in between",
      );
      const next = bench.begin();
      bench.run();
      assert.ok(next.isOpen, "and the next life begins");
      if (isOver) return;
    }
  });
}

test("the log is begun anew when it has grown, and old files go", () => {
  const bench = new Bench("compaction");
  const life = bench.begin(5000);
  bench.run();
  for (let index = 0; index < 200; index++) {
    life.write(`t${index}`);
    if (index % 7 === 0) bench.run();
  }
  bench.run();
  assert.ok((life.journal?.counters["journal snapshots"] ?? 0) > 2);
  const names = bench.disk.names();
  const [snapshot = "", segment = ""] = names;
  assert.deepEqual(names, [
    snapshotName(Number.parseInt(snapshot, 10)),
    segmentName(Number.parseInt(snapshot, 10) + 1),
  ]);
  assert.ok(bench.disk.length(segment) > 0);
  bench.disk.crash({ powerLoss: true });
  assert.equal(endedOf(bench.recover()).length, 200);
});

test("a torn end is passed over and a damaged byte is refused, whichever it is", () => {
  const bench = new Bench("damage");
  const life = bench.begin();
  bench.run();
  for (const name of ["t0", "t1", "t2"]) {
    life.write(name);
    bench.run();
  }
  bench.disk.crash({ powerLoss: false });
  const [snapshot = "", segment = ""] = bench.disk.names();
  let passed = 0;
  let flipped = 0;
  for (const file of [snapshot, segment]) {
    for (let offset = 0; offset < bench.disk.length(file); offset++, flipped++) {
      bench.disk.flipBit(file, offset, 1);
      const found = bench.recover();
      if (found instanceof Error) {
        assert.ok(found instanceof JournalDamage);
        assert.match(found.message, /n1: 0+[12]\.(journal|snapshot): damaged.*restore the file/);
      } else passed++;
      bench.disk.flipBit(file, offset, 1);
    }
  }
  // Only the marker of the last group, which says nothing of its own.
  assert.ok(passed <= 26, `${passed} of ${flipped} flipped bytes were passed over`);
  bench.disk.truncate(segment, bench.disk.length(segment) - 40);
  const cut = bench.recover();
  assert.ok(!(cut instanceof Error));
  assert.match(cut.repairs[0] ?? "", /torn write/);
  assert.deepEqual(endedOf(cut), ["j.t0", "j.t1"]);
});

for (const [what, file, record, message] of [
  [
    "a later format",
    snapshotName(1),
    { kind: "life", format: 3, life: 1 },
    /it has format version 3 in its first record; known is version 2/,
  ],
  [
    "no format",
    snapshotName(1),
    { kind: "life", life: 1 },
    /no format version in its first record; known is version 2/,
  ],
  [
    "a kind nobody knows",
    snapshotName(1),
    { kind: "epoch", format: 2 },
    /a record of kind "epoch"; known are life, tok/,
  ],
  [
    "the first format, which had no snapshots",
    segmentName(1),
    { kind: "life", format: 1, life: 1 },
    /it has format version 1 in its first record; known is version 2/,
  ],
] as const) {
  test(`a file of ${what} is refused, and the reason says so`, () => {
    const bench = new Bench("format");
    const writer = new RecordWriter(segmentSalt(1), 1, 1000);
    writer.begin(1);
    writer.raw(encode(record));
    writer.end();
    writer.marker(0);
    const disk = bench.disk.open();
    disk.append(file, [writer.take()], () => undefined);
    disk.sync(file, () => undefined);
    bench.run();
    bench.disk.crash({ powerLoss: false });
    const found = bench.recover();
    assert.ok(found instanceof JournalDamage);
    assert.match(found.message, message);
    assert.match(found.message, /another version of the scheduler has written it/);
  });
}

test("on a full disk nothing is confirmed until there is room, and then everything, in order", () => {
  const bench = new Bench("full");
  const life = bench.begin();
  bench.run();
  life.write("t0");
  bench.run();
  const full = bench.faulty?.inject({ kind: "full" });
  for (const name of ["t1", "t2", "t3"]) life.write(name);
  bench.run(200);
  assert.deepEqual([life.confirmed, life.journal?.isStalled], [["j.t0"], true]);
  full?.heal();
  bench.run();
  assert.deepEqual([life.confirmed.length, life.journal?.isStalled, bench.fatal], [4, false, undefined]);
  bench.disk.crash({ powerLoss: true });
  assert.deepEqual(endedOf(bench.recover()), ["j.t0", "j.t1", "j.t2", "j.t3"]);
});

test("any other failure ends the journal, and the next life has what was confirmed", () => {
  const bench = new Bench("failure");
  const life = bench.begin();
  bench.run();
  life.write("t0");
  bench.run();
  bench.faulty?.inject({ kind: "write-error", probability: 1 });
  life.write("t1");
  bench.run();
  assert.match(String(bench.fatal), /injected I\/O error/);
  assert.deepEqual(life.confirmed, ["j.t0"]);
  bench.disk.crash({ powerLoss: true });
  assert.deepEqual(endedOf(bench.recover()).slice(0, 1), ["j.t0"]);
});
