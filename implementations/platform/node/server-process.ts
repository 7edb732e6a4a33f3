/**
 * A foreign server as a process: started on a fresh loopback port, watched until it says that it serves, stopped where
 * it stands, ended together with its children, and started again on the same data.
 *
 * Every life listens on another port, chosen just before it starts: a port that somebody took in the meantime costs one
 * more attempt and nothing else. A pause and a kill reach the children too, since PostgreSQL works in them: the parent
 * is stopped first, so that it makes no more of them while they are looked for.
 *
 * That nothing outlives us is the affair of whoever is given to `ward`; execa ends the process where we end in order.
 */

import type { ChildProcess } from "node:child_process";
import { execa } from "execa";
import { HarnessError } from "../../foundation/errors.ts";
import type { Millis } from "../../foundation/units.ts";
import { nodeClock } from "./clock.ts";
import { freePorts } from "./free-ports.ts";
import { childrenOf, isAlive, signalProcess } from "./process-tree.ts";

/** Has a process ended, should we end in whatever way, from `watched` true to `watched` false. */
export type Ward = (pid: number, watched: boolean) => void;

export interface ServerExit {
  readonly asked: boolean;
  /** It came to its end with exit code 0. */
  readonly orderly: boolean;
  /** It ended itself with an error, rather than by a signal from outside. */
  readonly failed: boolean;
  readonly description: string;
}

export interface ServerProcessOptions {
  /** "redis n1": what messages call it. */
  readonly name: string;
  readonly binary: string;
  readonly argumentsOf: (port: number) => readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** Another user to run as, and a file descriptor that the process gets as its number 3. */
  readonly identity?: { readonly uid: number; readonly gid: number };
  readonly inherited?: number;
  /** What it prints once it serves. */
  readonly saysReady: RegExp;
  /** Lines of its output that tell why it ended. */
  readonly tellsWhy: RegExp;
  /** Asks for an orderly stop. */
  readonly stopSignal: NodeJS.Signals;
  readonly onExit: (exit: ServerExit) => void;
  readonly ward: Ward;
}

/** What is used of execa's subprocess. */
interface Ending {
  readonly exitCode?: number;
  readonly signal?: string;
  /** Why it could not even be started. */
  readonly originalMessage?: string;
}
type Subprocess = ChildProcess & PromiseLike<Ending>;

const startLimitMs: Millis = 60_000;
/** How long an orderly stop may take, and how long ended children may take to be gone. */
const stopLimitMs: Millis = 10_000;
const goneLimitMs: Millis = 5000;
const pollMs: Millis = 5;
const portAttempts = 10;
const keptOutputCharacters = 8000;

export class ServerProcess {
  readonly #options: ServerProcessOptions;
  #subprocess: Subprocess | undefined;
  #wanted = false;
  #asked = false;
  #port = 0;
  #output = "";
  #ready: (() => void) | undefined;
  #ended: string | undefined;
  /** Children that were stopped, and are watched over meanwhile. */
  #frozen: readonly number[] = [];

  constructor(options: ServerProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#subprocess?.pid;
  }

  get running(): boolean {
    return this.#subprocess !== undefined;
  }

