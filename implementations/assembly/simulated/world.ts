/**
 * What every simulated deployment stands on: one virtual time, one network, one client, one trace, one seed.
 *
 * The run is a synchronous loop over virtual events; between slices of it the real event loop gets a turn, so that a
 * person can interrupt and watch, but nothing in the simulation depends on when that happens.
 */

import type { Outcome, Request } from "../../foundation/deployment.ts";
import { crc32c } from "../../foundation/crc32c.ts";
import type { Random, Transport } from "../../foundation/effects.ts";
import type { DelayDistribution } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { VirtualTime } from "../../platform/simulated/clock.ts";
import { SimulatedNetwork } from "../../platform/simulated/transport.ts";
import type { AdminCommand, ModuleKit, ModuleTypes, TraceVocabulary } from "../module-kit.ts";
import { nodeNames } from "../node-names.ts";
import type { RequestClient } from "../request-client.ts";
import { TraceHub } from "../trace-hub.ts";

/** One way of a message on the simulated network, unless a fault says otherwise. */
const networkLatency: DelayDistribution = { shape: "uniform", lowMs: 0.2, highMs: 1 };

/** Virtual events between two turns of the real event loop. */
const sliceEvents = 20_000;

const defaultAttemptTimeoutMs: Millis = 400;

export interface SimulatedWorldOptions {
  readonly nodes: number;
  readonly seed: number | string;
  readonly clientAttemptTimeoutMs?: Millis;
  /** Whom clients ask; default: the founders. */
  readonly members?: () => readonly NodeId[];
}

export class SimulatedWorld<Types extends ModuleTypes> {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly trace: TraceHub<Types["event"]>;
  /** The nodes at the beginning. */
  readonly founders: readonly NodeId[];
  readonly #vocabulary: TraceVocabulary<Types["event"]>;
  readonly #client: RequestClient<Types["operation"], Types["result"]>;

  constructor(kit: ModuleKit<Types>, options: SimulatedWorldOptions) {
    this.#vocabulary = kit.vocabulary;
    this.trace = new TraceHub(kit.vocabulary);
    this.random = seededRandom(options.seed);
    this.founders = nodeNames(options.nodes);
    this.network = new SimulatedNetwork({
      time: this.time,
      random: this.random.fork("network"),
      latency: networkLatency,
    });
    this.#client = kit.createClient({
      transport: this.sealed(this.network.endpoint(clientsEndpoint)),
      clock: this.time,
      random: this.random.fork("client"),
      nodes: options.members ?? (() => this.founders),
      attemptTimeoutMs: options.clientAttemptTimeoutMs ?? defaultAttemptTimeoutMs,
      retryPauseMs: 10,
    });
  }

  invoke(
    request: Request<Types["operation"]>,
    deadlineMs: Millis,
    done: (outcome: Outcome<Types["result"]>) => void,
  ): void {
    this.#client.invoke(request, deadlineMs, done);
  }

  administer(command: AdminCommand, done: () => void): void {
    this.#client.administer(command, done);
  }

  emit(node: NodeId, event: Types["event"]): void {
    this.trace.emit(this.time.nowMs(), node, event);
  }

  emitStop(node: NodeId, orderly: boolean): void {
    this.emit(node, this.#vocabulary.stopped(orderly));
  }

  /**
   * Wraps an endpoint as TLS would: a message that was damaged on the way is dropped, never delivered. Every message
   * that does arrive becomes part of the run's hash.
   */
  sealed(transport: Transport): Transport {
    return {
      send: (to, bytes) => transport.send(to, seal(bytes)),
      onMessage: (receive) =>
        transport.onMessage((from, sealed) => {
          const bytes = sealed.subarray(0, -sealBytes);
          const checksum = crc32c(bytes);
          if (sealed.length < sealBytes || checksum !== readSeal(sealed)) return;
          this.trace.mark(this.time.nowMs(), checksum);
          receive(from, bytes);
        }),
    };
  }

  /** @see Deployment.run */
  async run(limitMs: Millis, work: (finish: () => void) => void): Promise<boolean> {
    const endMs = this.time.nowMs() + limitMs;
    let finished = false;
    let expired = false;
    const finish = (): void => {
      finished = true;
    };
    const limit = this.time.after(limitMs, () => {
      expired = true;
    });
    work(finish);
    while (!finished && !expired && this.time.nowMs() <= endMs) {
      for (let count = 0; count < sliceEvents && !finished && !expired; count++) {
        if (!this.time.step()) break;
      }
      await new Promise(setImmediate);
    }
    limit.cancel();
    return finished;
  }
}

const sealBytes = 4;

/** Room that every sealed message is written to in turn: the network copies what it is given. */
let room = new Uint8Array(64 * 1024);

function seal(bytes: Uint8Array): Uint8Array {
  const length = bytes.length + sealBytes;
  if (length > room.length) room = new Uint8Array(2 * length);
  room.set(bytes);
  const checksum = crc32c(bytes);
  for (let byte = 0; byte < sealBytes; byte++) room[bytes.length + byte] = checksum >>> (8 * byte);
  return room.subarray(0, length);
}

function readSeal(sealed: Uint8Array): number {
  let checksum = 0;
  for (let byte = 0; byte < sealBytes; byte++) checksum |= sealed[sealed.length - sealBytes + byte]! << (8 * byte);
  return checksum >>> 0;
}
