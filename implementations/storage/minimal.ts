/**
 * Storage, minimal: a sharded map with quorums, for reading and for judging others by.
 *
 * How it works: `applyToEntry` says what an operation does to one key. A `Shard` keeps the newest version it was given
 * of each of its keys, deleted ones included. `ShardedStorage` is one node: shards chosen by the key's hash, and a
 * coordinator. Any node takes any request: it asks every replica it reaches for the key, applies the rule to the newest
 * answer, and gives the outcome to all of them. Every node keeps every key, so replication is implicit in the quorum:
 * the level says only how many replicas must be within reach. Reads give the newest version to those that had an older
 * one (read repair).
 *
 * A call to a peer is direct and answers at once, and whom an operation reaches is settled before it begins. So it
 * happens entirely or not at all, and every error here is definite. Two operations at `majority` or `all` have a
 * replica in common, which knows what the earlier one did: that is the whole argument for linearizability. At `one`
 * both sides of a partition may write; when they meet again the higher version wins, and of equal ones that of the
 * higher session.
 *
 * What it deliberately does not do:
 * - Nothing is durable. A node that crashes comes back empty, and what a majority acknowledged may be lost with it.
 * - No replication factor: more nodes hold more copies, not more keys.
 * - No rebalancing: shards are the hash modulo their number, inside one node, and both numbers stay what they are.
 * - No compaction: a tombstone stays for good and takes the room of a key, so a shard can fill up with deleted keys.
 * - No anti-entropy: a replica that missed a write learns of it when somebody next touches the key.
 * - No sessions: a retry is recognised as long as nobody else has changed the key since; after that it is done again.
 *
 * @see Gifford 1979, "Weighted voting for replicated data": version numbers, and quorums that intersect. The names of
 *   the published description: CapacityExceeded is CAPACITY_EXCEEDED here, QuorumNotMet QUORUM_NOT_MET, NotFound
 *   NOT_FOUND, Conflict PRECONDITION_FAILED.
 */

import { assert, unreachable } from "../foundation/assert.ts";
import { crc32c } from "../foundation/crc32c.ts";
import type { Request } from "../foundation/deployment.ts";
import type { ErrorCode } from "../foundation/errors.ts";
import type { Millis, NodeId, ProcessId } from "../foundation/units.ts";
import { limits } from "./contract.ts";
import type { QuorumLevel, StorageEvent, StorageOperation, StorageReply, StorageState } from "./contract.ts";

/** A key as its operations see it. `value` null: it is not there. `version` counts its changes, deletes included. */
export interface Entry {
  readonly value: string | null;
  readonly version: number;
}

/** A key that nobody ever wrote. */
export const absent: Entry = { value: null, version: 0 };

/**
 * Executes `operation` on the key that `entry` describes.
 *
 * Pure: it is also the sequential model by which a linearizability checker judges any implementation. The entry it
 * returns has a higher version if the operation changed something, and is `entry` itself if not.
 */
export function applyToEntry(
  entry: Entry,
  operation: StorageOperation,
): { readonly entry: Entry; readonly reply: StorageReply } {
  const version = entry.version + 1;
  const isThere = entry.value !== null;
  switch (operation.kind) {
    case "get": {
      const found = { value: entry.value, version: isThere ? entry.version : 0 };
      return { entry, reply: { kind: "ok", result: { kind: "get", ...found } } };
    }
    case "put":
      return { entry: { value: operation.value, version }, reply: { kind: "ok", result: { kind: "put", version } } };
    case "delete":
      if (!isThere) return { entry, reply: errorReply("NOT_FOUND") };
      return { entry: { value: null, version }, reply: { kind: "ok", result: { kind: "delete", version } } };
    case "cas":
      if (entry.value !== operation.from) return { entry, reply: errorReply("PRECONDITION_FAILED") };
      return { entry: { value: operation.to, version }, reply: { kind: "ok", result: { kind: "cas", version } } };
    default:
      return unreachable(operation);
  }
}

