/**
 * The driver's handle of one node process: starts it, talks to it over the control channel, restarts it,
 * and knows which of its ends were asked for.
 */

import { HarnessError } from "../../foundation/errors.ts";
import type { NodeId } from "../../foundation/units.ts";
import { launchProcess } from "../launch-process.ts";
import type { LaunchedProcess, ProcessEnd } from "../launch-process.ts";
import type { ModuleTypes } from "../module-kit.ts";
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

export interface NodeProcessOptions<Types extends ModuleTypes> {
  /** The entry file. */
  readonly entry: string;
  readonly label: string;
  readonly configure: (life: number) => ProcessConfiguration;
  readonly onMessage: (message: ProcessMessage<Types>, life: number) => void;
  /** The process ended. */
  readonly onExit: (exit: NodeExit) => void;
  /** Puts the process under, or out of, the warden's watch. */
  readonly ward: (pid: number, watched: boolean) => void;
}

/**
 * V8 lets the young generation grow to three times 16 MiB (more since 24) under load, and what dies in it drags the old
 * one and the allocator along: about 100 MB more of resident memory per node, and nothing faster for it.
 */
const memoryFlags = ["--max-semi-space-size=8"] as const;
/** How long a process may take to fall in line after an orderly stop. */
const stopLimitMs = 3000;
const keptStderrCharacters = 2000;

export class NodeProcess<Types extends ModuleTypes> {
  readonly #options: NodeProcessOptions<Types>;
  #launched: LaunchedProcess | undefined;
  #life = 0;
  #asked = false;
  #ready = Promise.withResolvers<void>();

  constructor(options: NodeProcessOptions<Types>) {
    this.#options = options;
  }

  get label(): string {
    return this.#options.label;
  }

  get pid(): number | undefined {
    return this.#launched?.child.pid;
  }

  get running(): boolean {
    return this.#launched !== undefined;
  }

  /** Starts the next life; the process reports "listening" when it can be connected. */
  start(): void {
    if (this.#launched !== undefined) return;
    const life = ++this.#life;
    this.#asked = false;
    this.#ready = Promise.withResolvers<void>();
    this.#ready.promise.catch(() => undefined); // Nobody need wait for it; the exit is told by onExit.
    const { entry, ward } = this.#options;
    const launched = launchProcess({
      file: process.execPath,
      arguments: [...memoryFlags, entry],
      ipc: true,
      keptStderrCharacters,
      ward,
    });
    this.#launched = launched;
    launched.child.on("message", (message) => this.#received(message as unknown as ProcessMessage<Types>, life));
    void launched.ended.then((end) => this.#ended(launched, life, end));
    this.send({ kind: "configure", configuration: this.#options.configure(life) });
  }

  /** Sends a message; one to a process that has ended is lost, as the process is. */
  send(message: DriverMessage): void {
    const child = this.#launched?.child;
    if (child?.connected !== true) return;
    child.send(message, undefined, undefined, () => undefined);
  }

  signal(signal: "SIGSTOP" | "SIGCONT" | "SIGKILL"): boolean {
    if (signal === "SIGKILL") this.#asked = true;
    return this.#launched?.child.kill(signal) ?? false;
  }

  /** Something inside the process is about to end it on our behalf (a torn write, a lost sync). */
  expectEnd(): void {
    this.#asked = true;
  }

  /** Asks the process to stop, waits, and kills it if it does not. */
  async stop(): Promise<void> {
    const launched = this.#launched;
    if (launched === undefined) return;
    this.#asked = true;
    launched.child.kill("SIGCONT");
    this.send({ kind: "stop" });
    const limit = setTimeout(() => launched.child.kill("SIGKILL"), stopLimitMs);
    await launched.ended;
    clearTimeout(limit);
  }

  async kill(): Promise<void> {
    const launched = this.#launched;
    if (launched === undefined) return;
    this.#asked = true;
    launched.child.kill("SIGKILL");
    await launched.ended;
  }

  /** Waits until the process takes part. @throws HarnessError when it ended, or gave up, first. */
  async started(): Promise<void> {
    await this.#ready.promise;
  }

  #received(message: ProcessMessage<Types>, life: number): void {
    if (this.#life !== life) return;
    if (message.kind === "started") this.#ready.resolve();
    if (message.kind === "failed")
      this.#ready.reject(new HarnessError(`Cannot start ${this.label}: ${message.reason}`));
    this.#options.onMessage(message, life);
  }

  #ended(launched: LaunchedProcess, life: number, { exitCode, signal, how, stderr }: ProcessEnd): void {
    if (this.#launched === launched) this.#launched = undefined;
    const last = lastWords(stderr);
    const pid = launched.child.pid ?? "unknown";
    const description = `${this.label} (pid ${pid}) ended with ${how}${last === "" ? "" : `: ${last}`}`;
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
