/**
 * Goal: what is recorded is read back equal; bad input is refused by file, line and what was expected, in every format;
 * foreign formats mean what their harnesses mean by them.
 *
 * Method: a round trip through a file over random histories; one broken file per rule; small files of each format.
 */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { AssertionError } from "../../implementations/foundation/assert.ts";
import { UsageError } from "../../implementations/foundation/errors.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import { checkFile } from "../check/check-file.ts";
import { checkLinearizability } from "../check/linearizability.ts";
import { registerModel } from "../check/register-model.ts";
import { mutateHistory, simulateHistory } from "../check/simulated-history.ts";
import type { HistoryFormatName } from "./format.ts";
import { readHistory } from "./parse.ts";
import type { ReadHistory } from "./parse.ts";
import { HistoryRecorder, encodeNdjson } from "./recorder.ts";
import { convertHistory } from "./write-history.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "grey-history-"));
});
after(() => rm(directory, { recursive: true }));

async function file(content: string): Promise<string> {
  const path = join(directory, "h.ndjson");
  await writeFile(path, content);
  return path;
}

async function read(content: string): Promise<ReadHistory> {
  return readHistory(await file(content));
}

test("what is recorded is read back equal", async () => {
  for (const seed of [1, 2, 3]) {
    const events = simulateHistory({
      random: seededRandom(seed),
      clients: 8,
      operations: 2000,
      keys: 3,
      functions: ["read", "write", "cas", "delete"],
      infoProbability: 0.05,
    });
    const back = await read([...encodeNdjson(events)].join(""));
    assert.equal(back.format, "grey");
    assert.deepEqual(back.events, events);
  }
  const versions = new HistoryRecorder();
  versions.invoke(1, 0, "write", "a", 4);
  versions.complete(2, "ok", 0, 4, undefined, 17);
  const back = await read([...encodeNdjson(versions.events)].join(""));
  assert.deepEqual(back.events, versions.events);
  assert.equal(back.events[1]?.version, 17);
});

test("the recorder counts, copies function and key to the completion, and refuses what breaks the protocol", () => {
  const recorder = new HistoryRecorder();
  recorder.invoke(5, 0, "write", "a", 1);
  recorder.invoke(6, 1, "append", undefined, 2);
  recorder.complete(7, "info", 0, 1, "REPLY_TIMEOUT");
  recorder.complete(8, "ok", 1, 1);
  assert.deepEqual(recorder.counts, { issued: 2, ok: 1, fail: 0, info: 1 });
  assert.deepEqual(
    [...encodeNdjson(recorder.events)].map((line) => line.trim()),
    [
      '{"index":0,"timeNs":5,"type":"invoke","process":0,"f":"write","key":"a","value":1}',
      '{"index":1,"timeNs":6,"type":"invoke","process":1,"f":"append","value":2}',
      '{"index":2,"timeNs":7,"type":"info","process":0,"f":"write","key":"a","value":1,"error":"REPLY_TIMEOUT"}',
      '{"index":3,"timeNs":8,"type":"ok","process":1,"f":"append","value":1}',
    ],
  );
  assert.throws(() => recorder.invoke(9, 0, "read", "a", null), AssertionError, "after info");
  assert.throws(() => recorder.complete(9, "ok", 1, 1), AssertionError, "nothing in flight");
  assert.throws(() => recorder.invoke(7, 2, "read", "a", null), AssertionError, "time goes back");
  recorder.invoke(9, 2, "read", "a", null);
  assert.throws(() => recorder.invoke(9, 2, "read", "a", null), AssertionError, "busy");
});

const invoke = '{"index":0,"timeNs":1,"type":"invoke","process":3,"f":"write","key":"a","value":4}\n';
const ok = '{"index":1,"timeNs":2,"type":"ok","process":3,"f":"write","key":"a","value":4}\n';

