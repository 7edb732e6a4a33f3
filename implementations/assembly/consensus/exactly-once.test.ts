/**
 * Goal: a request is executed once, however often it is asked, whoever leads, and wherever the leader got its state
 * from: its own log, its own snapshot, or one that another leader sent (Ongaro & Ousterhout 2014, section 8).
 * Method: one request, asked again after every way in which a node can come by the session table.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome, Request } from "../../foundation/deployment.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { ConsensusOperation, ConsensusResult } from "../../consensus/contract.ts";
import { implementations, Trial } from "./trial.fixture.ts";

const settings = { snapshotEveryEntries: 10, trailingEntries: 0 };
const once: Request<ConsensusOperation> = { session: 9, sequence: 1, operation: { kind: "append", value: "once" } };

async function ask(trial: Trial, deadlineMs = 10_000): Promise<Outcome<ConsensusResult>> {
  let outcome: Outcome<ConsensusResult> | undefined;
  await trial.deployment.run(deadlineMs + 1000, (finish) => {
    trial.deployment.invoke(once, deadlineMs, (answer) => {
      outcome = answer;
      finish();
    });
  });
  assert.ok(outcome !== undefined);
  return outcome;
}

/** Kills leaders until `node` is one. */
async function enthrone(trial: Trial, node: NodeId): Promise<void> {
  for (let attempt = 0; attempt < 50 && trial.leader() !== node; attempt++) {
    const leader = trial.leader();
    const handle = trial.deployment.inject({ kind: "kill", nodes: [leader] });
    await trial.until("another leads", () => trial.deployment.leader() !== leader);
    handle.heal();
    await trial.agreement();
  }
  assert.equal(trial.leader(), node);
}

for (let seed = 1; seed <= 5; seed++) {
  test(`a request is executed once across leaders, restarts and InstallSnapshot (seed ${seed})`, async () => {
    const trial = await Trial.begin({ implementation: implementations.production, seed: `once ${seed}`, settings });
    const { deployment } = trial;
    assert.ok(await trial.append("before"));
    const first = await ask(trial);
    assert.deepEqual(first, { kind: "ok", result: { kind: "append", position: 2 } });

    const leader = trial.leader();
    const killed = deployment.inject({ kind: "kill", nodes: [leader] });
    assert.deepEqual(await ask(trial), first, "by a leader that replicated it");
    assert.notEqual(trial.leader(), leader);
    killed.heal();

    const all = deployment.inject({ kind: "kill", nodes: deployment.nodes });
    await trial.pass(100);
    all.heal();
    assert.deepEqual(await ask(trial), first, "after a restart from the log");

    const late = trial.follower();
    const down = deployment.inject({ kind: "kill", nodes: [late] });
    for (let index = 0; index < 30; index++) assert.ok(await trial.append(`${index}`));
    down.heal();
    await trial.agreement();
    assert.ok((await trial.counter(late, "snapshots installed")) > 0, "it was brought up by a snapshot");
    await enthrone(trial, late);
    assert.deepEqual(await ask(trial), first, "by a leader that was sent a snapshot");

    const again = deployment.inject({ kind: "kill", nodes: deployment.nodes });
    await trial.pass(100);
    again.heal();
    assert.deepEqual(await ask(trial), first, "after a restart from a snapshot");
    assert.equal((await trial.agreement()).filter((value) => value === "once").length, 1);
  });
}

test("a request whose answer was lost is answered by the next leader with what the first one did", async () => {
  const trial = await Trial.begin({ implementation: implementations.production, seed: "lost answer", settings });
  const { deployment } = trial;
  assert.ok(await trial.append("before"));
  const leader = trial.leader();
  const links = deployment.nodes.map((from) => ({ from, to: clientsEndpoint }));
  const mute = deployment.inject({ kind: "cut", links });
  assert.equal((await ask(trial, 300)).kind, "info");
  assert.deepEqual(await trial.agreement(), ["before", "once"]);
  const killed = deployment.inject({ kind: "kill", nodes: [leader] });
  mute.heal();
  assert.deepEqual(await ask(trial), { kind: "ok", result: { kind: "append", position: 2 } });
  killed.heal();
  assert.deepEqual(await trial.agreement(), ["before", "once"]);
});
