/**
 * What a command of `grey` is: its arguments as data, from which help and the strict parser are made, and its `run`.
 *
 * A command returns its exit code and throws UsageError or HarnessError for what a person has to put right; it never
 * ends the process and never touches `process`: everything it may use of the world is in its Context.
 */

import type { Backends } from "./backends.ts";

/** 0: all valid or reproduced. 1: something is not. 2: unknown or inconclusive. 3: bad input, or the harness failed. */
export type ExitCode = 0 | 1 | 2 | 3;

export interface OptionSpec {
  /**
   * text: one value. list: values separated by commas, repeatable. words: the same, and spaces separate too, which is
   * only safe in commands without positional arguments. flag: no value.
   */
  readonly kind: "text" | "list" | "words" | "flag";
  readonly describe: string;
  /** A value that would be accepted, for messages: "20s". */
  readonly example?: string;
  readonly default?: string;
}

export interface PositionalSpec {
  readonly name: string;
  readonly describe: string;
  readonly optional: boolean;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly positionals: readonly PositionalSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly { readonly command: string; readonly meaning: string }[];
  run(input: Input, context: Context): Promise<ExitCode>;
}

/** Options every command has. */
export const commonOptions = {
  json: { kind: "flag", describe: "Print one JSON object on stdout and nothing else; progress goes to stderr" },
  debug: { kind: "flag", describe: "Print the stack of an unexpected error (as GREY_DEBUG=1 does)" },
} as const satisfies Record<string, OptionSpec>;

/** The arguments of one command, after the strict scan: names are known, counts are right, values are still text. */
export class Input {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #flags: ReadonlySet<string>;

  constructor(values: ReadonlyMap<string, readonly string[]>, flags: ReadonlySet<string>) {
    this.#values = values;
    this.#flags = flags;
  }

  /** The value of an option or positional argument; undefined when it was not given and has no default. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /** The parts of a list, in order; empty when it was not given. */
  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  flag(name: string): boolean {
    return this.#flags.has(name);
  }
}

/** The world as a command sees it. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Aborted when the person asked to stop: finish what is under way, keep what is measured, return. */
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The version of this package, for `--version`. */
  readonly version: string;
}

export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Width of the terminal; 100 when there is none. */
  readonly columns: number;
}

export interface Context {
  readonly io: Io;
  readonly backends: Backends;
  /** The command as it was typed, to be recorded and to be repeated. */
  readonly commandLine: string;
}
