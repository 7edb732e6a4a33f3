/**
 * A TypeScript source as the checks of this folder read it: its code with comments and the insides of strings blanked
 * out, its comments, and its imports.
 *
 * One pass over the characters that knows comments, strings, nested templates and regular expressions; TypeScript 7
 * offers no parser to programs, and a plain search would find `Date.now` in prose. It does not parse: whether a slash
 * begins a regular expression is told from what stands before it, which is right for formatted code (the one form it
 * misses, a regular expression as a statement after `)` or `}`, prettier'd code of ours does not contain).
 */

export interface Comment {
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

export interface Source {
  readonly text: string;
  /** As long as `text`, line breaks kept; comments and the insides of strings are spaces, quotes stay. */
  readonly code: string;
  readonly comments: readonly Comment[];
}

export interface Import {
  /** From 1. */
  readonly line: number;
  /** What stands in quotes; undefined when it is computed. */
  readonly specifier: string | undefined;
  /** Whether the whole statement vanishes when types are stripped. */
  readonly typeOnly: boolean;
}

/** Reads `text`. Never throws: an unfinished string or comment ends with its line or the file. */
export function readSource(text: string): Source {
  return new Reader(text).read();
}

/** Returns every import, re-export and dynamic import of `source`, in order. */
export function importsOf({ text, code }: Source): readonly Import[] {
  const found: { at: number; specifier: string | undefined; typeOnly: boolean }[] = [];
  const statement = /(?<![.\w$#])(import|export)\b(\s+type\b(?!\s*,|\s+from\b))?[\w\s{},*$]*?\bfrom\s*["']/g;
  for (const match of code.matchAll(statement)) {
    const specifier = quotedAt(text, match.index + match[0].length - 1);
    // `import { type A }` is not type-only: under `verbatimModuleSyntax` it still loads the module.
    found.push({ at: match.index, specifier, typeOnly: match[2] !== undefined });
  }
  for (const match of code.matchAll(/(?<![.\w$#])import\s*(["'])/g)) {
    const specifier = quotedAt(text, match.index + match[0].length - 1);
    found.push({ at: match.index, specifier, typeOnly: false });
  }
  for (const match of code.matchAll(/(?<![.\w$#])import\s*\(\s*(.)/g)) {
    const literal = match[1] === '"' || match[1] === "'";
    const specifier = literal ? quotedAt(text, match.index + match[0].length - 1) : undefined;
    found.push({ at: match.index, specifier, typeOnly: isImportType(code, match.index) });
  }
  return found
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, specifier, typeOnly }) => ({ line: lineAt(text, at), specifier, typeOnly }));
}

/** `import("x").Name` in the place of a type: a member right after the call, and nothing awaited. */
function isImportType(code: string, at: number): boolean {
  return /\btypeof\s*$/.test(code.slice(0, at)) || /^import\s*\([^)]*\)\.[A-Z]/.test(code.slice(at));
}

/** Returns the line of position `at`, from 1. */
export function lineAt(text: string, at: number): number {
  let line = 1;
  for (let index = text.indexOf("\n"); index !== -1 && index < at; index = text.indexOf("\n", index + 1)) line++;
  return line;
}

function quotedAt(text: string, quoteAt: number): string {
  return text.slice(quoteAt + 1, text.indexOf(text[quoteAt]!, quoteAt + 1));
}

/** Keywords after which a slash begins a regular expression although a word stands before it. */
const beforeExpression = /\b(return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield|instanceof)$/;

class Reader {
  readonly #text: string;
  readonly #code: string[];
  readonly #comments: Comment[] = [];
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
    this.#code = text.split("");
  }

  read(): Source {
    if (this.#text.startsWith("#!")) this.#blankTo(this.#lineEnd());
    this.#readCode(undefined);
    return { text: this.#text, code: this.#code.join(""), comments: this.#comments };
  }

  /** Reads code up to the `}` that closes a template's expression, or to the end. */
  #readCode(until: "}" | undefined): void {
    let depth = 0;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      if (until !== undefined && depth === 0 && character === until) return;
      if (character === "{") depth++;
      if (character === "}") depth--;
      if (this.#text.startsWith("//", this.#at)) this.#comment(this.#lineEnd());
      else if (this.#text.startsWith("/*", this.#at)) this.#comment(this.#after("*/", this.#at + 2));
      else if (character === '"' || character === "'") this.#string(character);
      else if (character === "`") this.#template();
      else if (character === "/" && this.#startsExpression()) this.#regularExpression();
      else this.#step();
    }
  }

  #comment(end: number): void {
    this.#comments.push({ line: this.#line, text: this.#text.slice(this.#at, end) });
    this.#blankTo(end);
  }

  #string(quote: string): void {
    this.#step();
    let end = this.#at;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== "\n") {
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#blankTo(Math.min(end, this.#text.length));
    if (this.#text[this.#at] === quote) this.#step();
  }

  #template(): void {
    this.#step();
    while (this.#at < this.#text.length && this.#text[this.#at] !== "`") {
      if (this.#text.startsWith("${", this.#at)) {
        this.#step();
        this.#step();
        this.#readCode("}");
        this.#step();
      } else {
        this.#blankTo(Math.min(this.#at + (this.#text[this.#at] === "\\" ? 2 : 1), this.#text.length));
      }
    }
    this.#step();
  }

  #regularExpression(): void {
    let end = this.#at + 1;
    let inClass = false;
    while (end < this.#text.length && this.#text[end] !== "\n" && (inClass || this.#text[end] !== "/")) {
      if (this.#text[end] === "[") inClass = true;
      if (this.#text[end] === "]") inClass = false;
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#step();
    this.#blankTo(Math.min(end, this.#text.length));
    this.#step();
  }

  #startsExpression(): boolean {
    const before = this.#code
      .slice(Math.max(0, this.#at - 200), this.#at)
      .join("")
      .trimEnd();
    const last = before.at(-1);
    if (last === undefined) return true;
    return !/[\w$)\]}"'`]/.test(last) || beforeExpression.test(before);
  }

  #blankTo(end: number): void {
    for (; this.#at < end; this.#at++) {
      if (this.#text[this.#at] === "\n") this.#line++;
      else this.#code[this.#at] = " ";
    }
  }

  #step(): void {
    if (this.#text[this.#at] === "\n") this.#line++;
    this.#at++;
  }

  #lineEnd(): number {
    return this.#after("\n", this.#at) - (this.#text.indexOf("\n", this.#at) === -1 ? 0 : 1);
  }

  #after(mark: string, from: number): number {
    const at = this.#text.indexOf(mark, from);
    return at === -1 ? this.#text.length : at + mark.length;
  }
}
