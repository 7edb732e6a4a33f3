/**
 * What must be found on the disk when a home (`journal-life.fixture.ts`) has crashed.
 *
 * Every record that was ever given to the journal is kept besides. What a crash leaves must be what some of them say,
 * one after the other from the very first one, without any snapshot: at least those that were confirmed.
 */

import assert from "node:assert/strict";
import type { Random } from "../../foundation/effects.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import { SimulatedDisk } from "../../platform/simulated/disk.ts";
import { ModelLife, remembered } from "./journal-life.fixture.ts";
import type { LifeOptions, World } from "./journal-life.fixture.ts";
import { recoverJournal } from "./journal-recovery.ts";
import type { RecoveredJournal } from "./journal-recovery.ts";
import { JournalState } from "./journal-records.ts";
import type { JournalRecord } from "./journal-records.ts";

/** A disk, and all that was ever written to it. */
export class JournalModel implements World {
  readonly time = new VirtualTime();
  readonly disk: SimulatedDisk;
  readonly random: Random;
  /** Since the disk was empty; those that a crash has taken away are gone. */
  history: JournalRecord[] = [];
  confirmed = 0;
  life: ModelLife | undefined;

  constructor(seed: string) {
    this.random = seededRandom(seed);
    this.disk = new SimulatedDisk({ clock: this.time, random: this.random.fork("disk") });
  }

  /** @returns the events that were run. */
  run(limit = Infinity): number {
    let steps = 0;
    while (steps < limit && this.time.step()) steps++;
    return steps;
  }

  begin(options: LifeOptions = {}): ModelLife {
    this.life = new ModelLife(this, options);
    return this.life;
  }

  /** Ends the life, and checks what it leaves. @returns what the next one finds. */
  crash(powerLoss: boolean, what: string): RecoveredJournal {
    this.life?.end();
    this.disk.crash({ powerLoss });
    this.run();
    const recovered = this.recover();
    if (recovered instanceof Error) assert.fail(`${what}: ${recovered.message}`);
    this.history = this.history.slice(0, this.#lengthOf(recovered.state, what));
    return recovered;
  }

  recover(): RecoveredJournal | Error {
    let found: RecoveredJournal | Error | undefined;
    recoverJournal(this.disk.open(), "n1", (error, recovered) => {
      found = recovered ?? error;
    });
    this.run();
    this.disk.crash({ powerLoss: false });
    assert.ok(found !== undefined);
    return found;
  }

  /** How many of the records give `state`. */
  #lengthOf(state: JournalState, what: string): number {
    const truth = new JournalState();
    const found = textOf(state);
    for (const [index, record] of this.history.entries()) {
      if (index >= this.confirmed && isTold(truth, state, found)) return index;
      truth.apply(record, 0);
    }
    if (isTold(truth, state, found)) return this.history.length;
    assert.fail(
      `${what}: ${found} with ends of ${[...state.ended.keys()].join()} is not what the first ${this.confirmed} to ` +
        `${this.history.length} records say, which end with ${textOf(truth)}, ends of ${[...truth.ended.keys()].join()}`,
    );
  }
}

/** Everything but how tasks have ended, on one clock. */
function textOf({ live, orders, tokensBelow }: JournalState): string {
  const tasks = [...live.values()].sort((one, other) => one.order - other.order);
  const rows = tasks.map(({ spec, order, acceptedMs, unmet, failures, attempts }) => {
    return [spec.id, order, acceptedMs, [...unmet].sort(), failures, attempts];
  });
  return JSON.stringify({ rows, orders, tokensBelow });
}

/** What has been forgotten is the oldest, and only what is beyond the bound. */
function isTold(truth: JournalState, state: JournalState, found: string): boolean {
  if (textOf(truth) !== found || state.lastMs < truth.lastMs) return false;
  const all = [...truth.ended];
  const kept = [...state.ended];
  if (kept.length < Math.min(remembered, all.length)) return false;
  return JSON.stringify(all.slice(all.length - kept.length)) === JSON.stringify(kept);
}
