/** Micro-benchmark: the checksum of one log record of 256 bytes and of a 64 KiB block. */

import { crc32c } from "../../implementations/foundation/crc32c.ts";

export function crc32cOf256Bytes(): () => number {
  return checksumOf(256);
}

export function crc32cOf64KiB(): () => number {
  return checksumOf(64 * 1024);
}

function checksumOf(lengthBytes: number): () => number {
  const bytes = Uint8Array.from({ length: lengthBytes }, (_, index) => (index * 31) & 0xff);
  return () => crc32c(bytes);
}
