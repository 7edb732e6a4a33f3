/**
 * Reads EDN as histories have it: maps, vectors, lists, sets, keywords, strings, numbers, nil, booleans, symbols,
 * characters, comments, commas and discarded forms. A tag is dropped and its form kept: histories print their records
 * as `#jepsen.history.Op{...}`. A number beyond what a double holds exactly, and a ratio, are kept as their text.
 *
 * Works on text that arrives line by line: `feed` returns the forms that a line completed.
 *
 * @see Hickey, "Extensible Data Notation", edn-format.org.
 */

import { MalformedHistory } from "./format.ts";

export type Edn = null | boolean | number | string | Keyword | EdnSequence | EdnMap;

/** `:name`, or a bare symbol with `isSymbol`. */
export interface Keyword {
  readonly kind: "keyword";
  readonly name: string;
  readonly isSymbol: boolean;
}
export interface EdnSequence {
  readonly kind: "sequence";
  readonly items: readonly Edn[];
}
/** Keyed by the names of keywords, which is all that histories have. */
export interface EdnMap {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Edn>;
}

/**
 * White space and commas; comments; strings; characters; discards, sets and tags; brackets; everything else up to a
 * delimiter; and at last any one character, so that nothing is skipped unseen.
 */
const tokens =
  /[\s,]+|;.*|"(?:[^"\\]|\\.)*"|\\(?:[a-zA-Z0-9]+|.)|#_|#\{|#[^\s,;"()[\]{}]+|[()[\]{}]|[^\s,;"()[\]{}]+|./g;

interface Open {
  readonly close: ")" | "]" | "}";
  readonly isSet: boolean;
  readonly isDiscarded: boolean;
  readonly line: number;
  readonly items: Edn[];
}

/** How the text around the events is left: a history may be one vector or a bare stream of maps. */
export class EdnReader {
  readonly #open: Open[] = [];
  #outermost: "unknown" | "stream" | "sequence" | "closed" = "unknown";
  /** How many of the next forms are to be dropped. */
  #discards = 0;

  /** Returns the events (forms of the stream, or items of the one outermost vector or list) completed in this line. */
  feed(text: string, line: number): readonly Edn[] {
    const completed: Edn[] = [];
    for (const [token] of text.matchAll(tokens)) {
      if (/^(?:[\s,;]|#[\w.*+!?$%&=<>/-])/.test(token) && !token.startsWith("#_")) continue;
      this.#take(token, line, completed);
    }
    return completed;
  }

  /** @throws MalformedHistory when a form is still open: the text was cut. */
  end(line: number): void {
    const open = this.#open.at(-1);
    if (open === undefined && this.#outermost !== "sequence") return;
    const since = open === undefined ? "of the history's vector" : `of the form opened in line ${open.line}`;
    throw new MalformedHistory(line, `the end ${since}`, "the end of the file: it was truncated");
  }

  #take(token: string, line: number, completed: Edn[]): void {
    if (this.#outermost === "closed") throw new MalformedHistory(line, "nothing after the history's vector", token);
    if (token === "#_") {
      this.#discards++;
      return;
    }
    if (token === "(" || token === "[" || token === "{" || token === "#{") {
      if (this.#outermost === "unknown") {
        this.#outermost = token === "{" ? "stream" : "sequence";
        if (token !== "{") return;
      }
      const isDiscarded = this.#takeDiscard();
      const close = token === "(" ? ")" : token === "[" ? "]" : "}";
      this.#open.push({ close, isSet: token === "#{", isDiscarded, line, items: [] });
      return;
    }
    if (token !== ")" && token !== "]" && token !== "}") {
      if (!this.#takeDiscard()) this.#add(atomOf(token, line), line, completed);
      return;
    }
    const open = this.#open.pop();
    if (open === undefined && this.#outermost === "sequence" && token !== "}") {
      this.#outermost = "closed";
      return;
    }
    if (open?.close !== token)
      throw new MalformedHistory(line, open === undefined ? "a form" : `"${open.close}"`, token);
    if (open.isDiscarded) return;
    const isMap = token === "}" && !open.isSet;
    this.#add(isMap ? mapOf(open) : { kind: "sequence", items: open.items }, line, completed);
  }

  #takeDiscard(): boolean {
    if (this.#discards === 0) return false;
    this.#discards--;
    return true;
  }

  #add(form: Edn, line: number, completed: Edn[]): void {
    const open = this.#open.at(-1);
    if (open !== undefined) open.items.push(form);
    else if (this.#outermost === "unknown")
      throw new MalformedHistory(line, "a map, a vector or a list", showEdn(form));
    else completed.push(form);
  }
}

/** A form as text, for messages. */
export function showEdn(form: Edn | undefined): string {
  if (form === undefined) return "nothing";
  if (form === null) return "nil";
  if (typeof form !== "object") return JSON.stringify(form);
  if (form.kind === "keyword") return form.isSymbol ? form.name : `:${form.name}`;
  if (form.kind === "sequence") return `[${form.items.map(showEdn).join(" ")}]`;
  return `{${[...form.entries].map(([name, value]) => `:${name} ${showEdn(value)}`).join(", ")}}`;
}

function mapOf({ items, line }: Open): EdnMap {
  if (items.length % 2 !== 0) throw new MalformedHistory(line, "a map of keys and values", "a key without a value");
  const entries = new Map<string, Edn>();
  for (let index = 0; index < items.length; index += 2) {
    const key = items[index]!;
    const isKeyword = typeof key === "object" && key !== null && key.kind === "keyword";
    entries.set(isKeyword ? key.name : showEdn(key), items[index + 1]!);
  }
  return { kind: "map", entries };
}

function atomOf(token: string, line: number): Edn {
  if (token.startsWith('"')) {
    if (token.length > 1 && token.endsWith('"')) return unescape(token);
    throw new MalformedHistory(line, "the end of a string in its line", token.slice(0, 40));
  }
  if (token.startsWith(":") && token.length > 1) return { kind: "keyword", name: token.slice(1), isSymbol: false };
  if (token === "nil") return null;
  if (token === "true" || token === "false") return token === "true";
  if (/^[-+]?\d+(\.\d*)?([eE][-+]?\d+)?[NM]?$/.test(token)) return numberOf(token.replace(/[NM]$/, ""));
  if (/^[-+]?\d+\/\d+$/.test(token)) return token;
  if (token.startsWith("\\")) return token.slice(1);
  if (/^[A-Za-z_*!?$%&=<>.+\-/][^#\\]*$/.test(token)) return { kind: "keyword", name: token, isSymbol: true };
  throw new MalformedHistory(line, "a keyword, number, string, nil, map, vector or list", token.slice(0, 40));
}

/** Two large numbers must not become one: those that a double does not hold stay text. */
function numberOf(text: string): number | string {
  const number = Number(text);
  return /^[-+]?\d+$/.test(text) && !Number.isSafeInteger(number) ? text : number;
}

/** By JSON's parser where it understands the string: what it returns does not keep the file's text alive. */
function unescape(token: string): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    return unescapeLiberally(token);
  }
}

/** Tabs as they are, and escapes that JSON does not have. */
function unescapeLiberally(token: string): string {
  return token
    .slice(1, -1)
    .replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code: string | undefined, letter: string) =>
      code === undefined ? (escapes[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
    );
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };
