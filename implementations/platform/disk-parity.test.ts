/**
 * Goal: every disk keeps the port's promises, so that what holds on the simulated one holds on the real one.
 * Method: the same tests on the simulated disk and on a real directory, bare and behind the faulty disk.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DiskError } from "../foundation/effects.ts";
import type { Completion, Disk } from "../foundation/effects.ts";
import { realDisk, simulatedDisk } from "./disks.fixture.ts";
import type { DiskSubstrate } from "./disks.fixture.ts";

const text = (value: string): Uint8Array => Buffer.from(value);

for (const [name, make, isWrapped] of [
  ["simulated disk", simulatedDisk, false],
  ["simulated disk behind the faulty one", simulatedDisk, true],
  ["real disk", realDisk, false],
  ["real disk behind the faulty one", realDisk, true],
] as const) {
  describe(name, () => {
    /** Runs `body` on a fresh disk; `act` waits for one operation and throws its error. */
    const onDisk = (
      title: string,
      body: (context: {
        readonly disk: Disk;
        readonly act: <T>(operation: (done: Completion<T>) => void) => Promise<T>;
        readonly substrate: DiskSubstrate;
        readonly reopen: () => Promise<Disk>;
      }) => Promise<void>,
    ): void => {
      test(title, async () => {
        const substrate = make();
        const reopen = async (): Promise<Disk> => {
          const base = await substrate.open();
          return isWrapped ? substrate.wrap(base) : base;
        };
        const act = async <T>(operation: (done: Completion<T>) => void): Promise<T> => {
          const [error, value] = await substrate.wait<[DiskError | undefined, T]>((done) => {
            operation((failure, result) => done([failure, result]));
          });
          if (error !== undefined) throw error;
          return value;
        };
        try {
          await body({ disk: await reopen(), act, substrate, reopen });
        } finally {
          await substrate.end();
        }
      });
    };

    onDisk("a file appears with its first append, and is read as the chunks in order", async ({ disk, act }) => {
      assert.deepEqual(await act((done) => disk.list(done)), []);
      await act<void>((done) => disk.append("b.wal", [text("one "), text(""), text("two ")], done));
      await act<void>((done) => disk.append("a.wal", [], done));
      await act<void>((done) => disk.append("b.wal", [text("three")], done));
      assert.deepEqual(await act((done) => disk.list(done)), ["a.wal", "b.wal"]);
      assert.equal(Buffer.from(await act<Uint8Array>((done) => disk.read("b.wal", done))).toString(), "one two three");
      assert.equal((await act<Uint8Array>((done) => disk.read("a.wal", done))).length, 0);
    });

    onDisk(
      "operations take effect and complete in the order in which they were issued",
      async ({ disk, substrate }) => {
        const order: string[] = [];
        let before = "";
        const note = (what: string) => (error: DiskError | undefined) => {
          assert.equal(error, undefined, what);
          order.push(what);
        };
        const contents = await substrate.wait<string>((finished) => {
          disk.append("f", [text("0123456789")], note("append"));
          disk.sync("f", note("sync"));
          disk.truncate("f", 4, note("truncate"));
          disk.append("f", [text("abc")], note("append again"));
          disk.read("f", (_, bytes) => {
            before = Buffer.from(bytes).toString();
            order.push("read");
          });
          disk.append("f", [text("!")], note("append last"));
          disk.rename("f", "g", note("rename"));
          disk.syncDirectory(note("sync directory"));
          disk.read("g", (_, bytes) => finished(Buffer.from(bytes).toString()));
        });
        assert.equal(before, "0123abc");
        assert.equal(contents, "0123abc!");
        const expected = [
          "append",
          "sync",
          "truncate",
          "append again",
          "read",
          "append last",
          "rename",
          "sync directory",
        ];
        assert.deepEqual(order, expected);
      },
    );

    onDisk("a missing file is NOT_FOUND, and later operations go on", async ({ disk, act }) => {
      const isMissing = (error: unknown): boolean => error instanceof DiskError && error.code === "NOT_FOUND";
      await assert.rejects(
        act((done) => disk.read("none", done)),
        isMissing,
      );
      await assert.rejects(
        act<void>((done) => disk.sync("none", done)),
        isMissing,
      );
      await assert.rejects(
        act<void>((done) => disk.truncate("none", 0, done)),
        isMissing,
      );
      await assert.rejects(
        act<void>((done) => disk.rename("none", "other", done)),
        isMissing,
      );
      await assert.rejects(
        act<void>((done) => disk.remove("none", done)),
        isMissing,
      );
      await act<void>((done) => disk.append("some", [text("x")], done));
      await act<void>((done) => disk.sync("some", done));
    });

    onDisk("rename replaces, remove removes, a removed name can be used again", async ({ disk, act }) => {
      await act<void>((done) => disk.append("old", [text("old")], done));
      await act<void>((done) => disk.append("new", [text("new")], done));
      await act<void>((done) => disk.rename("new", "old", done));
      assert.deepEqual(await act((done) => disk.list(done)), ["old"]);
      assert.equal(Buffer.from(await act<Uint8Array>((done) => disk.read("old", done))).toString(), "new");
      await act<void>((done) => disk.remove("old", done));
      assert.deepEqual(await act((done) => disk.list(done)), []);
      await act<void>((done) => disk.append("old", [text("again")], done));
      assert.equal(Buffer.from(await act<Uint8Array>((done) => disk.read("old", done))).toString(), "again");
    });

    onDisk("what was synced is there in the next life", async ({ disk, act, reopen }) => {
      await act<void>((done) => disk.append("kept", [text("kept")], done));
      await act<void>((done) => disk.sync("kept", done));
      await act<void>((done) => disk.syncDirectory(done));
      const next = await reopen();
      assert.equal(Buffer.from(await act<Uint8Array>((done) => next.read("kept", done))).toString(), "kept");
      await act<void>((done) => next.append("kept", [text(" on")], done));
      assert.equal(Buffer.from(await act<Uint8Array>((done) => next.read("kept", done))).toString(), "kept on");
    });

    onDisk("large and many appends arrive whole and in order", async ({ disk, act, substrate }) => {
      const large = new Uint8Array(9_000_001).map((_, index) => (index * 31) >>> 3);
      await act<void>((done) => disk.append("large", [large.subarray(0, 5), large.subarray(5)], done));
      await act<void>((done) => disk.append("large", [text("end")], done));
      await act<void>((done) => disk.sync("large", done));
      const read = await act<Uint8Array>((done) => disk.read("large", done));
      assert.equal(Buffer.compare(read, Buffer.concat([large, text("end")])), 0);
      const expected: string[] = [];
      await substrate.wait<void>((done) => {
        for (let count = 0; count < 3000; count++) {
          expected.push(`${count},`.repeat(20));
          disk.append("many", [text(expected[count] ?? "")], () => undefined);
          if (count % 100 === 0) disk.sync("many", () => undefined);
        }
        disk.sync("many", () => done());
      });
      const many = await act<Uint8Array>((done) => disk.read("many", done));
      assert.equal(Buffer.from(many).toString(), expected.join(""));
    });
  });
}

for (const [name, make] of [
  ["simulated disk", simulatedDisk],
  ["real disk", realDisk],
] as const) {
  test(`${name}: stored bytes can be spoiled`, async () => {
    const substrate = make();
    try {
      const disk = await substrate.open();
      const run = (operation: (done: Completion<void>) => void): Promise<unknown> =>
        substrate.wait((done) => operation(done));
      const appended = text("0123456789");
      await run((done) => disk.append("f", [appended], done));
      await run((done) => disk.corrupt("f", 3, 1, done));
      await run((done) => disk.overwrite("f", 8, text("abcd"), done));
      await run((done) => disk.append("f", [text("!")], done));
      const bytes = await substrate.wait<Uint8Array>((done) => disk.read("f", (_, value) => done(value)));
      assert.equal(Buffer.from(bytes).toString(), "01224567abcd!");
      assert.equal(Buffer.from(appended).toString(), "0123456789", "the writer's own bytes stay as they were");
    } finally {
      await substrate.end();
    }
  });
}
