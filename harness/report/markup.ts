/**
 * HTML by tagged templates: whatever is inserted is escaped, unless it is HTML made the same way.
 *
 * A type tells the two apart, so text cannot become markup by forgetting a call. The tag is not named `html`, because
 * formatters rewrite templates of that name, and white space between inline elements is seen.
 */

/** Markup that needs no escaping. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type HtmlPart = Html | string | number | undefined | readonly HtmlPart[];

/** Returns the template with its parts escaped; undefined is nothing, a list is its items one after the other. */
export function markup(template: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  const pieces = template.flatMap((literal, index) => [literal, index < parts.length ? markupOf(parts[index]) : ""]);
  return new Html(pieces.join(""));
}

/** Returns `text` for use between tags and inside double-quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

function markupOf(part: HtmlPart): string {
  if (part === undefined) return "";
  if (part instanceof Html) return part.toString();
  if (typeof part === "string" || typeof part === "number") return escapeHtml(String(part));
  return part.map(markupOf).join("");
}
