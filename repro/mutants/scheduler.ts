/**
 * Mistakes in the scheduler, as changes of the production implementation: those of the catalogue of known ones
 * (M-SCH-01 to 08) and some of our own (M-SCH-51 and on): about counting, shares, deadlines, lanes and ages, about what
 * is not durable yet, and about messages that come late or twice. What only racing threads show is hunted by a stress
 * of real ones.
 */

import type { Mutant, Replacement } from "../../harness/mutants/mutant.ts";

const production = "implementations/scheduler/production";

function change(file: string, before: string, after: string): Replacement {
  return { file: `${production}/${file}`, before, after };
}

type Rest = Pick<Mutant, "id" | "mistake" | "violates" | "origin" | "replacements"> & Pick<Partial<Mutant>, "foundBy">;

function mutant(rest: Rest): Mutant {
  return { module: "scheduler", implementation: "production", ...rest };
}

const wild = "seen in the wild";
const own = "our own";

export const schedulerMutants: readonly Mutant[] = [
  mutant({
    id: "M-SCH-01",
    mistake: "a thief reads the slot after its compare-and-swap",
    violates: "double or lost run",
    origin: "a CVE in a well-known deque",
    foundBy: "stress-run-queue",
    replacements: [
      change(
        "task-taker.ts",
        "      const taken = this.#started(tenant, slot, list, nowMs, since);",
        `      const head = isStealing ? this.lists.peek(list) : -1;
      const taken = this.#started(tenant, head < 0 ? slot : this.slots.slotOf(head), list, nowMs, since);`,
      ),
    ],
  }),
  mutant({
    id: "M-SCH-02",
    mistake: "a thief skips a block",
    violates: "lost task",
    origin: wild,
    foundBy: "stress-run-queue",
    replacements: [
      change(
        "stolen-batch.ts",
        "    for (let moved = 0; moved < others; moved++) if (!this.#moveOne(tenant, list)) return;",
        `    if (others > 1) this.#lists.popMin(list);
    for (let moved = 1; moved < others; moved++) if (!this.#moveOne(tenant, list)) return;`,
      ),
    ],
  }),
  mutant({
    id: "M-SCH-03",
    mistake: "requeue on timeout without a fencing token",
    violates: "double effect",
    origin: "",
    replacements: [
      // A lease that ran out is not forgotten, and a late result ends the task, whose next attempt goes on.
      change(
        "lender.ts",
        "      this.#end(loan, lostAfter(this.#ports.clock.nowMs() - loan.sinceMs, loan.attempt.token));",
        `      this.#end(loan, lostAfter(this.#ports.clock.nowMs() - loan.sinceMs, loan.attempt.token));
      this.#loans.set(loan.attempt.token, loan);`,
      ),
      change(
        "lending.ts",
        `    this.#ports.queue.release(attempt.slot, ended.ranMs);
    this.#ports.attempts.finish(attempt);
    if (task.phase === "leased") this.#ports.home.ended(task, attempt.token, -1, ended);`,
        `    const isLate = task.attempt !== attempt;
    if (!isLate) this.#ports.queue.release(attempt.slot, ended.ranMs);
    if (!isLate) this.#ports.attempts.finish(attempt);
    if (isLate || task.phase === "leased") this.#ports.home.ended(task, attempt.token, -1, ended);`,
      ),
      change(
        "home.ts",
        '    if (task.phase === "ended" || task.token !== token) {',
        '    if (task.phase === "ended") {',
      ),
    ],
  }),
  mutant({
    id: "M-SCH-04",
    mistake: "the comparator is reversed",
    violates: "priority order",
    origin: wild,
    replacements: [
      change(
        "insertion-point.ts",
        "    if (otherRank !== rank) return otherRank < rank;",
        "    if (otherRank !== rank) return otherRank > rank;",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-05",
    mistake: "lost wake-up: a submission between the check and the wait",
    violates: "progress",
    origin: wild,
    foundBy: "stress-run-queue",
    replacements: [
      change(
        "sleepers.ts",
        "    if (Atomics.load(words, header.signal) === seen) Atomics.wait(words, parkingAt, parking);",
        `    void seen;
    Atomics.wait(words, parkingAt, parking);`,
      ),
    ],
  }),
  mutant({
    id: "M-SCH-06",
    mistake: "quota is checked, then charged in a second step",
    violates: "quota",
    origin: "",
    foundBy: "stress-run-queue",
    replacements: [
      change(
        "tenant-table.ts",
        "  while (seen <= limit - amount) {",
        "  // Whoever charges has looked for room before.\n  for (;;) {",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-07",
    mistake: "a cycle through three tasks is accepted",
    violates: "progress",
    origin: "",
    replacements: [
      change(
        "admission.ts",
        "  if (cycle === undefined) return undefined;",
        "  if (cycle === undefined || cycle.length === 3) return undefined;",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-08",
    mistake: "a failed task's dependants are released",
    violates: "dependency respect",
    origin: "",
    replacements: [
      change(
        "dependencies.ts",
        'const ends: [dependency: string, isCompleted: boolean][] = [[dependency, end.state === "completed"]];',
        "const ends: [dependency: string, isCompleted: boolean][] = [[dependency, end.state !== undefined]];",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-51",
    mistake: "a task that failed may fail once more than it is allowed to",
    violates: "attempts counted",
    origin: own,
    replacements: [
      change(
        "home.ts",
        "    if (task.failures >= task.spec.maxAttempts) return",
        "    if (task.failures > task.spec.maxAttempts) return",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-52",
    mistake: "failed attempts are not written down, so a restart forgets them",
    violates: "attempts counted",
    origin: own,
    replacements: [
      change(
        "home.ts",
        '    this.#ports.append({ kind: "failure", task: task.id, failures, attempts });',
        "    void [failures, attempts];",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-53",
    mistake: "virtual time ignores weights",
    violates: "fairness",
    origin: own,
    replacements: [
      change(
        "tenant-table.ts",
        "    return this.#doubles[(this.#memory.tenantAt(tenant) + tenantWord.weight) >> 1]!;",
        "    return tenant < 0 ? 0 : 1;",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-54",
    mistake: "a deadline is forgotten at a restart",
    violates: "deadlines",
    origin: own,
    replacements: [
      change(
        "home.ts",
        '      if (task.phase === "blocked") this.#begin(task);',
        `      if (task.phase !== "blocked") continue;
      this.#begin(task);
      task.deadline?.cancel();`,
      ),
    ],
  }),
  mutant({
    id: "M-SCH-55",
    mistake: "a task waits in the shared lane, whatever its affinity",
    violates: "lanes",
    origin: own,
    replacements: [
      change(
        "home.ts",
        "    return affinity < 0 ? -1 : affinity % this.#ports.workers;",
        "    return Math.min(affinity, -1);",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-56",
    mistake: "a restart forgets how old its tasks are",
    violates: "submission order",
    origin: own,
    replacements: [
      change(
        "home.ts",
        "      const acceptedMs = nowMs - state.ageMsOf(recovered);",
        "      const acceptedMs = nowMs;",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-57",
    mistake: "only the first segment of the log behind a snapshot is read, which is all there is but for a compaction",
    violates: "lost task",
    origin: own,
    replacements: [
      change(
        "journal-recovery.ts",
        "      readAll(disk, [first, ...log], replay, (error) => {",
        "      readAll(disk, [first, ...log.slice(0, 1)], replay, (error) => {",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-58",
    mistake: "the old snapshot is removed when the new one is begun",
    violates: "durability",
    origin: own,
    replacements: [
      change(
        "journal.ts",
        "    this.#snapshot = snapshot;",
        "    this.#snapshot = snapshot;\n    removeAll(disk, replaced, () => undefined);",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-59",
    mistake: "a repeated submission is answered though the first one is not durable yet",
    violates: "submissions kept",
    origin: own,
    replacements: [change("client-service.ts", "      else afterAll(done);", "      else void [afterAll, done()];")],
  }),
  mutant({
    id: "M-SCH-60",
    mistake: "that a dependency is unknown is believed though it was said before the dependency existed",
    violates: "outcomes",
    origin: own,
    replacements: [
      change(
        "watches.ts",
        'state === "pending" || (state === "unknown" && number < since)) continue;',
        'state === "pending" || number < 0) continue;',
      ),
    ],
  }),
  mutant({
    id: "M-SCH-61",
    mistake: "an answer to an older question decides whether a submission's dependencies are known",
    violates: "refusals",
    origin: own,
    replacements: [
      change(
        "watches.ts",
        "    if (!inquiry.open.has(task) || (number < inquiry.since && !isFinal)) return;",
        "    if (!inquiry.open.has(task) || (number < 0 && !isFinal)) return;",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-62",
    mistake: "questions are counted from 1 in every life, so answers to those of an earlier one are believed",
    violates: "refusals",
    origin: own,
    replacements: [
      change(
        "watches.ts",
        "    this.#number = life * questionsOfALife;",
        "    this.#number = 0 * life * questionsOfALife;",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-63",
    mistake: "a node executes what was leased to its earlier life",
    violates: "tokens once",
    origin: own,
    replacements: [
      change(
        "guests.ts",
        "    if (lease.life !== this.#ports.life || lease.token <=",
        "    if (lease.life > this.#ports.life || lease.token <=",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-64",
    mistake: "a lease that comes once more after its attempt has ended is executed once more",
    violates: "tokens once",
    origin: own,
    replacements: [
      change("guests.ts", "    this.#newestTokens.set(home, lease.token);", "    this.#newestTokens.set(home, 0);"),
    ],
  }),
  mutant({
    id: "M-SCH-65",
    mistake: "other homes are told of an end that is not durable",
    violates: "dependency respect",
    origin: own,
    replacements: [
      change(
        "watches.ts",
        "    const status = table.statusOf(task);",
        "    const status = table.endOf(task)?.end ?? table.statusOf(task);",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-66",
    mistake: "a submission is taken as long as there is room for one of its tasks",
    violates: "queue limit",
    origin: own,
    replacements: [
      change(
        "admission.ts",
        "    if (table.liveCount + count <= queueLimit) return undefined;",
        "    if (table.liveCount < queueLimit) return undefined;",
      ),
    ],
  }),
  mutant({
    id: "M-SCH-67",
    mistake: "a client that waits is told of an end that is not durable",
    violates: "answers durable",
    origin: own,
    replacements: [
      change(
        "client-service.ts",
        "      return ended?.isDurable === true ? ended.end : undefined;",
        "      return ended?.end;",
      ),
    ],
  }),
];
