/**
 * Goal: what the simulated engine acknowledged survives every crash and every power loss of an honest disk, a write
 * that failed never shows, and damaged bytes are refused, not served.
 * Method: random writes, removals, compactions and clears, life after life, each ended at a random step by a kill or a
 * power loss, on a disk that tears, fails, fills up and forgets; after each life the entries must be those of all
 * acknowledged batches and of a first part of those that nobody was told about. For damage: one flipped bit per run.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Disk, Random } from "../../foundation/effects.ts";
import type { EngineError } from "../../foundation/engine-error.ts";
import type { DiskFault } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { EngineWrite } from "../../storage/engine.ts";
import { FaultyDisk } from "../faulty-disk.ts";
import { VirtualTime } from "./clock.ts";
import { SimulatedDisk } from "./disk.ts";
import { SimulatedEngine } from "./engine.ts";

type Entries = ReadonlyMap<string, string>;

/** A batch, or undefined for a clear, and what became of it. */
interface Issued {
  readonly batch: readonly EngineWrite[] | undefined;
  fate: "unknown" | "applied" | "failed";
}

class Bench {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly base: SimulatedDisk;
  isPowerLost = false;
  #values = 0;

  constructor(seed: number | string) {
    this.random = seededRandom(seed);
    this.base = new SimulatedDisk({ clock: this.time, random: this.random.fork("disk") });
  }

  faulty(): FaultyDisk {
    this.isPowerLost = false;
    return new FaultyDisk(this.base.open(), {
      clock: this.time,
      random: this.random.fork(`faults ${this.random.uint32()}`),
      onPowerLoss: () => {
        this.isPowerLost = true;
        this.base.crash({ powerLoss: true });
      },
    });
  }

  /** @returns the engine; its error; undefined when the power was lost meanwhile. */
  open(disk: Disk): SimulatedEngine | EngineError | undefined {
    let opened: SimulatedEngine | EngineError | undefined;
    const options = { clock: this.time, segmentBytes: 300 + this.random.below(3000), sliceBytes: 100 };
    SimulatedEngine.open(disk, options, (error, engine) => (opened = error ?? engine));
    while (opened === undefined && this.time.step());
    return opened;
  }

  /** Opens on an honest disk. */
  reopen(): { readonly engine: SimulatedEngine; readonly entries: Entries } | EngineError {
    const engine = this.open(this.base.open());
    assert.ok(engine !== undefined);
    if (!(engine instanceof SimulatedEngine)) return engine;
    return { engine, entries: this.entriesOf(engine) };
  }

  entriesOf(engine: SimulatedEngine): Entries {
    const entries = new Map<string, string>();
    let isThrough = false;
    engine.scan(new Uint8Array(), undefined, Infinity, (error, found) => {
      assert.equal(error, undefined);
      for (const { key, value } of found.entries)
        entries.set(Buffer.from(key).toString(), Buffer.from(value).toString());
      isThrough = true;
    });
    while (!isThrough && this.time.step());
    return entries;
  }

  drain(): void {
    while (this.time.step());
  }

  batch(): EngineWrite[] {
    return Array.from({ length: 1 + this.random.below(4) }, () => {
      const key = Buffer.from(`k${this.random.below(12)}`);
      const value = `${++this.#values}.`.padEnd(this.random.below(150), "v");
      return { key, value: this.random.below(4) === 0 ? undefined : Buffer.from(value) };
    });
  }
}

function applied(entries: Entries, batch: readonly EngineWrite[] | undefined): Entries {
  if (batch === undefined) return new Map();
  const next = new Map(entries);
  for (const { key, value } of batch) {
    if (value === undefined) next.delete(Buffer.from(key).toString());
    else next.set(Buffer.from(key).toString(), Buffer.from(value).toString());
  }
  return next;
}

function isSame(one: Entries, other: Entries): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value);
}

