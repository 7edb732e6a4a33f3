/**
 * `paper/values.tex`: a LaTeX macro per measured value, so that the paper's numbers are those of the run.
 *
 * A macro's name holds letters only: `N-CS-5` of production becomes `\greyNCSFiveProduction`.
 */

import type { ReportClaim } from "./report-input.ts";

const digitNames = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"] as const;

/** Returns the file: one `\newcommand` per claim and implementation with a measured value. */
export function renderValuesTex(claims: readonly ReportClaim[]): string {
  const macros = new Map<string, string>();
  for (const { claim, implementation, measured } of claims) {
    if (measured !== "") macros.set(macroName(`${claim} ${implementation}`), escapeTex(measured));
  }
  const lines = [...macros].map(([name, value]) => `\\newcommand{\\${name}}{${value}}`);
  return ["% Measured values of one run. Generated; changes are lost.", ...lines, ""].join("\n");
}

function macroName(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const name = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
  return `grey${name.replaceAll(/\d/g, (digit) => digitNames[Number(digit)] ?? "")}`;
}

const texEscapes: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "–": "--",
  "−": "$-$",
  "×": "$\\times$",
  "±": "$\\pm$",
  "≤": "$\\le$",
  "≥": "$\\ge$",
  µ: "$\\mu$",
};

function escapeTex(text: string): string {
  return text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[\\~^–−×±≤≥µ]|[&%$#_{}]/g, (character) => texEscapes[character] ?? `\\${character}`);
}