  /**
   * Starts the next life, and waits until it serves.
   *
   * @param wantedPort the port to listen on; another one in every life unless it is given.
   * @returns the loopback port; undefined when it was asked to end meanwhile.
   * @throws HarnessError when it ends by itself, or does not serve in time.
   */
  async start(wantedPort?: number): Promise<number | undefined> {
    this.#wanted = true;
    for (let attempt = 1; this.#wanted; attempt++) {
      const [port] = wantedPort === undefined ? await freePorts(1) : [wantedPort];
      if (!this.#wanted || port === undefined) return undefined;
      await this.#spawn(port);
      if (!this.#wanted) return undefined;
      if (this.#ended === undefined) return port;
      if (attempt < portAttempts && /address already in use/i.test(this.#output)) continue;
      this.#wanted = false;
      throw new HarnessError(`Cannot start ${this.#options.name}: ${this.#ended}`);
    }
    return undefined;
  }

  /** Stops it and its children where they stand. @returns whether there was something to stop. */
  freeze(): boolean {
    const pid = this.pid;
    if (pid === undefined || !signalProcess(pid, "SIGSTOP")) return false;
    this.#frozen = childrenOf(pid);
    for (const child of this.#frozen) {
      this.#options.ward(child, true); // It could not notice that its parent is gone.
      signalProcess(child, "SIGSTOP");
    }
    return true;
  }

  thaw(): void {
    for (const child of this.#frozen) {
      signalProcess(child, "SIGCONT");
      this.#options.ward(child, false);
    }
    this.#frozen = [];
    this.#subprocess?.kill("SIGCONT");
  }

  /** Ends it and its children at once. */
  async kill(): Promise<void> {
    this.#wanted = false;
    const subprocess = this.#subprocess;
    if (subprocess?.pid === undefined) return;
    this.#asked = true;
    subprocess.kill("SIGSTOP");
    const children = childrenOf(subprocess.pid);
    subprocess.kill("SIGKILL");
    for (const child of children) signalProcess(child, "SIGKILL");
    await subprocess;
    for (const child of this.#frozen) this.#options.ward(child, false);
    this.#frozen = [];
    await untilGone(children);
  }

  /** Asks it to stop, waits, and kills it if it does not. */
  async stop(signal = this.#options.stopSignal): Promise<void> {
    this.#wanted = false;
    const subprocess = this.#subprocess;
    if (subprocess === undefined) return;
    this.#asked = true;
    this.thaw();
    subprocess.kill(signal);
    const limit = nodeClock.after(stopLimitMs, () => void this.kill());
    await subprocess;
    limit.cancel();
  }

  /** Resolves when this life serves or has ended. */
  async #spawn(port: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const subprocess = this.#execute(port);
    this.#subprocess = subprocess;
    this.#port = port;
    this.#asked = false;
    this.#output = "";
    this.#ended = undefined;
    this.#ready = resolve;
    if (subprocess.pid !== undefined) this.#options.ward(subprocess.pid, true);
    for (const stream of [subprocess.stdout, subprocess.stderr]) {
      stream?.on("data", (chunk: Buffer) => this.#hear(chunk.toString()));
    }
    void subprocess.then((ending) => this.#end(subprocess, ending));
    const limit = nodeClock.after(startLimitMs, () => {
      this.#output += `\nit did not serve within ${startLimitMs} ms`;
      subprocess.kill("SIGKILL");
    });
    await promise;
    limit.cancel();
  }

  #execute(port: number): Subprocess {
    const { binary, argumentsOf, environment, workingDirectory, identity, inherited } = this.#options;
    return execa(binary, argumentsOf(port), {
      cwd: workingDirectory,
      env: environment,
      // Variables of whoever started us are not for this process: PGPORT, PGDATA.
      extendEnv: false,
      stdio: stdioWith(inherited === undefined ? [] : [inherited]),
      buffer: false,
      reject: false,
      cleanup: true,
      ...identity,
    }) as unknown as Subprocess;
  }

  #hear(text: string): void {
    this.#output = (this.#output + text).slice(-keptOutputCharacters);
    if (this.#ready !== undefined && this.#options.saysReady.test(this.#output)) this.#tellReady();
  }

  #tellReady(): void {
    this.#ready?.();
    this.#ready = undefined;
  }

  #end(subprocess: Subprocess, { exitCode, signal, originalMessage }: Ending): void {
    const { name, ward, onExit } = this.#options;
    if (subprocess.pid !== undefined) ward(subprocess.pid, false);
    this.#subprocess = undefined;
    const how = signal === undefined ? `exit code ${exitCode ?? "unknown"}` : `signal ${signal}`;
    if (subprocess.pid === undefined) this.#output += originalMessage ?? "";
    const why = this.#lastWords();
    this.#ended = `${name} (pid ${subprocess.pid ?? "unknown"}, port ${this.#port}) ended with ${how}${why}`;
    const wasStarting = this.#ready !== undefined;
    this.#tellReady();
    if (wasStarting && !this.#asked) return; // `start` says it.
    this.#wanted = false;
    const orderly = exitCode === 0;
    onExit({ asked: this.#asked, orderly, failed: signal === undefined && !orderly, description: this.#ended });
  }

  #lastWords(): string {
    const lines = this.#output.trim().split("\n");
    const line = lines.findLast((each) => this.#options.tellsWhy.test(each)) ?? lines.at(-1) ?? "";
    return line === "" ? "" : `: ${line.trim().slice(0, 500)}`;
  }
}

/**
 * No input, output that is read, and `descriptors` of ours as the process's numbers 3, 4, ... (execa's types leave out
 * what it hands on to Node).
 */
export function stdioWith(descriptors: readonly number[]): ["ignore", "pipe", "pipe"] {
  return ["ignore", "pipe", "pipe", ...descriptors] as unknown as ["ignore", "pipe", "pipe"];
}

async function untilGone(pids: readonly number[]): Promise<void> {
  const endMs = nodeClock.nowMs() + goneLimitMs;
  while (pids.some(isAlive) && nodeClock.nowMs() < endMs) {
    await new Promise<void>((resolve) => nodeClock.after(pollMs, resolve));
  }
}