/** What replicas keep of a key. They share it by reference, so nothing ever changes one. */
export interface VersionedValue extends Entry {
  /** On the clock of the node that coordinated the change. It tells people when; it decides nothing. */
  readonly timestampMs: Millis;
  /** The request that made this version. */
  readonly writer: { readonly session: ProcessId; readonly sequence: number };
  /** CRC32C of the value, 0 for a tombstone, by which the trace names it. */
  readonly digest: number;
}

/** One part of a node's keys, as many as `maxKeys`. */
export class Shard {
  readonly #entries = new Map<string, VersionedValue>();
  readonly #maxKeys: number;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  get(key: string): VersionedValue | undefined {
    return this.#entries.get(key);
  }

  hasRoomFor(key: string): boolean {
    return this.#entries.has(key) || this.#entries.size < this.#maxKeys;
  }

  /** Keeps `offered` unless it has that version or a newer one. @returns whether that was news. */
  offer(key: string, offered: VersionedValue): boolean {
    const known = this.#entries.get(key);
    if (known !== undefined && !isNewer(offered, known)) return false;
    assert(this.hasRoomFor(key), `a shard of ${this.#maxKeys} keys is never offered one more`);
    this.#entries.set(key, offered);
    return true;
  }

  entries(): Iterable<readonly [key: string, entry: VersionedValue]> {
    return this.#entries;
  }

  /** Keys it has room spent on, deleted ones included. */
  get keyCount(): number {
    return this.#entries.size;
  }
}

/** What a coordinator asks of a replica: of its peers, and of itself. */
export interface Replica {
  /** The newest version it was given; undefined: it knows nothing of the key. */
  read(key: string): VersionedValue | undefined;
  hasRoomFor(key: string): boolean;
  /** Keeps `latest` unless it has something newer. Only for a key it has room for. */
  accept(key: string, latest: VersionedValue): void;
}

/** Who is within reach. A peer is reached for a whole operation, questions and answers both, or not at all. */
export interface Peers {
  /** The replicas that `from` reaches now, without itself. */
  reachable(from: NodeId): readonly Replica[];
}

export interface ShardedStorageOptions {
  readonly id: NodeId;
  /** How many nodes the cluster has, this one included; majorities are counted against it. */
  readonly nodes: number;
  readonly shards: number;
  /** A shard refuses another key when it has this many, deleted ones included. The same on all nodes. */
  readonly maxKeysPerShard: number;
  /** Counts this node's starts from 1; for the trace only. */
  readonly life: number;
  readonly peers: Peers;
  /** "stop" is the host's to tell. */
  readonly trace: (event: StorageEvent) => void;
}

const utf8 = new TextEncoder();

/** One node: a replica of every key, and a coordinator for whoever asks. Time is told with every call. */
export class ShardedStorage implements Replica {
  readonly #options: ShardedStorageOptions;
  readonly #shards: readonly Shard[];

  constructor(options: ShardedStorageOptions) {
    const { nodes, shards, maxKeysPerShard, life, trace } = options;
    assert(nodes >= 1 && shards >= 1, `${nodes} nodes and ${shards} shards are at least one`);
    this.#options = options;
    this.#shards = Array.from({ length: shards }, () => new Shard(maxKeysPerShard));
    trace({ kind: "start", life, records: 0 });
  }

