/**
 * The pools that are compared, by the name of their implementation: each as its own documentation recommends it for
 * many short tasks.
 */

import { nodeClock } from "../../platform/node/clock.ts";
import { findExecutable } from "../../platform/node/executable.ts";
import { redisProgram } from "../../platform/node/redis-server.ts";
import { MinimalPool } from "./minimal-pool.ts";
import { BullmqRedis } from "./peers/bullmq-redis.ts";
import { bullmqScheduler, piscinaScheduler, pQueueScheduler } from "./peers/implementations.ts";
import { bullmqPool, piscinaPool, pQueuePool } from "./peers/libraries.ts";
import type { Pool } from "./pool.ts";
import { TaskPool } from "./task-pool.ts";

export interface OpenPoolOptions {
  /** Threads, of those that have any. */
  readonly workers: number;
  /** For the data of a server behind it. */
  readonly directory: string;
}

interface Contender {
  /** Whether it can run here, or what to install. */
  readonly available: () => Promise<true | string>;
  readonly open: (options: OpenPoolOptions) => Promise<Pool>;
}

const isAlways = (): Promise<true> => Promise.resolve(true);

/**
 * BullMQ with its functions on the thread of its worker: what it recommends for jobs that need no processor, and with
 * as many at a time as keep Redis busy. Sandboxed threads are for jobs that do need it.
 */
const bullmqJobsAtATime = 100;

const contenders: Readonly<Record<string, Contender>> = {
  minimal: { available: isAlways, open: () => Promise.resolve(new MinimalPool({ clock: nodeClock })) },
  production: { available: isAlways, open: ({ workers }) => TaskPool.open({ workers }) },
  piscina: {
    available: () => piscinaScheduler.available(),
    open: ({ workers }) => Promise.resolve(piscinaPool(workers)),
  },
  "p-queue": {
    available: () => pQueueScheduler.available(),
    open: ({ workers }) => Promise.resolve(pQueuePool(workers)),
  },
  bullmq: { available: () => bullmqScheduler.available(), open: ({ directory }) => openBullmqPool(directory) },
};

/** @returns whether the pool of `name` can be opened here, or what to install. */
export function poolAvailable(name: string): Promise<true | string> {
  return contenders[name]?.available() ?? Promise.resolve(`there is no pool of ${name}`);
}

/** @throws Error when there is no such pool, or it does not start. */
export function openPool(name: string, options: OpenPoolOptions): Promise<Pool> {
  const contender = contenders[name];
  if (contender === undefined) throw new Error(`Cannot open a pool of ${name}: there is none`);
  return contender.open(options);
}

/** Over a Redis of its own that writes nothing to disk: what is compared is handing in, running and acknowledging. */
async function openBullmqPool(directory: string): Promise<Pool> {
  const binary = findExecutable(redisProgram);
  if (binary === undefined) throw new Error("Cannot open a pool of bullmq: redis is not installed");
  let lost: string | undefined;
  const redis = await BullmqRedis.start({
    ...{ binary, directory, durability: "none" },
    onLoss: (description) => (lost = description),
  });
  try {
    const pool = await bullmqPool({
      redis: { host: "127.0.0.1", port: redis.port, password: redis.password },
      workers: bullmqJobsAtATime,
      processor: "inline",
      priorities: false,
      remembered: 0,
      lockMs: 30_000,
    });
    return {
      submit: (task, done) => pool.submit(task, done),
      close: async () => {
        await pool.close();
        await redis.close();
        if (lost !== undefined) throw new Error(`Redis was ended from outside: ${lost}`);
      },
    };
  } catch (error) {
    await redis.close();
    throw error;
  }
}
