/**
 * Mistakes in the store, as changes of the production implementation: those of the catalogue of known ones (M-STO-01 to
 * 06) and some of our own about promises, durability, tombstones and topologies (M-STO-5x).
 */

import type { Mutant, Replacement } from "../../harness/mutants/mutant.ts";

const production = "implementations/storage/production";

function change(file: string, before: string, after: string): Replacement {
  return { file: `${production}/${file}`, before, after };
}

function mutant(
  id: string,
  mistake: string,
  violates: string,
  origin: string,
  ...replacements: readonly Replacement[]
): Mutant {
  return { id, module: "storage", implementation: "production", mistake, violates, origin, replacements };
}

const wild = "seen in the wild";
const own = "our own";

export const storageMutants: readonly Mutant[] = [
  mutant(
    "M-STO-01",
    "R + W = N",
    "linearizability",
    "",
    change(
      "round.ts",
      "      if (!this.#isQuorum((other) => stateOf(other)?.ballot === ballot)) continue;",
      `      const isAlike = (member: Member): boolean => stateOf(this.#answers[this.#indexOf(member)])?.ballot === ballot;
      if (!isQuorum(this.placement, "one", isAlike)) continue;`,
    ),
  ),
  mutant(
    "M-STO-02",
    "no read repair after a partial write",
    "monotonic reads",
    wild,
    change(
      "round.ts",
      "    const isOpen = this.#answers.some(",
      `    const newest = newestOf(this.#answers);
    const isHeard = this.#isQuorum((answer) => answer !== undefined);
    if (isHeard && newest !== undefined && !this.commands.some(isWrite)) {
      this.#execute(newest, false);
      return this.#finish();
    }
    const isOpen = this.#answers.some(`,
    ),
  ),
  mutant(
    "M-STO-03",
    "a failed conditional write leaves its proposal to be accepted later",
    "linearizability",
    wild,
    change(
      "round.ts",
      "    return this.#propose(state, state !== base);",
      "    return state === base ? this.#finish() : this.#propose(state, true);",
    ),
  ),
  mutant(
    "M-STO-04",
    "compare-and-swap as get, then put",
    "lost update",
    "",
    change(
      "coordinator.ts",
      "    const isWriting = commands.length === 0 || commands.some(isWrite);",
      `    const isWriting =
      commands.length === 0 || commands.some((command) => isWrite(command) && command.kind !== "cas");`,
    ),
    change(
      "round.ts",
      "      const { state: changed, reply } = execute(state, command, this.#timestampMs);",
      `      const wasRight = command.kind === "cas" && this.phase !== "read" && this.phases > 1;
      const done = execute(state, wasRight ? { ...command, kind: "put" } : command, this.#timestampMs);
      const { state: changed, reply } = done;`,
    ),
  ),
  mutant(
    "M-STO-05",
    "a failed write reappears after restart",
    "linearizability",
    wild,
    change(
      "round.ts",
      "    return this.#proposed.length > 0 && isWrite(command) ? writeUncertain : quorumNotMet;",
      "    return isWrite(command) ? quorumNotMet : quorumNotMet;",
    ),
  ),
  mutant(
    "M-STO-06",
    "the ring changes before the data has moved",
    "lost reads",
    wild,
    change(
      "change-driver.ts",
      "    if (contacts.every(({ isDone }) => isDone)) return this.#keeper.propose(completedData(topology.data));",
      "    if (contacts.length > 0) return this.#keeper.propose(completedData(topology.data));",
    ),
  ),
  mutant(
    "M-STO-51",
    "a replica accepts below what it has promised",
    "chosen values stay",
    own,
    change("acceptor.ts", "  if (state.ballot < record.promised) return undefined;\n", ""),
  ),
  mutant(
    "M-STO-52",
    "an acceptance is answered before it is durable",
    "durability",
    own,
    change(
      "replica.ts",
      "    this.commit.when(entry.write, () => this.#ports.reply(from, reply));",
      "    this.#ports.reply(from, reply);",
    ),
  ),
  mutant(
    "M-STO-53",
    "a tombstone is collected although one replica has not reported it",
    "a deleted value comes back",
    own,
    change(
      "coordinator.ts",
      'placement: this.#placementOf(key, "all"), level: "all", commands: [] });',
      'placement: this.#placementOf(key, "all"), level: "majority", commands: [] });',
    ),
  ),
  mutant(
    "M-STO-54",
    "collecting a tombstone leaves no floor behind",
    "a deleted value comes back",
    own,
    change(
      "replica.ts",
      `      ballot: Math.max(before.ballot, ballot),
      version: Math.max(before.version, record.state.version),`,
      `      ballot: before.ballot,
      version: before.version,`,
    ),
  ),
  mutant(
    "M-STO-55",
    "messages of an older epoch are taken",
    "quorums of two topologies that do not meet",
    own,
    change(
      "storage-core.ts",
      "    if (batch.epoch === epoch) this.#takeAll(from, batch.messages);",
      "    if (batch.epoch <= epoch) this.#takeAll(from, batch.messages);",
    ),
  ),
  mutant(
    "M-STO-56",
    "a node that joins pulls from one replica instead of a quorum",
    "acknowledged writes are lost",
    own,
    change(
      "slot-pull.ts",
      '    const needed = neededOf(before.length, "majority") - (before.length - others.length);',
      "    const needed = Math.min(1, others.length);",
    ),
  ),
];
