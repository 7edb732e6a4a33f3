/**
 * Goal: whatever a person types, they get a result or one line that says what, where and what is allowed; nothing
 * reaches an engine with a value outside its range.
 * Method: the whole command line in process, with captured streams and engines that record what they were asked; every
 * kind of bad input is one row.
 */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { FaultKind } from "../../implementations/foundation/faults.ts";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import type { Validity } from "../check/verdict.ts";
import type { Backends, Registries } from "./backends.ts";
import type { Io } from "./command.ts";
import { commands, runCli } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "grey-cli-"));
after(() => rmSync(folder, { recursive: true }));
const history = join(folder, "history.ndjson");
writeFileSync(history, "{}\n");
const results = join(folder, "results");
mkdirSync(results);
writeFileSync(join(results, "manifest.json"), "{}\n");

const faults = (...kinds: FaultKind[]): ReadonlySet<FaultKind> => new Set(kinds);
const registries: Registries = {
  implementations: [
    {
      module: "consensus",
      name: "minimal",
      faults: { simulated: faults("kill", "halves"), cluster: faults("kill") },
      available: async () => true,
    },
    {
      module: "consensus",
      name: "production",
      faults: { simulated: faults("kill", "halves", "torn-write"), cluster: faults("kill", "halves") },
      available: async () => "install something",
    },
    { module: "consensus", name: "etcd", faults: { cluster: faults("kill") }, available: async () => true },
  ],
  workloads: [
    { module: "consensus", name: "register", description: "registers" },
    { module: "consensus", name: "append", description: "one list" },
  ],
  experiments: [{ id: "con-throughput", title: "Throughput" }],
  mutants: [{ id: "M-CON-01", module: "consensus", mistake: "commits alone" }],
  claims: [{ id: "C-CON-1", experiments: ["con-throughput"], class: "behaviour", statement: "One leader per term" }],
};

interface Asked {
  readonly engine: string;
  readonly options: unknown;
}

interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly asked: readonly Asked[];
}

interface Circumstances {
  readonly verdict?: Validity;
  readonly interrupted?: boolean;
  readonly failure?: Error;
  readonly environment?: Readonly<Record<string, string>>;
}

async function grey(words: readonly string[], circumstances: Circumstances = {}): Promise<Told> {
  const { verdict = "valid", interrupted = false, failure, environment = {} } = circumstances;
  const asked: Asked[] = [];
  const ask = (engine: string, options: unknown): void => {
    asked.push({ engine, options });
    if (failure !== undefined) throw failure;
  };
  const backends: Backends = {
    registries: async () => registries,
    async *repro(options) {
      ask("repro", options);
      yield { kind: "planned", directory: "results/x", experiments: [] };
      const counts = { reproduced: 1, "not reproduced": 0 };
      const claim = { id: "C-CON-1", verdict: "reproduced", statement: "s", published: "0", measured: "0" };
      return { directory: "results/x", interrupted, claims: [claim], counts, exitCode: 0 };
    },
    async *compare(options) {
      ask("compare", options);
      yield { kind: "note", level: "warning", text: "careful" };
      const { seed } = options;
      const lists = { implementations: [], divergences: [], ratios: [] };
      return { table: "TABLE", experiment: "compare", seed, directory: undefined, verdict, ...lists };
    },
    async *replay(options) {
      ask("replay", options);
      if (options.trace) yield { kind: "trace", line: "step 1" };
      return { verdict, matches: !interrupted, text: "replayed" };
    },
    async *sweep(options) {
      ask("sweep", options);
      yield { kind: "note", level: "warning", text: "careful" };
      const checks = [{ id: "linearizable", validity: verdict, summary: "a stale read" }] as const;
      const failures = verdict === "valid" ? [] : [{ seed: "1/4", checks, capsule: "results/x.json" }];
      return { implementation: "production", seed: "1", runs: 9, voids: 1, verdict, failures, failed: failures.length };
    },
    async *mutants(options) {
      ask("mutants", options);
      yield { kind: "note", level: "warning", text: "careful" };
      const control = { runs: 4, validity: "valid", summary: "4 runs valid" } as const;
      const outcome = verdict === "valid" ? "found" : verdict === "invalid" ? "survived" : "unfinished";
      const what = { id: "M-CON-01", mistake: "commits alone", violates: "quorum", summary: "no check failed" };
      return {
        seed: "1",
        control,
        mutants: [{ ...what, outcome, checks: [], seed: "1/3", runs: 4, durationS: 1 }],
        verdict,
      };
    },
    checkFile: async (path, options) => {
      ask("check", { path, ...options });
      return { id: "linearizable", validity: verdict, summary: "2 operations", count: 2, unit: "operations" };
    },
    convertFile: async (path, options, print) => {
      ask("convert", { path, ...options });
      if (options.out === undefined) print("converted\n");
    },
    verify: async (directory) => {
      ask("verify", directory);
      return { files: 3, problems: verdict === "valid" ? [] : ["csv/latency.csv: changed"] };
    },
    async *doctor(directory) {
      ask("doctor", directory);
      yield { level: verdict === "valid" ? "warning" : "problem", subject: "Disk", found: "slow", advice: "another" };
    },
  };
  let stdout = "";
  let stderr = "";
  const io: Io = {
    stdout: { write: (text) => (stdout += text), isTTY: false, columns: 100 },
    stderr: { write: (text) => (stderr += text), isTTY: false, columns: 100 },
    nowMs: () => 0,
    signal: new AbortController().signal,
    environment,
    version: "1.2.3",
  };
  const code = await runCli(words, io, backends);
  return { code, stdout, stderr, asked };
}

