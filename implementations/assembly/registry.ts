/** Every implementation the harness knows, peers included, module by module, in the order in which they are listed. */

import type { Implementation } from "../foundation/deployment.ts";
import type { ConsensusImplementation } from "../consensus/contract.ts";
import type { SchedulerImplementation } from "../scheduler/contract.ts";
import type { StorageImplementation } from "../storage/contract.ts";
import { minimalConsensus, productionConsensus } from "./consensus/implementations.ts";
import { etcdConsensus } from "./etcd/etcd-implementation.ts";
import { postgresqlStorage } from "./postgresql/postgresql-implementation.ts";
import { redisStorage } from "./redis/redis-implementation.ts";
import { minimalScheduler, productionScheduler } from "./scheduler/implementations.ts";
import { schedulerPeers } from "./scheduler/peers/implementations.ts";
import { minimalStorage, productionStorage } from "./storage/implementations.ts";

export const consensusImplementations: readonly ConsensusImplementation[] = [
  minimalConsensus,
  productionConsensus,
  etcdConsensus,
];

export const schedulerImplementations: readonly SchedulerImplementation[] = [
  minimalScheduler,
  productionScheduler,
  ...schedulerPeers,
];

export const storageImplementations: readonly StorageImplementation[] = [
  minimalStorage,
  productionStorage,
  postgresqlStorage,
  redisStorage,
];

/** What can be said of an implementation of any module: everything but what its operations are. */
export type ListedImplementation = Pick<
  Implementation<never, never, never, never>,
  "module" | "name" | "faults" | "available" | "checkSettings"
>;

/** Systems from elsewhere: they may not be installed. */
export const peers: readonly ListedImplementation[] = [
  etcdConsensus,
  postgresqlStorage,
  redisStorage,
  ...schedulerPeers,
];
