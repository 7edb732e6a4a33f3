/**
 * The driver's handle of one etcd process: starts it on fresh ports, watches it by its Status, restarts it, and knows
 * which of its ends were asked for.
 *
 * Every life listens on other ports, chosen just before it starts: a port that somebody took in the meantime costs one
 * more attempt and nothing else, since the others reach it through the links. The driver looks at a member (status,
 * state) over a connection of its own, past the links: what it sees does not depend on the faults it injects.
 */

import type { ChildProcess } from "node:child_process";
import { execa } from "execa";
import { HarnessError } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { MemberStatus } from "../../consensus/peers/etcd-state.ts";
import { readStatus, statusRequest } from "../../consensus/peers/etcd-state.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { freePorts } from "../../platform/node/free-ports.ts";
import { GrpcChannel } from "../../platform/node/grpc-channel.ts";
import type { GrpcChannelOptions } from "../../platform/node/grpc-channel.ts";

export interface MemberPorts {
  readonly client: number;
  readonly peer: number;
}

export interface MemberExit {
  readonly asked: boolean;
  /** It ended itself with an error, rather than by a signal from outside. */
  readonly failed: boolean;
  readonly description: string;
}

export interface EtcdMemberOptions {
  readonly node: NodeId;
  readonly binary: string;
  readonly argumentsOf: (ports: MemberPorts) => readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly credentials: Pick<GrpcChannelOptions, "credentials" | "serverName">;
  /** It has been started on these ports; `life` counts its starts from 1, a second attempt at one not. */
  readonly onStart: (ports: MemberPorts, life: number) => void;
  /** What it says of itself, again and again while it runs. */
  readonly onStatus: (status: MemberStatus) => void;
  readonly onExit: (exit: MemberExit) => void;
  readonly ward: (pid: number, watched: boolean) => void;
}

/** What is used of execa's subprocess. */
type Subprocess = ChildProcess & PromiseLike<{ readonly exitCode?: number; readonly signal?: string }>;

const statusEveryMs: Millis = 50;
const callLimitMs: Millis = 1000;
const stateLimitMs: Millis = 10_000;
/** How long an orderly stop may take: a leader first hands its office over. */
const stopLimitMs: Millis = 5000;
const portAttempts = 10;
const keptStderrCharacters = 4000;

export class EtcdMember {
  readonly #options: EtcdMemberOptions;
  #subprocess: Subprocess | undefined;
  #channel: GrpcChannel | undefined;
  #life = 0;
  #wanted = false;
  #asked = false;
  #stderr = "";
  #status: MemberStatus | undefined;
  #portAttempts = 0;

  constructor(options: EtcdMemberOptions) {
    this.#options = options;
  }

  get node(): NodeId {
    return this.#options.node;
  }

  get pid(): number | undefined {
    return this.#subprocess?.pid;
  }

  get running(): boolean {
    return this.#subprocess !== undefined;
  }

  /** What it last said in this life; undefined until it serves. */
  get status(): MemberStatus | undefined {
    return this.#status;
  }

