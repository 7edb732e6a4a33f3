/** A run's report in each of its forms; who writes the files is the caller's business. */

import { renderHtml } from "./report-html.ts";
import type { ReportInput } from "./report-input.ts";
import { renderMarkdown } from "./report-markdown.ts";
import { renderValuesTex } from "./values-tex.ts";

export interface Report {
  /** `report.html`: one file that needs no other. */
  readonly html: string;
  /** `report.md`: for terminals and repository hosts. */
  readonly markdown: string;
  /** `paper/values.tex`. */
  readonly valuesTex: string;
}

/** Returns the report; the same input gives the same bytes. */
export function renderReport(input: ReportInput): Report {
  return {
    html: renderHtml(input),
    markdown: renderMarkdown(input),
    valuesTex: renderValuesTex(input.claims),
  };
}