/** Issues things at random moments, for some time. */
function keepBusy(bench: Bench, engine: SimulatedEngine, issued: Issued[]): void {
  const { random, time } = bench;
  const count = 1 + random.below(25);
  for (let index = 0; index < count; index++) {
    time.after(random.float() * 12, () => {
      const kind = random.below(12);
      if (kind === 0) return engine.compact(() => undefined);
      const one: Issued = { batch: kind === 1 ? undefined : bench.batch(), fate: "unknown" };
      issued.push(one);
      const note = (error: EngineError | undefined): void => {
        if (error === undefined) one.fate = "applied";
        else if (error.code !== "CLOSED") one.fate = "failed";
      };
      if (one.batch === undefined) engine.clear(note);
      else engine.write(one.batch, note);
    });
  }
}

function randomFault(random: Random): DiskFault {
  const faults: readonly DiskFault[] = [
    { kind: "torn-write" },
    { kind: "lost-sync" },
    { kind: "write-error", probability: random.float() },
    { kind: "read-error", probability: random.float() * 0.5 },
    { kind: "full" },
    { kind: "slow", extraMs: random.float() * 3 },
  ];
  return faults[random.below(faults.length)] ?? { kind: "full" };
}

/** One life: works, and ends somewhere in the middle. */
function live(bench: Bench, issued: Issued[]): void {
  const { random, time } = bench;
  bench.isPowerLost = false;
  const isFaulty = random.below(3) > 0;
  const disk = isFaulty ? bench.faulty() : bench.base.open();
  const early = disk instanceof FaultyDisk && random.below(3) === 0 ? disk.inject(randomFault(random)) : undefined;
  const engine = bench.open(disk);
  early?.heal();
  if (!(engine instanceof SimulatedEngine)) {
    assert.notEqual(engine?.code, "DAMAGED", engine?.message);
    if (!bench.isPowerLost) bench.base.crash({ powerLoss: random.below(2) === 0 });
    return;
  }
  if (disk instanceof FaultyDisk) {
    for (let count = random.below(4); count > 0; count--) {
      time.after(random.float() * 10, () => {
        const handle = disk.inject(randomFault(random));
        time.after(random.float() * 5, () => handle.heal());
      });
    }
  }
  keepBusy(bench, engine, issued);
  const steps = random.below(4) === 0 ? Infinity : random.below(400);
  for (let step = 0; step < steps && !bench.isPowerLost && time.step(); step++);
  if (!bench.isPowerLost) bench.base.crash({ powerLoss: random.below(2) === 0 });
}

test("every acknowledged batch survives, none that failed shows, whenever a life ends", () => {
  const fates = { applied: 0, failed: 0, unknown: 0 };
  let crashes = 0;
  for (let seed = 0; seed < 700; seed++) {
    const bench = new Bench(seed);
    let entries: Entries = new Map();
    for (let life = 0; life < 4; life++) {
      const issued: Issued[] = [];
      live(bench, issued);
      // What is left of the life before is not to touch the next one.
      const frozen = issued.map(({ batch, fate }) => ({ batch, fate }));
      bench.drain();
      crashes++;
      for (const { fate } of frozen) fates[fate]++;
      const reopened = bench.reopen();
      assert.ok("entries" in reopened, `seed ${seed}, life ${life}: ${"message" in reopened ? reopened.message : ""}`);
      const candidates = candidatesOf(entries, frozen);
      const found = candidates.find((candidate) => isSame(candidate, reopened.entries));
      assert.ok(found !== undefined, `seed ${seed}, life ${life}: ${describeGap(candidates, reopened.entries)}`);
      entries = found;
      bench.base.crash({ powerLoss: bench.random.below(2) === 0 });
    }
  }
  assert.ok(
    crashes >= 2800 && fates.applied > 5000 && fates.failed > 200 && fates.unknown > 1000,
    JSON.stringify(fates),
  );
});

/** All that was applied, and then a first part of what nobody was told about. */
function candidatesOf(before: Entries, issued: readonly Issued[]): Entries[] {
  let entries = before;
  const lastApplied = issued.findLastIndex(({ fate }) => fate === "applied");
  for (const { batch, fate } of issued.slice(0, lastApplied + 1)) {
    if (fate === "applied") entries = applied(entries, batch);
  }
  const candidates = [entries];
  for (const { batch, fate } of issued.slice(lastApplied + 1)) {
    if (fate !== "unknown") continue;
    entries = applied(entries, batch);
    candidates.push(entries);
  }
  return candidates;
}

