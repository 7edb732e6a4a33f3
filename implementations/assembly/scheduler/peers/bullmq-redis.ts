/**
 * The Redis server of a BullMQ deployment: it begins and ends with the deployment, also when the driver is killed, and
 * can be killed in between. It keeps its port, by which the host's process finds it again.
 */

import { rm } from "node:fs/promises";
import path from "node:path";
import { HarnessError } from "../../../foundation/errors.ts";
import { RedisServer } from "../../../platform/node/redis-server.ts";
import type { RedisDurability } from "../../../platform/node/redis-server.ts";
import { Links } from "../../links.ts";

export interface BullmqRedisOptions {
  readonly binary: string;
  /** Of the deployment. */
  readonly directory: string;
  readonly durability: RedisDurability;
  /** It ended, and nobody here had asked for it. */
  readonly onLoss: (description: string) => void;
}

export class BullmqRedis {
  readonly #server: RedisServer;
  /** Its process watches over the server's. */
  readonly #warden: Links;
  readonly #directory: string;
  /** Starts and ends, one after the other. */
  #work: Promise<void> = Promise.resolve();

  private constructor(server: RedisServer, warden: Links, directory: string) {
    this.#server = server;
    this.#warden = warden;
    this.#directory = directory;
  }

  /** @throws HarnessError when it does not start. */
  static async start({ binary, directory: parent, durability, onLoss }: BullmqRedisOptions): Promise<BullmqRedis> {
    const directory = path.join(parent, "redis");
    await rm(directory, { recursive: true, force: true });
    const warden = await Links.launch({ links: [], directory: parent });
    try {
      const server = await RedisServer.create({
        name: "redis of bullmq",
        binary,
        directory,
        durability,
        onExit: ({ asked, description }) => {
          if (!asked) onLoss(description);
        },
        ward: (pid, watched) => (watched ? warden.ward(pid) : warden.unward(pid)),
      });
      if ((await server.start()) === undefined) throw new HarnessError("Cannot start redis: it was stopped");
      return new BullmqRedis(server, warden, directory);
    } catch (error) {
      await warden.stop();
      throw error;
    }
  }

  get port(): number {
    return this.#server.port;
  }

  get password(): string {
    return this.#server.password;
  }

  get pid(): number | undefined {
    return this.#server.process.pid;
  }

  /** @returns whether there was something to end. */
  kill(): boolean {
    const { running } = this.#server.process;
    this.#work = this.#work.then(() => this.#server.process.kill());
    return running;
  }

  /** Starts it again on its data, unless it runs. @throws HarnessError when it does not start. */
  restart(): Promise<void> {
    const started = this.#work.then(async () => {
      if (!this.#server.process.running) await this.#server.start(this.#server.port);
    });
    this.#work = started.catch(() => undefined);
    return started;
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.#work;
    await this.#server.close();
    await this.#warden.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
