/** What the events of a storage trace mean to those who carry them. A store has no leaders. */

import type { StorageEvent } from "../../storage/contract.ts";
import type { TraceVocabulary } from "../module-kit.ts";

export const storageVocabulary: TraceVocabulary<StorageEvent> = {
  codeOf: (event) => kindCodes[event.kind],
  numberOf,
  isUrgent: ({ kind }) => kind === "start" || kind === "damage" || kind === "topology" || kind === "stop",
  stopped: (orderly) => ({ kind: "stop", orderly }),
};

const kindCodes = { start: 1, damage: 2, accept: 3, topology: 4, background: 5, stop: 6 } as const;

function numberOf(event: StorageEvent): number {
  switch (event.kind) {
    case "start":
      return event.records * 31 + event.life;
    case "damage":
      return event.what.length;
    case "accept":
      return event.ballot * 31 + event.version;
    case "topology":
      return event.epoch * 2 + (event.isChanging ? 1 : 0);
    case "background":
      return event.bytes * 2 + (event.phase === "end" ? 1 : 0);
    case "stop":
      return event.orderly ? 1 : 2;
  }
}
