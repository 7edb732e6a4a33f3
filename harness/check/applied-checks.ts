/**
 * State machine safety: no two nodes, and no two lives of one, apply different entries at an index, and every node
 * applies its log without gaps, as far as it is committed.
 *
 * @see Ongaro & Ousterhout 2014, section 5.4.3.
 */

import { NumbersByIndex } from "./chain-log.ts";
import type { NodeRecord } from "./node-record.ts";
import type { Of, ObservedRun } from "./observed-run.ts";
import { hex } from "./violations.ts";

export class AppliedChecks {
  readonly #run: ObservedRun;
  /** By index: the digest that was applied there first. */
  readonly #applied = new NumbersByIndex();

  constructor(run: ObservedRun) {
    this.#run = run;
  }

  apply(node: NodeRecord, { index, digests }: Of<"apply">): void {
    const { id, log, applied, commit } = node;
    const isFollowed = node.sight.kind === "clear" && (node.hasStarted || applied > 0 || index === digests.length);
    if (isFollowed && index - digests.length !== applied) {
      const message = `${id} applies ${digests.length} entries up to ${index}, but had applied up to ${applied}`;
      this.#run.violate("state-machine-safety", node, message);
    }
    if (index > commit && isFollowed) {
      const message = `${id} applies up to ${index}, but has committed up to ${commit}`;
      this.#run.violate("monotonic-indexes", node, message);
    }
    node.applied = index;
    let at = index - digests.length;
    for (const digest of digests) {
      at++;
      const known = this.#applied.get(at);
      if (known === undefined) this.#applied.set(at, digest);
      else if (known !== digest) {
        const message = `${id} applies ${hex(digest)} at index ${at}, where ${hex(known)} had been applied`;
        this.#run.violate("state-machine-safety", node, message, ...this.#run.nodes.keys());
      }
      if (isFollowed && at > log.base && at <= log.last && log.digestAt(at) !== digest) {
        const message = `${id} applies ${hex(digest)} at index ${at}, where its log holds ${hex(log.digestAt(at))}`;
        this.#run.violate("state-machine-safety", node, message);
      }
    }
  }
}