  /** Starts the next life; `onStatus` tells when it serves. */
  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#life++;
    this.#portAttempts = 0;
    void this.#spawn(this.#life);
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): boolean {
    return this.#subprocess?.kill(signal) ?? false;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks it to stop, waits, and kills it if it does not. */
  async stop(): Promise<void> {
    const subprocess = this.#subprocess;
    subprocess?.kill("SIGCONT");
    const limit = nodeClock.after(stopLimitMs, () => subprocess?.kill("SIGKILL"));
    await this.#end("SIGTERM");
    limit.cancel();
  }

  /** Calls one of its methods past the links. @returns undefined when there was no good answer. */
  ask(method: string, message: Uint8Array, limitMs = stateLimitMs): Promise<Uint8Array | undefined> {
    const channel = this.#channel;
    if (channel === undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      channel.call(method, message, limitMs, (end) => resolve(end.kind === "answer" ? end.message : undefined));
    });
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#wanted = false;
    this.#asked = true;
    const subprocess = this.#subprocess;
    if (subprocess === undefined) return;
    subprocess.kill(signal);
    await subprocess;
  }

  async #spawn(life: number): Promise<void> {
    const isCurrent = (): boolean => this.#wanted && this.#life === life;
    const [client, peer] = await freePorts(2);
    if (!isCurrent() || client === undefined || peer === undefined) return;
    const { binary, argumentsOf, environment, credentials, onStart, ward } = this.#options;
    const subprocess: Subprocess = execa(binary, argumentsOf({ client, peer }), {
      env: environment,
      // Variables named ETCD_... and proxies of whoever started us are not for this process.
      extendEnv: false,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      buffer: false,
      reject: false,
      cleanup: true,
    }) as unknown as Subprocess;
    this.#subprocess = subprocess;
    this.#asked = false;
    this.#stderr = "";
    this.#status = undefined;
    if (subprocess.pid !== undefined) ward(subprocess.pid, true);
    subprocess.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-keptStderrCharacters);
    });
    const channel = new GrpcChannel({ address: { host: "127.0.0.1", port: client }, clock: nodeClock, ...credentials });
    this.#channel = channel;
    void subprocess.then(({ exitCode, signal }) => this.#ended(subprocess, channel, life, exitCode, signal));
    onStart({ client, peer }, life);
    this.#watch(channel);
  }

  #watch(channel: GrpcChannel): void {
    if (this.#channel !== channel) return;
    channel.call(statusRequest.method, statusRequest.message, callLimitMs, (end) => {
      if (this.#channel !== channel) return;
      if (end.kind === "answer") {
        this.#status = readStatus(end.message);
        this.#options.onStatus(this.#status);
      }
      nodeClock.after(statusEveryMs, () => this.#watch(channel));
    });
  }

  #ended(subprocess: Subprocess, channel: GrpcChannel, life: number, exitCode?: number, signal?: string): void {
    const { node, ward, onExit } = this.#options;
    channel.close();
    if (subprocess.pid !== undefined) ward(subprocess.pid, false);
    this.#subprocess = undefined;
    this.#channel = undefined;
    this.#status = undefined;
    if (this.#wanted && this.#life === life && this.#portWasTaken()) return void this.#spawn(life);
    this.#wanted = false;
    const how = signal === undefined ? `exit code ${exitCode ?? "unknown"}` : `signal ${signal}`;
    const last = lastWords(this.#stderr);
    const description = `etcd ${node} (pid ${subprocess.pid ?? "unknown"}) ended with ${how}${last === "" ? "" : `: ${last}`}`;
    onExit({ asked: this.#asked, failed: signal === undefined && exitCode !== 0, description });
  }

  #portWasTaken(): boolean {
    return this.#stderr.includes("address already in use") && ++this.#portAttempts < portAttempts;
  }
}

/** @throws HarnessError when `member` ends, or does not serve in time. */
export async function untilServing(
  member: EtcdMember,
  ended: () => string | undefined,
  limitMs: Millis,
): Promise<void> {
  const endMs = nodeClock.nowMs() + limitMs;
  while (member.status === undefined) {
    const reason = ended();
    if (reason !== undefined) throw new HarnessError(`Cannot start etcd ${member.node}: ${reason}`);
    if (nodeClock.nowMs() > endMs) {
      throw new HarnessError(`Cannot start etcd ${member.node}: it did not serve within ${limitMs} ms`);
    }
    await new Promise<void>((resolve) => nodeClock.after(statusEveryMs / 2, resolve));
  }
}

/** etcd logs a JSON object per line; the last one that is worse than a warning, or the last one. */
function lastWords(stderr: string): string {
  const lines = stderr.trim().split("\n");
  const line = lines.findLast((each) => /"level":"(fatal|panic|error)"/.test(each)) ?? lines.at(-1) ?? "";
  return line.slice(0, 500);
}
