/** Every implementation the harness knows, peers included, in the order in which they are listed. */

import type { ConsensusImplementation } from "../consensus/contract.ts";
import { minimalConsensus, productionConsensus } from "./consensus/implementations.ts";
import { etcdConsensus } from "./etcd/etcd-implementation.ts";

/** Systems from elsewhere: they may not be installed. */
export const peers: readonly ConsensusImplementation[] = [etcdConsensus];

export const implementations: readonly ConsensusImplementation[] = [minimalConsensus, productionConsensus, ...peers];
