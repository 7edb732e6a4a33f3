/** A stage that counts the lines of every minimal implementation in the repository. */

import { readdir, readFile } from "node:fs/promises";
import type { Stage, StageResult } from "./plan/experiment.ts";
import { measurementRows } from "./block-rows.ts";
import { modules } from "../implementations/foundation/deployment.ts";

/** Returns the stage; its measurement `minimal-lines` is one row per minimal implementation that exists. */
export function minimalSizeStage(options: { readonly experiment: string; readonly block: number }): Stage {
  return { label: "lines of every minimal.ts", seed: "none", estimateS: 0.1, run: () => countLines(options) };
}

async function countLines({ experiment, block }: { experiment: string; block: number }): Promise<StageResult> {
  const root = new URL("../implementations/", import.meta.url);
  const key = { experiment, block, implementation: "minimal", substrate: "none", nodes: 0, seed: "none" };
  const sizes: { module: string; lines: number }[] = [];
  for (const module of modules) {
    const present = await readdir(new URL(`${module}/`, root)).catch((): string[] => []);
    if (!present.includes("minimal.ts")) continue;
    const text = await readFile(new URL(`${module}/minimal.ts`, root), "utf8");
    sizes.push({ module, lines: text.split("\n").length - 1 });
  }
  const measurements = sizes.map(({ lines }) => ({ metric: "minimal-lines", value: lines, unit: "lines" }));
  return {
    rows: { measurements: measurementRows(key, measurements) },
    files: [],
    implementations: [],
    validity: sizes.length > 0 ? "valid" : "unknown",
    summary: sizes.map(({ module, lines }) => `${module} ${lines} lines`).join(", "),
  };
}
