/**
 * Plants a mutant in a copy of the sources. The sources themselves are only read.
 *
 * The copy holds what a run needs, with the packages linked. A replacement that does not fit exactly once means that
 * the code has changed since the mutant was written; planting it anywhere else would prove something else.
 */

import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { HarnessError } from "../../implementations/foundation/errors.ts";
import type { Mutant, Replacement } from "./mutant.ts";

const parts = ["implementations", "harness", "repro", "package.json"] as const;
/** No run needs them, and copying files is most of what planting takes. */
const isLeftOut = (file: string): boolean => /\.(test|fixture)\.ts$|\.md$/.test(file);

/**
 * Hands `use` a copy of the sources under `root` with `mutant` planted, or an unchanged copy without one, and removes
 * it afterwards, whatever happens.
 *
 * @throws HarnessError when the mutant does not fit the sources any more.
 */
export async function withPlanted<Result>(
  root: string,
  mutant: Mutant | undefined,
  use: (copy: string) => Promise<Result>,
): Promise<Result> {
  const copy = await mkdtemp(path.join(tmpdir(), "grey-mutant-"));
  try {
    const options = { recursive: true, filter: (file: string): boolean => !isLeftOut(file) };
    for (const part of parts) await cp(path.join(root, part), path.join(copy, part), options);
    await symlink(path.join(root, "node_modules"), path.join(copy, "node_modules"));
    if (mutant !== undefined) await plant(copy, mutant);
    return await use(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** @throws HarnessError when `mutant` does not fit the sources under `root`; changes nothing. */
export async function requireFit(root: string, mutant: Mutant): Promise<void> {
  await changedFiles(root, mutant);
}

async function plant(root: string, mutant: Mutant): Promise<void> {
  for (const [file, text] of await changedFiles(root, mutant)) await writeFile(path.join(root, file), text);
}

async function changedFiles(root: string, { id, replacements }: Mutant): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const replacement of replacements) {
    const { file } = replacement;
    texts.set(file, replaced(texts.get(file) ?? (await textOf(root, id, file)), id, replacement));
  }
  return texts;
}

async function textOf(root: string, id: string, file: string): Promise<string> {
  try {
    return await readFile(path.join(root, file), "utf8");
  } catch (error) {
    throw new HarnessError(`Cannot plant ${id}: there is no ${file} any more`, { cause: error });
  }
}

function replaced(text: string, id: string, { file, before, after }: Replacement): string {
  const places = text.split(before).length - 1;
  if (places === 1) return text.replace(before, () => after);
  const quoted = before.trim().split("\n")[0];
  throw new HarnessError(
    `Cannot plant ${id}: ${file} holds "${quoted}" ${places} times, wanted once; the mutant no longer applies`,
  );
}
