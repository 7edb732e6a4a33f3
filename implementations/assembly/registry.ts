/** Every implementation the harness knows, peers included, module by module, in the order in which they are listed. */

import type { ConsensusImplementation } from "../consensus/contract.ts";
import type { StorageImplementation } from "../storage/contract.ts";
import { minimalConsensus, productionConsensus } from "./consensus/implementations.ts";
import { etcdConsensus } from "./etcd/etcd-implementation.ts";

export const consensusImplementations: readonly ConsensusImplementation[] = [
  minimalConsensus,
  productionConsensus,
  etcdConsensus,
];

export const storageImplementations: readonly StorageImplementation[] = [];

/** Systems from elsewhere: they may not be installed. */
export const peers: readonly Pick<ConsensusImplementation, "module" | "name" | "available">[] = [etcdConsensus];
