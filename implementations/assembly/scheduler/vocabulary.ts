/** What the events of a scheduler's trace mean to those who carry them. A scheduler has no leaders. */

import { crc32c } from "../../foundation/crc32c.ts";
import type { SchedulerEvent } from "../../scheduler/contract.ts";
import type { TraceVocabulary } from "../module-kit.ts";

export const schedulerVocabulary: TraceVocabulary<SchedulerEvent> = {
  codeOf: (event) => kindCodes[event.kind],
  numberOf,
  isUrgent: ({ kind }) => kind === "start" || kind === "damage" || kind === "stop",
  stopped: (orderly) => ({ kind: "stop", orderly }),
};

const kindCodes = {
  start: 1,
  damage: 2,
  accepted: 3,
  ready: 4,
  leased: 5,
  started: 6,
  preempting: 7,
  ended: 8,
  committed: 9,
  stop: 10,
} as const;

const endCodes = { completed: 1, threw: 2, crashed: 3, lost: 4, yielded: 5, expired: 6 } as const;

const utf8 = new TextEncoder();

function numberOf(event: SchedulerEvent): number {
  switch (event.kind) {
    case "start":
      return event.tasks * 31 + event.life;
    case "damage":
      return event.what.length;
    case "accepted":
      return crc32c(utf8.encode(event.task)) + event.order;
    case "ready":
    case "leased":
    case "preempting":
      return event.token;
    case "started":
      return event.token * 31 + event.worker;
    case "ended":
      return event.token * 31 + endCodes[event.end];
    case "committed":
      return event.token * 2 + (event.end === "completed" ? 1 : 0);
    case "stop":
      return event.orderly ? 1 : 2;
  }
}