const words = (line: string): readonly string[] =>
  line === "" ? [] : line.split(" ").map((word) => word.replace("FILE", history).replace("RESULTS", results));

describe("bad input: one line that names what, where and what is allowed, exit code 3, no engine started", () => {
  const rows: readonly (readonly [line: string, ...told: (string | RegExp)[]])[] = [
    ["compar", 'unknown command "compar"', 'did you mean "compare"', "repro, compare"],
    ["frobnicate", 'unknown command "frobnicate"', "allowed: repro"],
    ["list --verbose", 'unknown option "--verbose"', "allowed: --json"],
    ["list -x", 'unknown option "-x"'],
    ["--jsn", 'unknown option "--jsn"', 'did you mean "--json"'],
    ["compare consensus --clientz 5", 'unknown option "--clientz"', 'did you mean "--clients"'],
    ["compare --clientz consensus", 'unknown option "--clientz"'],
    ["compare consensus --__proto__ 5", 'unknown option "--__proto__"'],
    ["compare consensus --no-json", 'unknown option "--no-json"'],
    ["compare", "MODULE is missing", "grey compare MODULE"],
    ["compare consensus twice", 'unexpected argument "twice"'],
    ["compare raft", 'MODULE: unknown module "raft"', "allowed: consensus"],
    ["compare network", 'MODULE: unknown module "network"', "allowed: consensus"],
    ["compare consensus --implementations minimal,prodution", "--implementations", 'did you mean "production"'],
    ["compare consensus --implementations minimal,minimal", '"minimal" is given twice'],
    ["compare consensus --implementations minimal,", "has an empty part"],
    ["compare consensus --implementations etcd --substrate simulated", "--substrate", "etcd", "allowed: cluster"],
    ["compare consensus --substrate cloud", '--substrate: unknown substrate "cloud"', "allowed: simulated, cluster"],
    ["compare consensus --workload registr", '--workload: unknown workload "registr"', 'did you mean "register"'],
    ["compare consensus --faults kil", '--faults: unknown fault "kil"', 'did you mean "kill"', "torn-write"],
    ["compare consensus --faults halves", '--faults: consensus minimal cannot be given "halves"', "allowed: kill"],
    ["compare consensus --nodes 0", '--nodes: "0" is out of range', "from 1 to 15"],
    ["compare consensus --nodes 3.5", '--nodes: "3.5" is not a whole number'],
    ["compare consensus --nodes -3", '--nodes: "-3" is negative'],
    ["compare consensus --clients many", '--clients: "many" is not a whole number'],
    ["compare consensus --duration -5s", '--duration: "-5s" is negative', "such as 90s"],
    ["compare consensus --duration=-5s", '--duration: "-5s" is negative'],
    ["compare consensus --duration soon", '--duration: "soon" is not a duration'],
    ["compare consensus --duration 0", '--duration: "0" is out of range'],
    ["compare consensus --duration 5s10m", '--duration: "5s10m" is not a duration'],
    ["compare consensus --duration", "--duration: has no value", "--duration 20s"],
    ["compare consensus --duration --json", "--duration: has no value"],
    ["compare consensus --duration=", "--duration: has no value"],
    ["compare consensus --size -1", '--size: "-1" is negative'],
    ["compare consensus --size 64kib", '--size: "64kib" is not a size', "64KiB"],
    ["compare consensus --size 1GiB", '--size: "1GiB" is not a size'],
    ["compare consensus --size 2MiB", '--size: "2MiB" is out of range'],
    ["compare consensus --rate -1", '--rate: "-1" is negative'],
    ["compare consensus --rate fast", '--rate: "fast" is not a rate'],
    ["compare consensus --seed a/b", '--seed: "a/b" is not a seed'],
    ["compare consensus --seed 1 --seed 2", "--seed: is given twice"],
    ["compare consensus --json=yes", '--json: takes no value, is "yes"'],
    ["compare consensus --out FILE", "--out", "is a file"],
    ["compare consensus --out FILE/x", "--out", "is a file"],
    ["repro --profile fast", '--profile: unknown profile "fast"', "allowed: smoke, quick, full"],
    ["repro --only C-CON-11", '--only: unknown experiment or claim "C-CON-11"', 'did you mean "C-CON-1"'],
    ["repro --only con-throughput,C-XYZ-9", '--only: unknown experiment or claim "C-XYZ-9"'],
    ["repro --only", "--only: has no value"],
    ["repro --budget -20m", '--budget: "-20m" is negative'],
    ["repro --budget 1s", '--budget: "1s" is out of range'],
    ["repro --resume nowhere", '--resume: "nowhere" does not exist'],
    ["repro --resume FILE", "--resume", "is not a directory"],
    ["repro --resume RESULTS --out RESULTS", "--resume and --out: both are given"],
    ["repro extra", 'unexpected argument "extra"'],
    ["replay", "CAPSULE is missing"],
    ["replay nowhere.json", 'CAPSULE: "nowhere.json" does not exist'],
    ["replay FILE --until -1", '--until: "-1" is negative'],
    ["replay FILE --until soon", '--until: "soon" is not a whole number'],
    ["replay FILE --trace --json", "--trace and --json: both are given"],
    ["sweep", "MODULE is missing"],
    ["sweep raft --seeds 0..9", 'MODULE: unknown module "raft"'],
    ["sweep consensus", "--seeds is missing", "such as 0..999"],
    ["sweep consensus --seeds 9", '--seeds: "9" is not a range'],
    ["sweep consensus --seeds 0..5..9", '--seeds: "0..5..9" is not a range'],
    ["sweep consensus --seeds 9..0", '--seeds: "9..0" ends before it begins'],
    ["sweep consensus --seeds a..9", '--seeds: "a" is not a whole number'],
    ["sweep consensus --seeds 0..9 --implementation etcd", '--implementation: unknown implementation "etcd"'],
    ["sweep consensus --seeds 0..9 --faults kil", '--faults: unknown fault "kil"', 'did you mean "kill"'],
    ["sweep consensus --seeds 0..9 --faults pause", '--faults: "pause" is not one that production can be given'],
    ["sweep consensus --seeds 0..9 --faults kill,swarm", '--faults: "swarm" stands alone'],
    ["sweep consensus --seeds 0..9 --workers 0", '--workers: "0" is out of range'],
    ["sweep consensus --seeds 0..9 --out FILE", "--out", "is a file"],
    ["mutants --only M-CON-02", '--only: unknown mutant "M-CON-02"', 'did you mean "M-CON-01"'],
    ["mutants --module raft", '--module: unknown module with mutants "raft"', "allowed: consensus"],
    ["mutants --runs 0", '--runs: "0" is out of range'],
    ["mutants --workers many", '--workers: "many" is not a whole number'],
    ["mutants extra", 'unexpected argument "extra"'],
    ["check FILE", "--model: is missing", "register, cas-register, kv, append"],
    ["check FILE --model kvv", '--model: unknown model "kvv"', 'did you mean "kv"'],
    ["check FILE --model kv --format edn", '--format: unknown format "edn"', "auto, grey"],
    ["check FILE --convert edn", '--convert: unknown format "edn"', "grey, jepsen-edn"],
    ["check FILE --convert grey --model kv", "--model: goes not with --convert", "judges nothing"],
    ["check FILE --model kv --out x", "--out: goes with --convert only", "--convert"],
    ["check nowhere --model kv", 'HISTORY: "nowhere" does not exist'],
    ["check RESULTS --model kv", "HISTORY", "is a directory"],
    ["verify", "DIRECTORY is missing"],
    ["verify nowhere", 'DIRECTORY: "nowhere" does not exist'],
    ["verify FILE", "DIRECTORY", "is not a directory"],
    ["list claim", 'WHAT: unknown section "claim"', 'did you mean "claims"'],
    ["doctor --out FILE", "--out", "is a file"],
  ];
  for (const [line, ...told] of rows) {
    test(`grey ${line}`, async () => {
      const { code, stdout, stderr, asked } = await grey(words(line));
      assert.equal(code, 3);
      assert.equal(stdout, "");
      assert.match(stderr, /^[^\n]+\n$/);
      for (const part of told) assert.ok(stderr.includes(String(part)), `"${stderr.trim()}" says ${String(part)}`);
      assert.deepEqual(asked, []);
    });
  }

  test("nothing was written", () => assert.deepEqual(readdirSync(folder).toSorted(), ["history.ndjson", "results"]));
});

