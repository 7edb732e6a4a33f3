// Goal: every fault of a schedule strikes where and when the plan says, ends healed, and is told apart from one that
// did nothing.
// Method: a deployment of a few lines in virtual time that writes down what it is asked to do.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Efficacy, Fault, Moment } from "../../implementations/foundation/faults.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import { VirtualTime } from "../../implementations/platform/simulated/clock.ts";
import type { ConsensusDeployment } from "../../implementations/consensus/contract.ts";
import type { FaultSpec } from "../plan/plan.ts";
import { Nemesis } from "./nemesis.ts";

class Stage {
  readonly time = new VirtualTime();
  readonly log: string[] = [];
  readonly moments: (() => void)[] = [];
  readonly nemesis: Nemesis;
  leader: string | undefined = "n1";
  efficacy: Efficacy = { count: 1, unit: "nodes" };

  constructor(faults: readonly FaultSpec[], seed = 1) {
    const deployment = {
      nodes: ["n1", "n2", "n3"],
      clock: this.time,
      leader: () => this.leader,
      at: (_: Moment, reached: () => void) => this.moments.push(reached),
      inject: (fault: Fault) => {
        const what = `${fault.kind} ${"nodes" in fault ? fault.nodes.join(" ") : fault.links.length}`;
        this.#note(what);
        let healed = false;
        return {
          efficacy: () => this.efficacy,
          heal: () => {
            if (!healed) this.#note(`heal ${what}`);
            healed = true;
          },
        };
      },
    } as unknown as ConsensusDeployment;
    this.nemesis = new Nemesis({
      deployment,
      faults,
      random: seededRandom(seed),
      elapsedMs: () => this.time.nowMs(),
      onStrike: ({ spec, leader }) => this.#note(`strike ${spec.kind}, ${leader ?? "nobody"} leads`),
    });
    this.nemesis.start();
  }

  until(ms: number): void {
    this.time.after(ms - this.time.nowMs(), () => undefined);
    while (this.time.nowMs() < ms) this.time.step();
  }

  #note(what: string): void {
    this.log.push(`${this.time.nowMs()} ${what}`);
  }
}

const at = (ms: number): FaultSpec["placement"] => ({ at: "time", ms });

test("placed in time: struck then, aimed at who leads then, healed after its duration", () => {
  const stage = new Stage([{ kind: "kill", target: "leader", placement: at(100), durationMs: 50 }]);
  stage.until(90);
  stage.leader = "n3";
  stage.until(200);
  assert.deepEqual(stage.log, ["100 strike kill, n3 leads", "100 kill n3", "150 heal kill n3"]);
  const [struck] = stage.nemesis.struck;
  assert.deepEqual([struck?.startMs, struck?.endMs, struck?.nodes, struck?.leader], [100, 150, ["n3"], "n3"]);
  assert.deepEqual(stage.nemesis.inert(), []);
});

test("placed at an operation: after that client's n-th completion, once", () => {
  const placement = { at: "operation", client: 1, count: 2 } as const;
  const stage = new Stage([{ kind: "pause", target: ["n2"], placement, durationMs: 50 }]);
  stage.nemesis.operationCompleted(1, 1);
  stage.nemesis.operationCompleted(0, 2);
  assert.deepEqual(stage.log, []);
  stage.nemesis.operationCompleted(1, 2);
  stage.nemesis.operationCompleted(1, 3);
  stage.until(100);
  assert.deepEqual(stage.log, ["0 strike pause, n1 leads", "0 pause n2", "50 heal pause n2"]);
});

test("placed at a moment: when the deployment gets there, before it goes on", () => {
  const moment = { kind: "sync", node: "n2", count: 3 } as const;
  const stage = new Stage([{ kind: "kill", target: ["n2"], placement: { at: "moment", moment }, durationMs: 50 }]);
  stage.until(70);
  assert.deepEqual(stage.log, []);
  stage.moments[0]?.();
  assert.deepEqual(stage.log, ["70 strike kill, n1 leads", "70 kill n2"]);
});

test("a fault of several steps: struck, healed and struck again within its duration", () => {
  const stage = new Stage([
    { kind: "crash-loop", target: ["n2"], placement: at(0), durationMs: 600, parameters: { times: 3 } },
  ]);
  stage.until(1000);
  assert.deepEqual(
    stage.log.filter((line) => !line.includes("strike")),
    [0, 200, 400].flatMap((ms) => [`${ms} kill n2`, `${ms + 100} heal kill n2`]),
  );
  assert.equal(stage.nemesis.struck[0]?.efficacy().count, 3, "all of its strikes count");
});

test("healAll ends every fault at once, and none begins or goes on afterwards", () => {
  const stage = new Stage([
    { kind: "kill", target: ["n1"], placement: at(10), durationMs: 1000 },
    { kind: "crash-loop", target: ["n2"], placement: at(20), durationMs: 600 },
    { kind: "pause", target: ["n3"], placement: at(500), durationMs: 10 },
  ]);
  stage.until(30);
  stage.nemesis.healAll();
  assert.deepEqual(stage.log.slice(-2), ["30 heal kill n1", "30 heal kill n2"]);
  const before = stage.log.length;
  stage.until(3000);
  assert.equal(stage.log.length, before);
  assert.deepEqual(
    stage.nemesis.struck.map(({ endMs }) => endMs),
    [30, 30],
  );
});

test("a fault that never struck, or struck and did nothing, is named", () => {
  const stage = new Stage([
    { kind: "kill", target: ["n1"], placement: at(10), durationMs: 10 },
    { kind: "pause", target: ["n2"], placement: { at: "operation", client: 9, count: 9 }, durationMs: 10 },
  ]);
  stage.efficacy = { count: 0, unit: "nodes" };
  stage.until(100);
  assert.deepEqual(stage.nemesis.inert(), ["pause never struck", "kill on n1 did nothing"]);
});

test("which nodes a fault hits depends on its place in the schedule, not on what struck before it", () => {
  const kill = (ms: number): FaultSpec => ({ kind: "kill", target: "one", placement: at(ms), durationMs: 10 });
  const order = new Stage([kill(10), kill(50), kill(90)], 7);
  const changed = new Stage([kill(10), kill(95), kill(20)], 7);
  for (const stage of [order, changed]) stage.until(200);
  const hits = ({ nemesis }: Stage): Map<FaultSpec, unknown> =>
    new Map(nemesis.struck.map((each) => [each.spec, each.nodes]));
  const [one, other] = [[...hits(order)], [...hits(changed)]];
  assert.deepEqual(one[0]?.[1], other[0]?.[1]);
  assert.deepEqual(one[1]?.[1], other[2]?.[1]);
  assert.deepEqual(one[2]?.[1], other[1]?.[1]);
});
