/**
 * Goal: a person sees what runs, what is left and for how long, in a log as on a terminal.
 * Method: one run's events with a clock that the test moves; the plain drawing as a transcript, the live one as far as
 * it must hold: it ends, shows every experiment, and holds back no warning.
 */

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import type { RunEvent } from "../run-events.ts";
import type { Io } from "./command.ts";
import { followRun } from "./follow-run.ts";
import { LiveProgress } from "./live-progress.ts";
import { PlainProgress } from "./plain-progress.ts";
import { RemainingTime } from "./remaining-time.ts";

/** A run and the milliseconds at which its events happen. */
const timeline: readonly (readonly [nowMs: number, event: RunEvent])[] = [
  [
    0,
    {
      kind: "planned",
      directory: "results/r1",
      experiments: [
        { id: "con-safety", title: "Safety under faults", blocks: 2, estimateS: 60 },
        { id: "con-throughput", title: "Throughput of 3 nodes", blocks: 1, estimateS: 60 },
      ],
    },
  ],
  [0, { kind: "experiment-started", id: "con-safety", title: "Safety under faults", blocks: 2 }],
  [0, { kind: "block-started", experiment: "con-safety", block: 0, blocks: 2, label: "minimal, seed 1" }],
  [15_000, { kind: "block-progress", experiment: "con-safety", block: 0, fraction: 0.25, text: "2000 operations" }],
  [
    60_000,
    {
      kind: "block-finished",
      experiment: "con-safety",
      block: 0,
      validity: "valid",
      summary: "8000 operations",
      durationS: 60,
    },
  ],
  [60_000, { kind: "note", level: "warning", text: "the disk is slow" }],
  [60_000, { kind: "block-started", experiment: "con-safety", block: 1, blocks: 2, label: "production, seed 1" }],
  [
    120_000,
    { kind: "block-finished", experiment: "con-safety", block: 1, validity: "void", summary: "inert", durationS: 60 },
  ],
  [120_000, { kind: "experiment-finished", id: "con-safety", validity: "invalid", summary: "1 of 2 blocks" }],
  [120_000, { kind: "experiment-started", id: "con-throughput", title: "Throughput of 3 nodes", blocks: 1 }],
  [120_000, { kind: "experiment-finished", id: "con-throughput", validity: "valid", summary: "9000 writes/s" }],
  [120_000, { kind: "written", path: "results/r1/report.html" }],
];

async function* replayed(clock: { nowMs: number }, stopAfter = timeline.length): AsyncGenerator<RunEvent, string> {
  for (const [nowMs, event] of timeline.slice(0, stopAfter)) {
    clock.nowMs = nowMs;
    yield event;
  }
  return "summary";
}

function captured(clock: { nowMs: number }, signal = new AbortController().signal): Io & { out: string; err: string } {
  const io = {
    out: "",
    err: "",
    stdout: { write: (text: string) => void (io.out += text), isTTY: false, columns: 100 },
    stderr: { write: (text: string) => void (io.err += text), isTTY: false, columns: 100 },
    nowMs: () => clock.nowMs,
    signal,
    environment: {},
    version: "1.2.3",
  };
  return io;
}

const transcript = `2 experiments planned, about 2m left; writing to results/r1
[1/2] con-safety: Safety under faults
  block 1 of 2: minimal, seed 1
  block 1 of 2: valid, 8000 operations (1m)
warning: the disk is slow
  block 2 of 2: production, seed 1
  block 2 of 2: void, inert (1m)
[1/2] con-safety: invalid, 1 of 2 blocks, about 2m left
[2/2] con-throughput: Throughput of 3 nodes
[2/2] con-throughput: valid, 9000 writes/s
wrote results/r1/report.html
`;

