/**
 * `paper/values.tex`: a LaTeX macro per measured value, so that the paper's numbers are those of the run.
 *
 * A macro's name holds letters only: `N-CS-5` of production becomes `\greyNCSFiveProduction`.
 */

import type { ReportClaim } from "./report-input.ts";

const digitNames = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"] as const;

/** Returns the file: one `\\newcommand` per claim and implementation with a measured value. */
export function renderValuesTex(claims: readonly ReportClaim[]): string {
  const macros = new Map<string, string>();
  for (const { id, measures } of claims) {
    for (const { implementation, measured } of measures) {
      if (measured !== "") macros.set(freeName(`${id} ${implementation}`, macros), escapeTex(measured));
    }
  }
  const lines = [...macros].map(([name, value]) => `\\newcommand{\\${name}}{${value}}`);
  return ["% Measured values of one run. Generated; changes are lost.", ...lines, ""].join("\n");
}

/** A claim may measure one implementation twice: the second macro ends in `B`, the third in `C`. */
function freeName(text: string, taken: ReadonlyMap<string, string>): string {
  const name = macroName(text);
  const suffixes = ["", ..."BCDEFGHIJKLMNOPQRSTUVWXYZ"];
  return suffixes.map((suffix) => name + suffix).find((each) => !taken.has(each)) ?? name;
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
