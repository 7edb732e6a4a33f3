/**
 * `manifest.json`: what a run set out to do, and what became of every block.
 *
 * It holds no host or user name. The times in it are the only part of a simulated run that differs between two runs of
 * one seed.
 */

import { z } from "zod";
import { HarnessError } from "../../implementations/foundation/errors.ts";

/** Why the measurements of a block are not used. */
export const voidKinds = [
  "failed-check",
  "inert-fault",
  "saturated-generator",
  "harness-failure",
  "not-installed",
] as const;
export type VoidKind = (typeof voidKinds)[number];

const implementationShape = z.object({
  name: z.string(),
  status: z.enum(["sound", "void"]),
  /** With status void, at least one. */
  voids: z.array(z.object({ kind: z.enum(voidKinds), reason: z.string() })).readonly(),
});

const blockShape = z.object({
  experiment: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  block: z.int().nonnegative(),
  seed: z.string(),
  /** Implementations in the order in which they ran. */
  implementations: z.array(implementationShape).readonly(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** The worst of all its checks. */
  verdict: z.enum(["valid", "invalid", "unknown"]),
});

const manifestShape = z.object({
  format: z.literal("grey-results"),
  version: z.literal(1),
  profile: z.string(),
  seed: z.string(),
  /** As typed, so that it can be typed again. */
  command: z.array(z.string()).readonly(),
  experiments: z.array(z.string()).readonly(),
  /** Experiments of the project that this run leaves out, and why. */
  notRun: z.record(z.string(), z.string()).readonly(),
  git: z.object({ sha: z.string(), dirty: z.boolean() }).optional(),
  status: z.enum(["running", "interrupted", "complete"]),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().optional(),
  blocks: z.array(blockShape).readonly(),
});

/** What became of one block; `block` numbers count from 0 in their experiment. */
export type BlockRecord = Readonly<z.infer<typeof blockShape>>;
export type ImplementationRecord = Readonly<z.infer<typeof implementationShape>>;
export type Manifest = Readonly<z.infer<typeof manifestShape>>;

/**
 * Returns the manifest in `text`. @throws HarnessError naming the file at `where` and the first thing wrong with it.
 */
export function parseManifest(text: string, where: string): Manifest {
  return parseShape(manifestShape, text, where);
}

/** Returns the manifest's JSON; fields in the order of the shape, so that a resumed run reads like any other. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifestShape.parse(manifest), undefined, 2)}\n`;
}

/** Returns the JSON in `text` as `shape` demands. @throws HarnessError as `parseManifest` does. */
export function parseShape<Shape>(shape: z.ZodType<Shape>, text: string, where: string): Shape {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new HarnessError(`Cannot read ${where}: it is not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new HarnessError(`Cannot read ${where}: ${issue?.path.join(".") || "it"}: ${issue?.message ?? "wrong shape"}`);
}

export { blockShape };