const refused: readonly (readonly [name: string, content: string, message: RegExp])[] = [
  ["empty", "", /line 1: expected a history, found an empty file$/],
  ["no history", "hello\n", /line 1: expected the first event of a history \(grey, .*\), found "hello"$/],
  ["truncated", invoke + ok.slice(0, 40), /line 2: expected a complete event, found the end of the file in its middle/],
  ["not JSON", `${invoke}{"index":1,\n`, /line 2: expected a JSON object, found /],
  ["not an object", `${invoke}[1]\n`, /line 2: expected a JSON object, found \[1\]$/],
  [
    "type",
    invoke.replace("invoke", "okay"),
    /line 1: expected "type" to be one of invoke, ok, fail, info, found "okay"$/,
  ],
  ["function", invoke.replace("write", "scribble"), /expected "f" to be one of read, .*, found "scribble"$/],
  ["process", invoke.replace("3", "-3"), /expected "process" to be a whole number from 0, found -3$/],
  [
    "key",
    invoke.replace('"key":"a",', ""),
    /expected "key" to be a string, since write needs a register, found nothing$/,
  ],
  [
    "value",
    invoke.replace('"value":4', '"value":{}'),
    /expected "value" to be a number, a string, null or a pair of these/,
  ],
  ["pair", invoke.replace('"write"', '"cas"'), /expected "value" to be a pair \[from, to\], found 4$/],
  ["field", invoke.replace('"value"', '"valeu":1,"value"'), /expected the fields .*, found a field "valeu"$/],
  ["index", invoke + ok.replace('"index":1', '"index":7'), /line 2: expected "index" 1, one more than .*, found 7$/],
  ["time", invoke + ok.replace('"timeNs":2', '"timeNs":0'), /line 2: expected "timeNs" of at least 1, .*, found 0$/],
  [
    "unknown process",
    invoke + ok.replace('"process":3', '"process":4'),
    /an invoke of process 4 before its completion/,
  ],
  ["busy", invoke + invoke.replace('"index":0', '"index":1'), /a completion of process 3, .* found a second invoke/],
  [
    "other key",
    invoke + ok.replace('"a"', '"b"'),
    /the completion of process 3's write of key "a" .* found ok of write of key "b"/,
  ],
  [
    "after info",
    invoke + ok.replace('"ok"', '"info"') + invoke.replace('"index":0,"timeNs":1', '"index":2,"timeNs":3'),
    /line 3: expected nothing more of process 3, whose last operation ended in info, found its invoke of write$/,
  ],
  [
    "version",
    invoke.replace('"value":4', '"value":4,"version":1'),
    /expected "version" to be a whole number from 0, on a completion, found 1$/,
  ],
  ["edn cut", "[{:type :invoke :process 1 :f :read :value nil}\n", /line 1: expected the end of the history's vector/],
  ["edn form", "{:type :invoke :process 1 :f :read\n", /expected the end of the form opened in line 1, found the end/],
  [
    "edn type",
    "{:type :bad :process 1 :f :read :value nil}\n",
    /:type to be one of :invoke :ok :fail :info, found :bad$/,
  ],
  ["edn pair", "{:type :invoke :process 1 :f :cas :value 4}\n", /expected a pair \[from to\], found 4$/],
  ["log without events", "INFO  jepsen.core - hello\n", /expected an event .*, found none in the file$/],
  ["kv", '{:process 0, :type :invoke, :f :get, :key "0"\n', /line 1: expected the end of the form/],
];

for (const [name, content, message] of refused) {
  test(`refused: ${name}`, async () => {
    await assert.rejects(read(content), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /^Cannot read history .*h\.ndjson: line \d+: expected /);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  });
}

test("a file that is not there, and a directory, are refused", async () => {
  await assert.rejects(readHistory(join(directory, "none")), /Cannot read .*none: there is no such file$/);
  await assert.rejects(readHistory(directory), /it is a directory, expected a history file$/);
});

test("lines across chunks, empty lines and carriage returns are read", async () => {
  const long = invoke.replace('"a"', `"${"ä".repeat(200_000)}"`).replace("\n", "\r\n\n");
  const { events } = await read(long);
  assert.equal(events[0]?.key?.length, 200_000);
});

async function verdict(content: string, model: "register" | "cas-register" | "kv" | "append"): Promise<string> {
  const { format, validity, events } = await checkFile(await file(content), { format: "auto", model });
  return `${format} ${events} ${validity}`;
}

test("jepsen-edn: vector, list or stream; independent keys; nemesis and comments skipped; failed cas counts", async () => {
  const events = [
    "{:type :invoke, :process 0, :f :write, :value 1, :time 10} ; first",
    "{:type :info, :process :nemesis, :f :start, :value [:n1 #_x]}".replace(" #_x", ""),
    "{:type :ok, :process 0, :f :write, :value 1, :time 20}",
    "{:type :invoke, :process 1, :f :cas, :value [1 2]}",
    "{:type :fail, :process 1, :f :cas, :value [1 2]}",
  ];
  assert.equal(await verdict(events.slice(0, 3).join("\n"), "register"), "jepsen-edn 2 valid");
  assert.equal(await verdict(events.join("\n"), "cas-register"), "jepsen-edn 4 invalid");
  assert.equal(await verdict(`[${events.join("\n")}]\n`, "cas-register"), "jepsen-edn 4 invalid");
  assert.equal(await verdict(`;; run 7\n(${events.join("\n")}\n)`, "cas-register"), "jepsen-edn 4 invalid");
  const keyed = [
    "{:type :invoke :process 0 :f :write :value [1 5]}",
    "{:type :ok :process 0 :f :write :value [1 5]}",
    "{:type :invoke :process 0 :f :read :value [2 nil]}",
    "{:type :ok :process 0 :f :read :value [2 nil]}",
    "{:type :invoke :process 0 :f :cas :value [1 [5 6]]}",
    "{:type :ok :process 0 :f :cas :value [1 [5 6]]}",
  ];
  assert.equal(await verdict(keyed.join("\n"), "cas-register"), "jepsen-edn 6 valid");
});

test("jepsen-log: one register, other lines ignored, a failed cas counts, a failed read does not", async () => {
  const lines = [
    "INFO  jepsen.core - Worker 0 starting",
    "INFO  jepsen.util - 0\t:invoke\t:read\tnil",
    "INFO  jepsen.util - 0\t:ok\t:read\tnil",
    "INFO  jepsen.util - :nemesis\t:info\t:start\tnil",
    "INFO  jepsen.util - 1\t:invoke\t:write\t3",
    "INFO  jepsen.util - 1\t:info\t:write\t:timed-out",
    "INFO  jepsen.util - 2\t:invoke\t:read\tnil",
    "INFO  jepsen.util - 2\t:fail\t:read\t:timed-out",
    "INFO  jepsen.util - 3\t:invoke\t:cas\t[3 4]",
    "INFO  jepsen.util - 3\t:ok\t:cas\t[3 4]",
    "INFO  jepsen.util - 3\t:invoke\t:cas\t[4 5]",
    "INFO  jepsen.util - 3\t:fail\t:cas\t[4 5]",
  ];
  assert.equal(await verdict(`${lines.slice(0, 10).join("\n")}\n`, "cas-register"), "jepsen-log 8 valid");
  assert.equal(await verdict(`${lines.join("\n")}\n`, "cas-register"), "jepsen-log 10 invalid");
});

test("porcupine-kv: strings by key, an absent key reads as empty", async () => {
  const line = (process: number, type: string, f: string, key: string, value: string): string =>
    `{:process ${process}, :type :${type}, :f :${f}, :key "${key}", :value ${value}}\n`;
  const start =
    line(0, "invoke", "get", "1", "nil") +
    line(0, "ok", "get", "1", '""') +
    line(0, "invoke", "append", "0", '"x 0 0 y"') +
    line(1, "invoke", "put", "0", '"p"') +
    line(1, "ok", "put", "0", '"p"') +
    line(0, "ok", "append", "0", '"x 0 0 y"');
  const get = (value: string): string => line(1, "invoke", "get", "0", "nil") + line(1, "ok", "get", "0", `"${value}"`);
  assert.equal(await verdict(start + get("px 0 0 y"), "kv"), "porcupine-kv 8 valid");
  assert.equal(await verdict(start + get("p") + get("px 0 0 y"), "kv"), "porcupine-kv 10 invalid");
});

test("a history that the model does not fit is refused", async () => {
  const path = await file(invoke + ok);
  await assert.rejects(
    checkFile(path, { format: "auto", model: "append" }),
    /event 0 is a write of key "a", the model knows append$/,
  );
  await assert.rejects(
    checkFile(path, { format: "grey", model: "kv" }),
    /event 0 is a write, the model knows get, put, append$/,
  );
});

/** Converts a file's history to `to` and reads that again. */
async function throughFormat(content: string, to: HistoryFormatName): Promise<ReadHistory & { text: string }> {
  const pieces: string[] = [];
  for await (const piece of convertHistory(await file(content), { format: "auto", to })) pieces.push(piece);
  const text = pieces.join("");
  return { ...(await read(text)), text };
}

test("a history written in another format and read back is the same history", async () => {
  const functions = {
    "jepsen-edn": ["read", "write", "cas", "delete"],
    "jepsen-log": ["read", "write", "cas"],
  } as const;
  for (const [to, known] of Object.entries(functions) as [keyof typeof functions, readonly "read"[]][]) {
    const events = simulateHistory({
      random: seededRandom(to),
      clients: 8,
      operations: 500,
      keys: to === "jepsen-log" ? 1 : 3,
      functions: known,
      infoProbability: 0.05,
    });
    const back = await throughFormat([...encodeNdjson(events)].join(""), to);
    assert.equal(back.format, to);
    if (to === "jepsen-edn") assert.deepEqual(back.events, events);
    const again = await throughFormat(back.text, "grey");
    assert.deepEqual(again.events, back.events);
    const model = registerModel();
    assert.equal(checkLinearizability(back.events, model).validity, "valid");
    const wrong = mutateHistory(mutateHistory(events, seededRandom(1)), seededRandom(2));
    const through = await throughFormat([...encodeNdjson(wrong)].join(""), to);
    assert.equal(checkLinearizability(through.events, model).validity, checkLinearizability(wrong, model).validity);
  }
});

test("registers of text, read and written, go as porcupine-kv; unanswered reads are left out", async () => {
  const recorder = new HistoryRecorder();
  recorder.invoke(0, 1, "write", "a", 'say "hi"');
  recorder.invoke(1, 2, "read", "b", null);
  recorder.invoke(2, 3, "read", "a", null);
  recorder.complete(3, "ok", 1, 'say "hi"');
  recorder.complete(4, "info", 3, null, "REPLY_TIMEOUT");
  recorder.complete(5, "ok", 2, null);
  const { text } = await throughFormat([...encodeNdjson(recorder.events)].join(""), "porcupine-kv");
  assert.equal(
    text,
    `{:process 1, :type :invoke, :f :put, :key "a", :value "say \\"hi\\""}
{:process 2, :type :invoke, :f :get, :key "b", :value nil}
{:process 1, :type :ok, :f :put, :key "a", :value "say \\"hi\\""}
{:process 2, :type :ok, :f :get, :key "b", :value ""}
`,
  );
  assert.equal(await verdict(text, "kv"), "porcupine-kv 4 valid");
});

test("what a format cannot express is refused, by event and reason", async () => {
  const cas = invoke.replace('"write"', '"cas"').replace('"value":4', '"value":[1,2]');
  const otherKey = invoke.replace('"index":0', '"index":1').replace('"process":3', '"process":4').replace('"a"', '"b"');
  const refusals = [
    [cas, "porcupine-kv", /as porcupine-kv: event 0 is cas; the format has get, put, append$/],
    [invoke + otherKey, "jepsen-log", /as jepsen-log: event 1 is on key "b" after "a"; the format has one register$/],
    [invoke.replace("write", "append").replace('"key":"a",', ""), "porcupine-kv", /append without a key$/],
    [invoke.replace("write", "append"), "jepsen-log", /event 0 is append; the format has read, write, cas$/],
  ] as const;
  for (const [content, to, message] of refusals) await assert.rejects(throughFormat(content, to), message);
});

test("jepsen-edn: records, sets, discards, odd fields and odd values are read", async () => {
  const { events, nemesis } = await read(
    `#jepsen.history.Op{:index 0, :time nil, :type :invoke, :process 0, :f :write,
    :value :red, :error nil, :extra {:a #{1 2} "b" [\\a {nil 1/2}]}}
    #_{:type :bogus}
    {:process :nemesis, :type :info, :f :start-partition, :value {:n1 #{"n2"}}}
    {:process 0, :type :ok, :f :write, :value "line
`.replace('"line\n', '"line\\nbreak"}\n') +
      `{:type "invoke" :f "read" :process 1} {:type :ok :f :read :process 1 :value "red" :link (1 2)}
    {:type :invoke :f :read :process 1 :value [:k nil]} {:type :info :f :read :process 1 :value nil :error [:http 503]}
    {:type :invoke :f :write :process 2 :value [:k 12345678901234567890]} {:type :ok :f :write :process 2}
    {:type :invoke :f :cas :process 2 :value [:k [1 2]]} {:type :fail :f :cas :process 2 :value [:k [1 2]] :error :did-not-succeed}
    {:type :invoke :f :cas :process 2 :value [1 2] :key 7} {:type :fail :f :cas :process 2 :value [1 2] :key 7 :error :unavailable}
    `,
  );
  assert.deepEqual(
    nemesis.map(({ index, text }) => [index, text]),
    [[1, ':start-partition {:n1 ["n2"]}']],
  );
  assert.deepEqual(
    events.map(({ process, type, f, key, value, error }) => [process, type, f, key, value, error ?? ""]),
    [
      [0, "invoke", "write", "register", "red", ""],
      [0, "ok", "write", "register", "red", ""],
      [1, "invoke", "read", "register", null, ""],
      [1, "ok", "read", "register", "red", ""],
      [1, "invoke", "read", "k", null, ""],
      [1, "info", "read", "k", null, "[:http 503]"],
      [2, "invoke", "write", "k", "12345678901234567890", ""],
      [2, "ok", "write", "k", "12345678901234567890", ""],
      [2, "invoke", "cas", "k", [1, 2], ""],
      [2, "fail", "cas", "k", [1, 2], "PRECONDITION_FAILED"],
      [2, "invoke", "cas", "7", [1, 2], ""],
      [2, "fail", "cas", "7", [1, 2], ":unavailable"],
    ],
  );
});

test("jepsen-log: times, threads and other lines before an event; a nemesis; an error behind the value", async () => {
  const { format, events, nemesis } = await read(`Some banner
2014-06-01 12:00:00,001{GMT}\tINFO\t[jepsen worker 0] jepsen.util: starting
2014-06-01 12:00:00,001 INFO  jepsen.util - 0\t:invoke\t:write\t3
2014-06-01 12:00:00,002 INFO  jepsen.util - :nemesis\t:info\t:start\t"cut off"
2014-06-01 12:00:00,003 INFO  jepsen.util - 0   :info   :write  3 :timed-out
`);
  assert.equal(format, "jepsen-log");
  assert.deepEqual(
    events.map(({ type, value }) => [type, value]),
    [
      ["invoke", 3],
      ["info", 3],
    ],
  );
  assert.deepEqual(
    nemesis.map(({ text }) => text),
    [':start "cut off"'],
  );
});
