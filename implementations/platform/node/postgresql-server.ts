/**
 * A PostgreSQL server of our own: made once in a directory, started on a loopback port, with a password nobody knows.
 *
 * It runs as it was shipped, with everything that durability needs spelled out (fsync, full_page_writes,
 * synchronous_commit, data checksums) and its memory bounded. No unix socket: its path could be too long, and the links
 * between clients and servers are TCP.
 *
 * PostgreSQL refuses to run as root. Started by root, it runs as `postgres`, or as `nobody` where there is no such
 * user. That user owns the data, but may not be able to reach it, since the folders above may be root's alone; so it
 * gets the directory as an open file descriptor, and finds it under /proc/self/fd.
 *
 * `dynamic_shared_memory_type` is `mmap`, so that what is shared lies in the data and goes with it: in /dev/shm a
 * server that is killed for good would leave it behind. What such a server still leaves is 56 bytes of System V shared
 * memory, its lock on the directory, for which it knows no other place.
 *
 * @see PostgreSQL documentation, chapters 19 and 20.
 */

import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, realpathSync } from "node:fs";
import { chown, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { HarnessError } from "../../foundation/errors.ts";
import { versionOf } from "./executable.ts";
import type { Sought } from "./executable.ts";
import { ServerProcess, stdioWith } from "./server-process.ts";
import type { ServerExit, Ward } from "./server-process.ts";

export const postgresqlProgram = {
  name: "postgres",
  variable: "GREY_POSTGRES",
  folders: ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"],
  beside: ["initdb"],
  saysVersion: /^postgres \(PostgreSQL\) \d/,
} as const satisfies Sought;

const oldestVersion = 13;
const user = "grey";
const database = "postgres";
/** What a server reserves for those who look after it, and what looks past the clients. */
const spareConnections = 10;
/** The number under which the data directory is handed over. */
const inheritedDescriptor = 3;

/** How to reach it. */
export interface PostgresqlAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface PostgresqlServerOptions {
  /** "postgresql n1": what messages call it. */
  readonly name: string;
  readonly binary: string;
  /** Its own; what is in it is used again if it is a server's data. */
  readonly directory: string;
  /** How many clients may be connected at a time. */
  readonly connections: number;
  readonly onExit: (exit: ServerExit) => void;
  readonly ward: Ward;
}

/** Returns why `binary` will not do; undefined if it will. */
export function postgresqlRefusal(binary: string): string | undefined {
  const version = versionOf(binary).trim();
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(version)?.[1]);
  if (major >= oldestVersion) return undefined;
  return `${binary} says "${version}"; version ${oldestVersion} or later is needed`;
}

export class PostgresqlServer {
  readonly process: ServerProcess;
  readonly #password: string;
  readonly #data: number;
  #port = 0;

