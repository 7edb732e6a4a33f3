/** What consensus brings to be deployed, whichever implementation and substrate. */

import type { ConsensusEvent, ConsensusOperation, ConsensusResult, ConsensusState } from "../../consensus/contract.ts";
import type { ModuleKit } from "../module-kit.ts";
import { consensusClient } from "./client.ts";
import { consensusVocabulary } from "./vocabulary.ts";

export interface ConsensusTypes {
  readonly operation: ConsensusOperation;
  readonly result: ConsensusResult;
  readonly state: ConsensusState;
  readonly event: ConsensusEvent;
}

export const consensusKit: ModuleKit<ConsensusTypes> = {
  vocabulary: consensusVocabulary,
  createClient: consensusClient,
};
