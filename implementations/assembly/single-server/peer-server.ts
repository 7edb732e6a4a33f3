/** What a deployment of a single server needs of the server, whichever it is. */

import type { Millis } from "../../foundation/units.ts";
import type { PeerAddress } from "../../platform/node/outgoing-link.ts";
import type { ServerProcess, ServerProcessOptions } from "../../platform/node/server-process.ts";
import type { StorageState } from "../../storage/contract.ts";
import type { Attempt } from "../../storage/peers/server-client.ts";

export interface PeerServerOptions extends Pick<ServerProcessOptions, "name" | "onExit" | "ward"> {
  /** For its data alone. */
  readonly directory: string;
  /** Where its clients reach it. */
  readonly clientAddress: PeerAddress;
}

export interface PeerServer {
  readonly process: ServerProcess;
  /**
   * Starts its next life, and waits until it serves.
   *
   * @returns where it listens, and how many records it found; undefined when it was ended meanwhile.
   * @throws HarnessError when it does not start.
   */
  start(): Promise<{ readonly port: number; readonly records: number } | undefined>;
  /** A client's attempt, through the link. */
  readonly attempt: Attempt;
  /** Everything it holds, past the link; undefined: it does not answer. */
  entries(): Promise<StorageState["entries"] | undefined>;
  /** Ends it and the connections to it, for good. */
  close(): Promise<void>;
}

/** How long the driver waits for the server when it looks at it. */
export const lookLimitMs: Millis = 10_000;
/** How many records a state may have: a state is read whole. */
export const maxRecords = 1_000_000;
