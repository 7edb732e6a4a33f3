/**
 * The host of one production node of the scheduler: it gives the core its journal's disk, network, clock, run queue and
 * executor, and answers clients. The same file runs in the simulator and in a real process; only the ports differ.
 *
 * A journal that is damaged is refused for good: somebody was told that its tasks are kept. Everything else that keeps
 * the disk from working may pass: the node ends, and its supervisor tries again.
 */

import { encode } from "../../foundation/codec.ts";
import type { Clock, Disk, Transport } from "../../foundation/effects.ts";
import type { FaultHandle } from "../../foundation/faults.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { ClientReply, ClientRequest, SchedulerEvent, SchedulerState } from "../../scheduler/contract.ts";
import type { SchedulerSettings } from "../../scheduler/production/defaults.ts";
import { encodeMessage } from "../../scheduler/production/messages.ts";
import type { Message } from "../../scheduler/production/messages.ts";
import { allocateRunQueue } from "../../scheduler/production/allocate-run-queue.ts";
import { RunQueueOwner } from "../../scheduler/production/run-queue.ts";
import { SchedulerCore } from "../../scheduler/production/scheduler-core.ts";
import { capacityOf, queueSlots, sharesOf } from "../../scheduler/production/shares.ts";
import type { ExecutorEvents, TaskExecutor, ThreadFault } from "./task-executor.ts";
import { decodeRequest } from "../decode-request.ts";

/** What the executor of a node is built from. */
export interface ExecutorPlace {
  readonly shared: SharedArrayBuffer;
  readonly owner: RunQueueOwner;
  readonly slots: number;
  readonly settings: SchedulerSettings;
  readonly clock: Clock;
  readonly events: ExecutorEvents;
}

export interface SchedulerNodeOptions {
  readonly id: NodeId;
  readonly founders: readonly NodeId[];
  /** Whether messages of `id` are a node's; all others are clients'. */
  readonly isPeer: (id: NodeId) => boolean;
  /** No earlier life has started: an empty disk is right. */
  readonly forming: boolean;
  readonly settings: SchedulerSettings;
  readonly disk: Disk;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly defer: (callback: () => void) => void;
  /**
   * Places in the run queue, if fewer than `queueSlots` are to be; what finds none waits unordered until one is free.
   */
  readonly slots?: number;
  readonly createExecutor: (place: ExecutorPlace) => TaskExecutor;
  readonly trace: (event: SchedulerEvent) => void;
  readonly isWatched: () => boolean;
  readonly beforeSend: (
    to: NodeId,
    message: { readonly kind: string; readonly term: number },
    proceed: () => void,
  ) => void;
  /** @param repairs what recovery mended, in words. */
  readonly onStarted: (repairs: readonly string[]) => void;
  /** The node cannot go on and has fallen silent; `permanent`: no restart will help. */
  readonly onFatal: (error: Error, permanent: boolean) => void;
}

export class SchedulerNode {
  readonly #options: SchedulerNodeOptions;
  readonly #core: SchedulerCore;
  readonly #executor: TaskExecutor;
  #isEnded = false;

  constructor(options: SchedulerNodeOptions) {
    const { id, founders, forming, settings, disk, clock, defer, trace, onStarted } = options;
    this.#options = options;
    const slots = options.slots ?? queueSlots(settings);
    const shares = sharesOf(settings, founders.length);
    const layout = { slots, tenants: shares.length, workers: settings.workers };
    const shared = allocateRunQueue(layout, capacityOf(settings), shares);
    const owner = new RunQueueOwner(shared, { stealing: settings.stealing });
    const events: ExecutorEvents = {
      started: (slot, started) => this.#core.started(slot, started),
      ended: (slot, ended) => this.#core.ended(slot, ended),
    };
    this.#executor = options.createExecutor({ shared, owner, slots, settings, clock, events });
    this.#core = new SchedulerCore({
      id,
      founders,
      forming,
      settings,
      disk,
      clock,
      defer,
      queue: owner,
      executor: this.#executor,
      send: (to, message) => this.#send(to, message),
      trace,
      onStarted,
      onFatal: (error, permanent) => this.#fail(error, permanent),
    });
    options.transport.onMessage((from, bytes) => this.#receive(from, bytes));
    this.#core.start();
  }

  /** Whether it has recovered and takes part. */
  get isServing(): boolean {
    return this.#core.isServing;
  }

  get counters(): Readonly<Record<string, number>> {
    return this.#core.counters;
  }

  state(done: (state: SchedulerState) => void): void {
    this.#core.state(done);
  }

  injectThread(fault: ThreadFault): FaultHandle {
    return this.#executor.inject(fault);
  }

  /** Gives up what is under way, lets what has ended become durable, and falls silent. */
  stop(done: () => void): void {
    this.#executor.stop(() => {
      this.#core.stop(() => {
        this.#isEnded = true;
        done();
      });
    });
  }

  /** Falls silent at once; the threads are whoever's who ends the process. */
  crash(): void {
    this.#isEnded = true;
    this.#core.crash();
  }

  #receive(from: NodeId, bytes: Uint8Array): void {
    if (this.#isEnded) return;
    if (this.#options.isPeer(from)) this.#core.receive(from, bytes);
    else this.#serve(from, bytes);
  }

  #serve(client: NodeId, bytes: Uint8Array): void {
    const request = decodeRequest(bytes) as ClientRequest | undefined;
    if (request === undefined) return;
    const { id } = request;
    const answer = (reply: ClientReply["reply"]): void => {
      if (!this.#isEnded) this.#options.transport.send(client, encode({ id, reply } satisfies ClientReply));
    };
    const { operation } = request as { readonly operation: unknown };
    if (typeof operation === "object" && operation !== null) return this.#core.request(request, answer);
    answer({ kind: "error", code: "MALFORMED_REQUEST", reason: "the nodes of a scheduler are those it began with" });
  }

  #send(to: NodeId, message: Message): void {
    const { transport, isWatched, beforeSend } = this.#options;
    const send = (): void => {
      if (!this.#isEnded) transport.send(to, encodeMessage(message));
    };
    if (isWatched()) beforeSend(to, { kind: message.kind, term: 0 }, send);
    else send();
  }

  #fail(error: Error, permanent: boolean): void {
    if (this.#isEnded) return;
    this.#options.onFatal(error, permanent);
    this.crash();
    this.#executor.stop(() => undefined);
  }
}
