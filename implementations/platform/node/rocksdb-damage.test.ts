/**
 * Goal: a flipped bit in any of RocksDB's files is refused, when the database is opened or when it is met, and altered
 * or lost data are never served; what a crash cuts short is not taken for damage.
 * Method: bits flipped at seeded positions of tables, log and manifest of a small database, which is then opened and
 * read; and every byte of a log, flipped and cut, before the check of the log alone. A surprise: a bit in a log's last
 * note, which carries no data, costs nothing and is not noticed.
 */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { EngineError } from "../../foundation/engine-error.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Engine, EngineEntry, EngineWrite, ScanResult } from "../../storage/engine.ts";
import { flipStoredBit } from "./rocksdb-damage.ts";
import { RocksEngine } from "./rocksdb-engine.ts";
import { findLogDamage } from "./rocksdb-log-check.ts";

const root = fs.mkdtempSync(path.join(os.tmpdir(), "grey-damage-"));
const intact = path.join(root, "intact");
let expected: readonly string[] = [];
let logName = "";

function promised<T>(operation: (done: (error: EngineError | undefined, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    operation((error, value) => (error === undefined ? resolve(value) : reject(error)));
  });
}

function close(engine: Engine): Promise<void> {
  return new Promise((resolve) => engine.close(resolve));
}

/** Groups of one batch each, of different sizes. */
async function fill(engine: Engine, round: number): Promise<void> {
  const random = seededRandom(`fill ${round}`);
  for (let count = 0; count < 40; count++) {
    const value = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
    const batch: EngineWrite[] = [{ key: Uint8Array.of(round, count), value }];
    if (count % 5 === 0) batch.push({ key: Uint8Array.of(round - 1, count), value: undefined });
    await promised<void>((done) => engine.write(batch, done));
  }
}

async function readAll(engine: Engine): Promise<string[]> {
  const entries: EngineEntry[] = [];
  for (let next: Uint8Array | undefined = new Uint8Array(); next !== undefined;) {
    const from: Uint8Array = next;
    const found: ScanResult = await promised((done) => engine.scan(from, undefined, 4096, done));
    entries.push(...found.entries);
    next = found.next;
  }
  const keys = entries.map(({ key }) => key);
  const values = await promised<readonly (Uint8Array | undefined)[]>((done) => engine.read(keys, done));
  return entries.map(({ key, value }, index) => {
    assert.deepEqual(Buffer.from(values[index] ?? []), Buffer.from(value));
    return `${Buffer.from(key).toString("hex")}=${Buffer.from(value).toString("hex")}`;
  });
}

before(async () => {
  // Each opening turns the log of the life before into a table.
  for (let round = 1; round <= 3; round++) {
    const engine = await RocksEngine.open(intact);
    await fill(engine, round);
    if (round === 3) expected = await readAll(engine);
    await close(engine);
  }
  logName = fs.readdirSync(intact).findLast((name) => name.endsWith(".log")) ?? "";
});

after(() => fs.rmSync(root, { recursive: true }));

/** @returns whether the damage was refused; otherwise everything was there as it was. */
async function isRefused(directory: string, what: string): Promise<boolean> {
  let engine: Engine | undefined;
  try {
    engine = await RocksEngine.open(directory);
    assert.deepEqual(await readAll(engine), expected, what);
    return false;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    assert.equal(error.code, "DAMAGED", `${what}: ${error.message}`);
    const damaged = engine;
    if (damaged !== undefined) {
      await assert.rejects(
        promised<void>((done) => damaged.write([], done)),
        { code: "DAMAGED" },
        what,
      );
    }
    return true;
  } finally {
    if (engine !== undefined) await close(engine);
  }
}

for (const [kind, only, least] of [
  ["tables", (file: string) => file.endsWith(".sst"), 3],
  ["the log", (file: string) => file.endsWith(".log"), 9],
  ["the manifest", (file: string) => file.startsWith("MANIFEST"), 9],
] as const) {
  test(`a flipped bit in ${kind} is refused or harmless`, async () => {
    let refused = 0;
    const runs = 10;
    for (let seed = 0; seed < runs; seed++) {
      const directory = path.join(root, `${kind} ${seed}`);
      fs.cpSync(intact, directory, { recursive: true });
      const flipped = flipStoredBit(directory, seededRandom(`${kind} ${seed}`), only);
      assert.ok(flipped !== undefined);
      if (await isRefused(directory, `seed ${seed}, ${flipped.file} at ${flipped.offset}`)) refused++;
      fs.rmSync(directory, { recursive: true });
    }
    assert.ok(refused >= least, `refused ${refused} of ${runs}`);
  });
}

test("files that are missing are damage too", async () => {
  for (const missing of [/^CURRENT$/, /^MANIFEST/, /\.sst$/]) {
    const directory = path.join(root, "missing");
    fs.cpSync(intact, directory, { recursive: true });
    const name = fs.readdirSync(directory).find((other) => missing.test(other)) ?? "";
    fs.rmSync(path.join(directory, name));
    assert.ok(await isRefused(directory, `without ${name}`));
    fs.rmSync(directory, { recursive: true });
  }
});

test("every flipped byte of a log is damage, but for the last note; every cut is a torn write", () => {
  const bytes = fs.readFileSync(path.join(intact, logName));
  assert.equal(findLogDamage([{ name: logName, bytes }]), undefined);
  const lastNote = bytes.length - (7 + 12 + 1 + 3 + 7);
  for (let offset = 0; offset < lastNote; offset++) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(offset) ^ (1 << (offset % 8)), offset);
    assert.match(findLogDamage([{ name: logName, bytes: flipped }]) ?? "none", /damaged at byte \d+/, `${offset}`);
  }
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(findLogDamage([{ name: logName, bytes: bytes.subarray(0, length) }]), undefined, `cut at ${length}`);
  }
});