describe("help", () => {
  for (const { name, options } of commands) {
    test(`grey ${name} --help`, async () => {
      const { code, stdout, asked } = await grey([name, "--help"]);
      assert.equal(code, 0);
      for (const option of [...Object.keys(options), "json"]) assert.match(stdout, new RegExp(`--${option}\\b`));
      assert.match(stdout, new RegExp(`Examples:\\s+grey ${name}`));
      assert.deepEqual(asked, []);
    });
  }

  for (const line of ["", "--help", "-h", "--json"]) {
    test(`grey ${line}`, async () => {
      const { code, stdout } = await grey(words(line));
      assert.equal(code, 0);
      const text = stdout.replaceAll(/\s+/g, " ");
      for (const { name, summary } of commands)
        assert.ok(text.includes(`grey ${name}`) && text.includes(summary), name);
    });
  }

  test("grey --version", async () => assert.equal((await grey(["--version"])).stdout, "1.2.3\n"));
});

describe("what the engines are asked", () => {
  const optionsOf = async (line: string): Promise<Record<string, unknown>> => {
    const { asked, stderr } = await grey(words(line));
    assert.equal(asked.length, 1, stderr);
    const { signal: _signal, nowMs: _nowMs, ...options } = asked[0]!.options as Record<string, unknown>;
    return options;
  };

  test("repro: defaults", async () => {
    assert.deepEqual(await optionsOf("repro"), {
      profile: "quick",
      only: [],
      budgetS: undefined,
      resume: undefined,
      seed: "1",
      out: undefined,
      commandLine: "grey repro",
    });
  });

  test("repro: everything", async () => {
    const line = `repro --profile smoke --only C-CON-1 con-throughput --budget 20m --seed x-7 --out ${folder}/new/deep`;
    assert.deepEqual(await optionsOf(line), {
      profile: "smoke",
      only: ["C-CON-1", "con-throughput"],
      budgetS: 1200,
      resume: undefined,
      seed: "x-7",
      out: `${folder}/new/deep`,
      commandLine: `grey ${line}`,
    });
  });

  test("compare: defaults", async () => {
    assert.deepEqual(await optionsOf("compare consensus"), {
      module: "consensus",
      implementations: ["minimal", "production"],
      substrate: "cluster",
      workload: "register",
      faults: [],
      nodes: 3,
      clients: 8,
      rate: undefined,
      durationS: 10,
      sizeBytes: 256,
      settings: {},
      seed: "1",
      out: undefined,
      commandLine: "grey compare consensus",
    });
  });

  test("compare: options before the module, lists in parts", async () => {
    const options = await optionsOf(
      "compare --substrate simulated --implementations production --faults kill --faults torn-write consensus --rate 2000/s --size 64KiB",
    );
    const { implementations, faults: chosen, rate, sizeBytes } = options;
    assert.deepEqual(
      { implementations, chosen, rate, sizeBytes },
      { implementations: ["production"], chosen: ["kill", "torn-write"], rate: 2000, sizeBytes: 65_536 },
    );
  });

  test("replay: a step", async () => {
    assert.deepEqual(await optionsOf("replay FILE --until 12 --trace"), {
      capsule: history,
      untilStep: 12,
      trace: true,
    });
  });

  test("sweep: defaults, and two kinds of fault", async () => {
    assert.deepEqual(await optionsOf("sweep consensus --seeds 3..12"), {
      module: "consensus",
      implementation: "production",
      kinds: ["kill", "halves", "torn-write"],
      style: "swarm",
      first: 3,
      last: 12,
      workers: 2,
      seed: "1",
      out: "results/sweep",
    });
    const { implementation, kinds } = await optionsOf(
      "sweep consensus --seeds 0..0 --implementation minimal --faults halves,kill",
    );
    assert.deepEqual([implementation, kinds], ["minimal", ["halves", "kill"]]);
    assert.equal((await optionsOf("sweep consensus --seeds 0..0 --style siege"))["style"], "siege");
    assert.deepEqual((await optionsOf("sweep consensus --seeds 0..0 --faults swarm"))["kinds"], [
      "kill",
      "halves",
      "torn-write",
    ]);
  });

  test("mutants: defaults, and one of them", async () => {
    const defaults = { ids: ["M-CON-01"], runs: 400, workers: 2, seed: "1" };
    assert.deepEqual(await optionsOf("mutants"), defaults);
    assert.deepEqual(await optionsOf("mutants --module consensus --only M-CON-01 --runs 9 --seed 7"), {
      ...defaults,
      runs: 9,
      seed: "7",
    });
  });

  test("the recorded command line can be pasted into a shell", async () => {
    const { asked } = await grey(["compare", "consensus", "--out", `${folder}/it's new`]);
    const { commandLine } = asked[0]!.options as { commandLine: string };
    assert.equal(commandLine, `grey compare consensus --out '${folder}/it'\\''s new'`);
  });
});

