/**
 * A deployment of BullMQ: the process of its host, and a Redis server that outlives that process.
 *
 * A kill ends the host's process, and where every change is on disk before it is answered (durability=fsync) Redis with
 * it. Otherwise Redis stays up, as it does when it stands on another machine: with less it may forget what it said it
 * had, so its death would prove nothing about BullMQ.
 */

import { mkdir } from "node:fs/promises";
import { HarnessError } from "../../../foundation/errors.ts";
import type { DeployOptions } from "../../../foundation/deployment.ts";
import { faultHandle } from "../../../foundation/fault-handle.ts";
import type { Fault, FaultHandle } from "../../../foundation/faults.ts";
import type { SchedulerDeployment } from "../../../scheduler/contract.ts";
import { BullmqRedis } from "./bullmq-redis.ts";
import { redisSettings, resolveBullmqSettings } from "./peer-settings.ts";

/**
 * @param deployHost deploys the host's process.
 * @throws HarnessError when something does not start; nothing is left running then.
 */
export async function deployBullmq(
  binary: string,
  options: DeployOptions,
  deployHost: (options: DeployOptions) => Promise<SchedulerDeployment>,
): Promise<SchedulerDeployment> {
  const { durability } = resolveBullmqSettings(options.settings);
  const { directory } = options;
  const loss = Promise.withResolvers<never>();
  loss.promise.catch(() => undefined); // Told where somebody runs the deployment.
  await mkdir(directory, { recursive: true });
  const redis = await BullmqRedis.start({
    binary,
    directory,
    durability,
    onLoss: (description) => {
      loss.reject(new HarnessError(`The run is void: a process was ended from outside: ${description}`));
    },
  });
  try {
    const address = { [redisSettings.port]: redis.port, [redisSettings.password]: redis.password };
    const host = await deployHost({ ...options, settings: { ...options.settings, ...address } });
    return around(host, redis, durability === "fsync", loss.promise);
  } catch (error) {
    await redis.close();
    throw error;
  }
}

function around(
  host: SchedulerDeployment,
  redis: BullmqRedis,
  diesWithHost: boolean,
  loss: Promise<never>,
): SchedulerDeployment {
  const [run, inject, stop] = [host.run.bind(host), host.inject.bind(host), host.stop.bind(host)];
  let stopping: Promise<void> | undefined;
  return Object.assign(host, {
    run: (...parameters: Parameters<typeof run>) => Promise.race([run(...parameters), loss]),
    inject: (fault: Fault) => (fault.kind === "kill" && diesWithHost ? killBoth(inject(fault), redis) : inject(fault)),
    stop: () => (stopping ??= stop().then(() => redis.close())),
  });
}

function killBoth(host: FaultHandle, redis: BullmqRedis): FaultHandle {
  const killed = redis.kill() ? 1 : 0;
  return faultHandle(
    "processes ended",
    () => host.efficacy().count + killed,
    // A Redis that does not come back keeps the host waiting, and that is seen by whoever waits for the host.
    () =>
      void redis
        .restart()
        .catch(() => undefined)
        .then(() => host.heal()),
  );
}
