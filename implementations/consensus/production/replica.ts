/**
 * This node's copy of the replicated log: what it holds, how much of it is durable, and how much is committed.
 *
 * Leader and follower change it through the few operations here, each of which leaves memory, the batch to persist and
 * the trace in agreement. Committed entries are never cut and the commit index never falls; an attempt is a broken
 * invariant, not an input to be tolerated, because going on would corrupt what clients were told.
 *
 * @see Ongaro & Ousterhout 2014, figure 2 (receiver implementation of AppendEntries, steps 2 to 5), section 7.
 */

import { assert } from "../../foundation/assert.ts";
import { crc32c } from "../../foundation/crc32c.ts";
import type { EntryTrace } from "../contract.ts";
import { Configurations } from "./configurations.ts";
import { encodeConfiguration } from "./configuration.ts";
import type { Configuration } from "./configuration.ts";
import { Durability } from "./durability.ts";
import type { Entry, RaftOptions, Recovered, Snapshot } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { RaftLog } from "./raft-log.ts";

export class Replica {
  readonly log: RaftLog;
  readonly outbox: Outbox;
  readonly durability: Durability;
  readonly configurations: Configurations;
  readonly #founders: Configuration;
  readonly #options: RaftOptions;
  #commitIndex: number;
  #snapshot: Snapshot | undefined;

  /** @throws AssertionError when the recovered entries are not contiguous after the snapshot. */
  constructor(options: RaftOptions, { snapshot, entries }: Recovered) {
    this.#options = options;
    this.#snapshot = snapshot;
    this.log = new RaftLog(snapshot ?? { index: 0, term: 0 }, entries);
    this.#commitIndex = this.log.baseIndex;
    this.durability = new Durability(this.log.lastIndex);
    this.outbox = new Outbox(this.durability);
    this.#founders = { voters: options.voters, outgoing: [], learners: [] };
    const base = snapshot?.configuration ?? this.#founders;
    this.configurations = new Configurations(this.log.baseIndex, base, entries);
    if (this.configurations.current !== this.#founders) this.#traceConfiguration();
  }

  get commitIndex(): number {
    return this.#commitIndex;
  }

  /** The newest snapshot; undefined while the log still begins at index 1. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Section 5.4.1: the log with the later last term is more up-to-date; with equal last terms, the longer one. */
  isUpToDate(lastLogIndex: number, lastLogTerm: number): boolean {
    if (lastLogTerm !== this.log.lastTerm) return lastLogTerm > this.log.lastTerm;
    return lastLogIndex >= this.log.lastIndex;
  }

  /** Leader: adds entries of `term` at the end. @returns the index of the first. */
  propose(term: number, payloads: readonly Uint8Array[]): number {
    const firstIndex = this.log.lastIndex + 1;
    this.#append(payloads.map((payload, offset) => ({ index: firstIndex + offset, term, payload })));
    return firstIndex;
  }

  /** Leader: adds `configuration` at the end; it holds from now on. */
  proposeConfiguration(term: number, configuration: Configuration): void {
    this.propose(term, [encodeConfiguration(configuration)]);
  }

  /** What a snapshot at `index` says of the configuration. */
  snapshotConfiguration(index: number): Configuration | undefined {
    const configuration = this.configurations.at(index);
    return configuration === this.#founders ? undefined : configuration;
  }

  /** Whether the entry at `index` is known to be the leader's: it has its term, or it was committed and compacted. */
  matches(index: number, term: number): boolean {
    return index < this.log.baseIndex || this.log.termAt(index) === term;
  }

  /**
   * Follower: stores those of the leader's `entries` that are not there yet. Only an entry that conflicts (same index,
   * other term) cuts the log; a late duplicate changes nothing, however short it is (section 5.3).
   *
   * @returns whether anything was stored.
   */
  store(entries: readonly Entry[]): boolean {
    const firstNew = entries.findIndex((entry) => !this.matches(entry.index, entry.term));
    const first = entries[firstNew];
    if (first === undefined) return false;
    this.#cutAfter(first.index - 1);
    this.#append(firstNew === 0 ? entries : entries.slice(firstNew));
    return true;
  }

  /** Moves the commit index up to `index` unless it is there already, and has what that committed applied. */
  commitUpTo(index: number, term: number): void {
    if (index <= this.#commitIndex) return;
    this.outbox.apply(this.log.slice(this.#commitIndex + 1, index));
    this.#commitIndex = index;
    this.outbox.trace({ kind: "commit", term, index });
  }

  /**
   * Follower: replaces the log and the state by the leader's snapshot, which lies past everything committed here
   * (figure 13, steps 7 and 8).
   */
  install(snapshot: Snapshot): void {
    assert(snapshot.index > this.#commitIndex, `snapshot ${snapshot.index} is newer than commit ${this.#commitIndex}`);
    this.durability.cutAfter(this.#commitIndex);
    this.log.restartAfter(snapshot);
    this.#commitIndex = snapshot.index;
    this.#snapshot = snapshot;
    this.outbox.install(snapshot);
    this.outbox.trace({ kind: "snapshot", index: snapshot.index, term: snapshot.term, installed: true });
    const isChanged = this.configurations.restartAfter(snapshot.index, snapshot.configuration ?? this.#founders);
    if (isChanged) this.#traceConfiguration();
  }

  /** The host stored `snapshot` of the applied state: the log before it is dropped, but for a trailing part. */
  compact(snapshot: Snapshot): void {
    if (this.#snapshot !== undefined && snapshot.index <= this.#snapshot.index) return;
    assert(snapshot.index <= this.#commitIndex, `snapshot ${snapshot.index} covers committed entries only`);
    this.#snapshot = snapshot;
    const { trailingEntries, trailingBytes } = this.#options;
    this.log.dropThrough(this.log.baseKeeping(snapshot.index, trailingEntries, trailingBytes));
    this.configurations.compactThrough(snapshot.index);
    this.outbox.trace({ kind: "snapshot", index: snapshot.index, term: snapshot.term, installed: false });
  }

  #append(entries: readonly Entry[]): void {
    const after = this.log.lastIndex;
    this.log.append(entries);
    this.outbox.persistEntries(entries);
    this.outbox.trace({ kind: "append", after, entries: entries.map(traced) });
    if (this.configurations.append(entries)) this.#traceConfiguration();
  }

  #cutAfter(index: number): void {
    if (index >= this.log.lastIndex) return;
    assert(index >= this.#commitIndex, `committed entry ${index + 1} is not replaced; commit is ${this.#commitIndex}`);
    this.log.truncateAfter(index);
    this.durability.cutAfter(index);
    if (this.configurations.cutAfter(index)) this.#traceConfiguration();
  }

  #traceConfiguration(): void {
    const { current, currentIndex } = this.configurations;
    const { voters, outgoing, learners } = current;
    this.outbox.trace({ kind: "configuration", index: currentIndex, voters, outgoing, learners });
  }
}

function traced({ term, payload }: Entry): EntryTrace {
  return { term, digest: payload.length === 0 ? 0 : crc32c(payload) };
}
