/**
 * A node's directory on the real disk; all file I/O happens on a thread of its own.
 *
 * Requests and their bytes go to the thread through a ring in shared memory (`shared-ring.ts`), results come back as
 * messages. The calling thread never waits: what does not fit into the ring queues in memory, up to a bound, and is
 * moved when an answer shows that there is room; a lock that is taken is tried again in a later turn. It calls neither
 * Atomics.wait nor the file system, but for the directory's lock when it opens and closes. What it does spend is
 * copying: at most a ring's content at a time. Requests
 * issued in one turn of the event loop are published together, so that a write and its sync wake the thread once.
 *
 * Durability is that of fdatasync for files and fsync for the directory; disks that lie about it are beyond it.
 */

import * as fs from "node:fs";
import { Worker } from "node:worker_threads";
import { assert } from "../../foundation/assert.ts";
import { DiskError } from "../../foundation/effects.ts";
import type { Completion } from "../../foundation/effects.ts";
import { HarnessError } from "../../foundation/errors.ts";
import type { CorruptibleDisk } from "../corruptible-disk.ts";
import { DirectoryLock, lockFileName } from "./directory-lock.ts";
import { encodeName, requestHeaderBytes, writeRequest } from "./disk-requests.ts";
import type { DiskAnswer, DiskOperation, DiskReply } from "./disk-requests.ts";
import type { DiskThreadData } from "./disk-thread.ts";
import { RingWriter, allocateRing } from "./shared-ring.ts";

const ringBytes = 4 * 1024 * 1024;
/** An append's bytes travel in pieces of this size. */
const pieceBytes = 512 * 1024;
/** What may wait outside the ring; further appends fail until it has drained. */
const maxWaitingBytes = 256 * 1024 * 1024;

interface Frame {
  readonly operation: DiskOperation;
  readonly id: number;
  readonly continues: boolean;
  readonly name: Uint8Array;
  readonly argument: number;
  readonly payload: readonly Uint8Array[];
  readonly bytes: number;
}

interface Pending {
  readonly id: number;
  readonly action: string;
  readonly done: (error: DiskError | undefined, answer: DiskAnswer | undefined) => void;
}

export class NodeDisk implements CorruptibleDisk {
  readonly #lock: DirectoryLock;
  readonly #ring: RingWriter;
  readonly #exited: Promise<void>;
  #pending: Pending[] = [];
  /** Of requests that are still pending: a piece of an append may fail before its last piece is sent. */
  readonly #answers = new Map<number, DiskAnswer>();
  #waiting: Frame[] = [];
  #waitingBytes = 0;
  #lastId = 0;
  #isPublishScheduled = false;
  #closed: DiskError | undefined;