  private constructor(options: PostgresqlServerOptions, identity: Identity | undefined, password: string) {
    const { name, binary, directory, connections, onExit, ward } = options;
    this.#password = password;
    this.#data = openSync(dataOf(directory), "r");
    this.process = new ServerProcess({
      name,
      binary,
      argumentsOf: (port) => serverArguments(dataPath(directory, identity), port, connections),
      environment,
      workingDirectory: "/",
      ...(identity === undefined ? {} : { identity, inherited: this.#data }),
      saysReady: /database system is ready to accept connections/,
      tellsWhy: /(FATAL|PANIC):|No space left/,
      stopSignal: "SIGINT", // "Fast": whoever is connected is turned out, and what was acknowledged is kept.
      onExit,
      ward,
    });
  }

  /** Makes the data, unless it is there. @throws HarnessError when that is not possible. */
  static async create(options: PostgresqlServerOptions): Promise<PostgresqlServer> {
    const refusal = postgresqlRefusal(options.binary);
    if (refusal !== undefined) throw new HarnessError(`Cannot start ${options.name}: ${refusal}`);
    const identity = process.getuid?.() === 0 ? serverIdentity(options.name) : undefined;
    try {
      return new PostgresqlServer(options, identity, await prepared(options, identity));
    } catch (error) {
      if (error instanceof HarnessError || !(error instanceof Error)) throw error;
      throw new HarnessError(`Cannot start ${options.name} in ${options.directory}: ${error.message}`, {
        cause: error,
      });
    }
  }

  get address(): PostgresqlAddress {
    return { host: "127.0.0.1", port: this.#port, user, password: this.#password, database };
  }

  /** As `ServerProcess.start`. */
  async start(): Promise<number | undefined> {
    const port = await this.process.start();
    if (port !== undefined) this.#port = port;
    return port;
  }

  /** Ends it for good, without a checkpoint, and without leaving shared memory behind. */
  async close(): Promise<void> {
    await this.process.stop("SIGQUIT");
    closeSync(this.#data);
  }
}

interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Messages in English, and no search for the machine's time zone. */
const environment = { LC_ALL: "C", TZ: "UTC" } as const;

function serverArguments(data: string, port: number, connections: number): readonly string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: connections + spareConnections,
    shared_buffers: "64MB",
    fsync: "on",
    full_page_writes: "on",
    synchronous_commit: "on",
    dynamic_shared_memory_type: "mmap",
    logging_collector: "off",
    log_destination: "stderr",
  };
  return ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/** Returns the password of the server's data, which is made where there is none. */
async function prepared({ name, binary, directory }: PostgresqlServerOptions, identity: Identity | undefined) {
  const data = dataOf(directory);
  const passwordFile = path.join(directory, "password");
  await mkdir(data, { recursive: true, mode: 0o700 });
  if (existsSync(path.join(data, "PG_VERSION"))) return readFileSync(passwordFile, "utf8");
  const leftover = await readdir(data);
  if (leftover.length > 0) throw new HarnessError(`Cannot start ${name}: ${data} holds something else`);
  const password = randomBytes(16).toString("hex");
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (identity !== undefined) {
    for (const each of [data, passwordFile]) await chown(each, identity.uid, identity.gid);
  }
  try {
    await makeData(name, binary, directory, identity);
  } catch (error) {
    await rm(data, { recursive: true, force: true });
    throw error;
  }
  return password;
}

async function makeData(name: string, binary: string, directory: string, identity: Identity | undefined) {
  const descriptors = [dataOf(directory), path.join(directory, "password")].map((each) => openSync(each, "r"));
  const [data, password] =
    identity === undefined
      ? [dataOf(directory), path.join(directory, "password")]
      : descriptors.map((_, index) => `/proc/self/fd/${inheritedDescriptor + index}`);
  try {
    // Not synced: a thousand files, and only a machine that loses its power would lose them. The server syncs its own.
    const options = ["--data-checksums", "--no-locale", "--encoding=UTF8", "--no-sync", `--username=${user}`];
    const authentication = ["--auth-host=scram-sha-256", "--auth-local=reject", `--pwfile=${password}`];
    const initdb = path.join(path.dirname(realpathSync(binary)), "initdb");
    const { failed, exitCode, all, message } = await execa(initdb, ["-D", data ?? "", ...options, ...authentication], {
      cwd: "/",
      env: environment,
      extendEnv: false,
      stdio: stdioWith(identity === undefined ? [] : descriptors),
      all: true,
      reject: false,
      ...identity,
    });
    if (!failed) return;
    const lines = (all ?? message ?? "").trim().split("\n");
    const why = lines.findLast((line) => /error|FATAL|PANIC|No space/.test(line)) ?? lines.at(-1);
    throw new HarnessError(`Cannot start ${name}: initdb ended with exit code ${exitCode ?? "unknown"}: ${why ?? ""}`);
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

function dataOf(directory: string): string {
  return path.join(directory, "data");
}

function dataPath(directory: string, identity: Identity | undefined): string {
  return identity === undefined ? dataOf(directory) : `/proc/self/fd/${inheritedDescriptor}`;
}

/** Who it runs as where we are root. */
function serverIdentity(name: string): Identity {
  if (!existsSync("/proc/self/fd")) {
    throw new HarnessError(`Cannot start ${name} as root: PostgreSQL refuses it; run this as another user`);
  }
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const wanted of ["postgres", "nobody"]) {
    const [, , uid, gid] = users.find(([login]) => login === wanted) ?? [];
    if (Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new HarnessError(
    `Cannot start ${name} as root: PostgreSQL refuses it, and there is neither a user postgres nor nobody`,
  );
}
