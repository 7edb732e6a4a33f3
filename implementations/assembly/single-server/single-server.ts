/**
 * A deployment of a peer that is one server, in the cluster substrate: its own binary on this machine's loopback.
 *
 * It is one node, `n1`, however many the plan asks for: a yardstick of what one machine does without replication. Two
 * independent servers would be another store, and a replicated pair another system, with another promise.
 *
 * What is injected is injected from outside: signals to the process and its children, and faults in the link between
 * clients and server, through which every byte of theirs passes, as with our own implementations. The driver looks at
 * the server over a connection of its own, past the link: what it sees does not depend on the faults it injects.
 */

import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { assert, unreachable } from "../../foundation/assert.ts";
import type { DeployOptions, NodeResources, NodeState, Traced } from "../../foundation/deployment.ts";
import { HarnessError, NodeFailure, UsageError } from "../../foundation/errors.ts";
import { faultHandle } from "../../foundation/fault-handle.ts";
import type { Fault, FaultHandle } from "../../foundation/faults.ts";
import { clientsEndpoint } from "../../foundation/faults.ts";
import { seededRandom } from "../../foundation/prng.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { processUsage } from "../../platform/node/process-usage.ts";
import type { ServerExit } from "../../platform/node/server-process.ts";
import type { StorageDeployment, StorageEvent, StorageState } from "../../storage/contract.ts";
import { ServerClient } from "../../storage/peers/server-client.ts";
import { DrivenRun } from "../driven-run.ts";
import { Links } from "../links.ts";
import type { PeerServer, PeerServerOptions } from "./peer-server.ts";

const node: NodeId = "n1";
const clientLink = { from: clientsEndpoint, to: node } as const;
const retryPauseMs: Millis = 10;
const defaultAttemptTimeoutMs: Millis = 1000;
/** Events that happened before anybody listened. */
const maxUnheard = 1000;

export type CreateServer = (options: PeerServerOptions) => Promise<PeerServer>;

/** @throws HarnessError when it does not start or the directory cannot be had; nothing is left running then. */
export async function deploySingleServer(
  name: string,
  create: CreateServer,
  options: DeployOptions,
): Promise<StorageDeployment> {
  const deployment = new SingleServer(name, create, options);
  try {
    await deployment.launch();
    return deployment;
  } catch (error) {
    await deployment.stop();
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new HarnessError(`Cannot start ${name} in ${options.directory}: ${error.message}`, { cause: error });
  }
}

class SingleServer implements StorageDeployment {
  readonly nodes: readonly NodeId[] = [node];
  readonly clock = nodeClock;
  readonly #name: string;
  readonly #create: CreateServer;
  readonly #options: DeployOptions;
  readonly #run = new DrivenRun();
  readonly #listeners: ((traced: Traced<StorageEvent>) => void)[] = [];
  #unheard: Traced<StorageEvent>[] | undefined = [];
  #links: Links | undefined;
  #server: PeerServer | undefined;
  #client: ServerClient | undefined;
  #life = 0;
  /** How many faults hold the server down, and stopped. */
  #heldDown = 0;
  #heldStill = 0;
  /** Starts and ends of the server, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(name: string, create: CreateServer, options: DeployOptions) {
    this.#name = name;
    this.#create = create;
    this.#options = options;
  }

  async launch(): Promise<void> {
    const { directory, repeats = true, seed, clientAttemptTimeoutMs = defaultAttemptTimeoutMs } = this.#options;
    await mkdir(directory, { recursive: true });
    const links = await Links.launch({ links: [clientLink], directory });
    this.#links = links;
    links.onExit((description) => this.#break(`the links process ended: ${description}`));
    // A deployment begins from nothing, also where one that was killed left its data.
    await rm(this.#dataDirectory, { recursive: true, force: true });
    const server = await this.#create({
      name: `${this.#name} ${node}`,
      directory: this.#dataDirectory,
      clientAddress: links.address(clientLink),
      onExit: (exit) => this.#ended(exit),
      ward: (pid, watched) => (watched ? links.ward(pid) : links.unward(pid)),
    });
    this.#server = server;
    await this.#start(server);
    this.#client = new ServerClient({
      attempt: (request, timeoutMs, done) => server.attempt(request, timeoutMs, done),
      clock: nodeClock,
      random: seededRandom(seed).fork("client"),
      repeats,
      attemptTimeoutMs: clientAttemptTimeoutMs,
      retryPauseMs,
    });
  }

  invoke: StorageDeployment["invoke"] = (request, deadlineMs, done) => {
    assert(this.#client !== undefined, "the server was launched");
    this.#client.invoke(request, deadlineMs, done);
  };

  inject(fault: Fault): FaultHandle {
    const links = this.#links;
    assert(links !== undefined, "the links process was launched");
    switch (fault.kind) {
      case "cut":
        return links.cut(fault.links);
      case "packet":
        return links.packet(fault.links, fault.fault);
      case "kill":
      case "graceful-restart":
        return this.#takeDown(fault.kind, fault.nodes);
      case "pause":
        return this.#pause(fault.nodes);
      case "wipe":
      case "disk":
      case "clock":
      case "membership":
      case "thread":
        throw new UsageError(`Cannot inject ${fault.kind} into ${this.#name}: it is not supported there`);
      default:
        return unreachable(fault);
    }
  }

  at(): void {
    throw new UsageError(`Cannot place a fault at a moment of ${this.#name}: it does not wait for the driver`);
  }

  /** It has none. */
  leader(): undefined {
    return undefined;
  }

