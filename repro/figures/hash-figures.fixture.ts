/** Prints the SHA-256 of every form of every figure of the synthetic rows: the child process of `figures.test.ts`. */

import { createHash } from "node:crypto";

import { renderFigure } from "../../harness/chart/render.ts";
import { figures } from "./figures.ts";
import { syntheticTables } from "./synthetic-rows.fixture.ts";

const lines: string[] = [];
for (const figure of figures) {
  const spec = figure.build(syntheticTables());
  if (spec === undefined) throw new Error(`Cannot render figure ${figure.id}: the synthetic rows have none for it`);
  for (const [form, bytes] of Object.entries(await renderFigure(figure, spec))) {
    lines.push(`${createHash("sha256").update(bytes).digest("hex")} ${figure.id} ${form}`);
  }
}
process.stdout.write(lines.join("\n"));
