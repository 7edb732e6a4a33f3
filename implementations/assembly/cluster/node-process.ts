/**
 * The driver's handle of one node process: starts it with execa, talks to it over the control channel, restarts it,
 * and knows which of its ends were asked for.
 */

import type { ChildProcess } from "node:child_process";
import { execa } from "execa";
import { HarnessError } from "../../foundation/errors.ts";
import type { NodeId } from "../../foundation/units.ts";
import type { DriverMessage, ProcessConfiguration, ProcessMessage } from "./control.ts";

/** How a process ended. */
export interface NodeExit {
  /** Because we made it. */
  readonly asked: boolean;
  /** It ended itself with an error, rather than by a signal from outside. */
  readonly failed: boolean;
  readonly description: string;
  readonly life: number;
}

export interface NodeProcessOptions {
  /** The entry file. */
  readonly entry: string;
  readonly label: string;
  readonly configure: (life: number) => ProcessConfiguration;
  readonly onMessage: (message: ProcessMessage, life: number) => void;
  /** The process ended. */
  readonly onExit: (exit: NodeExit) => void;
  /** Puts the process under, or out of, the warden's watch. */
  readonly ward: (pid: number, watched: boolean) => void;
}

/** What is used of execa's subprocess. */
type NodeSubprocess = ChildProcess & PromiseLike<{ readonly exitCode?: number; readonly signal?: string }>;

/**
 * V8 lets the young generation grow to three times 16 MiB (more since 24) under load, and what dies in it drags the old
 * one and the allocator along: about 100 MB more of resident memory per node, and nothing faster for it.
 */
const memoryFlags = ["--max-semi-space-size=8"] as const;
/** How long a process may take to fall in line after an orderly stop. */
const stopLimitMs = 3000;

export class NodeProcess {
  readonly #options: NodeProcessOptions;
  #subprocess: NodeSubprocess | undefined;
  #life = 0;
  #asked = false;
  #stderr = "";
  #ready = Promise.withResolvers<void>();

  constructor(options: NodeProcessOptions) {
    this.#options = options;
  }

  get label(): string {
    return this.#options.label;
  }

  get pid(): number | undefined {
    return this.#subprocess?.pid;
  }

  get running(): boolean {
    return this.#subprocess !== undefined;
  }

  /** Starts the next life; the process reports "listening" when it can be connected. */
  start(): void {
    if (this.#subprocess !== undefined) return;
    const life = ++this.#life;
    this.#asked = false;
    this.#stderr = "";
    this.#ready = Promise.withResolvers<void>();
    this.#ready.promise.catch(() => undefined); // Nobody need wait for it; the exit is told by onExit.
    const subprocess: NodeSubprocess = execa(process.execPath, [...memoryFlags, this.#options.entry], {
      ipc: true,
      serialization: "advanced",
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      buffer: false,
      reject: false,
      cleanup: true,
    }) as unknown as NodeSubprocess;
    this.#subprocess = subprocess;
    if (subprocess.pid !== undefined) this.#options.ward(subprocess.pid, true);
    subprocess.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-2000);
    });
    subprocess.on("message", (message) => this.#received(message as unknown as ProcessMessage, life));
    void subprocess.then((result) => this.#ended(subprocess, life, result.exitCode, result.signal));
    this.send({ kind: "configure", configuration: this.#options.configure(life) });
  }

  /** Sends a message; one to a process that has ended is lost, as the process is. */
  send(message: DriverMessage): void {
    const subprocess = this.#subprocess;
    if (subprocess?.connected !== true) return;
    subprocess.send(message, undefined, undefined, () => undefined);
  }

  signal(signal: "SIGSTOP" | "SIGCONT" | "SIGKILL"): boolean {
    if (signal === "SIGKILL") this.#asked = true;
    return this.#subprocess?.kill(signal) ?? false;
  }

  /** Something inside the process is about to end it on our behalf (a torn write, a lost sync). */
  expectEnd(): void {
    this.#asked = true;
  }

  /** Asks the process to stop, waits, and kills it if it does not. */
  async stop(): Promise<void> {
    const subprocess = this.#subprocess;
    if (subprocess === undefined) return;
    this.#asked = true;
    subprocess.kill("SIGCONT");
    this.send({ kind: "stop" });
    const limit = setTimeout(() => subprocess.kill("SIGKILL"), stopLimitMs);
    await subprocess;
    clearTimeout(limit);
  }

  async kill(): Promise<void> {
    const subprocess = this.#subprocess;
    if (subprocess === undefined) return;
    this.#asked = true;
    subprocess.kill("SIGKILL");
    await subprocess;
  }

  /** Waits until the process takes part. @throws HarnessError when it ended, or gave up, first. */
  async started(): Promise<void> {
    await this.#ready.promise;
  }

  #received(message: ProcessMessage, life: number): void {
    if (this.#life !== life) return;
    if (message.kind === "started") this.#ready.resolve();
    if (message.kind === "failed")
      this.#ready.reject(new HarnessError(`Cannot start ${this.label}: ${message.reason}`));
    this.#options.onMessage(message, life);
  }

  #ended(subprocess: NodeSubprocess, life: number, exitCode?: number, signal?: string): void {
    if (subprocess.pid !== undefined) this.#options.ward(subprocess.pid, false);
    if (this.#subprocess === subprocess) this.#subprocess = undefined;
    const how = signal === undefined ? `exit code ${exitCode ?? "unknown"}` : `signal ${signal}`;
    const last = lastWords(this.#stderr);
    const description = `${this.label} (pid ${subprocess.pid ?? "unknown"}) ended with ${how}${last === "" ? "" : `: ${last}`}`;
    this.#ready.reject(new HarnessError(`Cannot start ${this.label}: ${description}`));
    const failed = signal === undefined && exitCode !== undefined && exitCode !== 0;
    this.#options.onExit({ asked: this.#asked, failed, description, life });
  }
}

/** The line that names the error: below it Node prints a stack and its own version. */
function lastWords(stderr: string): string {
  const lines = stderr.trim().split("\n");
  return lines.findLast((line) => /^\w*(Error|Failure|Lost|Damage)\b.*: /.test(line)) ?? lines.at(-1) ?? "";
}

/** The hosted nodes of a process, for its label: "n1" or "n1 n2 n3". */
export function labelOf(hosted: readonly NodeId[]): string {
  return hosted.join(" ");
}
