/** What the events of a consensus trace mean to those who carry them. */

import type { ConsensusEvent } from "../../consensus/contract.ts";
import type { TraceVocabulary } from "../module-kit.ts";

export const consensusVocabulary: TraceVocabulary<ConsensusEvent> = {
  codeOf: (event) => kindCodes[event.kind],
  numberOf,
  leadershipOf: (event) => {
    if (event.kind === "stop") return null;
    if (event.kind !== "role") return undefined;
    return event.role === "leader" ? event.term : null;
  },
  isUrgent: ({ kind }) => kind === "role" || kind === "start" || kind === "stop",
  stopped: (orderly) => ({ kind: "stop", orderly }),
};

const kindCodes = {
  start: 1,
  role: 2,
  vote: 3,
  append: 4,
  commit: 5,
  apply: 6,
  snapshot: 7,
  stop: 8,
  configuration: 9,
} as const;

function numberOf(event: ConsensusEvent): number {
  switch (event.kind) {
    case "append":
      return event.after * 31 + event.entries.length;
    case "commit":
    case "apply":
    case "snapshot":
    case "configuration":
      return event.index;
    case "start":
      return event.term * 31 + event.life;
    case "role":
    case "vote":
      return event.term;
    case "stop":
      return event.orderly ? 1 : 2;
  }
}
