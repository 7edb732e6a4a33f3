/**
 * Micro-benchmark: an AppendEntries message there and back through MessagePack, with one and with 64 entries of 256
 * bytes. The encoder keeps record structures, as a connection between two nodes does.
 */

import { Packr } from "msgpackr";
import type { RaftMessage } from "../../implementations/consensus/production/messages.ts";

export function appendEntriesOf1(): () => unknown {
  return roundTripOf(1);
}

export function appendEntriesOf64(): () => unknown {
  return roundTripOf(64);
}

function roundTripOf(entries: number): () => unknown {
  const packr = new Packr();
  const message: RaftMessage = {
    kind: "AppendEntries",
    term: 7,
    prevLogIndex: 123_456,
    prevLogTerm: 7,
    entries: Array.from({ length: entries }, (_, offset) => ({
      index: 123_457 + offset,
      term: 7,
      payload: new Uint8Array(256).fill(offset),
    })),
    leaderCommit: 123_450,
    round: 4321,
  };
  return () => packr.unpack(packr.pack(message));
}
