/**
 * The driver's handle of one etcd process: starts it on fresh ports, watches it by its Status, restarts it, and knows
 * which of its ends were asked for.
 *
 * Every life listens on other ports, chosen just before it starts: a port that somebody took in the meantime costs one
 * more attempt and nothing else, since the others reach it through the links. The driver looks at a member (status,
 * state) over a connection of its own, past the links: what it sees does not depend on the faults it injects.
 */

import { HarnessError } from "../../foundation/errors.ts";
import type { Millis, NodeId } from "../../foundation/units.ts";
import type { MemberStatus } from "../../consensus/peers/etcd-state.ts";
import { readStatus, statusRequest } from "../../consensus/peers/etcd-state.ts";
import { nodeClock } from "../../platform/node/clock.ts";
import { freePorts } from "../../platform/node/free-ports.ts";
import { GrpcChannel } from "../../platform/node/grpc-channel.ts";
import type { GrpcChannelOptions } from "../../platform/node/grpc-channel.ts";
import { launchProcess } from "../launch-process.ts";
import type { LaunchedProcess, ProcessEnd } from "../launch-process.ts";

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

const statusEveryMs: Millis = 50;
const callLimitMs: Millis = 1000;
const stateLimitMs: Millis = 10_000;
/** How long an orderly stop may take: a leader first hands its office over. */
const stopLimitMs: Millis = 5000;
const portAttempts = 10;
const keptStderrCharacters = 4000;

export class EtcdMember {
  readonly #options: EtcdMemberOptions;
  #launched: LaunchedProcess | undefined;
  #channel: GrpcChannel | undefined;
  #life = 0;
  #wanted = false;
  #asked = false;
  #status: MemberStatus | undefined;
  #portAttempts = 0;

  constructor(options: EtcdMemberOptions) {
    this.#options = options;
  }

  get node(): NodeId {
    return this.#options.node;
  }

  get pid(): number | undefined {
    return this.#launched?.child.pid;
  }

  get running(): boolean {
    return this.#launched !== undefined;
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
    return this.#launched?.child.kill(signal) ?? false;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks it to stop, waits, and kills it if it does not. */
  async stop(): Promise<void> {
    const child = this.#launched?.child;
    child?.kill("SIGCONT");
    const limit = nodeClock.after(stopLimitMs, () => child?.kill("SIGKILL"));
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
    const launched = this.#launched;
    if (launched === undefined) return;
    launched.child.kill(signal);
    await launched.ended;
  }

  async #spawn(life: number): Promise<void> {
    const isCurrent = (): boolean => this.#wanted && this.#life === life;
    const [client, peer] = await freePorts(2);
    if (!isCurrent() || client === undefined || peer === undefined) return;
    const { binary, argumentsOf, environment, credentials, onStart, ward } = this.#options;
    const launched = launchProcess({
      file: binary,
      arguments: argumentsOf({ client, peer }),
      // Variables named ETCD_... and proxies of whoever started us are not for this process.
      environment,
      ipc: false,
      keptStderrCharacters,
      ward,
    });
    this.#launched = launched;
    this.#asked = false;
    this.#status = undefined;
    const channel = new GrpcChannel({ address: { host: "127.0.0.1", port: client }, clock: nodeClock, ...credentials });
    this.#channel = channel;
    void launched.ended.then((end) => this.#ended(launched, channel, life, end));
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

  #ended({ child }: LaunchedProcess, channel: GrpcChannel, life: number, end: ProcessEnd): void {
    const { node, onExit } = this.#options;
    const { exitCode, signal, how, stderr } = end;
    channel.close();
    this.#launched = undefined;
    this.#channel = undefined;
    this.#status = undefined;
    if (this.#wanted && this.#life === life && this.#portWasTaken(stderr)) return void this.#spawn(life);
    this.#wanted = false;
    const last = lastWords(stderr);
    const description = `etcd ${node} (pid ${child.pid ?? "unknown"}) ended with ${how}${last === "" ? "" : `: ${last}`}`;
    onExit({ asked: this.#asked, failed: signal === undefined && exitCode !== 0, description });
  }

  #portWasTaken(stderr: string): boolean {
    return stderr.includes("address already in use") && ++this.#portAttempts < portAttempts;
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
