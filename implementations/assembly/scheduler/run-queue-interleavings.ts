/**
 * Interleavings of the run queue, chosen exactly: in the middle of one thread's operation, before each of its atomic
 * accesses in turn, other threads do whole operations. That is every schedule with one preemption of a few small
 * scenes, and most mistakes in concurrent code need no more than one or two.
 *
 * All on one thread and the same each time. What it cannot show is what happens when two are in the middle of something
 * at once: for that there is the race.
 *
 * @see Musuvathi & Qadeer 2007, "Iterative context bounding for systematic testing of multithreaded programs".
 */

import type { Resources } from "../../scheduler/contract.ts";
import type { Share } from "../../scheduler/production/tenant-table.ts";
import { atAtomicStep } from "./at-atomic-step.ts";
import { RunQueueStage } from "./run-queue-stage.ts";
import type { Scene, StageOutcome } from "./run-queue-stage.ts";

export interface Interleaving extends StageOutcome {
  /** What was interrupted by what, and where. */
  readonly name: string;
}

const unlimited: Resources = { cpuMilli: Infinity, memoryMb: Infinity };
const free: Share = { weight: 1, ...unlimited };

const scenes: Readonly<Record<string, Scene>> = {
  "one at a time by quota": {
    shares: [{ ...free, cpuMilli: 1000 }],
    capacity: unlimited,
    prepare: (stage) => {
      for (const cpuMilli of [1000, 501, 1000, 501]) stage.offer({ cpuMilli });
    },
  },
  "one at a time by memory": {
    shares: [free, free],
    capacity: { cpuMilli: Infinity, memoryMb: 100 },
    prepare: (stage) => {
      for (const [tenant, memoryMb] of [60, 51, 100, 51].entries()) stage.offer({ tenant: tenant % 2, memoryMb });
    },
  },
  // Where each worker has a head of its own, both can be after the last room at once.
  "one at a time by quota, in lanes": {
    shares: [{ ...free, cpuMilli: 1000 }],
    capacity: unlimited,
    prepare: (stage) => {
      for (const lane of [0, 1, 0, 1]) stage.offer({ lane, cpuMilli: 501 + lane });
    },
  },
  "one at a time by capacity, in lanes": {
    shares: [free],
    capacity: { cpuMilli: 1000, memoryMb: 100 },
    prepare: (stage) => {
      for (const lane of [0, 1, 0, 1]) stage.offer({ lane, cpuMilli: 300, memoryMb: 51 + lane });
    },
  },
  "a shared lane and one of each": {
    shares: [free],
    capacity: unlimited,
    prepare: (stage) => {
      for (const lane of [0, -1, 1, -1, 0, 1]) stage.offer({ lane, rank: 2 });
    },
  },
  "something to steal": {
    shares: [free],
    capacity: { cpuMilli: 3000, memoryMb: Infinity },
    prepare: (stage) => {
      for (let index = 0; index < 9; index++) stage.offer({ lane: 1, rank: index % 2, cpuMilli: 300 + index });
    },
  },
};

/** What worker 0 is interrupted in. */
const interrupted: Readonly<Record<string, (stage: RunQueueStage) => void>> = {
  "a take": (stage) => void stage.take(0),
  "a release and a take": (stage) => {
    stage.release(0);
    stage.take(0);
  },
};

/** By what. The new offers need something else than the old ones. */
const intrusions: Readonly<Record<string, (stage: RunQueueStage) => void>> = {
  "a take": (stage) => void stage.take(1),
  "a take to its end, and an offer": (stage) => stage.turnOver(1),
  "an offer that comes first": (stage) => stage.offer({ rank: -1, cpuMilli: 1 }),
  "a withdrawal, and an offer": (stage) => {
    stage.withdrawFirst();
    stage.offer({ cpuMilli: 700, memoryMb: 7 });
  },
  "a loan": (stage) => stage.lend(),
  "many takes to their ends, and as many offers": (stage) => {
    for (let turn = 0; turn < 40; turn++) stage.turnOver(1);
  },
};

