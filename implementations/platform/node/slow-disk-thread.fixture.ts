/** The disk's thread on a device as slow as the test wants: every write and every sync waits to be admitted. */

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { DiskGate } from "./disk-gate.fixture.ts";

const gate = DiskGate.ofThread();
const { fdatasyncSync, writevSync } = fs;

fs.fdatasyncSync = (descriptor): void => {
  gate.pass();
  fdatasyncSync(descriptor);
};
fs.writevSync = (descriptor, buffers, position): number => {
  gate.pass();
  return writevSync(descriptor, buffers, position);
};
syncBuiltinESMExports();

await import("./disk-thread.ts");
