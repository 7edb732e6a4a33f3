/**
 * A Redis server of our own: its data in a directory, on a loopback port, with a password nobody knows.
 *
 * Unless it is told otherwise it answers a write only after the append-only file that holds it has been synced
 * (`appendfsync always`), which is what the other stores promise; it takes no snapshots beside it. TLS is left out: not
 * every build has it.
 *
 * @see Redis documentation, "Redis persistence".
 */

import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { HarnessError } from "../../foundation/errors.ts";
import { versionOf } from "./executable.ts";
import type { Sought } from "./executable.ts";
import { ServerProcess } from "./server-process.ts";
import type { ServerExit, Ward } from "./server-process.ts";

export const redisProgram = {
  name: "redis-server",
  variable: "GREY_REDIS",
  saysVersion: /^Redis server v=\d/,
} as const satisfies Sought;

const oldestVersion = 6;

export const redisDurabilities = ["fsync", "everysec", "none"] as const;
/** When a write is on disk: before it is answered, within about a second, never. */
export type RedisDurability = (typeof redisDurabilities)[number];

export interface RedisServerOptions {
  /** "redis n1": what messages call it. */
  readonly name: string;
  readonly binary: string;
  /** Its own; what is in it is used again. */
  readonly directory: string;
  /** "fsync" unless it is said. */
  readonly durability?: RedisDurability;
  readonly onExit: (exit: ServerExit) => void;
  readonly ward: Ward;
}

/** Returns why `binary` will not do; undefined if it will. */
export function redisRefusal(binary: string): string | undefined {
  const version = versionOf(binary).trim();
  const major = Number(/ v=(\d+)/.exec(version)?.[1]);
  if (major >= oldestVersion) return undefined;
  return `${binary} says "${version}"; version ${oldestVersion} or later is needed`;
}

export class RedisServer {
  readonly process: ServerProcess;
  readonly password: string;
  #port = 0;

  private constructor(options: RedisServerOptions, configuration: string, password: string) {
    this.password = password;
    this.process = new ServerProcess({
      name: options.name,
      binary: options.binary,
      argumentsOf: (port) => [configuration, "--port", String(port)],
      environment: { LC_ALL: "C" },
      workingDirectory: options.directory,
      saysReady: /Ready to accept connections/,
      tellsWhy: /^(?!.*WARNING).*(FATAL|error|fail|No space left|can.t|already in use)/i,
      stopSignal: "SIGTERM",
      onExit: options.onExit,
      ward: options.ward,
    });
  }

  /** @throws HarnessError when it cannot be prepared. */
  static async create(options: RedisServerOptions): Promise<RedisServer> {
    const refusal = redisRefusal(options.binary);
    if (refusal !== undefined) throw new HarnessError(`Cannot start ${options.name}: ${refusal}`);
    const password = randomBytes(16).toString("hex");
    const configuration = path.join(options.directory, "redis.conf");
    try {
      await mkdir(options.directory, { recursive: true });
      // A file, because arguments can be seen by everybody.
      await writeFile(configuration, settingsWith(password, options.durability ?? "fsync"), { mode: 0o600 });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new HarnessError(`Cannot start ${options.name} in ${options.directory}: ${error.message}`, {
        cause: error,
      });
    }
    return new RedisServer(options, configuration, password);
  }

  get port(): number {
    return this.#port;
  }

  /** As `ServerProcess.start`. */
  async start(wantedPort?: number): Promise<number | undefined> {
    const port = await this.process.start(wantedPort);
    if (port !== undefined) this.#port = port;
    return port;
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    await this.process.kill();
  }
}

const appendOnly = {
  fsync: ["appendonly yes", "appendfsync always"],
  everysec: ["appendonly yes", "appendfsync everysec"],
  none: ["appendonly no"],
} as const satisfies Readonly<Record<RedisDurability, readonly string[]>>;

function settingsWith(password: string, durability: RedisDurability): string {
  const settings = [
    "bind 127.0.0.1",
    "protected-mode yes",
    `requirepass ${password}`,
    "databases 1",
    "daemonize no",
    'logfile ""',
    ...appendOnly[durability],
    'save ""',
    "dir ./",
  ];
  return `${settings.join("\n")}\n`;
}
