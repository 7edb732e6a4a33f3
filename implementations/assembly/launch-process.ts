/**
 * Starts a process of a deployment: under the warden's watch, without a standard output, and with the end of what it
 * says on its standard error kept for the one line that tells why it ended.
 */

import type { ChildProcess } from "node:child_process";
import { execa } from "execa";

export interface LaunchOptions {
  readonly file: string;
  readonly arguments: readonly string[];
  /** Its whole environment; otherwise it gets ours. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it speaks to us over Node's IPC pipe. */
  readonly ipc: boolean;
  readonly keptStderrCharacters: number;
  /** Puts the process under, or out of, the warden's watch. */
  readonly ward: (pid: number, watched: boolean) => void;
}

export interface ProcessEnd {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** "exit code 1", "signal SIGKILL". */
  readonly how: string;
  /** The end of its standard error. */
  readonly stderr: string;
}

export interface LaunchedProcess {
  readonly child: ChildProcess;
  /** Never rejects. */
  readonly ended: Promise<ProcessEnd>;
}

/** What is used of execa's subprocess. */
type Subprocess = ChildProcess & PromiseLike<{ readonly exitCode?: number; readonly signal?: string }>;

export function launchProcess(options: LaunchOptions): LaunchedProcess {
  const { file, environment, ipc, keptStderrCharacters, ward } = options;
  const child = execa(file, options.arguments, {
    ...(ipc ? { ipc, serialization: "advanced" as const } : {}),
    ...(environment === undefined ? {} : { env: environment, extendEnv: false }),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    buffer: false,
    reject: false,
    cleanup: true,
  }) as unknown as Subprocess;
  const { pid } = child;
  if (pid !== undefined) ward(pid, true);
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-keptStderrCharacters);
  });
  const ended = Promise.resolve(child).then(({ exitCode, signal }): ProcessEnd => {
    if (pid !== undefined) ward(pid, false);
    const how = signal === undefined ? `exit code ${exitCode ?? "unknown"}` : `signal ${signal}`;
    return { exitCode, signal, how, stderr };
  });
  return { child, ended };
}
