/**
 * Stores a file's bytes once more, in place of the file itself.
 *
 * They are written under a temporary name, synced, and only then renamed: whatever fails, and whenever the power goes,
 * either the old file or the new one is there. Cutting or overwriting the old one instead would put at risk what of it
 * is stored. The rename is durable once the caller has synced the directory.
 *
 * @see Rebello et al. 2020, "Can applications recover from fsync failures?", section 5: what was read back after a
 *   failed sync is to be written anew, for a second sync of the same file proves nothing.
 */

import type { Disk, DiskError } from "../../foundation/effects.ts";
import { temporarySuffix } from "./log-records.ts";

/**
 * @param done gets the first failure; then `name` is as it was, and no temporary file is left but by a failing disk.
 */
export function rewriteFile(
  disk: Disk,
  name: string,
  bytes: Uint8Array,
  done: (error: DiskError | undefined) => void,
): void {
  const temporary = name + temporarySuffix;
  let failed: DiskError | undefined;
  disk.append(temporary, [bytes], (error) => {
    failed ??= error;
  });
  disk.sync(temporary, (error) => {
    failed ??= error;
    if (failed === undefined) return disk.rename(temporary, name, done);
    disk.remove(temporary, () => done(failed));
  });
}
