/**
 * The peers' libraries with what they need of the machine: for their hosts, and as pools for who only wants tasks done.
 */

import { BullmqLibrary } from "../../../scheduler/peers/bullmq.ts";
import type { BullmqOptions } from "../../../scheduler/peers/bullmq.ts";
import { LibraryPool } from "../../../scheduler/peers/library-pool.ts";
import { pQueueLibrary, pQueueOnce } from "../../../scheduler/peers/p-queue.ts";
import type { PeerEvents, PeerLibrary } from "../../../scheduler/peers/peer-library.ts";
import { piscinaLibrary, piscinaOnce } from "../../../scheduler/peers/piscina.ts";
import type { Pool } from "../pool.ts";
import { loadModule } from "./load-module.ts";

/** @param firstToken every attempt's token is higher. */
export function openPQueue(events: PeerEvents, workers: number, firstToken = 0): PeerLibrary {
  return pQueueLibrary(events, { workers, load: loadModule }, firstToken);
}

export function openPiscina(events: PeerEvents, workers: number, firstToken = 0): PeerLibrary {
  return piscinaLibrary(events, { workers, workerFile: piscinaWorkerFile }, firstToken);
}

const piscinaWorkerFile = new URL("./piscina-worker.ts", import.meta.url);

export type OpenBullmqOptions = Omit<BullmqOptions, "processorFile" | "load">;

/** Nothing is executed before `start`. */
export function openBullmq(events: PeerEvents, options: OpenBullmqOptions): Promise<BullmqLibrary> {
  const processorFile = new URL("./bullmq-processor.ts", import.meta.url);
  return BullmqLibrary.open(events, { ...options, processorFile, load: loadModule });
}

/** These pools know no tenants and no lanes; what a task says of them is passed over. */
export function pQueuePool(workers: number): Pool {
  return pQueueOnce({ workers, load: loadModule });
}

export function piscinaPool(workers: number): Pool {
  return piscinaOnce({ workers, workerFile: piscinaWorkerFile });
}

/** Over a Redis of its own: what an earlier pool left there would be executed too. */
export async function bullmqPool(options: OpenBullmqOptions): Promise<Pool> {
  const pool = new LibraryPool();
  const library = await openBullmq(pool, options);
  library.start();
  pool.use(library);
  return pool;
}