describe("exit codes and output", () => {
  for (const [verdict, code] of [
    ["valid", 0],
    ["invalid", 1],
    ["unknown", 2],
  ] as const) {
    test(`${verdict} is ${code}`, async () => {
      assert.equal((await grey(words("check FILE --model kv"), { verdict })).code, code);
      assert.equal((await grey(words("compare consensus"), { verdict })).code, code);
      assert.equal((await grey(words("replay FILE"), { verdict })).code, code);
      assert.equal((await grey(words("sweep consensus --seeds 0..8"), { verdict })).code, code);
      assert.equal((await grey(words("mutants"), { verdict })).code, code);
    });
  }

  test("a replay that went otherwise is open, one that stopped early is not", async () => {
    assert.equal((await grey(words("replay FILE"), { interrupted: true })).code, 2);
    assert.equal((await grey(words("replay FILE --until 3"), { interrupted: true })).code, 0);
  });

  test("an interrupted repro is open and says how to resume", async () => {
    const { code, stdout } = await grey(["repro"], { interrupted: true });
    assert.equal(code, 2);
    assert.match(stdout, /npm run repro -- --resume results\/x\n/);
  });

  test("a conversion is printed, or says where it went, and judges nothing", async () => {
    const printed = await grey(words("check FILE --convert jepsen-edn"), { verdict: "invalid" });
    assert.deepEqual([printed.code, printed.stdout], [0, "converted\n"]);
    const written = await grey(words("check FILE --convert grey --out x.ndjson"));
    assert.deepEqual([written.code, written.stdout], [0, "wrote x.ndjson\n"]);
  });

  test("a timeline is named where it was written", async () => {
    const { stdout, asked } = await grey(words("check FILE --model kv --timeline x.html"));
    assert.match(stdout, /\ntimeline: x\.html\n/);
    assert.match(JSON.stringify(asked), /"timeline":"x\.html"/);
  });

  test("verify and doctor: 1 when something is wrong", async () => {
    const changed = await grey(words("verify RESULTS"), { verdict: "invalid" });
    assert.deepEqual([changed.code, changed.stdout], [1, "invalid, problems: 1\n  csv/latency.csv: changed\n"]);
    assert.equal((await grey(words("verify RESULTS"))).code, 0);
    assert.equal((await grey(words(`doctor --out ${folder}`))).code, 0);
    assert.equal((await grey(words(`doctor --out ${folder}`), { verdict: "invalid" })).code, 1);
  });

  for (const line of [
    "repro --json",
    "compare consensus --json",
    "replay FILE --json",
    "sweep consensus --seeds 0..8 --json",
    "mutants --json",
    "check FILE --model kv --json",
    "verify RESULTS --json",
    "doctor --out RESULTS --json",
    "list --json",
    "--json list claims",
  ]) {
    test(`grey ${line}: one object on stdout`, async () => {
      const { stdout } = await grey(words(line));
      assert.match(stdout, /^\{[^\n]*\}\n$/);
      assert.equal(typeof JSON.parse(stdout), "object");
    });
  }

  test("a sweep that failed says how to replay it; a hunt says what survived", async () => {
    const swept = await grey(words("sweep consensus --seeds 0..8"), { verdict: "invalid" });
    assert.match(swept.stdout, /seed 1\/4: grey replay results\/x\.json\n {2}linearizable invalid: a stale read\n/);
    assert.match(swept.stdout, /9 runs, 1 not valid, 1 without an effective fault: invalid\n$/);
    const hunted = await grey(words("mutants"), { verdict: "invalid" });
    assert.match(hunted.stdout, /M-CON-01 +survived +4 +1\.0 s/);
    assert.match(hunted.stdout, /0 of 1 found: invalid\n$/);
  });

  test("a trace is printed line by line", async () => {
    assert.equal((await grey(words("replay FILE --trace"))).stdout, "step 1\nreplayed\n");
  });

  test("list shows what there is", async () => {
    const { stdout } = await grey(["list"]);
    for (const text of ["consensus  etcd        cluster", "install something", "torn-write", "One leader per term"]) {
      assert.ok(stdout.includes(text), `${stdout} shows ${text}`);
    }
  });
});

