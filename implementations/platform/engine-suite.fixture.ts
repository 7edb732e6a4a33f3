/**
 * The one suite that judges every engine: what the port (`storage/engine.ts`) promises, in tests.
 *
 * An engine joins by handing over its substrate: how a life begins, how to wait, how to end.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "../foundation/prng.ts";
import type { Engine, EngineEntry, EngineWrite, ScanResult } from "../storage/engine.ts";
import { act, isCode } from "./engines.fixture.ts";
import type { EngineSubstrate } from "./engines.fixture.ts";

interface Context {
  readonly engine: Engine;
  readonly substrate: EngineSubstrate;
  readonly reopen: () => Promise<Engine>;
}

/** @param skip why the engine cannot be judged here. */
export function engineSuite(name: string, make: () => EngineSubstrate, skip: string | false = false): void {
  describe(name, () => {
    const onEngine = (title: string, body: (context: Context) => Promise<void>): void => {
      test(title, { skip }, async () => {
        const substrate = make();
        try {
          await body({ engine: await substrate.open(), substrate, reopen: () => substrate.open() });
        } finally {
          await substrate.end();
        }
      });
    };

    onEngine("a batch is applied as a whole, later writes of a key count, also within one", async (context) => {
      await write(context, [put("a", "1"), put("b", "2"), put("a", "3"), removal("c"), put("d", "4"), removal("d")]);
      assert.deepEqual(await values(context, ["a", "b", "c", "d"]), ["3", "2", undefined, undefined]);
      await write(context, [removal("a"), put("b", "")]);
      assert.deepEqual(await values(context, ["a", "b"]), [undefined, ""]);
      await write(context, []);
      assert.deepEqual(await values(context, []), []);
    });

    onEngine("batches take effect and complete in the order of issue", async ({ engine, substrate }) => {
      const order: number[] = [];
      await substrate.wait<void>((finished) => {
        for (let count = 0; count < 200; count++) {
          engine.write([put("key", `${count}`), put(`k${count}`, "x")], (error) => {
            assert.equal(error, undefined);
            order.push(count);
            if (order.length === 200) finished();
          });
        }
      });
      assert.deepEqual(order, [...order.keys()]);
      assert.deepEqual(await values({ engine, substrate }, ["key", "k0", "k199"]), ["199", "x", "x"]);
      const syncs = engine.counters["syncs"];
      if (syncs !== undefined) assert.ok(syncs < 100, `200 batches at once are written in few groups, not ${syncs}`);
    });

    onEngine("reads and scans complete in order, and see what was written before", async ({ engine, substrate }) => {
      await write({ engine, substrate }, [put("a", "1")]);
      const order: string[] = [];
      await substrate.wait<void>((finished) => {
        engine.read([bytes("a")], () => order.push("read"));
        engine.scan(bytes(""), undefined, 100, () => order.push("scan"));
        engine.read([bytes("b")], () => {
          order.push("read again");
          finished();
        });
      });
      assert.deepEqual(order, ["read", "scan", "read again"]);
    });

    onEngine("nothing completes before the call has returned", async ({ engine, substrate }) => {
      const calls: readonly ((done: () => void) => void)[] = [
        (done) => engine.read([bytes("a")], done),
        (done) => engine.write([put("a", "1")], done),
        (done) => engine.scan(bytes(""), undefined, 1, done),
        (done) => engine.compact(done),
        (done) => engine.clear(done),
        (done) => engine.close(done),
        (done) => engine.read([bytes("a")], done),
        (done) => engine.write([put("a", "1")], done),
        (done) => engine.scan(bytes(""), undefined, 1, done),
        (done) => engine.compact(done),
        (done) => engine.clear(done),
        (done) => engine.close(done),
      ];
      for (const [index, call] of calls.entries()) {
        let hasReturned = false;
        await substrate.wait<void>((finished) => {
          call(() => {
            assert.ok(hasReturned, `call ${index}`);
            finished();
          });
          hasReturned = true;
        });
      }
    });

    onEngine("what was acknowledged is there in every later life", async ({ engine, substrate, reopen }) => {
      const expected = new Map<string, string>();
      const random = seededRandom("lives");
      let current = engine;
      for (let life = 0; life < 3; life++) {
        const writes = Array.from({ length: 60 }, (_, count) => {
          const key = `k${random.below(50)}`;
          const value = `${life} ${count}`.repeat(random.below(40));
          if (random.below(5) === 0) expected.delete(key);
          else expected.set(key, value);
          return expected.has(key) ? put(key, value) : removal(key);
        });
        await Promise.all(writes.map((one) => write({ engine: current, substrate }, [one])));
        current = await reopen();
        assert.deepEqual(new Map(await allTexts({ engine: current, substrate })), new Map(sorted(expected)));
      }
    });

    onEngine("a scan goes by the order of bytes, from and to, in slices", async ({ engine, substrate }) => {
      const keys = [[], [0], [0, 0], [0, 255], [1], [127], [128], [200, 1], [255], [255, 0], [255, 255]].slice(1);
      const shuffled = [7, 2, 9, 0, 5, 3, 8, 1, 6, 4].map((index) => Uint8Array.from(keys[index] ?? []));
      await write(
        { engine, substrate },
        shuffled.map((key) => ({ key, value: key })),
      );
      const all = await scanAll({ engine, substrate }, new Uint8Array(), undefined, 1);
      assert.deepEqual(
        all.entries.map(({ key }) => [...key]),
        keys,
      );
      assert.ok(all.slices >= keys.length, "one byte's worth of entries is one entry");
      for (const { key, value } of all.entries) assert.deepEqual([...value], [...key]);
      const part = await scanAll({ engine, substrate }, Uint8Array.of(0, 255), Uint8Array.of(255), 1000);
      assert.deepEqual(
        part.entries.map(({ key }) => [...key]),
        [[0, 255], [1], [127], [128], [200, 1]],
      );
      const none = await scanAll({ engine, substrate }, Uint8Array.of(2), Uint8Array.of(2), 1000);
      assert.deepEqual(none.entries, []);
    });

    onEngine("values may be empty or a mebibyte, keys half a kibibyte", async ({ engine, substrate, reopen }) => {
      const large = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => (index * 31) >>> 3);
      const longKey = new Uint8Array(514).fill(0xfe);
      await write({ engine, substrate }, [
        { key: longKey, value: large },
        { key: bytes("empty"), value: new Uint8Array() },
      ]);
      const six = Array.from({ length: 6 }, (_, index) => ({ key: Uint8Array.of(index), value: large }));
      await Promise.all(six.map((one) => write({ engine, substrate }, [one])));
      const next = await reopen();
      const keys = [longKey, bytes("empty"), Uint8Array.of(5)];
      const read = await act<Values>(substrate, (done) => next.read(keys, done));
      assert.equal(Buffer.compare(read[0] ?? bytes(""), large), 0);
      assert.equal(read[1]?.length, 0);
      assert.equal(Buffer.compare(read[2] ?? bytes(""), large), 0);
      const all = await scanAll({ engine: next, substrate }, new Uint8Array(), undefined, 2 * 1024 * 1024);
      assert.equal(all.entries.length, 8);
      assert.ok(all.slices >= 3, `8 entries of which 7 are large come in slices, not in ${all.slices}`);
    });

    onEngine("a caller may reuse its bytes once the write is done", async ({ engine, substrate }) => {
      const key = bytes("key");
      const value = bytes("value");
      await write({ engine, substrate }, [{ key, value }]);
      key.fill(0);
      value.fill(0);
      assert.deepEqual(await values({ engine, substrate }, ["key"]), ["value"]);
    });

    onEngine("compaction keeps everything, with writes beside it", async ({ engine, substrate, reopen }) => {
      const expected = new Map<string, string>();
      for (let round = 0; round < 4; round++) {
        const writes: Promise<void>[] = [];
        for (let count = 0; count < 100; count++) {
          const key = `k${(count * 7) % 60}`;
          if (count % 9 === 0) {
            expected.delete(key);
            writes.push(write({ engine, substrate }, [removal(key)]));
          } else {
            expected.set(key, `${round}/${count}`);
            writes.push(write({ engine, substrate }, [put(key, `${round}/${count}`)]));
          }
          if (count === 50) writes.push(act<void>(substrate, (done) => engine.compact(done)));
        }
        await Promise.all(writes);
      }
      await act<void>(substrate, (done) => engine.compact(done));
      assert.deepEqual(await allTexts({ engine, substrate }), sorted(expected));
      assert.deepEqual(await allTexts({ engine: await reopen(), substrate }), sorted(expected));
    });

    onEngine("clear removes everything for good, and what is written after it stays", async (context) => {
      const { engine, substrate, reopen } = context;
      await write(context, [put("a", "1"), put("b", "2"), { key: new Uint8Array(600).fill(255), value: bytes("c") }]);
      await substrate.wait<void>((finished) => {
        engine.clear((error) => assert.equal(error, undefined));
        engine.write([put("b", "3")], () => finished());
      });
      assert.deepEqual(await allTexts(context), [["b", "3"]]);
      const next = await reopen();
      assert.deepEqual(await allTexts({ engine: next, substrate }), [["b", "3"]]);
      await act<void>(substrate, (done) => next.clear(done));
      await act<void>(substrate, (done) => next.clear(done));
      assert.deepEqual(await allTexts({ engine: await reopen(), substrate }), []);
    });

    onEngine("a closed engine answers CLOSED, and closes again", async ({ engine, substrate, reopen }) => {
      await write({ engine, substrate }, [put("a", "1")]);
      await substrate.wait<void>((done) => engine.close(done));
      const closed = isCode("CLOSED");
      await assert.rejects(values({ engine, substrate }, ["a"]), closed);
      await assert.rejects(write({ engine, substrate }, [put("a", "2")]), closed);
      await assert.rejects(scanAll({ engine, substrate }, new Uint8Array(), undefined, 10), closed);
      for (const operation of ["compact", "clear"] as const) {
        await assert.rejects(
          act<void>(substrate, (done) => engine[operation](done)),
          closed,
        );
      }
      await substrate.wait<void>((done) => engine.close(done));
      assert.deepEqual(await values({ engine: await reopen(), substrate }, ["a"]), ["1"]);
    });

    onEngine(
      "closing lets every write end: applied and acknowledged, or CLOSED",
      async ({ engine, substrate, reopen }) => {
        const applied: string[] = [];
        let ended = 0;
        await substrate.wait<void>((finished) => {
          for (let count = 0; count < 50; count++) {
            engine.write([put(`k${count}`, "x")], (error) => {
              ended++;
              if (error === undefined) applied.push(`k${count}`);
              else assert.equal(error.code, "CLOSED");
            });
          }
          engine.close(finished);
        });
        assert.equal(ended, 50);
        const found = await allTexts({ engine: await reopen(), substrate });
        for (const key of applied)
          assert.ok(
            found.some(([other]) => other === key),
            key,
          );
      },
    );

    onEngine("data that are in use are LOCKED, and stay unharmed", async ({ engine, substrate, reopen }) => {
      if (substrate.openBeside === undefined) return;
      await write({ engine, substrate }, [put("a", "1")]);
      await assert.rejects(substrate.openBeside(), isCode("LOCKED"));
      await write({ engine, substrate }, [put("b", "2")]);
      assert.deepEqual(await values({ engine: await reopen(), substrate }, ["a", "b"]), ["1", "2"]);
    });
  });
}

