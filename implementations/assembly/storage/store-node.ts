/**
 * The host of one production node of the store: it gives the core its engine, network and clock, and answers clients.
 * The same file runs in the simulator and in a real process; only the ports differ.
 *
 * A node that starts with nothing although it was a member before has forgotten what it promised; it serves nothing
 * until the others have taken it in as a new member (`production/membership.ts`). Files that are damaged are the same
 * loss: they are set aside, and the node starts again. Everything else that keeps the engine from opening or working
 * (it is locked, full, or a server refuses) may pass: the node ends, and its supervisor tries again.
 */

import { encode } from "../../foundation/codec.ts";
import type { Clock, Random, Transport } from "../../foundation/effects.ts";
import { EngineError } from "../../foundation/engine-error.ts";
import { assert } from "../../foundation/assert.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { AdminRequest, ClientReply, ClientRequest, StorageEvent, StorageState } from "../../storage/contract.ts";
import type { Engine } from "../../storage/engine.ts";
import type { StorageSettings } from "../../storage/production/defaults.ts";
import { Membership } from "../../storage/production/membership.ts";
import { decodeBatch } from "../../storage/production/messages.ts";
import type { Message } from "../../storage/production/messages.ts";
import { rebalanceDefaults } from "../../storage/production/rebalance-port.ts";
import { noTopology, StorageCore } from "../../storage/production/storage-core.ts";
import { asksForSomething, decodeRequest } from "../decode-request.ts";

export interface StoreNodeOptions {
  readonly id: NodeId;
  readonly founders: readonly NodeId[];
  /** Whether messages of `id` are a node's; all others are clients'. */
  readonly isPeer: (id: NodeId) => boolean;
  /** No earlier life has started: an empty engine is right, and a founder waits for the others. */
  readonly forming: boolean;
  readonly settings: StorageSettings;
  /** Opens what earlier lives left; called once. */
  readonly openEngine: (done: (error: EngineError | undefined, engine?: Engine) => void) => void;
  /** Puts away what the engine keeps, which is closed, so that the next life finds nothing. */
  readonly setAside: (done: (error: Error | undefined) => void) => void;
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
  #membership: Membership | undefined;
  #hasStarted = false;
  #isEnded = false;

  constructor(options: StoreNodeOptions) {
    this.#options = options;
    options.transport.onMessage((from, bytes) => this.#receive(from, bytes));
    options.openEngine((error, engine) => {
      if (this.#isEnded) return engine?.close(() => undefined);
      if (engine === undefined) return this.#fail(error ?? new EngineError("IO", "the engine did not open"));
      this.#engine = engine;
      this.#start(engine);
    });
  }

  /** Whether it has recovered and takes part. */
  get isServing(): boolean {
    return this.#core?.isServing === true && !this.#isEnded;
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
    const close = (): void => this.halt(done);
    if (this.#core === undefined) close();
    else this.#core.stop(close);
  }

  /** Falls silent at once and closes the engine. */
  halt(done: () => void): void {
    this.crash();
    if (this.#engine === undefined) done();
    else this.#engine.close(done);
  }

  /** Falls silent at once; the engine is whoever's who gave it. */
  crash(): void {
    this.#isEnded = true;
    this.#membership?.end();
    this.#core?.crash();
  }

  #start(engine: Engine): void {
    const { id, settings, clock, random, defer, tracesAccepts, trace } = this.#options;
    const core = new StorageCore({
      member: { id, number: 0 },
      topology: noTopology,
      settings,
      engine,
      clock,
      random,
      send: (to, bytes) => this.#send(to, bytes),
      defer,
      tracesAccepts,
      trace,
      onStarted: () => this.#join(core),
      onFatal: (error) => this.#fail(error),
      onForeign: (from, body) => this.#membership?.receive(from, body),
      onOtherEpoch: (from, epoch) => this.#membership?.observe(from, epoch),
    });
    this.#core = core;
    core.start();
  }

  #join(core: StorageCore): void {
    const { id, founders, forming, settings, clock, random, trace } = this.#options;
    const { replicationFactor, virtualNodes, rebalanceBytesPerS } = settings;
    const membership = new Membership({
      id,
      founding: { members: founders, replicationFactor, virtualNodes, isOver: !forming },
      settings: { ...rebalanceDefaults, pullBytesPerSecond: rebalanceBytesPerS },
      core,
      clock,
      random: random.fork("membership"),
      trace,
      onTopology: () => this.#started(),
    });
    this.#membership = membership;
    membership.start(() => this.#started());
  }

  /** A founder has started when it serves; whoever comes later may have to wait for long until it does. */
  #started(): void {
    const { id, founders, forming, onStarted } = this.#options;
    if (this.#hasStarted || (forming && founders.includes(id) && !this.isServing)) return;
    this.#hasStarted = true;
    onStarted();
  }

  #receive(from: NodeId, bytes: Uint8Array): void {
    if (this.#isEnded) return;
    if (this.#options.isPeer(from)) this.#core?.receive(from, bytes);
    else this.#serve(from, bytes);
  }

  #serve(client: NodeId, bytes: Uint8Array): void {
    const request = decodeRequest(bytes) as ClientRequest | AdminRequest | undefined;
    if (request === undefined) return;
    const { id } = request;
    const answer = (reply: ClientReply["reply"]): void => {
      if (!this.#isEnded) this.#options.transport.send(client, encode({ id, reply } satisfies ClientReply));
    };
    if (!asksForSomething(request)) return answer({ kind: "error", code: "MALFORMED_REQUEST" });
    if (this.#core === undefined) return answer({ kind: "error", code: "UNAVAILABLE" });
    if ("command" in request) return this.#administer(request, answer);
    this.#core.request(request, this.#options.settings.requestTimeoutMs, answer);
  }

  #administer({ command }: AdminRequest, answer: (reply: ClientReply["reply"]) => void): void {
    if (command.kind !== "change") return answer({ kind: "error", code: "MALFORMED_REQUEST" });
    if (this.#membership === undefined) return answer({ kind: "error", code: "UNAVAILABLE" });
    this.#membership.change(command, (code) => answer(code === undefined ? { kind: "done" } : { kind: "error", code }));
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
      beforeSend(to, { kind: kindOf(message), term: batch.epoch }, () => next(index + 1));
    };
    next(0);
  }

  #fail(error: EngineError): void {
    if (this.#isEnded) return;
    if (error.code === "DAMAGED") return this.#setAside(error);
    this.#options.onFatal(error, false);
    this.crash();
  }

  #setAside(error: EngineError): void {
    const { setAside, trace, onFatal } = this.#options;
    trace({ kind: "damage", what: error.message });
    this.halt(() => setAside((failure) => onFatal(failure ?? error, false)));
  }
}

/** What is passed through for others goes by its own name. */
function kindOf(message: Message): string {
  return message.kind === "foreign" ? (message.body as { readonly kind: string }).kind : message.kind;
}
