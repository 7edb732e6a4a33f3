/** What storage brings to be deployed, whichever implementation and substrate. */

import type { StorageEvent, StorageOperation, StorageResult, StorageState } from "../../storage/contract.ts";
import type { ModuleKit } from "../module-kit.ts";
import { storageClient } from "./client.ts";
import type { Preference } from "./client.ts";
import { storageVocabulary } from "./vocabulary.ts";

export interface StorageTypes {
  readonly operation: StorageOperation;
  readonly result: StorageResult;
  readonly state: StorageState;
  readonly event: StorageEvent;
}

/** @param preferenceOf whom clients of this implementation ask first. */
export function storageKit(preferenceOf: Preference): ModuleKit<StorageTypes> {
  return { vocabulary: storageVocabulary, createClient: (ports) => storageClient(ports, preferenceOf) };
}
