/**
 * From words on a command line to a command and its input, or to the help that was asked for.
 *
 * Two passes. A strict scan first: every option is known, given once and has its value, every positional argument has
 * a place; what is wrong becomes one line that names it. yargs then parses the words in a normal form (`--name=value`)
 * and lays out the help. yargs' own strictness is not used: it lets `--json=maybe` and a mistyped option before a
 * positional argument pass, and its messages span lines.
 */

import yargs from "yargs";
import type { Options as YargsOption } from "yargs";
import { UsageError } from "../../implementations/foundation/errors.ts";
import { commonOptions, Input } from "./command.ts";
import type { Command, OptionSpec } from "./command.ts";
import { hint, oneOf } from "./nearest.ts";

export type Parsed =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "run"; readonly command: Command; readonly input: Input };

/** How the help introduces and closes itself. */
export interface Frame {
  readonly introduction: string;
  readonly closing: string;
  readonly version: string;
  readonly columns: number;
}

/**
 * Parses the words after the program's name. No words at all ask for help.
 *
 * @throws UsageError with one line, for anything that is unknown, missing or too much.
 */
export async function parseArguments(
  words: readonly string[],
  commands: readonly Command[],
  frame: Frame,
): Promise<Parsed> {
  const scanned = scan(words, commands);
  if (scanned.version) return { kind: "text", text: frame.version };
  const asksHelp = scanned.help || scanned.command === undefined;
  const normal = asksHelp ? [...commandWord(scanned), "--help"] : scanned.normal;
  let text = "";
  let values: Record<string, unknown> = {};
  await parserOf(commands, frame).parse(normal, {}, (error, argv, output) => {
    if (error) throw error;
    text = output;
    values = argv;
  });
  if (scanned.command === undefined || asksHelp) return { kind: "text", text };
  return { kind: "run", command: scanned.command, input: inputOf(scanned.command, values) };
}

interface Scanned {
  readonly command: Command | undefined;
  readonly normal: readonly string[];
  readonly help: boolean;
  readonly version: boolean;
}

const askingOptions: Readonly<Record<string, OptionSpec>> = {
  help: { kind: "flag", describe: "Show this help" },
  version: { kind: "flag", describe: "Show the version" },
};

function optionsOf(command: Command | undefined): Readonly<Record<string, OptionSpec>> {
  return { ...command?.options, ...commonOptions, ...askingOptions };
}

function scan(words: readonly string[], commands: readonly Command[]): Scanned {
  const names = commands.map(({ name }) => name);
  const commandName = words.find((word) => !word.startsWith("-"));
  const command = commands.find(({ name }) => name === commandName);
  if (commandName !== undefined && command === undefined) oneOf(commandName, names, "grey", "command");

  const options = optionsOf(command);
  const normal: string[] = [];
  const positionals: string[] = [];
  const given = new Set<string>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "--") continue; // Some package managers pass their own separator on.
    if (!word.startsWith("-")) {
      positionals.push(word);
      continue;
    }
    const { name, value } = splitOption(word === "-h" ? "--help" : word, options, command);
    const spec = options[name]!;
    const repeatable = spec.kind === "list" || spec.kind === "words";
    if (given.has(name) && !repeatable) throw new UsageError(`--${name}: is given twice; allowed: once`);
    given.add(name);
    if (spec.kind === "flag") {
      if (value !== undefined) throw new UsageError(`--${name}: takes no value, is "${value}"`);
      normal.push(`--${name}`);
      continue;
    }
    const taken = value === undefined ? following(words, at + 1, spec) : [value];
    if (taken.length === 0 || taken.includes("")) {
      throw new UsageError(`--${name}: has no value; wanted: --${name} ${spec.example ?? "VALUE"}`);
    }
    if (value === undefined) at += taken.length;
    normal.push(...taken.map((each) => `--${name}=${each}`));
  }
  const [, ...places] = positionals;
  const asks = given.has("help") || given.has("version");
  if (command !== undefined && !asks) requirePlaces(command, places);
  return { command, normal: [...positionals, ...normal], help: given.has("help"), version: given.has("version") };
}

function commandWord({ command }: Scanned): readonly string[] {
  return command === undefined ? [] : [command.name];
}

