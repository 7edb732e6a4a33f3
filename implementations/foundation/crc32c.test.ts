/**
 * Goal: the checksum is CRC-32C, whichever way the bytes are cut.
 * Method: the test vectors of RFC 3720, appendix B.4, the check value of the CRC catalogue, and a bitwise reference on
 * random inputs.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c } from "./crc32c.ts";

const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);
const iscsiRead = Uint8Array.from([
  0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00,
  0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00, 0x00, 0x00,
  0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
]);

test("RFC 3720 B.4: the published vectors", () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(ascending.toReversed()), 0x113fdb5c);
  assert.equal(crc32c(iscsiRead), 0xd9963a56);
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

test("equals the bitwise definition, in one piece or continued at any cut", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, cutAt) => {
    const expected = bitwise(bytes);
    const cut = cutAt % (bytes.length + 1);
    assert.equal(crc32c(bytes), expected);
    assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), expected);
    assert.equal(crc32c(bytes, crc32c(bytes, 0, 0, cut), cut), expected);
  });
  fc.assert(property, { seed: 32, numRuns: 500 }); // A failure prints the path that replays it with this seed.
});

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
