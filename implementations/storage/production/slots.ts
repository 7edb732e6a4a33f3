/**
 * The unit in which keys are placed, moved and compared: a key belongs to one of 16384 slots by its hash.
 *
 * FNV-1a over UTF-16 code units, then the SplitMix32 finaliser, because FNV alone leaves keys that differ in their last
 * character in neighbouring slots. The number of slots never changes, so data moves by the slot and never has to be
 * rehashed; a hash that an attacker cannot predict was not wanted, because clients compute it too.
 */

export const slotCount = 16_384;

/** Returns the slot of `key`, in [0, slotCount). */
export function slotOf(key: string): number {
  return hashText(key, 0x811c9dc5) >>> 18;
}

/** Returns 32 well-mixed bits of `text`, unsigned; different `basis`, independent hash. */
export function hashText(text: string, basis: number): number {
  let hash = basis;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mixBits(hash);
}

/** The finaliser: every bit of `value` reaches every bit of the result, unsigned. */
export function mixBits(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x21f0aaad);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x735a2d97);
  return (hash ^ (hash >>> 15)) >>> 0;
}