/** What makes a worker look again that was about to sleep, or sleeps. The other one is busy, or has nothing to take. */
const wakings: readonly {
  readonly name: string;
  readonly scene: Scene;
  readonly operation: (stage: RunQueueStage) => void;
  readonly intrusion: (stage: RunQueueStage) => void;
}[] = [
  ...[-1, 0, 1].map((lane) => ({
    name: `worker 0 falls asleep, interrupted by an offer in lane ${lane}`,
    scene: { shares: [free], capacity: unlimited, prepare: () => undefined },
    operation: (stage: RunQueueStage) => stage.lookAndSleep(0),
    intrusion: (stage: RunQueueStage) => stage.offer({ lane }),
  })),
  ...["quota", "capacity"].map((limit) => ({
    name: `worker 0 falls asleep for lack of ${limit}, interrupted by a release`,
    scene: {
      shares: [limit === "quota" ? { ...free, cpuMilli: 1000 } : free],
      capacity: limit === "quota" ? unlimited : { ...unlimited, cpuMilli: 1000 },
      prepare: (stage: RunQueueStage) => {
        for (const cpuMilli of [600, 400, 300]) stage.offer({ cpuMilli });
        stage.take(1);
        stage.take(1);
      },
    },
    operation: (stage: RunQueueStage) => stage.lookAndSleep(0),
    intrusion: (stage: RunQueueStage) => stage.release(1),
  })),
  {
    name: "worker 1 holds something in vain, interrupted by worker 0, which finds no room and falls asleep",
    scene: {
      shares: [{ ...free, cpuMilli: 1000 }],
      capacity: unlimited,
      stealing: false,
      prepare: (stage) => stage.offer({ cpuMilli: 1000 }),
    },
    operation: (stage) => void stage.take(1),
    intrusion: (stage) => {
      stage.withdrawFirst();
      stage.offer({ lane: 0, cpuMilli: 1000 });
      stage.lookAndSleep(0);
    },
  },
  {
    name: "two are asleep when two tasks fit at once, and one of them is woken",
    scene: {
      shares: [{ ...free, cpuMilli: 1000 }],
      capacity: unlimited,
      prepare: (stage) => {
        for (const cpuMilli of [1000, 500, 500]) stage.offer({ cpuMilli });
        stage.lend();
        stage.lookAndSleep(0);
        stage.lookAndSleep(1);
      },
    },
    operation: (stage) => {
      stage.release(stage.lender);
      stage.getUp();
    },
    intrusion: () => undefined,
  },
];

/** All of them, one after the other. */
export function* interleavings(): Iterable<Interleaving> {
  for (const [where, scene] of Object.entries(scenes)) {
    for (const [what, operation] of Object.entries(interrupted)) {
      for (const [how, intrusion] of Object.entries(intrusions)) {
        const prepare = (stage: RunQueueStage): void => {
          scene.prepare(stage);
          if (what !== "a take") stage.take(0);
        };
        yield* interrupt(`${where}: ${what}, interrupted by ${how}`, { ...scene, prepare }, operation, intrusion);
      }
    }
  }
  for (const { name, scene, operation, intrusion } of wakings) yield* interrupt(name, scene, operation, intrusion);
}

/** Interrupts `operation` by `intrusion` at each of its accesses, and once after the last. */
function* interrupt(
  name: string,
  scene: Scene,
  operation: (stage: RunQueueStage) => void,
  intrusion: (stage: RunQueueStage) => void,
): Iterable<Interleaving> {
  for (let step = 0; ; step++) {
    const stage = new RunQueueStage(scene);
    scene.prepare(stage);
    const isThere = atAtomicStep(
      step,
      () => operation(stage),
      () => intrusion(stage),
    );
    if (!isThere) intrusion(stage);
    stage.judgeSleepers();
    stage.playOut();
    yield { ...stage.outcome(), name: `${name} at access ${step}` };
    if (!isThere) return;
  }
}
