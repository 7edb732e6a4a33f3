/**
 * Micro-benchmarks of minimal consensus within one process: what an election and a replicated entry cost as direct
 * function calls, without network, disk or clock.
 */

import type { Request } from "../../implementations/foundation/deployment.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { ConsensusOperation } from "../../implementations/consensus/contract.ts";
import { RaftNode } from "../../implementations/consensus/minimal.ts";

export const electionOf3 = (): (() => unknown) => electionAmong(3);
export const electionOf5 = (): (() => unknown) => electionAmong(5);
export const electionOf7 = (): (() => unknown) => electionAmong(7);
export const replicationOf100 = (): (() => unknown) => replicationOf(100);
export const replicationOf1000 = (): (() => unknown) => replicationOf(1000);

/** A full log ends a cluster: the next operation gets a new one, which costs little beside what filled it. */
const entriesPerCluster = 20_000;

/** Another node stands each time, is voted for by all, and tells them so; logs are empty and equal. */
function electionAmong(size: number): () => unknown {
  const nodes = clusterOf(size);
  let turn = 0;
  return () => {
    const candidate = nodes[turn++ % size];
    candidate?.startElection(0);
    if (candidate?.view().role !== "leader") throw new Error("Cannot time an election that nobody won");
    return candidate;
  };
}

/** Entries are proposed one after the other, each replicated to both followers and committed before the next. */
function replicationOf(entries: number): () => unknown {
  let leader = leaderOf3();
  let sequence = 0;
  return () => {
    if (leader.logLength + entries > entriesPerCluster) [leader, sequence] = [leaderOf3(), 0];
    for (let entry = 0; entry < entries; entry++) {
      const request = { session: 1, sequence: ++sequence, operation } satisfies Request<ConsensusOperation>;
      if (leader.propose(request, 0).kind !== "done") throw new Error("Cannot time an entry that was not committed");
    }
    return leader;
  };
}

const operation: ConsensusOperation = { kind: "write", key: "k", value: "v".repeat(256) };

function leaderOf3(): RaftNode {
  const [leader] = clusterOf(3);
  if (leader === undefined) throw new RangeError("Cannot lead a cluster of no nodes");
  leader.startElection(0);
  return leader;
}

function clusterOf(size: number): readonly RaftNode[] {
  const voters = Array.from({ length: size }, (_, index): NodeId => `n${index + 1}`);
  const nodes = new Map<NodeId, RaftNode>();
  for (const id of voters) {
    const node = new RaftNode({
      id,
      voters,
      electionTimeoutMs: 150,
      heartbeatIntervalMs: 30,
      maxLogEntries: entriesPerCluster,
      life: 1,
      nowMs: 0,
      random: seededRandom(id),
      peers: {
        requestVote: (to, request) => nodes.get(to)?.handleVoteRequest(request, 0),
        appendEntries: (to, request) => nodes.get(to)?.handleAppendEntries(request, 0),
      },
      trace: () => undefined,
      onApplied: () => undefined,
    });
    nodes.set(id, node);
  }
  return [...nodes.values()];
}