  /**
   * Executes `request` on the replicas within reach. Sending it again, with the same session and sequence, is safe as
   * long as nobody else has changed the key in between.
   *
   * @returns besides what `applyToEntry` answers, having changed nothing: MALFORMED_REQUEST (outside `limits`),
   *   QUORUM_NOT_MET (fewer replicas within reach than the level asks for), CAPACITY_EXCEEDED (fewer with room).
   */
  execute(request: Request<StorageOperation>, nowMs: Millis): StorageReply {
    const { operation } = request;
    if (!isWithinLimits(operation)) return errorReply("MALFORMED_REQUEST");
    const replicas: readonly Replica[] = [this, ...this.#options.peers.reachable(this.#options.id)];
    const needed = neededOf(this.#options.nodes, operation.kind === "cas" ? "majority" : operation.level);
    if (replicas.length < needed) return errorReply("QUORUM_NOT_MET");

    const { key } = operation;
    const newest = newestOf(replicas.map((replica) => replica.read(key)));
    const { latest, reply } = decide(newest, request, nowMs);
    // One without room is as good as out of reach. It misses a version, as those do that are.
    const able = replicas.filter((replica) => replica.hasRoomFor(key));
    if (latest !== newest && able.length < needed) return errorReply("CAPACITY_EXCEEDED");
    // Also where nothing changed: then it is the read repair, of whoever had an older version.
    if (latest !== undefined) for (const replica of able) replica.accept(key, latest);
    return reply;
  }

  read(key: string): VersionedValue | undefined {
    return this.#shardOf(key).get(key);
  }

  hasRoomFor(key: string): boolean {
    return this.#shardOf(key).hasRoomFor(key);
  }

  accept(key: string, latest: VersionedValue): void {
    if (!this.#shardOf(key).offer(key, latest)) return;
    const { version, digest } = latest;
    // There are no ballots here. At a majority a version is given once, which is all that the trace wants of one.
    this.#options.trace({ kind: "accept", key, epoch: 0, ballot: version, version, digest });
  }

  state(): StorageState {
    const entries = this.#shards.flatMap((shard) =>
      Array.from(shard.entries(), ([key, { value, version }]) => [key, value, version] as const),
    );
    return { entries: entries.sort(([a], [b]) => (a < b ? -1 : 1)), copies: undefined };
  }

  /** Of each shard. */
  get keyCounts(): readonly number[] {
    return this.#shards.map((shard) => shard.keyCount);
  }

  #shardOf(key: string): Shard {
    const shard = this.#shards[hashOf(key) % this.#shards.length];
    assert(shard !== undefined, "a remainder is the index of a shard");
    return shard;
  }
}

/** Returns the version that `request` leaves behind it, `newest` itself where it changes nothing, and the answer. */
function decide(
  newest: VersionedValue | undefined,
  { session, sequence, operation }: Request<StorageOperation>,
  nowMs: Millis,
): { readonly latest: VersionedValue | undefined; readonly reply: StorageReply } {
  const { writer, version } = newest ?? { writer: undefined, version: 0 };
  if (operation.kind !== "get" && writer?.session === session && writer.sequence === sequence) {
    return { latest: newest, reply: { kind: "ok", result: { kind: operation.kind, version } } };
  }
  const { entry, reply } = applyToEntry(newest ?? absent, operation);
  if (entry.version === version) return { latest: newest, reply };
  const digest = entry.value === null ? 0 : crc32c(utf8.encode(entry.value));
  return { latest: { ...entry, timestampMs: nowMs, writer: { session, sequence }, digest }, reply };
}

function newestOf(versions: readonly (VersionedValue | undefined)[]): VersionedValue | undefined {
  let newest: VersionedValue | undefined;
  for (const version of versions) {
    if (version !== undefined && (newest === undefined || isNewer(version, newest))) newest = version;
  }
  return newest;
}

/**
 * The order of the versions of one key. Two requests give the same version only at `one`, or when memory was lost;
 * which of them wins matters to nobody, as long as all replicas say the same. Rejected: the coordinator's id, for a
 * node that lost its memory gives a version again, and two different values would count as one.
 */
function isNewer(left: VersionedValue, right: VersionedValue): boolean {
  if (left.version !== right.version) return left.version > right.version;
  if (left.writer.session !== right.writer.session) return left.writer.session > right.writer.session;
  return left.writer.sequence > right.writer.sequence;
}

/** How many of `nodes` replicas `level` asks for. */
function neededOf(nodes: number, level: QuorumLevel): number {
  switch (level) {
    case "one":
      return 1;
    case "majority":
      return Math.floor(nodes / 2) + 1;
    case "all":
      return nodes;
    default:
      return unreachable(level);
  }
}

/** FNV-1a over UTF-16 code units, then the finaliser of MurmurHash3: the low bits alone would follow the key's. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function isWithinLimits(operation: StorageOperation): boolean {
  const value = operation.kind === "put" ? operation.value : operation.kind === "cas" ? operation.to : "";
  const keyBytes = utf8.encode(operation.key).length;
  return keyBytes >= 1 && keyBytes <= limits.keyBytes && utf8.encode(value).length <= limits.valueBytes;
}

function errorReply(code: ErrorCode): StorageReply {
  return { kind: "error", code };
}
