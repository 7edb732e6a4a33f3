/**
 * The SHA-256 of every form of every figure of the synthetic rows. As a program it prints them: the child process of
 * `figures.test.ts`.
 */

import { createHash } from "node:crypto";
import type { TopLevelSpec } from "vega-lite";

import { renderFigure } from "../../harness/chart/render.ts";
import type { RenderedFigure } from "../../harness/chart/render.ts";
import { figures } from "./figures.ts";
import { syntheticTables } from "./synthetic-rows.fixture.ts";

/** The first that a process makes: later ones have other random numbers. */
const tables = syntheticTables();
const rendered = new Map<string, FigureForms>();

interface FigureForms {
  readonly spec: TopLevelSpec;
  readonly forms: Promise<RenderedFigure>;
}

/** Returns every form of the figure `id`; rendered once. */
export function formsOf(id: string): FigureForms {
  const known = rendered.get(id);
  if (known !== undefined) return known;
  const figure = figures.find((each) => each.id === id);
  const spec = figure?.build(tables);
  if (figure === undefined || spec === undefined)
    throw new Error(`Cannot render figure ${id}: there are no rows for it`);
  const forms = { spec, forms: renderFigure(figure, spec) };
  rendered.set(id, forms);
  return forms;
}

export async function hashesOfFigures(): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { id } of figures) {
    for (const [form, bytes] of Object.entries(await formsOf(id).forms)) {
      lines.push(`${createHash("sha256").update(bytes).digest("hex")} ${id} ${form}`);
    }
  }
  return lines;
}

if (import.meta.main) process.stdout.write((await hashesOfFigures()).join("\n"));
