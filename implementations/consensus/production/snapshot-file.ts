/**
 * A snapshot on disk: header, configuration, the state machine's bytes, and a checksum over all of it.
 *
 * It is written under a temporary name in chunks, each after the other is done, so that the log's own writes pass in
 * between; then synced, renamed and the directory synced. A snapshot under its final name is therefore complete, and
 * one that does not check out is damage, never an interrupted write.
 */

import { assert } from "../../foundation/assert.ts";
import { crc32c } from "../../foundation/crc32c.ts";
import type { Disk, DiskError } from "../../foundation/effects.ts";
import { readUint48, writeUint48 } from "../../foundation/wal-format.ts";
import { decodeConfiguration, encodeConfiguration } from "./configuration.ts";
import { snapshotName, temporarySuffix } from "./log-records.ts";
import type { LogPosition } from "./log-records.ts";
import type { Snapshot } from "./messages.ts";

/** The last character is the format's version. */
const magic = "GREYSNP2";
/** Magic, index, term, bytes of the state, bytes of the configuration (0: the founders'). */
const headerBytes = magic.length + 20;
const chunkBytes = 256 * 1024;
const noBytes = new Uint8Array(0);

/** Writes `snapshot`; it is durable when `done` is called without an error, with the bytes written. */
export function writeSnapshot(
  disk: Disk,
  snapshot: Snapshot,
  done: (error: DiskError | undefined, writtenBytes: number) => void,
): void {
  const name = snapshotName(snapshot);
  const temporary = name + temporarySuffix;
  const configuration = snapshot.configuration === undefined ? noBytes : encodeConfiguration(snapshot.configuration);
  const header = encodeHeader(snapshot, configuration.length);
  let checksum = crc32c(configuration, crc32c(header));
  let at = 0;
  disk.append(temporary, [header, configuration], writeNext);

  function writeNext(error: DiskError | undefined): void {
    if (error !== undefined) return done(error, 0);
    if (at >= snapshot.data.length) return finish();
    const chunk = snapshot.data.subarray(at, at + chunkBytes);
    at += chunk.length;
    checksum = crc32c(chunk, checksum);
    disk.append(temporary, [chunk], writeNext);
  }

  function finish(): void {
    const trailer = new Uint8Array(4);
    new DataView(trailer.buffer).setUint32(0, checksum, true);
    let failed: DiskError | undefined;
    const step = (error: DiskError | undefined): void => {
      failed ??= error;
    };
    disk.append(temporary, [trailer], step);
    disk.sync(temporary, (error) => {
      step(error);
      // The name must not appear before the bytes are durable: the disk keeps the order of effects, not of durability.
      if (failed !== undefined) return done(failed, 0);
      disk.rename(temporary, name, step);
      disk.syncDirectory((directoryError) => {
        step(directoryError);
        done(failed, headerBytes + configuration.length + snapshot.data.length + trailer.length);
      });
    });
  }
}

/** Returns the snapshot in `file`, or what is wrong with it. Its data share the file's memory. */
export function decodeSnapshot(file: Uint8Array, position: LogPosition): Snapshot | { readonly flaw: string } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < headerBytes + 4) return { flaw: `${file.length} bytes` };
  for (let at = 0; at < magic.length; at++) {
    if (file[at] !== magic.charCodeAt(at)) return { flaw: "another file format" };
  }
  const index = readUint48(view, magic.length);
  const term = readUint48(view, magic.length + 6);
  const dataBytes = readUint48(view, magic.length + 12);
  const dataAt = headerBytes + view.getUint16(magic.length + 18, true);
  if (file.length !== dataAt + dataBytes + 4) return { flaw: `${file.length} bytes` };
  const stored = view.getUint32(dataAt + dataBytes, true);
  const computed = crc32c(file, 0, 0, dataAt + dataBytes);
  if (stored !== computed)
    return { flaw: `checksum ${stored.toString(16)} where the bytes give ${computed.toString(16)}` };
  if (index !== position.index || term !== position.term)
    return { flaw: `the snapshot of index ${index}, term ${term}` };
  const configuration = dataAt === headerBytes ? undefined : decodeConfiguration(file.subarray(headerBytes, dataAt));
  return { index, term, data: file.subarray(dataAt, dataAt + dataBytes), configuration };
}

function encodeHeader({ index, term, data }: Snapshot, configurationBytes: number): Uint8Array {
  assert(configurationBytes < 2 ** 16, `a configuration of ${configurationBytes} bytes fits into a snapshot`);
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  for (let at = 0; at < magic.length; at++) header[at] = magic.charCodeAt(at);
  writeUint48(view, magic.length, index);
  writeUint48(view, magic.length + 6, term);
  writeUint48(view, magic.length + 12, data.length);
  view.setUint16(magic.length + 18, configurationBytes, true);
  return header;
}
