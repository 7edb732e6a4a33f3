/**
 * Flips a bit in a RocksDB database that nobody has open: what a medium does to a node that is down.
 *
 * Only files that hold data or say where data are: tables, the write-ahead log, the manifest in use.
 */

import * as fs from "node:fs";
import * as path from "node:path";
import type { Random } from "../../foundation/effects.ts";

export interface FlippedBit {
  readonly file: string;
  readonly offset: number;
}

/**
 * @param only restricts it to some files; by default every stored byte is as likely as any other.
 * @returns where; undefined when nothing is stored there.
 */
export function flipStoredBit(
  directory: string,
  random: Random,
  only: (file: string) => boolean = () => true,
): FlippedBit | undefined {
  const files = dataFiles(directory).filter(only);
  const sizes = files.map((file) => fs.statSync(path.join(directory, file)).size);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total === 0) return undefined;
  let offset = Math.floor(random.float() * total);
  for (const [index, file] of files.entries()) {
    const size = sizes[index] ?? 0;
    if (offset < size) {
      flip(path.join(directory, file), offset, 1 << random.below(8));
      return { file, offset };
    }
    offset -= size;
  }
  return undefined;
}

/** In the order of their names, so that the same seed hits the same place. */
function dataFiles(directory: string): string[] {
  const names = fs.readdirSync(directory).toSorted();
  const manifest = names.includes("CURRENT") ? fs.readFileSync(path.join(directory, "CURRENT"), "utf8").trim() : "";
  return names.filter((name) => /^\d+\.(sst|log)$/.test(name) || name === manifest);
}

function flip(file: string, offset: number, mask: number): void {
  const descriptor = fs.openSync(file, "r+");
  try {
    const byte = Buffer.alloc(1);
    fs.readSync(descriptor, byte, 0, 1, offset);
    byte.writeUInt8(byte.readUInt8(0) ^ mask, 0);
    fs.writeSync(descriptor, byte, 0, 1, offset);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}
