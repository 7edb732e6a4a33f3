/**
 * Decides the linearizability of a register's history in O(n log n) when every written value is written once, with
 * compare-and-swap and operations of unknown outcome.
 *
 * Unique values tell which write every observation saw. A value's write and its reads form a group; a cas ties its
 * group right behind the group of the value it found, since nothing may come between. So the groups fall into blocks:
 * a plain write (or the initial value) and the chain of cas behind it. In a linearization a block is contiguous, so a
 * history is linearizable exactly if each block is, in its one possible order, and the blocks can be ordered. Block A
 * must come before block B when an operation of A returned before one of B was called: f(A) < s(B), with f the first
 * return of a block and s its last call. A cycle of such demands always contains one of length two (take the block
 * with the largest s and its successor), and those show as overlapping zones, which sorting finds.
 *
 * An operation of unknown outcome takes part if its value was observed, with no return; otherwise it never happened.
 * A failed cas only says that at some moment of its interval the register held something else. It is placed into the
 * order found, if need be next to a write of unknown outcome that nobody else saw. When that fails another order might
 * still do, so the answer is `open`: this file never guesses.
 *
 * Where deletes happened, "nothing" is held many times over, and which time an observation of it saw cannot be told.
 * Without the deletes and all that observed nothing (a cas on nothing then is a plain write) what remains of a
 * linearizable history is linearizable: a contradiction among the blocks of the other values is one of the whole
 * history. Otherwise the answer is `open`, and the blocks guide the search.
 *
 * @see Gibbons & Korach 1997, "Testing shared memories", section 4.2: zones of clusters, for reads and writes.
 */

import type { Operation } from "../history/operations.ts";
import type { Shortcut } from "./model.ts";
import { placeFailedCas } from "./failed-cas.ts";
import { casValues, neededBy, writtenBy } from "./register-operation.ts";
import type { RegisterValue } from "./register-operation.ts";

/** A value, the operation that wrote it, and everything that observed it. */
export interface ValueGroup {
  readonly value: RegisterValue;
  /** undefined: the initial value. */
  readonly writer: Operation | undefined;
  readonly reads: Operation[];
  /** The cas that found this value and replaced it. */
  successor: Operation | undefined;
}

/** A value that a plain write set (or the initial one), with the chain of cas behind it. */
export interface Block {
  readonly groups: readonly ValueGroup[];
  /** First return, last call. */
  readonly f: number;
  readonly s: number;
}

/** A contradiction that no order resolves; the message says which. */
class Impossible extends Error {
  override readonly name = "Impossible";
}

/** Decides one register's judged operations, or says why the shortcut does not apply. */
export function judgeUniqueWrites(operations: readonly Operation[]): Shortcut {
  const writers = uniqueWriters(operations);
  if (writers === undefined) return { kind: "open", reason: "a value is written more than once" };
  try {
    const groups = groupByValue(operations, writers);
    const blocks = orderBlocks(chainBlocks(groups));
    if (!groups.has(null)) return { kind: "open", reason: "there are deletes" };
    return placeFailedCas(
      blocks.flatMap((block) => block.groups),
      operations,
      groups,
    );
  } catch (error) {
    if (!(error instanceof Impossible)) throw error;
    return { kind: "not-linearizable", reason: error.message };
  }
}

/** Returns the blocks, for a search; undefined when a value is written twice or the blocks contradict each other. */
export function blocksOfUniqueWrites(operations: readonly Operation[]): readonly Block[] | undefined {
  const writers = uniqueWriters(operations);
  if (writers === undefined) return undefined;
  try {
    return chainBlocks(groupByValue(operations, writers));
  } catch (error) {
    if (!(error instanceof Impossible)) throw error;
    return undefined;
  }
}

/** The one operation that writes each value, deletes aside; undefined when some value has two. */
function uniqueWriters(operations: readonly Operation[]): ReadonlyMap<RegisterValue, Operation> | undefined {
  const writers = new Map<RegisterValue, Operation>();
  for (const operation of operations) {
    const value = writtenBy(operation);
    if (value === undefined || operation.f === "delete") continue;
    if (value === null || writers.has(value) || neededBy(operation) === value) return undefined;
    writers.set(value, operation);
  }
  return writers;
}