  /** The first listener also hears what happened before it came. */
  observe: StorageDeployment["observe"] = (listener) => {
    this.#listeners.push(listener);
    const unheard = this.#unheard ?? [];
    this.#unheard = undefined;
    for (const traced of unheard) listener(traced);
  };

  /** Its members stay as they were. */
  isSettled(): boolean {
    return true;
  }

  run(limitMs: Millis, work: (finish: () => void) => void): Promise<boolean> {
    return this.#run.run(limitMs, work);
  }

  async states(): Promise<ReadonlyMap<NodeId, NodeState<StorageState>>> {
    const entries = await this.#server?.entries();
    const state: NodeState<StorageState> =
      entries === undefined
        ? { kind: "out-of-service", reason: `${node} does not answer` }
        : { kind: "state", state: { entries: entries.toSorted(([a], [b]) => (a < b ? -1 : 1)), copies: 1 } };
    return new Map([[node, state]]);
  }

  async resources(): Promise<readonly NodeResources[]> {
    await this.#links?.refreshEfficacy();
    const server = this.#server;
    if (server?.process.running !== true) return [];
    const [clients] = this.#links?.counters() ?? [];
    const counters = {
      "bytes from clients": clients?.forwardBytes ?? 0,
      "bytes to clients": clients?.backwardBytes ?? 0,
    };
    return [{ node, ...processUsage(server.process.pid), counters }];
  }

  /** It has no certificates. */
  knock(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  traceHash(): undefined {
    return undefined;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    await this.#server?.close();
    await this.#work;
    await this.#links?.stop();
    await rm(this.#dataDirectory, { recursive: true, force: true });
  }

  get #dataDirectory(): string {
    return path.join(this.#options.directory, node);
  }

  async #start(server: PeerServer): Promise<void> {
    const started = await server.start();
    if (started === undefined) return;
    this.#links?.setTarget(node, started.port, "clients");
    this.#emit({ kind: "start", life: ++this.#life, records: started.records });
  }

  #takeDown(kind: "kill" | "graceful-restart", nodes: readonly NodeId[]): FaultHandle {
    const server = this.#server;
    if (server === undefined || !nodes.includes(node))
      return faultHandle(
        "processes ended",
        () => 0,
        () => undefined,
      );
    this.#heldDown++;
    const count = server.process.running ? 1 : 0;
    // At once, also where it is about to start: that ends then.
    const down = kind === "kill" ? server.process.kill() : server.process.stop();
    this.#then(() => down);
    const release = (): void => {
      this.#heldDown--;
      this.#then(async () => {
        if (this.#heldDown === 0 && this.#stopping === undefined && !server.process.running) await this.#start(server);
      });
    };
    return faultHandle("processes ended", () => count, release);
  }

  /** A server that cannot be started on its own data any more is a finding about it. */
  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      if (this.#stopping !== undefined) return;
      const message = error instanceof Error ? error.message : String(error);
      this.#run.break(new NodeFailure(node, nodeClock.nowMs(), message, { cause: error }));
    });
  }

  #pause(nodes: readonly NodeId[]): FaultHandle {
    const startMs = nodeClock.nowMs();
    const server = nodes.includes(node) ? this.#server : undefined;
    let pausedMs: Millis | undefined;
    const stopped = server?.process.freeze() ?? false;
    if (stopped) this.#heldStill++;
    return faultHandle(
      "ms paused",
      () => (stopped ? Math.round(pausedMs ?? nodeClock.nowMs() - startMs) : 0),
      () => {
        pausedMs = nodeClock.nowMs() - startMs;
        if (stopped && --this.#heldStill === 0) server?.process.thaw();
      },
    );
  }

  #ended(exit: ServerExit): void {
    const timeMs = nodeClock.nowMs();
    this.#emit({ kind: "stop", orderly: exit.asked && exit.orderly });
    if (exit.asked || this.#stopping !== undefined) return;
    if (exit.failed) return this.#run.break(new NodeFailure(node, timeMs, `ended itself: ${exit.description}`));
    this.#break(exit.description);
  }

  #break(description: string): void {
    if (this.#stopping === undefined) this.#run.breakFromOutside(description);
  }

  #emit(event: StorageEvent): void {
    const traced = { timeMs: nodeClock.nowMs(), node, event };
    if (this.#unheard !== undefined && this.#unheard.length < maxUnheard) this.#unheard.push(traced);
    for (const listener of this.#listeners) listener(traced);
  }
}