type Values = readonly (Uint8Array | undefined)[];
type On = Pick<Context, "engine" | "substrate">;

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function put(key: string, value: string): EngineWrite {
  return { key: bytes(key), value: bytes(value) };
}

function removal(key: string): EngineWrite {
  return { key: bytes(key), value: undefined };
}

function write({ engine, substrate }: On, batch: readonly EngineWrite[]): Promise<void> {
  return act<void>(substrate, (done) => engine.write(batch, done));
}

async function values({ engine, substrate }: On, keys: readonly string[]): Promise<(string | undefined)[]> {
  const read = await act<Values>(substrate, (done) => engine.read(keys.map(bytes), done));
  return read.map((value) => value && String.fromCharCode(...value));
}

async function allTexts(on: On): Promise<(readonly [string, string])[]> {
  const { entries } = await scanAll(on, new Uint8Array(), undefined, 500);
  return entries.map(({ key, value }) => [String.fromCharCode(...key), String.fromCharCode(...value)]);
}

async function scanAll(
  { engine, substrate }: On,
  from: Uint8Array,
  to: Uint8Array | undefined,
  maxBytes: number,
): Promise<{ readonly entries: readonly EngineEntry[]; readonly slices: number }> {
  const entries: EngineEntry[] = [];
  let slices = 0;
  for (let next: Uint8Array | undefined = from; next !== undefined; slices++) {
    const start: Uint8Array = next;
    const found: ScanResult = await act(substrate, (done) => engine.scan(start, to, maxBytes, done));
    entries.push(...found.entries);
    next = found.next;
  }
  return { entries, slices };
}

function sorted(entries: ReadonlyMap<string, string>): (readonly [string, string])[] {
  return [...entries].toSorted(([one], [other]) => (one < other ? -1 : 1));
}
