/**
 * The host of one production node of the store: it gives the core its engine, network and clock, and answers clients.
 * The same file runs in the simulator and in a real process; only the ports differ.
 *
 * The members are the founders, as placed on the ring: changes of members are not wired up. So a node that starts with
 * nothing although it was a member before stays out of service: it has forgotten what it promised. Files that are
 * damaged are the same loss, and are left where they are.
 */

import { decode, encode } from "../../foundation/codec.ts";
import type { Clock, Random, Transport } from "../../foundation/effects.ts";
import { EngineError } from "../../foundation/engine-error.ts";
import { assert } from "../../foundation/assert.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { AdminRequest, ClientReply, ClientRequest, StorageEvent, StorageState } from "../../storage/contract.ts";
import type { Engine } from "../../storage/engine.ts";
import type { StorageSettings } from "../../storage/production/defaults.ts";
import { decodeBatch } from "../../storage/production/messages.ts";
import { StorageCore } from "../../storage/production/storage-core.ts";
import { foundingData, topologyOf } from "../../storage/production/topologies.ts";

export interface StoreNodeOptions {
  readonly id: NodeId;
  readonly founders: readonly NodeId[];
  /** Whether messages of `id` are a node's; all others are clients'. */
  readonly isPeer: (id: NodeId) => boolean;
  /** No earlier life has started: an empty engine is right. */
  readonly forming: boolean;
  readonly settings: StorageSettings;
  /** Opens what earlier lives left; called once. */
  readonly openEngine: (done: (error: EngineError | undefined, engine?: Engine) => void) => void;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly defer: (callback: () => void) => void;
  /** Whether every acceptance is traced: only where that costs nothing but memory. */
  readonly tracesAccepts: boolean;
  readonly trace: (event: StorageEvent) => void;
  readonly isWatched: () => boolean;
  readonly beforeSend: (
    to: NodeId,
    message: { readonly kind: string; readonly term: number },
    proceed: () => void,
  ) => void;
  readonly onStarted: () => void;
  /** The node cannot go on and has fallen silent; `permanent`: no restart will help. */
  readonly onFatal: (error: Error, permanent: boolean) => void;
}

export class StoreNode {
  readonly #options: StoreNodeOptions;
  #engine: Engine | undefined;
  #core: StorageCore | undefined;
  #isServing = false;
  #isEnded = false;

  constructor(options: StoreNodeOptions) {
    this.#options = options;
    options.transport.onMessage((from, bytes) => this.#receive(from, bytes));
    options.openEngine((error, engine) => {
      if (this.#isEnded) return engine?.close(() => undefined);
      if (engine === undefined) return this.#fail(error ?? new EngineError("IO", "the engine did not open"));
      this.#engine = engine;
      this.#begin(engine);
    });
  }

  /** Whether it has recovered and takes part. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /** What is durable here, once the engine has told; only of a node that serves. */
  state(done: (state: StorageState) => void): void {
    assert(this.#core !== undefined, "a node that serves has a core");
    this.#core.state(done);
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#core?.counters, ...this.#engine?.counters };
  }

  /** Takes no more requests, lets what is under way become durable, closes the engine. */
  stop(done: () => void): void {
    const close = (): void => {
      this.crash();
      if (this.#engine === undefined) done();
      else this.#engine.close(done);
    };
    if (this.#core === undefined) close();
    else this.#core.stop(close);
  }

  /** Falls silent at once; the engine is whoever's who gave it. */
  crash(): void {
    this.#isEnded = true;
    this.#core?.crash();
  }

  /** What is in the engine tells whether this is the node that it was. */
  #begin(engine: Engine): void {
    if (this.#options.forming) return this.#start(engine);
    engine.scan(new Uint8Array(0), undefined, 1, (error, result) => {
      if (this.#isEnded) return;
      if (error !== undefined) return this.#fail(error);
      if (result.entries.length > 0) return this.#start(engine);
      const what = "its records are gone though the cluster was formed before; it has forgotten what it promised";
      this.#end(new Error(`Cannot start ${this.#options.id}: ${what}`), true);
    });
  }

  #start(engine: Engine): void {
    const { id, founders, settings, clock, random, defer, tracesAccepts, trace, onStarted } = this.#options;
    const { replicationFactor, virtualNodes } = settings;
    const topology = topologyOf(foundingData({ members: founders, replicationFactor, virtualNodes }));
    const member = topology.members.find((each) => each.id === id);
    if (member === undefined) return this.#end(new Error(`Cannot start ${id}: it is no founder`), true);
    this.#core = new StorageCore({
      member,
      topology,
      settings,
      engine,
      clock,
      random,
      send: (to, bytes) => this.#send(to, bytes),
      defer,
      tracesAccepts,
      trace,
      onStarted: () => {
        this.#isServing = true;
        onStarted();
      },
      onFatal: (error) => this.#fail(error),
    });
    this.#core.start();
  }

  #receive(from: NodeId, bytes: Uint8Array): void {
    if (this.#isEnded) return;
    if (this.#options.isPeer(from)) this.#core?.receive(from, bytes);
    else this.#serve(from, bytes);
  }

  #serve(client: NodeId, bytes: Uint8Array): void {
    let request: ClientRequest | AdminRequest;
    try {
      request = decode(bytes) as ClientRequest | AdminRequest;
    } catch {
      return; // Damaged on the way: to a datagram protocol that is a lost message.
    }
    const { id } = request;
    const answer = (reply: ClientReply["reply"]): void => {
      if (!this.#isEnded) this.#options.transport.send(client, encode({ id, reply } satisfies ClientReply));
    };
    if (this.#core === undefined) return answer({ kind: "error", code: "UNAVAILABLE" });
    if ("command" in request) return answer({ kind: "error", code: "MALFORMED_REQUEST" });
    this.#core.request(request, this.#options.settings.requestTimeoutMs, answer);
  }

  /** A batch waits for every moment that one of its messages reaches. */
  #send(to: NodeId, bytes: Uint8Array): void {
    const { transport, isWatched, beforeSend } = this.#options;
    const send = (): void => {
      if (!this.#isEnded) transport.send(to, bytes);
    };
    const batch = isWatched() ? decodeBatch(bytes) : undefined;
    if (batch === undefined) return send();
    const next = (index: number): void => {
      const message = batch.messages[index];
      if (message === undefined) return send();
      beforeSend(to, { kind: message.kind, term: batch.epoch }, () => next(index + 1));
    };
    next(0);
  }

  #fail(error: EngineError): void {
    const isDamaged = error.code === "DAMAGED";
    if (isDamaged) this.#options.trace({ kind: "damage", what: error.message });
    this.#end(error, isDamaged);
  }

  #end(error: Error, permanent: boolean): void {
    if (this.#isEnded) return;
    this.crash();
    this.#options.onFatal(error, permanent);
  }
}