function splitOption(
  word: string,
  options: Readonly<Record<string, OptionSpec>>,
  command: Command | undefined,
): { name: string; value: string | undefined } {
  const equals = word.indexOf("=");
  const name = (equals === -1 ? word : word.slice(0, equals)).replace(/^--/, "");
  if (Object.hasOwn(options, name)) return { name, value: equals === -1 ? undefined : word.slice(equals + 1) };
  const shown = name.startsWith("-") ? name : `--${name}`;
  const where = command === undefined ? "grey" : `grey ${command.name}`;
  const names = Object.keys(options).map((each) => `--${each}`);
  throw new UsageError(`${where}: unknown option "${shown}"${hint(shown, names)}`);
}

/** The values after an option. "-5s" is a value, so that it can be refused as a duration rather than as an option. */
function following(words: readonly string[], start: number, spec: OptionSpec): readonly string[] {
  const isValue = (word: string | undefined): word is string =>
    word !== undefined && (!word.startsWith("-") || /^-[.\d]/.test(word));
  let end = start;
  while (isValue(words[end]) && (spec.kind === "words" || end === start)) end++;
  return words.slice(start, end);
}

function requirePlaces(command: Command, places: readonly string[]): void {
  const wanted = `wanted: grey ${usageOf(command)}`;
  const extra = places[command.positionals.length];
  if (extra !== undefined) throw new UsageError(`grey ${command.name}: unexpected argument "${extra}"; ${wanted}`);
  const missing = command.positionals.find((positional, at) => !positional.optional && places[at] === undefined);
  if (missing !== undefined) {
    throw new UsageError(`grey ${command.name}: ${missing.name.toUpperCase()} is missing; ${wanted}`);
  }
}

function usageOf({ name, positionals }: Command): string {
  const places = positionals.map((each) => (each.optional ? `[${each.name.toUpperCase()}]` : each.name.toUpperCase()));
  return [name, ...places].join(" ");
}

function parserOf(commands: readonly Command[], frame: Frame): ReturnType<typeof yargs> {
  const parser = yargs()
    .scriptName("grey")
    .usage(frame.introduction)
    .epilogue(frame.closing)
    .locale("en")
    .wrap(frame.columns)
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error) => {
      throw error ?? new UsageError(`grey: ${message}`);
    })
    .parserConfiguration({
      "boolean-negation": false,
      "camel-case-expansion": false,
      "dot-notation": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "short-option-groups": false,
    })
    .help("help", askingOptions["help"]!.describe)
    .version("version", askingOptions["version"]!.describe, frame.version)
    .demandCommand(0);
  for (const command of commands) addCommand(parser, command);
  return parser;
}

function addCommand(parser: ReturnType<typeof yargs>, command: Command): void {
  const places = command.positionals.map(({ name, optional }) => (optional ? `[${name}]` : `<${name}>`));
  parser.command(
    [command.name, ...places].join(" "),
    command.summary,
    (builder) => {
      for (const { name, describe } of command.positionals) builder.positional(name, { describe, type: "string" });
      for (const [name, spec] of Object.entries({ ...command.options, ...commonOptions })) {
        builder.option(name, yargsOption(spec));
      }
      for (const example of command.examples) builder.example(example.command, example.meaning);
      return builder;
    },
    () => undefined,
  );
}

function yargsOption({ kind, describe, default: fallback }: OptionSpec): YargsOption {
  if (kind === "flag") return { describe, type: "boolean" };
  const given = fallback === undefined ? {} : { default: kind === "text" ? fallback : fallback.split(",") };
  return kind === "text" ? { describe, type: "string", ...given } : { describe, array: true, string: true, ...given };
}

function inputOf(command: Command, values: Readonly<Record<string, unknown>>): Input {
  const texts = new Map<string, readonly string[]>();
  const flags = new Set<string>();
  for (const [name, { kind }] of Object.entries(optionsOf(command))) {
    const value = values[name];
    if (kind === "flag" && value === true) flags.add(name);
    if (kind === "text" && typeof value === "string") texts.set(name, [value]);
    if ((kind === "list" || kind === "words") && Array.isArray(value)) texts.set(name, parts(value, name));
  }
  for (const { name } of command.positionals) {
    const value = values[name];
    if (typeof value === "string") texts.set(name, [value]);
  }
  return new Input(texts, flags);
}

function parts(values: readonly unknown[], name: string): readonly string[] {
  const found = values.flatMap((value) => String(value).split(",")).map((part) => part.trim());
  if (found.includes("")) throw new UsageError(`--${name}: has an empty part; wanted: names separated by commas`);
  const twice = found.find((part, at) => found.indexOf(part) !== at);
  if (twice !== undefined) throw new UsageError(`--${name}: "${twice}" is given twice; allowed: once`);
  return found;
}
