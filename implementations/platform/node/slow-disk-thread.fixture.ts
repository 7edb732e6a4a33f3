/** The disk's thread on a slow device: each sync of a file sleeps, and so does each write, before it is done. */

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

/** Sleeps of one sync and of one write. */
const syncMs = 300;
const writeMs = 15;

const cell = new Int32Array(new SharedArrayBuffer(4));
const { fdatasyncSync, writevSync } = fs;

fs.fdatasyncSync = (descriptor): void => {
  Atomics.wait(cell, 0, 0, syncMs);
  fdatasyncSync(descriptor);
};
fs.writevSync = (descriptor, buffers, position): number => {
  Atomics.wait(cell, 0, 0, writeMs);
  return writevSync(descriptor, buffers, position);
};
syncBuiltinESMExports();

await import("./disk-thread.ts");