  private constructor(lock: DirectoryLock, worker: Worker, ring: SharedArrayBuffer) {
    this.#lock = lock;
    this.#ring = new RingWriter(ring);
    worker.on("message", (reply: DiskReply) => this.#onReply(reply));
    worker.on("error", (cause) =>
      this.#end(new DiskError("CLOSED", "Cannot use the disk: its thread died", { cause })),
    );
    this.#exited = new Promise((resolve) => {
      worker.on("exit", () => {
        this.#end(new DiskError("CLOSED", "Cannot use the disk: its thread has ended"));
        resolve();
      });
    });
  }

  /**
   * Takes over `directory`, which is created when missing.
   *
   * @param thread what does the I/O; another one than the disk's own only to see how this side behaves with it.
   * @throws HarnessError when a live process uses it, or it cannot be had.
   */
  static async open(directory: string, thread: URL = new URL("./disk-thread.ts", import.meta.url)): Promise<NodeDisk> {
    const lock = acquire(directory);
    const ring = allocateRing(ringBytes);
    const workerData: DiskThreadData = { directory, ring };
    const worker = new Worker(thread, { workerData, execArgv: [] });
    const disk = new NodeDisk(lock, worker, ring);
    return new Promise((resolve, reject) => {
      disk.list((cause) => {
        if (cause === undefined) resolve(disk);
        else reject(new HarnessError(`Cannot use directory ${directory}: ${cause.message}`, { cause }));
      });
    });
  }

  /** The lock of the ring between the protocol's thread and the disk's: taken how often, and found taken how often. */
  get counters(): Readonly<Record<string, number>> {
    const { acquisitions, contentions } = this.#ring.lockCounts;
    return { "lock acquisitions": acquisitions, "lock contentions": contentions, "disk requests": this.#lastId };
  }

  /** Completes what was issued, ends the thread and gives the directory free; idempotent. */
  async close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#request("close", "", () => undefined);
      this.#closed = new DiskError("CLOSED", "Cannot use the disk: it was closed");
    }
    await this.#exited;
  }

  list(done: Completion<readonly string[]>): void {
    this.#request("list", "", (error, answer) => done(error, valueOf(answer) as readonly string[]));
  }

  read(name: string, done: Completion<Uint8Array>): void {
    this.#request("read", name, (error, answer) => {
      done(error, error === undefined ? new Uint8Array(valueOf(answer) as ArrayBuffer) : (undefined as never));
    });
  }

  append(name: string, chunks: readonly Uint8Array[], done: Completion<void>): void {
    this.#request("append", name, (error) => done(error), 0, chunks);
  }

  sync(name: string, done: Completion<void>): void {
    this.#request("sync", name, (error) => done(error));
  }

  truncate(name: string, lengthBytes: number, done: Completion<void>): void {
    this.#request("truncate", name, (error) => done(error), lengthBytes);
  }

  rename(from: string, to: string, done: Completion<void>): void {
    assertName(to);
    this.#request("rename", from, (error) => done(error), 0, [encodeName(to)]);
  }

  remove(name: string, done: Completion<void>): void {
    this.#request("remove", name, (error) => done(error));
  }

  syncDirectory(done: Completion<void>): void {
    this.#request("syncDirectory", "", (error) => done(error));
  }

  corrupt(name: string, offset: number, mask: number, done: Completion<void>): void {
    this.#request("corrupt", name, (error) => done(error), offset, [Uint8Array.of(mask)]);
  }

  overwrite(name: string, offset: number, bytes: Uint8Array, done: Completion<void>): void {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const isLast = at + pieceBytes >= bytes.length;
      const piece = bytes.subarray(at, at + pieceBytes);
      this.#request("overwrite", name, (error) => isLast && done(error), offset + at, [piece]);
    }
  }

  #request(
    operation: DiskOperation,
    name: string,
    done: Pending["done"],
    argument = 0,
    payload: readonly Uint8Array[] = [],
  ): void {
    if (name !== "") assertName(name);
    const action = `${operation} ${name}`.trimEnd();
    if (this.#closed !== undefined) return this.#fail(done, action, this.#closed);
    const pieces = inPieces(payload);
    const bytes = payload.reduce((sum, part) => sum + part.length, 0);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > maxWaitingBytes) {
      return this.#fail(done, action, new DiskError("IO", `${this.#waitingBytes} bytes wait for the disk already`));
    }
    const id = ++this.#lastId;
    const encodedName = encodeName(name);
    this.#pending.push({ id, action, done });
    for (const [index, piece] of pieces.entries()) {
      const length = requestHeaderBytes + encodedName.length + piece.reduce((sum, part) => sum + part.length, 0);
      const continues = index < pieces.length - 1;
      this.#waitingBytes += length;
      this.#waiting.push({ operation, id, continues, name: encodedName, argument, payload: piece, bytes: length });
    }
    this.#fillRing();
    this.#schedulePublish();
  }

  /** Moves what waits into the ring, as far as there is room. @returns whether anything moved. */
  #fillRing(): boolean {
    let moved = 0;
    for (const frame of this.#waiting) {
      const write = (data: Uint8Array, at: number): void => writeRequest(data, at, frame, frame.name, frame.payload);
      if (!this.#ring.push(frame.bytes, write)) break;
      this.#waitingBytes -= frame.bytes;
      moved++;
    }
    this.#waiting.splice(0, moved);
    return moved > 0;
  }

  /** Publishes at the end of this turn what the turn has put into the ring. */
  #schedulePublish(): void {
    if (this.#isPublishScheduled) return;
    this.#isPublishScheduled = true;
    queueMicrotask(() => this.#publish());
  }

  #publish(): void {
    if (!this.#ring.publish()) {
      setImmediate(() => this.#publish()); // The thread was suspended with the lock in its hands: look again later.
      return;
    }
    this.#isPublishScheduled = false;
    // Publishing has shown how far the thread is. Without room still, its next reply is the time to look again.
    if (this.#waiting.length > 0 && this.#fillRing()) this.#schedulePublish();
  }

  #onReply({ through, answers }: DiskReply): void {
    for (const answer of answers) this.#answers.set(answer.id, answer);
    const count = this.#pending.findIndex(({ id }) => id > through);
    const completed = this.#pending.splice(0, count === -1 ? this.#pending.length : count);
    if (this.#waiting.length > 0) this.#schedulePublish();
    for (const { id, action, done } of completed) {
      const answer = this.#answers.get(id);
      this.#answers.delete(id);
      if (answer?.kind !== "error") done(undefined, answer);
      else done(diskError(action, answer.code, answer.cause), undefined);
    }
  }

  #fail(done: Pending["done"], action: string, cause: DiskError): void {
    setImmediate(() => done(diskError(action, cause.code, cause), undefined));
  }

  #end(reason: DiskError): void {
    this.#closed ??= reason;
    this.#lock.release();
    const pending = this.#pending;
    this.#pending = [];
    this.#waiting = [];
    for (const { action, done } of pending) done(diskError(action, "CLOSED", reason), undefined);
  }
}

function acquire(directory: string): DirectoryLock {
  try {
    fs.mkdirSync(directory, { recursive: true });
    return DirectoryLock.acquire(directory);
  } catch (cause) {
    if (cause instanceof HarnessError) throw cause;
    throw new HarnessError(`Cannot use directory ${directory}: ${(cause as Error).message}`, { cause });
  }
}

function assertName(name: string): void {
  assert(/^[\w-][\w.-]*$/.test(name) && name !== lockFileName, `"${name}" names a file of a flat directory`);
}

function valueOf(answer: DiskAnswer | undefined): readonly string[] | ArrayBuffer | undefined {
  return answer?.kind === "value" ? answer.value : undefined;
}

function diskError(action: string, code: DiskError["code"], cause: unknown): DiskError {
  return new DiskError(code, `Cannot ${action}: ${(cause as Error).message}`, { cause });
}

/** Cuts a payload into lists of parts of at most `pieceBytes` together; one empty list when it is empty. */
function inPieces(payload: readonly Uint8Array[]): (readonly Uint8Array[])[] {
  let room = pieceBytes;
  let piece: Uint8Array[] = [];
  const pieces: Uint8Array[][] = [piece];
  for (const part of payload) {
    for (let at = 0; at < part.length;) {
      if (room === 0) {
        piece = [];
        pieces.push(piece);
        room = pieceBytes;
      }
      const taken = part.subarray(at, at + room);
      piece.push(taken);
      room -= taken.length;
      at += taken.length;
    }
  }
  return pieces;
}
