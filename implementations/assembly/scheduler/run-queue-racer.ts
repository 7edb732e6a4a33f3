/**
 * A worker thread that takes tasks from a shared run queue, holds them for a moment and notes them down: one of those
 * that run-queue-race.ts starts. It sleeps when there is nothing to take, without a timeout; in a flood it tries again
 * at once.
 */

import { workerData } from "node:worker_threads";

import { seededRandom } from "../../foundation/prng.ts";
import type { Resources } from "../../scheduler/contract.ts";
import { RunQueueWorker } from "../../scheduler/production/run-queue-worker.ts";
import type { Taken } from "../../scheduler/production/task-taker.ts";
import type { Share } from "../../scheduler/production/tenant-table.ts";
import { RunQueueRecord } from "./run-queue-record.ts";
import type { RecordLayout } from "./run-queue-record.ts";

export interface RacerData {
  readonly seed: string;
  readonly worker: number;
  readonly queue: SharedArrayBuffer;
  readonly record: SharedArrayBuffer;
  readonly layout: RecordLayout;
  readonly shares: readonly Share[];
  readonly capacity: Resources;
  readonly stealing: boolean;
  readonly isFlood: boolean;
  /** By token: its tenant. */
  readonly tenants: SharedArrayBuffer;
}

/** How long a task takes at most, in turns of a loop: some microseconds. */
const mostTurns = 2000;

const data = workerData as RacerData;
const record = new RunQueueRecord(data.layout, data.record);
const queue = new RunQueueWorker(data.queue, data.worker, { stealing: data.stealing });
const tenants = new Int32Array(data.tenants);
const random = seededRandom(`${data.seed}/${data.worker}/${record.endsOf(data.worker)}`);

record.countReady();
for (;;) {
  record.passGate();
  const signal = queue.signal();
  if (record.isStopped) break;
  const taken = queue.take(0);
  if (taken !== undefined) run(taken);
  else if (!data.isFlood) queue.wait(signal);
}

function run({ slot, token, lane, since, ticket, isMoved }: Taken): void {
  record.countTaken(token);
  record.hold(token, data.shares[tenants[token]!]!, data.capacity, true);
  // Most are short: how they overlap is then decided within the queue.
  if (!data.isFlood) dawdle(random.below(8) === 0 ? random.below(mostTurns) : random.below(20));
  record.letGo(token, true);
  queue.release(slot, random.below(10) / 1000);
  record.end({ token, slot, worker: data.worker, lane, since, ticket, isMoved });
}

function dawdle(turns: number): void {
  for (let turn = 0; turn < turns; turn++) record.endsOf(data.worker);
}
