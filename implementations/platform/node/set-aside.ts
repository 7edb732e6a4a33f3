/**
 * Puts a directory whose files are damaged out of the way, for whoever wants to look at them, and keeps few of such.
 *
 * One rename, made durable: afterwards all of it is gone from its place, or nothing.
 */

import { open, readdir, rename, rm } from "node:fs/promises";
import * as path from "node:path";

const mostKept = 2;

/**
 * Renames `directory`, which nobody has open, to a name beside it; harmless when there is none.
 *
 * @throws Error of the file system; the directory is then in its place.
 */
export async function setAside(directory: string): Promise<void> {
  const parent = path.dirname(directory);
  const prefix = `${path.basename(directory)}-damaged-`;
  const numbers = (await readdir(parent))
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .toSorted((one, other) => one - other);
  const next = (numbers.at(-1) ?? 0) + 1;
  await rename(directory, path.join(parent, `${prefix}${next}`)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await syncDirectory(parent);
  const excess = [...numbers, next].slice(0, -mostKept);
  for (const number of excess) await rm(path.join(parent, `${prefix}${number}`), { recursive: true, force: true });
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
