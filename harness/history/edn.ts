/**
 * Reads the part of EDN that histories use: maps, vectors, lists, keywords, strings, numbers, nil, booleans, symbols,
 * comments and commas. Sets, tags and characters do not occur there and are refused.
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

interface Open {
  readonly close: ")" | "]" | "}";
  readonly line: number;
  readonly items: Edn[];
}

/** How the text around the events is left: a history may be one vector or a bare stream of maps. */
export class EdnReader {
  readonly #open: Open[] = [];
  #outermost: "unknown" | "stream" | "sequence" | "closed" = "unknown";

  /** Returns the events (forms of the stream, or items of the one outermost vector or list) completed in this line. */
  feed(text: string, line: number): readonly Edn[] {
    const completed: Edn[] = [];
    const pattern = /[\s,]+|;.*|"(?:[^"\\]|\\.)*"|[()[\]{}]|[^\s,;"()[\]{}]+|./gy;
    for (const [token] of text.matchAll(pattern)) {
      if (/^[\s,;]/.test(token)) continue;
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
    if (token === "(" || token === "[" || token === "{") {
      if (this.#outermost === "unknown") {
        this.#outermost = token === "{" ? "stream" : "sequence";
        if (token !== "{") return;
      }
      this.#open.push({ close: token === "(" ? ")" : token === "[" ? "]" : "}", line, items: [] });
      return;
    }
    if (token !== ")" && token !== "]" && token !== "}") return this.#add(atomOf(token, line), line, completed);
    const open = this.#open.pop();
    if (open === undefined && this.#outermost === "sequence" && token !== "}") {
      this.#outermost = "closed";
      return;
    }
    if (open?.close !== token)
      throw new MalformedHistory(line, open === undefined ? "a form" : `"${open.close}"`, token);
    this.#add(token === "}" ? mapOf(open) : { kind: "sequence", items: open.items }, line, completed);
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
    if (token.length > 1 && token.endsWith('"')) return unescape(token, line);
    throw new MalformedHistory(line, "the end of a string in its line", token.slice(0, 40));
  }
  if (token.startsWith(":") && token.length > 1) return { kind: "keyword", name: token.slice(1), isSymbol: false };
  if (token === "nil") return null;
  if (token === "true" || token === "false") return token === "true";
  if (/^[-+]?\d+[NM]?$/.test(token) || /^[-+]?\d+\.\d*([eE][-+]?\d+)?M?$/.test(token)) {
    return Number(token.replace(/[NM]$/, ""));
  }
  if (/^[A-Za-z_*!?$%&=<>.+\-/][^#\\]*$/.test(token)) return { kind: "keyword", name: token, isSymbol: true };
  throw new MalformedHistory(line, "a keyword, number, string, nil, map, vector or list", token.slice(0, 40));
}

function unescape(token: string, line: number): string {
  try {
    return JSON.parse(token) as string;
  } catch {
    throw new MalformedHistory(line, 'a string with the escapes \\n \\t \\r \\\\ \\" \\uXXXX', token.slice(0, 40));
  }
}