describe("plain lines", () => {
  test("on stdout when it is no terminal", async () => {
    const clock = { nowMs: 0 };
    const io = captured(clock);
    assert.equal(await followRun(replayed(clock), io, { json: false, stopping: () => "" }), "summary");
    assert.deepEqual([io.out, io.err], [transcript, ""]);
  });

  test("on stderr when stdout is for the object", async () => {
    const clock = { nowMs: 0 };
    const io = captured(clock);
    await followRun(replayed(clock), io, { json: true, stopping: () => "" });
    assert.deepEqual([io.out, io.err], ["", transcript]);
  });

  test("a long block gets a line now and then, a short one none", () => {
    const lines: string[] = [];
    let nowMs = 0;
    const progress = new PlainProgress(
      (line) => lines.push(line),
      () => nowMs,
    );
    for (; nowMs <= 70_000; nowMs += 1000) {
      const fraction = nowMs / 100_000;
      progress.show({ kind: "block-progress", experiment: "e", block: 0, fraction, text: `${nowMs / 1000} seeds` });
    }
    assert.deepEqual(lines, ["  block 1: 30 %, 30 seeds", "  block 1: 60 %, 60 seeds"]);
  });

  test("a request to stop is answered at once, with the directory to resume", async () => {
    const clock = { nowMs: 0 };
    const controller = new AbortController();
    const io = captured(clock, controller.signal);
    async function* stopped(): AsyncGenerator<RunEvent, string> {
      yield timeline[0]![1];
      controller.abort();
      yield timeline[1]![1];
      return "summary";
    }
    await followRun(stopped(), io, { json: false, stopping: (directory) => `Stopping: resume ${directory}` });
    assert.match(io.out, /results\/r1\nStopping: resume results\/r1\n\[1\/2\]/);
  });

  test("a run that throws is drawn to where it came", async () => {
    const clock = { nowMs: 0 };
    const io = captured(clock);
    // oxlint-disable-next-line require-yield
    async function* broken(): AsyncGenerator<RunEvent, string> {
      throw new Error("gone");
    }
    await assert.rejects(followRun(broken(), io, { json: false, stopping: () => "" }), /gone/);
  });
});

describe("the live list", () => {
  for (const stopAfter of [timeline.length, 4]) {
    test(`ends after ${stopAfter} events`, async () => {
      const clock = { nowMs: 0 };
      const lines: string[] = [];
      const terminal = new PassThrough({ encoding: "utf8" });
      const progress = new LiveProgress(
        (line) => lines.push(line),
        () => clock.nowMs,
        Object.assign(terminal, { isTTY: true, columns: 100, rows: 40 }) as unknown as NodeJS.WriteStream,
      );
      for await (const event of replayed(clock, stopAfter)) progress.show(event);
      progress.announce("Stopping");
      await progress.close();
      const drawn = String(terminal.read());
      for (const id of ["con-safety", "con-throughput"]) assert.ok(drawn.includes(id), drawn);
      const all = stopAfter === timeline.length;
      assert.equal(drawn.includes("not run to its end"), !all, drawn);
      assert.equal(lines[0], "Writing to results/r1");
      assert.equal(lines.includes("warning: the disk is slow"), all);
      assert.equal(lines.includes("con-safety, block 2: void, inert"), all);
      assert.equal(lines.includes("wrote results/r1/report.html"), all);
    });
  }
});

describe("remaining time", () => {
  test("believes the plan, then the pace", () => {
    const remaining = new RemainingTime();
    assert.equal(remaining.leftS(0), undefined);
    remaining.follow(timeline[0]![1], 0);
    assert.equal(remaining.leftS(1000), 120);
    remaining.follow(timeline[4]![1], 60_000);
    // 30 of 120 planned seconds took 60: the other 90 will take 180.
    assert.equal(remaining.leftS(60_000), 180);
  });

  test("never runs backwards within an experiment", () => {
    const remaining = new RemainingTime();
    remaining.follow(timeline[0]![1], 0);
    remaining.follow({ kind: "block-progress", experiment: "con-safety", block: 1, fraction: 0.5, text: "" }, 10_000);
    const before = remaining.leftS(10_000);
    remaining.follow({ kind: "block-progress", experiment: "con-safety", block: 0, fraction: 0.5, text: "" }, 10_000);
    assert.equal(remaining.leftS(10_000), before);
  });
});