/** The groups of all values that were written or observed for certain; none of null where deletes may have happened. */
function groupByValue(
  operations: readonly Operation[],
  writers: ReadonlyMap<RegisterValue, Operation>,
): ReadonlyMap<RegisterValue, ValueGroup> {
  const groups = new Map<RegisterValue, ValueGroup>();
  const hasDeletes = operations.some(({ f, outcome }) => f === "delete" && outcome !== "fail");
  if (!hasDeletes) groups.set(null, { value: null, writer: undefined, reads: [], successor: undefined });
  const happened = operations.filter(({ f, outcome }) => outcome === "ok" || (f === "delete" && outcome === "fail"));
  const groupOf = (value: RegisterValue, observer: Operation): ValueGroup => {
    const known = groups.get(value);
    if (known !== undefined) return known;
    const writer = writers.get(value);
    if (writer === undefined) throw new Impossible(`${observer.f} observed ${value}, which nobody wrote`);
    const group: ValueGroup = { value, writer, reads: [], successor: undefined };
    groups.set(value, group);
    if (writer.outcome === "info") happened.push(writer); // Observed, so it did happen.
    return group;
  };
  for (let operation = happened.pop(); operation !== undefined; operation = happened.pop()) {
    const written = writtenBy(operation);
    if (written !== undefined && written !== null) groupOf(written, operation);
    const needed = neededBy(operation);
    if (needed === undefined || (needed === null && hasDeletes)) continue;
    const group = groupOf(needed, operation);
    if (operation.f !== "cas") group.reads.push(operation);
    else if (group.successor === undefined) group.successor = operation;
    else if (group.successor !== operation) throw new Impossible(`two cas both replaced the value ${needed}`);
  }
  return groups;
}

function chainBlocks(groups: ReadonlyMap<RegisterValue, ValueGroup>): Block[] {
  const blocks: Block[] = [];
  let chained = 0;
  for (const root of groups.values()) {
    if (root.writer?.f === "cas" && groups.has(casValues(root.writer)[0])) continue;
    const chain = [root];
    for (let cas = root.successor; cas !== undefined; cas = chain.at(-1)!.successor) {
      chain.push(groups.get(casValues(cas)[1])!);
    }
    chained += chain.length;
    blocks.push(blockOf(chain));
  }
  if (chained < groups.size) throw new Impossible("each of several cas needs the value of another before it");
  return blocks;
}

function blockOf(groups: readonly ValueGroup[]): Block {
  let f = Infinity;
  let s = -1;
  for (const { writer, reads, value } of groups) {
    if (writer === undefined)
      f = -1; // The initial value was there before anything was called.
    else {
      if (writer.return < s) throw new Impossible(`the write of ${value} returned before what must precede it began`);
      f = Math.min(f, writer.return);
      s = Math.max(s, writer.call);
    }
    const before = s;
    for (const read of reads) {
      if (read.return < before) throw new Impossible(`a read of ${value} returned before its write began`);
      f = Math.min(f, read.return);
      s = Math.max(s, read.call);
    }
  }
  return { groups, f, s };
}

/** Returns the blocks in an order that respects every demand; by the left ends of their zones, if there is one. */
function orderBlocks(blocks: Block[]): readonly Block[] {
  const ordered = blocks.sort((a, b) => Math.min(a.f, a.s) - Math.min(b.f, b.s));
  // Of the blocks whose first return precedes their last call; such zones exclude each other.
  let newest: Block | undefined;
  for (const block of ordered) {
    if (newest !== undefined && block.f < newest.s) {
      const [one, other] = [newest, block].map((each) => each.groups.map((group) => group.value).join(", "));
      throw new Impossible(`the operations on ${one} and those on ${other} each must come before the other`);
    }
    if (block.f < block.s) newest = block;
  }
  return ordered;
}
