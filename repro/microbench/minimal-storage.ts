/**
 * Micro-benchmarks of minimal storage within one process: what an operation on three replicas costs as direct function
 * calls, at each level and with more shards, without network, disk or clock.
 */

import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { QuorumLevel, StorageOperation } from "../../implementations/storage/contract.ts";
import { ShardedStorage } from "../../implementations/storage/minimal.ts";

export const putAtOne = (): (() => unknown) => putAt("one");
export const putAtMajority = (): (() => unknown) => putAt("majority");
export const putAtAll = (): (() => unknown) => putAt("all");
export const getAtOne = (): (() => unknown) => getAt("one");
export const getAtMajority = (): (() => unknown) => getAt("majority");
export const getAtAll = (): (() => unknown) => getAt("all");
export const over1Shard = (): (() => unknown) => putAndGetOver(1);
export const over16Shards = (): (() => unknown) => putAndGetOver(16);
export const over256Shards = (): (() => unknown) => putAndGetOver(256);

const ids: readonly NodeId[] = ["n1", "n2", "n3"];
const usualShards = 16;
const value = "v".repeat(256);
/** Shuffled: keys in the order of their insertion would flatter whichever map keeps them in that order. */
const keys = shuffledKeys(8192);

function putAt(level: QuorumLevel): () => unknown {
  const execute = filledCluster(usualShards);
  return () => execute((key) => ({ kind: "put", key, value, level }));
}

function getAt(level: QuorumLevel): () => unknown {
  const execute = filledCluster(usualShards);
  return () => execute((key) => ({ kind: "get", key, level }));
}

function putAndGetOver(shards: number): () => unknown {
  const execute = filledCluster(shards);
  return () => {
    execute((key) => ({ kind: "put", key, value, level: "majority" }));
    return execute((key) => ({ kind: "get", key, level: "majority" }));
  };
}

/** Returns what executes an operation on the next key, at the next node; every key was written before. */
function filledCluster(shards: number): (operationOn: (key: string) => StorageOperation) => unknown {
  const nodes = clusterOf3(shards);
  let sequence = 0;
  const execute = (operationOn: (key: string) => StorageOperation): unknown => {
    const operation = operationOn(keys[sequence % keys.length] ?? "");
    const reply = nodes[sequence % nodes.length]?.execute({ session: 1, sequence: ++sequence, operation }, 0);
    if (reply?.kind !== "ok") throw new Error("Cannot time an operation that was refused");
    return reply;
  };
  for (let filled = 0; filled < keys.length; filled++) {
    execute((key) => ({ kind: "put", key, value, level: "all" }));
  }
  return execute;
}

function clusterOf3(shards: number): readonly ShardedStorage[] {
  const peersOf = new Map<NodeId, readonly ShardedStorage[]>();
  const nodes = ids.map(
    (id) =>
      new ShardedStorage({
        id,
        nodes: ids.length,
        shards,
        maxKeysPerShard: keys.length,
        life: 1,
        peers: { reachable: (from) => peersOf.get(from) ?? [] },
        trace: () => undefined,
      }),
  );
  for (const [index, id] of ids.entries()) peersOf.set(id, nodes.toSpliced(index, 1));
  return nodes;
}

function shuffledKeys(count: number): readonly string[] {
  const random = seededRandom("keys");
  return Array.from({ length: count }, (_, index) => ({ key: `key-${index}`, place: random.uint32() }))
    .sort((left, right) => left.place - right.place)
    .map(({ key }) => key);
}