describe("failures", () => {
  test("a harness fault is its own line", async () => {
    const { code, stderr } = await grey(["repro"], { failure: new HarnessError("Cannot start n1:\n  gone") });
    assert.deepEqual([code, stderr], [3, "Cannot start n1: gone\n"]);
  });

  test("anything else is a fault of grey, with a report and no stack", async () => {
    const { code, stderr } = await grey(["repro"], { failure: new TypeError("undefined is not a function") });
    assert.equal(code, 3);
    assert.match(stderr, /^grey failed: undefined is not a function; [^\n]* details in [^\n]*report\.txt\n$/);
    rmSync(/details in (.*)\/report\.txt/.exec(stderr)![1]!, { recursive: true });
  });

  for (const [how, line, environment] of [
    ["--debug", "repro --debug", {}],
    ["GREY_DEBUG", "repro", { GREY_DEBUG: "1" }],
  ] as const) {
    test(`${how} adds the stack and its causes`, async () => {
      const failure = new HarnessError("Cannot start n1", { cause: new Error("spawn failed") });
      const { stderr } = await grey(words(line), { failure, environment });
      assert.match(
        stderr,
        /^Cannot start n1\nHarnessError: Cannot start n1\n {4}at [\s\S]*caused by Error: spawn failed/,
      );
    });
  }
});
