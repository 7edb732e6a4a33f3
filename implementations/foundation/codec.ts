/**
 * Plain values to bytes and back, in MessagePack: the body of every message and log record.
 *
 * Objects travel as maps with their keys (no shared record structures), so any message can be read on its own, in any
 * order, by any process. `decode` checks the form only; what the value means is checked by whoever asked for it.
 *
 * @see The MessagePack specification, https://github.com/msgpack/msgpack/blob/master/spec.md.
 */

import { Packr, RESET_BUFFER_MODE } from "msgpackr";

const packr = new Packr({ useRecords: false });

/**
 * Returns `value` as bytes of their own: nothing else ever writes to them, so they may be kept. The packer's buffer is
 * used again for the next value; handing out views of it would let one small kept message pin a large buffer.
 */
export function encode(value: unknown): Uint8Array {
  const packed = packr.pack(value, RESET_BUFFER_MODE);
  const own = new Uint8Array(packed.length);
  own.set(packed);
  return own;
}

/**
 * Returns the value `encode` was given. Byte strings in it are views of `bytes`.
 *
 * @throws Error when `bytes` is not exactly one encoded value.
 */
export function decode(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
