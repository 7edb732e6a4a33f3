/**
 * Goal: a node that is started again with other settings goes on with what it had accepted: less capacity, a lower
 * quota or a tenant that is gone loses no task and stops no other one.
 * Method: one node in virtual time on a disk that outlives it; a client submits and looks at what the node holds.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../foundation/codec.ts";
import type { NodeId } from "../../foundation/units.ts";
import { seededRandom } from "../../foundation/prng.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import { SimulatedDisk } from "../../platform/simulated/disk.ts";
import type { SchedulerEvent, TaskSpec, TaskState } from "../../scheduler/contract.ts";
import type { SchedulerSettings } from "../../scheduler/production/defaults.ts";
import { resolveProductionSettings } from "./production-settings.ts";
import { SchedulerNode } from "./scheduler-node.ts";
import { SimulatedExecutor } from "./simulated-executor.ts";

class Restarts {
  readonly #time = new VirtualTime();
  readonly #disk = new SimulatedDisk({ clock: this.#time, random: seededRandom("restarts") });
  #life = 0;
  #node: SchedulerNode | undefined;
  #receive: (from: NodeId, bytes: Uint8Array) => void = () => undefined;
  events: SchedulerEvent[] = [];

  start(overrides: Partial<SchedulerSettings>): void {
    this.#node?.crash();
    this.#disk.crash({ powerLoss: false });
    const life = ++this.#life;
    this.events = [];
    this.#node = new SchedulerNode({
      id: "n1",
      founders: ["n1"],
      isPeer: () => false,
      forming: life === 1,
      settings: resolveProductionSettings({ workers: 2, ...overrides }),
      slots: 128,
      disk: this.#disk.open(),
      transport: { send: () => undefined, onMessage: (receive) => (this.#receive = receive) },
      clock: {
        nowMs: () => this.#time.nowMs(),
        after: (delayMs, callback) => this.#time.after(delayMs, () => (life === this.#life ? callback() : undefined)),
      },
      defer: (callback) => void this.#time.after(0, callback),
      createExecutor: (place) => new SimulatedExecutor(place),
      trace: (event) => this.events.push(event),
      isWatched: () => false,
      beforeSend: (_to, _message, proceed) => proceed(),
      onStarted: () => undefined,
      onFatal: (error) => assert.fail(error),
    });
    this.pass(20);
  }

  pass(ms: number): void {
    const endMs = this.#time.nowMs() + ms;
    void this.#time.after(ms, () => undefined);
    while (this.#time.nowMs() < endMs) assert.ok(this.#time.step());
  }

  submit(...tasks: TaskSpec[]): void {
    const operation = { kind: "submit", tasks, untilEnded: false };
    this.#receive("client", encode({ id: 1, session: 0, sequence: this.#life, operation }));
    this.pass(20);
  }

  states(): Readonly<Record<string, TaskState>> {
    let found: Readonly<Record<string, TaskState>> = {};
    this.#node?.state(({ tasks }) => (found = Object.fromEntries(tasks.map(([id, state]) => [id, state]))));
    return found;
  }
}

const sleep = (id: string, ms: number, more: Partial<TaskSpec> = {}): TaskSpec => ({
  id,
  body: { kind: "sleep", ms },
  ...more,
});

test("a task that needs more than there is any more runs with all there is, and nobody waits for it in vain", () => {
  for (const { before, after, tenant } of [
    { before: { workers: 4 }, after: { workers: 1 }, tenant: "default" },
    { before: { memoryMb: 2048 }, after: { memoryMb: 256 }, tenant: "default" },
    { before: { workers: 4, tenants: "a:1:3000:2048", memoryMb: 2048 }, after: { tenants: "a:1:500" }, tenant: "a" },
  ]) {
    const node = new Restarts();
    node.start(before);
    const resources = { cpuMilli: before.workers === 4 ? 3000 : 500, memoryMb: before.memoryMb ?? 0 };
    node.submit(sleep("j.large", 500, { tenant, resources }));
    node.start(after);
    const small = Array.from({ length: 100 }, (_, index) =>
      sleep(`j.s${index}`, 5, { tenant, resources: { cpuMilli: 100, memoryMb: 1 } }),
    );
    node.submit(...small);
    node.pass(3000);
    assert.deepEqual(new Set(Object.values(node.states())), new Set(["completed"]), JSON.stringify(after));
  }
});

test("a quota of nothing keeps its tenant's tasks waiting, and nobody else's", () => {
  const node = new Restarts();
  node.start({ tenants: "a:1:2000" });
  node.submit(sleep("j.held", 500, { tenant: "a" }));
  node.start({ tenants: "a:1:0" });
  node.submit(...Array.from({ length: 100 }, (_, index) => sleep(`j.s${index}`, 5)));
  node.pass(3000);
  const { "j.held": held, ...others } = node.states();
  assert.equal(held, "pending");
  assert.deepEqual(new Set(Object.values(others)), new Set(["completed"]));
  node.start({ tenants: "a:1:1000" });
  node.pass(3000);
  assert.equal(node.states()["j.held"], "completed");
});

test("the tasks of a tenant that is gone are the default tenant's, not those of the one listed first", () => {
  const node = new Restarts();
  node.start({ tenants: "gone:1" });
  node.submit(sleep("j.held", 500, { tenant: "gone" }));
  node.start({ tenants: "a:1:0,default:1" });
  node.pass(1000);
  assert.equal(node.states()["j.held"], "completed");
});
