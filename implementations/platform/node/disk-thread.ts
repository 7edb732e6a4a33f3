/**
 * The thread that does a node's file I/O: it takes requests from the shared ring, in order, and posts what came of
 * them.
 *
 * Appends to one file that lie next to each other in the ring go to the system in one call, straight from shared
 * memory. Answers are posted when a request that somebody is likely to wait for is done (anything but an append), and
 * before the thread falls asleep. They travel by message port: measured as fast as Atomics.waitAsync, and with it read
 * results move without a copy.
 */

import * as fs from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { assert, unreachable } from "../../foundation/assert.ts";
import type { DiskErrorCode } from "../../foundation/effects.ts";
import { lockFileName } from "./directory-lock.ts";
import { readRequest } from "./disk-requests.ts";
import type { DiskAnswer, DiskReply, DiskRequest } from "./disk-requests.ts";
import { OpenFiles } from "./open-files.ts";
import { RingReader } from "./shared-ring.ts";

export interface DiskThreadData {
  readonly directory: string;
  readonly ring: SharedArrayBuffer;
}

class DiskThread {
  readonly #directory: string;
  readonly #directoryDescriptor: number;
  readonly #files: OpenFiles;
  readonly #ring: RingReader;
  readonly #post: (reply: DiskReply, transfer: ArrayBuffer[]) => void;
  #appends: DiskRequest[] = [];
  /** A request of several frames of which one failed: the rest of it is not written. */
  #failedId: number | undefined;
  #answers: DiskAnswer[] = [];
  #through = 0;
  #posted = 0;
  #isContinuing = false;
  #closing = false;

  constructor({ directory, ring }: DiskThreadData, post: (reply: DiskReply, transfer: ArrayBuffer[]) => void) {
    this.#directory = directory;
    this.#directoryDescriptor = fs.openSync(directory, "r");
    this.#files = new OpenFiles(directory);
    this.#ring = new RingReader(ring);
    this.#post = post;
  }

  run(): void {
    while (!this.#closing) {
      this.#ring.waitForFrames();
      for (let at = this.#ring.next(); at !== undefined; at = this.#ring.next()) {
        this.#take(readRequest(this.#ring.data, at));
      }
      this.#writeAppends();
      this.#reply();
    }
    this.#files.closeAll();
    fs.closeSync(this.#directoryDescriptor);
  }

  #take(request: DiskRequest): void {
    if (request.operation === "append") {
      const previous = this.#appends.at(-1);
      if (previous !== undefined && previous.name !== request.name) this.#writeAppends();
      this.#appends.push(request);
      return;
    }
    this.#writeAppends();
    this.#attempt(request.id, () => this.#perform(request));
    this.#reply();
  }

  #writeAppends(): void {
    const appends = this.#appends.filter(({ id }) => id !== this.#failedId);
    const last = this.#appends.at(-1);
    if (last === undefined) return;
    this.#appends = [];
    try {
      const { name } = last;
      if (appends.length > 0)
        this.#files.append(
          name,
          appends.map(({ payload }) => payload),
        );
    } catch (error) {
      for (const id of new Set(appends.map((append) => append.id))) {
        this.#answers.push({ id, kind: "error", code: codeOf(error), cause: error });
      }
      this.#failedId = last.id;
    }
    this.#isContinuing = last.continues;
    this.#through = last.continues ? last.id - 1 : last.id;
  }

  #perform(request: DiskRequest): readonly string[] | ArrayBuffer | void {
    const { operation, name, argument, payload } = request;
    switch (operation) {
      case "list":
        return fs
          .readdirSync(this.#directory)
          .filter((each) => !each.startsWith(lockFileName))
          .sort();
      case "read":
        return this.#files.read(name);
      case "sync":
        return this.#files.sync(name);
      case "truncate":
        return this.#files.truncate(name, argument);
      case "rename":
        return this.#files.rename(name, new TextDecoder().decode(payload.slice()));
      case "remove":
        return this.#files.remove(name);
      case "syncDirectory":
        return fs.fsyncSync(this.#directoryDescriptor);
      case "corrupt":
        return this.#files.corrupt(name, argument, payload[0] ?? 0);
      case "overwrite":
        return this.#files.overwrite(name, argument, payload);
      case "close":
        this.#closing = true;
        return;
      case "append":
        throw new Error("appends are written together");
      default:
        return unreachable(operation);
    }
  }

  #attempt(id: number, work: () => readonly string[] | ArrayBuffer | void): void {
    try {
      const value = work();
      if (value !== undefined) this.#answers.push({ id, kind: "value", value });
    } catch (error) {
      this.#answers.push({ id, kind: "error", code: codeOf(error), cause: error });
    }
    this.#through = id;
  }

  /** Also when only a part of a request is done: whoever sends the rest waits for room in the ring. */
  #reply(): void {
    if (this.#through === this.#posted && this.#answers.length === 0 && !this.#isContinuing) return;
    this.#isContinuing = false;
    this.#ring.release();
    const transfer: ArrayBuffer[] = [];
    for (const answer of this.#answers) {
      if (answer.kind === "value" && answer.value instanceof ArrayBuffer) transfer.push(answer.value);
    }
    this.#post({ through: this.#through, answers: this.#answers }, transfer);
    this.#answers = [];
    this.#posted = this.#through;
  }
}

function codeOf(error: unknown): DiskErrorCode {
  const code = (error as { readonly code?: unknown }).code;
  if (code === "ENOENT") return "NOT_FOUND";
  return code === "ENOSPC" || code === "EDQUOT" ? "FULL" : "IO";
}

const port = parentPort;
assert(port !== null, "this file is the entry point of a worker thread");
new DiskThread(workerData as DiskThreadData, (reply, transfer) => port.postMessage(reply, transfer)).run();