function describeGap(candidates: readonly Entries[], found: Entries): string {
  const show = (entries: Entries): string =>
    JSON.stringify([...entries].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  return `found ${show(found)}, wanted one of\n${candidates.map(show).join("\n")}`;
}

test("a flipped bit is never served: the engine refuses, or nothing of what it holds was hit", () => {
  let refused = 0;
  const runs = 600;
  for (let seed = 0; seed < runs; seed++) {
    const bench = new Bench(`flip ${seed}`);
    const opened = bench.reopen();
    assert.ok("engine" in opened);
    const issued: Issued[] = [];
    keepBusy(bench, opened.engine, issued);
    bench.drain();
    const entries = bench.entriesOf(opened.engine);
    bench.base.crash({ powerLoss: false });
    const names = bench.base.names().filter((name) => bench.base.length(name) > 0);
    const name = names[bench.random.below(names.length)];
    if (name === undefined) continue;
    bench.base.flipBit(name, bench.random.below(bench.base.length(name)), 1 << bench.random.below(8));
    const reopened = bench.reopen();
    if ("entries" in reopened) assert.ok(isSame(reopened.entries, entries), `seed ${seed}: altered data were served`);
    else {
      refused++;
      assert.equal(reopened.code, "DAMAGED");
      assert.match(reopened.message, /(log|base)-[\d-]+ is damaged at byte \d+: /);
    }
  }
  assert.ok(refused > runs * 0.8, `refused ${refused} of ${runs}`);
});

test("a misdirected write is never served as something else", () => {
  let refused = 0;
  for (let seed = 0; seed < 200; seed++) {
    const bench = new Bench(`misdirect ${seed}`);
    const disk = bench.faulty();
    const engine = bench.open(disk);
    assert.ok(engine instanceof SimulatedEngine);
    let entries: Entries = new Map();
    const past = [entries];
    for (let count = 0; count < 8; count++) {
      if (count === 4) disk.inject({ kind: "misdirect" });
      const batch = bench.batch();
      engine.write(batch, (error) => assert.equal(error, undefined));
      bench.drain();
      entries = applied(entries, batch);
      past.push(entries);
    }
    bench.base.crash({ powerLoss: false });
    const reopened = bench.reopen();
    if (!("entries" in reopened)) refused++;
    else
      assert.ok(
        past.some((candidate) => isSame(candidate, reopened.entries)),
        `seed ${seed}`,
      );
  }
  assert.ok(refused > 150, `refused ${refused} of 200`);
});

test("on a full disk a write says so, leaves nothing, and succeeds when there is room", () => {
  const bench = new Bench("full");
  const disk = bench.faulty();
  const engine = bench.open(disk);
  assert.ok(engine instanceof SimulatedEngine);
  const codes: (string | undefined)[] = [];
  const put = (value: string): void =>
    engine.write([{ key: Buffer.from("k"), value: Buffer.from(value) }], (error) => codes.push(error?.code));
  put("1");
  bench.drain();
  const full = disk.inject({ kind: "full" });
  put("2");
  bench.drain();
  assert.deepEqual([...bench.entriesOf(engine)], [["k", "1"]]);
  full.heal();
  put("3");
  bench.drain();
  assert.deepEqual(codes, [undefined, "FULL", undefined]);
  bench.base.crash({ powerLoss: true });
  const reopened = bench.reopen();
  assert.ok("entries" in reopened);
  assert.deepEqual([...reopened.entries], [["k", "3"]]);
});

test("the same seed gives the same run to the byte", () => {
  const run = (): string => {
    const bench = new Bench("again");
    const issued: Issued[] = [];
    live(bench, issued);
    const files = bench.base.names().map((name) => [name, Buffer.from(bench.base.read(name)).toString("hex")]);
    return JSON.stringify([files, issued.map(({ fate }) => fate), bench.time.nowMs()]);
  };
  assert.equal(run(), run());
});
