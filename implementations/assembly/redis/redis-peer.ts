/** A Redis server as a deployment needs it: its process, its clients' connection, and a look at what it holds. */

import { createHash } from "node:crypto";
import { HarnessError } from "../../foundation/errors.ts";
import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { RedisChannel } from "../../platform/node/redis-channel.ts";
import type { RedisEnd } from "../../platform/node/redis-channel.ts";
import { RedisServer } from "../../platform/node/redis-server.ts";
import { RespError } from "../../platform/node/resp.ts";
import type { RespReply } from "../../platform/node/resp.ts";
import type { StorageState } from "../../storage/contract.ts";
import type { Attempt } from "../../storage/peers/server-client.ts";
import {
  commandOf,
  firstCursor,
  isUnknownScript,
  pageCommand,
  readPage,
  readRecord,
  recordCommand,
  replyOf,
  scripts,
} from "../../storage/peers/redis.ts";
import type { ScriptName } from "../../storage/peers/redis.ts";
import { lookLimitMs, maxRecords } from "../single-server/peer-server.ts";
import type { PeerServer, PeerServerOptions } from "../single-server/peer-server.ts";

/** By these Redis knows scripts that it has seen. */
const digests = Object.fromEntries(
  Object.entries(scripts).map(([name, text]) => [name, createHash("sha1").update(text).digest("hex")]),
) as Readonly<Record<ScriptName, string>>;

/** Creates the server, not started yet. @throws HarnessError. */
export async function createRedisPeer(binary: string, options: PeerServerOptions): Promise<PeerServer> {
  const { name, directory, onExit, ward } = options;
  return new RedisPeer(await RedisServer.create({ name, binary, directory, onExit, ward }), options);
}

class RedisPeer implements PeerServer {
  readonly #server: RedisServer;
  readonly #options: PeerServerOptions;
  #clients: RedisChannel | undefined;
  /** Past the link. */
  #look: RedisChannel | undefined;

  constructor(server: RedisServer, options: PeerServerOptions) {
    this.#server = server;
    this.#options = options;
  }

  get process(): PeerServer["process"] {
    return this.#server.process;
  }

  async start(): ReturnType<PeerServer["start"]> {
    const port = await this.#server.start();
    if (port === undefined) return undefined;
    this.#look?.close();
    this.#look = new RedisChannel({
      address: { host: "127.0.0.1", port },
      password: this.#server.password,
      clock: nodeClock,
    });
    const records = await this.#ask(["DBSIZE"]);
    if (typeof records === "number") return { port, records };
    if (!this.process.running) return undefined;
    throw new HarnessError(`Cannot start ${this.#options.name}: it serves, and does not answer`);
  }

  readonly attempt: Attempt = (request, timeoutMs, done) => {
    const { clientAddress: address } = this.#options;
    this.#clients ??= new RedisChannel({ address, password: this.#server.password, clock: nodeClock });
    const ended = (end: RedisEnd): void =>
      done(end.kind === "answer" ? replyOf(request.operation.kind, end.reply) : end);
    const command = commandOf(request);
    if (command.kind === "command") return this.#clients.call(command.words, timeoutMs, ended);
    this.#perform(this.#clients, command, timeoutMs, ended);
  };

  async entries(): Promise<StorageState["entries"] | undefined> {
    const entries = new Map<string, StorageState["entries"][number]>();
    let cursor: string = firstCursor;
    do {
      const page = readPage(await this.#ask(pageCommand(cursor)));
      if (page === undefined) return undefined;
      const records = await Promise.all(page.keys.map((key) => this.#ask(recordCommand(key))));
      for (const [index, key] of page.keys.entries()) {
        const record = readRecord(key, records[index] ?? null);
        if (record === undefined) return undefined; // Nothing is ever removed, so it did not answer.
        entries.set(key, record); // A scan may show a key twice.
      }
      if (entries.size > maxRecords) return undefined;
      cursor = page.cursor;
    } while (cursor !== firstCursor);
    return [...entries.values()];
  }

  async close(): Promise<void> {
    this.#clients?.close();
    this.#look?.close();
    await this.#server.close();
  }

  /** A script goes by its digest; a server that does not know it yet gets all of it. */
  #perform(
    channel: RedisChannel,
    { script, key, values }: Extract<ReturnType<typeof commandOf>, { kind: "script" }>,
    timeoutMs: Millis,
    done: (end: RedisEnd) => void,
  ): void {
    const startMs = nodeClock.nowMs();
    channel.call(["EVALSHA", digests[script], "1", key, ...values], timeoutMs, (end) => {
      if (end.kind !== "answer" || !isUnknownScript(end.reply)) return done(end);
      const remainingMs = Math.max(1, timeoutMs - (nodeClock.nowMs() - startMs));
      channel.call(["EVAL", scripts[script], "1", key, ...values], remainingMs, done);
    });
  }

  /** @returns null when there was no good answer. */
  async #ask(words: readonly string[]): Promise<RespReply> {
    const endMs = nodeClock.nowMs() + lookLimitMs;
    while (this.process.running && nodeClock.nowMs() < endMs) {
      const end = await new Promise<RedisEnd>((resolve) => {
        if (this.#look === undefined) resolve({ kind: "unsent" });
        else this.#look.call(words, endMs - nodeClock.nowMs(), resolve);
      });
      if (end.kind === "answer") return end.reply instanceof RespError ? null : end.reply;
      if (end.kind !== "unsent") return null;
      await new Promise<void>((resolve) => nodeClock.after(connectPollMs, resolve));
    }
    return null;
  }
}

const connectPollMs: Millis = 5;
