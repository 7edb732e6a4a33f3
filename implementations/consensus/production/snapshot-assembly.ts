/**
 * A follower's side of a chunked snapshot transfer: puts the chunks of one snapshot together, in order.
 *
 * A chunk that is not the next one is passed over and the leader is told where to continue, so loss, duplication and
 * reordering need no further care. Another snapshot, or another leader's, begins anew. Nothing is kept on disk: a
 * follower that restarts asks for the beginning again.
 *
 * @see Ongaro & Ousterhout 2014, figure 13, steps 2 to 4.
 */

import type { MessageOf, Snapshot } from "./messages.ts";

type Chunk = MessageOf<"InstallSnapshot">;

export type Received =
  /** The chunk that begins at `nextOffsetBytes` is wanted. */
  | { readonly kind: "incomplete"; readonly nextOffsetBytes: number }
  | { readonly kind: "complete"; readonly snapshot: Snapshot }
  /** The snapshot is larger than allowed. */
  | { readonly kind: "too-large" };

export class SnapshotAssembly {
  readonly #maxBytes: number;
  #first: Chunk | undefined;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  receive(chunk: Chunk): Received {
    if (!this.#continues(chunk)) this.#begin(chunk);
    if (chunk.offsetBytes !== this.#bytes) return { kind: "incomplete", nextOffsetBytes: this.#bytes };
    if (this.#bytes + chunk.data.length > this.#maxBytes) {
      this.clear();
      return { kind: "too-large" };
    }
    this.#chunks.push(chunk.data);
    this.#bytes += chunk.data.length;
    if (!chunk.done) return { kind: "incomplete", nextOffsetBytes: this.#bytes };
    const { lastIncludedIndex: index, lastIncludedTerm: term, configuration } = chunk;
    const snapshot = { index, term, data: this.#joined(), configuration };
    this.clear();
    return { kind: "complete", snapshot };
  }

  /** Forgets a transfer that is of no use any more. */
  clear(): void {
    this.#first = undefined;
    this.#chunks = [];
    this.#bytes = 0;
  }

  #continues({ term, lastIncludedIndex, lastIncludedTerm }: Chunk): boolean {
    const first = this.#first;
    return (
      first?.term === term &&
      first.lastIncludedIndex === lastIncludedIndex &&
      first.lastIncludedTerm === lastIncludedTerm
    );
  }

  #begin(chunk: Chunk): void {
    this.clear();
    this.#first = chunk;
  }

  #joined(): Uint8Array {
    const data = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      data.set(chunk, at);
      at += chunk.length;
    }
    return data;
  }
}
