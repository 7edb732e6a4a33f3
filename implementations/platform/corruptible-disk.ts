/** What the disk faults need of a disk beyond the port: to spoil stored bytes behind the back of whoever wrote them. */

import type { Completion, Disk } from "../foundation/effects.ts";

export interface CorruptibleDisk extends Disk {
  /** Flips the bits `mask` (in [1, 255]) of the byte at `offset`, durably. @throws (as error) NOT_FOUND, IO. */
  corrupt(name: string, offset: number, mask: number, done: Completion<void>): void;
  /** Writes `bytes` over what is at `offset`; the file grows when they reach past its end. Durable after `sync`. */
  overwrite(name: string, offset: number, bytes: Uint8Array, done: Completion<void>): void;
  /**
   * Appends bytes that reads show, in this life and the next, until the power is lost, and that no `sync` stores
   * though it reports success. Only where a disk can model it: nothing in user space can do this to a real file.
   */
  appendUnstorable?(name: string, chunks: readonly Uint8Array[], done: Completion<void>): void;
}
