/** What a scheduler brings to be deployed, whichever implementation and substrate. */

import type { SchedulerEvent, SchedulerOperation, SchedulerResult, SchedulerState } from "../../scheduler/contract.ts";
import type { ModuleKit } from "../module-kit.ts";
import { schedulerClient } from "./client.ts";
import type { Addressees } from "./client.ts";
import { schedulerVocabulary } from "./vocabulary.ts";

export interface SchedulerTypes {
  readonly operation: SchedulerOperation;
  readonly result: SchedulerResult;
  readonly state: SchedulerState;
  readonly event: SchedulerEvent;
}

/** @param addressees who of this implementation can serve an operation. */
export function schedulerKit(addressees: Addressees): ModuleKit<SchedulerTypes> {
  return { vocabulary: schedulerVocabulary, createClient: (ports) => schedulerClient(ports, addressees) };
}
