/**
 * `npm run stress`: real threads race for the scheduler's run queue and on its skip list, and what they did is judged.
 * `npm test` does the same for a moment; this takes about half a minute, or as many times as long as is said.
 *
 * `npm run stress -- 20 SEED` runs twenty times as many rounds, from SEED. The seed fixes what each thread does, not
 * how threads interleave: a failure is seen again with luck, and more rounds. All stresses run even when one fails.
 */

import { stressRunQueue } from "../harness/stress/stress-run-queue.ts";
import { stressSkipList } from "../harness/stress/stress-skip-list.ts";

const [times = "1", seed = "stress"] = process.argv.slice(2);
const factor = Number(times);
if (!Number.isInteger(factor) || factor < 1) {
  console.error(`npm run stress: how many times as many rounds is a whole number from 1 on, not "${times}"`);
  process.exit(3);
}

const [runQueueRounds, skipListRounds] = [6 * factor, 4 * factor];
const stresses = {
  "run queue, 2 threads": () => stressRunQueue({ seed, rounds: runQueueRounds, threads: 2, tasks: 1500 }),
  "run queue, 3 threads": () => stressRunQueue({ seed, rounds: runQueueRounds, threads: 3, tasks: 1500 }),
  "skip list, 2 threads": () => stressSkipList({ seed, rounds: skipListRounds, threads: 2, deaths: 0 }),
  "skip list, 3 threads": () => stressSkipList({ seed, rounds: skipListRounds, threads: 3, deaths: 0 }),
  "skip list, threads that are terminated": () =>
    stressSkipList({ seed, rounds: skipListRounds, threads: 3, deaths: 6, operations: 6000 }),
  "skip list, slots reused a thousand times": () =>
    stressSkipList({ seed, rounds: factor, threads: 2, deaths: 0, operations: 100_000 }),
};

/** A mistake that has to be found, in however many rounds: a thread that reads what it took when it may be reused. */
const mistake = "skip list, a thread that reads too late is found out";
const findMistake = () => stressSkipList({ seed, rounds: 200, threads: 3, deaths: 0, readsLate: true });

let failed = 0;
for (const [name, stress] of Object.entries({ ...stresses, [mistake]: findMistake })) {
  const { validity, summary, counterexample } = await stress();
  const isRight = validity === (name === mistake ? "invalid" : "valid");
  console.log(`${isRight ? "ok    " : "FAILED"}  ${name}: ${summary}`);
  if (isRight) continue;
  failed++;
  console.log(counterexample ?? "");
}
if (failed > 0) {
  console.log(`${failed} failed; again: npm run stress -- ${factor} ${seed}`);
  process.exitCode = 1;
}
